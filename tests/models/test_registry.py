"""The registry of forecast models, on a real MLflow: what is kept can be loaded again, wherever the home folder lies by then."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from lake.errors import ModelError
from lake.postgres import embedded
from lake.settings import PROJECT_ROOT, get_settings
from models.champion_table import ChampionTable, Entry
from models.registry import Registry
from models.scoring import score
from models.series import Series

pytestmark = pytest.mark.slow
ORDERS = Series("orders", "Orders", "orders", "daily", date(2024, 1, 1), np.tile([2.0, 3, 5, 6, 4, 1, 0], 20))
ENTRY = Entry(
    forecaster="seasonal_naive",
    forms={"auto_ets": "ANAN"},
    trained_until=ORDERS.end,
    rivals="seasonal_naive",
    snapshot_id=3,
    mase=0.5,
    floor_mase=0.5,
    basis="series",
    quantiles={80: [1.0] * 28, 95: [2.0] * 28},
    errors=[[0.0] * 28] * 2,
)
TABLE = ChampionTable("daily", {ORDERS.key: ENTRY})


def register_champion(registry: Registry, folder: Path) -> str:
    evidence = folder / "evidence"
    evidence.mkdir(exist_ok=True)
    (evidence / "model_card.md").write_text("# A card")
    made = registry.log_training(
        {"champion": {"daily": TABLE}}, evidence=evidence, parameters={}, metrics={"seconds": 1.0}, tags={"snapshot_id": "3"}
    )
    return made["daily"].version


def test_a_champion_comes_back_as_it_was_and_its_run_shows_data_and_card(grimoire_home: Path, tmp_path: Path) -> None:
    registry = Registry()
    assert registry.load("daily") is None
    assert register_champion(registry, tmp_path) == "1"
    found = Registry().load("daily")
    assert found is not None
    assert found.table == TABLE
    run = registry.client.get_run(found.run_id)
    assert run.data.tags["snapshot_id"] == "3"
    assert {item.path for item in registry.client.list_artifacts(found.run_id)} == {"model_card.md", "models"}
    assert registry.client.get_model_version("forecasts_daily", "1").description == "# A card"


def test_mlflow_serves_the_model_by_itself(grimoire_home: Path, tmp_path: Path) -> None:
    import pandas as pd

    registry = Registry()
    register_champion(registry, tmp_path)
    model = registry.mlflow.pyfunc.load_model("models:/forecasts_daily@champion")
    periods = [ORDERS.date_of(index) for index in range(len(ORDERS))]
    served = model.predict(pd.DataFrame({"series": ORDERS.key, "period": periods, "value": ORDERS.values}))
    own = score([ORDERS], TABLE.entries)[ORDERS.key].points
    assert served.drop(columns="series").to_dict("records") == [asdict(point) for point in own]


def test_champions_are_found_after_the_home_folder_was_moved(
    grimoire_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_champion(Registry(), tmp_path)
    embedded(get_settings()).release()
    moved = shutil.move(grimoire_home, tmp_path / "a home's new 100% place")
    monkeypatch.setenv("GRIMOIRE_HOME", str(moved))
    get_settings.cache_clear()

    registry = Registry()
    found = registry.load("daily")
    assert found is not None
    assert found.table == TABLE
    assert register_champion(registry, tmp_path) == "2"
    assert len(list(Path(moved, "mlflow", "artifacts").rglob("champion.json"))) == 2
    assert not grimoire_home.exists(), "nothing is written to the old place"


def test_a_table_for_other_columns_is_refused_with_a_way_out(grimoire_home: Path, tmp_path: Path) -> None:
    registry = Registry()
    register_champion(registry, tmp_path)
    [path] = Path(grimoire_home, "mlflow", "artifacts").rglob("champion.json")
    path.write_text(json.dumps(TABLE.to_dict() | {"columns": ["series", "day", "price"]}))
    with pytest.raises(ModelError, match=r"trained on other columns.*grimoire forecast --retrain"):
        registry.load("daily")
    path.write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        registry.load("daily")
    path.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        registry.load("daily")


def test_a_run_says_who_made_it_with_which_code_and_how_it_ended(grimoire_home: Path) -> None:
    registry = Registry()
    tags = {"code_version": "0123456789ab-dirty"}
    with registry.run("good", tags=tags, parameters={"series": 3}, metrics={"error": 0.5}) as good:
        pass
    found = registry.client.get_run(good.info.run_id)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "good")
    assert (found.data.params, found.data.metrics) == ({"series": "3"}, {"error": 0.5})
    assert found.data.tags["code_version"] == "0123456789ab-dirty"
    assert found.data.tags["mlflow.source.git.commit"] == "0123456789ab"
    assert {"mlflow.user", "mlflow.source.name", "mlflow.source.type"} <= set(found.data.tags)
    with pytest.raises(ZeroDivisionError), registry.run("bad", tags={"code_version": "1.0"}, parameters={}, metrics={}) as bad:
        raise ZeroDivisionError
    found = registry.client.get_run(bad.info.run_id)
    assert found.info.status == "FAILED"
    assert "mlflow.source.git.commit" not in found.data.tags, "a version of the package is no commit"


def test_a_version_keeps_what_its_code_needs_beside_it(grimoire_home: Path, tmp_path: Path) -> None:
    register_champion(Registry(), tmp_path)
    [model] = Path(grimoire_home, "mlflow", "artifacts").rglob("MLmodel")
    assert {path.name for path in model.parent.iterdir()} == {
        "MLmodel", "artifacts", "conda.yaml", "mlflow_model.py", "python_env.yaml", "requirements.txt",
    }  # fmt: skip
    needed = (model.parent / "requirements.txt").read_text().splitlines()
    assert needed == [f"{name}=={version(name)}" for name in ("mlflow", "pandas", "statsforecast")]


def test_keeping_a_training_costs_no_import_that_it_does_not_need(grimoire_home: Path) -> None:
    """Each of these took between a fifth of a second and a second of every training."""
    words = """
import gc, sys, tempfile
from pathlib import Path
from models.evidence import write_evidence
from models.registry import Registry
from tests.models.test_registry import TABLE

champion = {"series": "s", "grain": "daily", "champion": "theta", "champion_mase": 1.0, "floor_mase": 1.0}
champion |= {"coverage_80": None, "coverage_95": None}
facts = {"snapshot_id": 3, "code_version": "1", "country": "DE", "budget_seconds": 1.0, "seconds": 1.0}
with tempfile.TemporaryDirectory() as folder:
    write_evidence(Path(folder), [], [champion], facts=facts)
    Registry().log_training({"champion": {"daily": TABLE}}, evidence=Path(folder), parameters={}, metrics={}, tags={})
from mlflow.utils import requirements_utils
print(sorted({"matplotlib", "git"} & set(sys.modules)), requirements_utils._MODULES_TO_PACKAGES, gc.isenabled())
"""
    said = subprocess.run([sys.executable, "-c", words], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.split("\n")[-2] == "[] None True"
