"""The definitions: light to load, complete, and in the layers' words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.connections import connections
from lake.settings import PROJECT_ROOT
from orchestration.layers import LAYERS

pytestmark = pytest.mark.slow
HEAVY = ("great_expectations", "pm4py", "prophet", "mlflow", "statsforecast", "dlt", "r4pm", "pandas", "streamlit")


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory):
    from orchestration.definitions import defs

    with pytest.MonkeyPatch.context() as monkeypatch:
        from lake.settings import get_settings

        monkeypatch.setenv("GRIMOIRE_HOME", str(tmp_path_factory.mktemp("home")))
        get_settings.cache_clear()
        yield defs()
        get_settings.cache_clear()


def python(code: str, home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "GRIMOIRE_HOME": str(home)},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_loading_the_definitions_loads_no_heavy_library_and_starts_no_database(tmp_path: Path) -> None:
    loaded = python(
        "import sys; from orchestration.definitions import defs; defs(); print(*sys.modules, sep='\\n')", tmp_path
    ).splitlines()
    assert not set(HEAVY) & set(loaded)
    assert not (tmp_path / "postgres").exists()
    assert not (tmp_path / "lake").exists()


def test_dagster_itself_finds_the_definitions_valid_in_a_fresh_home(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dagster")), "definitions", "validate", "-w", "workspace.yaml"],
        env={**os.environ, "GRIMOIRE_HOME": str(tmp_path)},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "All code locations passed validation" in done.stdout + done.stderr


def test_every_asset_has_a_layer_as_group_and_as_first_word_of_its_key(definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert {graph.get(key).group_name for key in graph.get_all_asset_keys()} == set(LAYERS)
    for key in graph.get_all_asset_keys():
        assert key.path[0] == graph.get(key).group_name, key


def test_the_lineage_leads_from_the_source_tables_to_mining_and_forecasts(definitions) -> None:
    import dagster as dg

    graph = definitions.resolve_asset_graph()

    def upstream(*key: str) -> set[dg.AssetKey]:
        found, open_keys = set(), [dg.AssetKey(list(key))]
        while open_keys:
            for parent in graph.get(open_keys.pop()).parent_keys:
                if parent not in found:
                    found.add(parent)
                    open_keys.append(parent)
        return found

    assert dg.AssetKey(["source", "erp", "sale_orders"]) in upstream("mining", "order_to_cash")
    assert dg.AssetKey(["source", "crm", "opportunities"]) in upstream("mining", "lead_to_cash")
    assert {key.path[0] for key in upstream("forecasts", "forecasts")} >= {"source", "raw", "staging", "products"}


def test_every_table_of_every_source_is_landed_and_guarded_by_a_gate_that_stands_before_it(definitions) -> None:
    import dagster as dg

    graph = definitions.resolve_asset_graph()
    for source in connections().values():
        for table in source.resources:
            key = dg.AssetKey(["raw", source.name, table.name])
            assert graph.get(key).is_materializable
            assert not graph.get_check_spec(dg.AssetCheckKey(key, "gate")).blocking, "what did not land cannot poison what follows"


def test_the_road_is_everything_but_upkeep_and_runs_in_one_process_every_day(definitions) -> None:
    road = definitions.resolve_job_def("road")
    steps = {node.name for node in road.nodes}
    assert {"load_erp", "load_crm", "transform", "forecast", "mining__order_to_cash", "check_order_to_cash"} <= steps
    assert not any("maintenance" in step for step in steps)
    assert road.executor_def.name == "in_process"
    schedules = {schedule.name: schedule for schedule in definitions.schedules}
    assert schedules["road_daily"].job_name == "road"
    assert schedules["upkeep_nightly"].job_name == "upkeep"
