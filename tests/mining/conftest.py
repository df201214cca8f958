"""Logs for the mining tests: handmade ones, and the public ones read straight from their files."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lake.settings import get_settings
from mining import EventLog

START = datetime(2024, 1, 1, 8, tzinfo=UTC)
Event = tuple[str, str, float]  # case, activity, minutes since START


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Spill files of logs outside the lake go to a folder of the test's own."""
    monkeypatch.setenv("GRIMOIRE_HOME", str(tmp_path_factory.getbasetemp() / "mining-home"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def table_of(events: Iterable[Event], **attributes: list[object]):
    import pyarrow

    rows = list(events)
    moments = [START + timedelta(minutes=minutes) for _, _, minutes in rows]
    return pyarrow.table(
        {
            "case_id": [case for case, _, _ in rows],
            "activity": [activity for _, activity, _ in rows],
            "occurred_at": pyarrow.array(moments, pyarrow.timestamp("us", tz="UTC")),
            **attributes,
        }
    )


@pytest.fixture
def log_of() -> Iterator[Callable[..., EventLog]]:
    """Makes event logs of lists of events in their recorded order, and closes them."""
    made: list[EventLog] = []

    def make(events: Iterable[Event], **attributes: list[object]) -> EventLog:
        made.append(EventLog.from_frame(table_of(events, **attributes)))
        return made[-1]

    yield make
    for log in made:
        log.close()


@pytest.fixture
def public_log(shared_data: Path) -> Callable[[str], EventLog]:
    """Reads one of the public logs by its file name."""

    def read(file: str) -> EventLog:
        path = shared_data / "event_logs" / file
        if file.endswith(".parquet"):
            return EventLog.from_parquet(path, timestamp="timestamp")
        import r4pm

        frame, _ = r4pm.df.import_xes(str(path))
        names = {"case:concept:name": "case_id", "concept:name": "activity", "time:timestamp": "occurred_at"}
        return EventLog.from_frame(frame.select(list(names)).rename(names))

    return read
