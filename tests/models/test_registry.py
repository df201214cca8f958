"""The registry of forecast models, on a real MLflow: what is kept can be loaded again, wherever the home folder lies by then."""

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from lake.postgres import embedded
from lake.settings import get_settings
from models.predictor import train
from models.registry import Registry
from models.series import Series

pytestmark = pytest.mark.slow
ORDERS = Series("orders", "Orders", "orders", "daily", date(2024, 1, 1), np.tile([2.0, 3, 5, 6, 4, 1, 0], 20))


def register_champion(registry: Registry) -> None:
    predictor = train("seasonal_naive", ORDERS, quantiles={80: 1.0, 95: 2.0})
    with registry.training(parameters={}), registry.champion_run(ORDERS, metrics={}):
        registry.register(ORDERS, predictor, alias="champion", rivals="seasonal_naive")


def test_forecasts_go_on_after_the_home_folder_was_moved(
    grimoire_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_champion(Registry())
    before = Registry().forecast(ORDERS)
    embedded(get_settings()).release()
    moved = shutil.move(grimoire_home, tmp_path / "a home's new 100% place")
    monkeypatch.setenv("GRIMOIRE_HOME", str(moved))
    get_settings.cache_clear()

    registry = Registry()
    assert registry.forecast(ORDERS) == before
    register_champion(registry)
    assert registry.holder(ORDERS, "champion").version == "2"
    assert Registry().forecast(ORDERS) == before
    assert len(list(Path(moved, "mlflow", "artifacts").rglob("predictor.json"))) == 2
    assert not grimoire_home.exists(), "nothing is written to the old place"
