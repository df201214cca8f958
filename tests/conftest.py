"""Fixtures every test may use: a fresh home with a real embedded PostgreSQL and lake, and the public logs where they are."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lake.postgres import embedded
from lake.settings import get_settings

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


gc.set_threshold(50_000, 20, 20)  # as the command line's: seldom, and so hardly ever amid the start of a thread


@pytest.fixture(scope="module", autouse=True)
def _garbage_is_taken_out_here() -> Iterator[None]:
    """What a module's tests leave is finalised in the main thread, not in whichever thread allocates next.

    A finalizer that waits (a driver that reads the rest of its stream, a pool that stops its threads) would otherwise hold the
    locks of that thread, and no thread could ever be started again.
    """
    yield
    gc.collect()


@pytest.fixture
def grimoire_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh GRIMOIRE_HOME; whatever PostgreSQL was started in it is stopped afterwards."""
    yield from fresh_home(tmp_path / "home", monkeypatch)


@pytest.fixture(scope="module")
def module_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A GRIMOIRE_HOME that the tests of one module share, for data that is slow to make."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from fresh_home(tmp_path_factory.mktemp("home"), monkeypatch)


def fresh_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in [name for name in os.environ if name.startswith("GRIMOIRE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GRIMOIRE_HOME", str(home))
    monkeypatch.setenv("GRIMOIRE_DEMO_SCALE", "0.02")
    get_settings.cache_clear()
    yield home
    embedded(get_settings()).release()
    get_settings.cache_clear()


@pytest.fixture
def shared_data() -> Path:
    """The folder of public logs and tables beside the project; a stranger's machine has none."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no public test data in {SHARED_DATA}")
    return SHARED_DATA
