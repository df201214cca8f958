"""Faults planted on the way from the source to the event log: each is caught by the check that is meant for it, and by name."""

import json
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.dbt_tests import Outcome, results_of
from connectors.demo import bring_up
from connectors.load import LoadReport, load_source
from connectors.log_quality import inspect_log, record_verdict
from lake.dbt_environment import run_dbt
from lake.journal import CheckResult
from lake.process_files import product_definitions
from lake.settings import get_settings
from tests.end_to_end.damage import LANDED, OF_EVENTS, PRODUCTS, copy_log, copy_sources, damage_file, damage_lake

pytestmark = pytest.mark.slow
SCALE = "0.05"
Verdicts = dict[tuple[str, str], CheckResult]


@pytest.fixture(scope="module")
def company(module_home: Path) -> Path:
    """A small demo company, landed and built; its CRM answers on a port of its own."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("GRIMOIRE_DEMO_SCALE", SCALE)
        monkeypatch.setenv("GRIMOIRE_CRM_PORT", "8597")
        get_settings.cache_clear()
        bring_up()
        load_source("erp")
        load_source("crm")
        outcome = run_dbt("build")
        assert outcome.returncode == 0, outcome.stdout[-3000:]
        yield module_home
    get_settings.cache_clear()


def by_name(results: list[CheckResult]) -> Verdicts:
    return {(one.subject, one.check_name): one for one in results}


@pytest.fixture(scope="module")
def landed(company: Path) -> tuple[Verdicts, Verdicts]:
    """What the gate says of a copy of the sources, sound and damaged."""
    file = copy_sources(company)
    sound = load_source("copied")
    damage_file(file, LANDED)
    return tuple(_checks(report) for report in (sound, load_source("copied")))  # type: ignore[return-value]


def _checks(report: LoadReport) -> Verdicts:
    return by_name([check for table in report.tables for check in table.checks])


@pytest.mark.parametrize("damage", LANDED, ids=lambda damage: damage.name)
def test_a_fault_in_a_source_is_caught_at_the_gate(landed: tuple[Verdicts, Verdicts], damage: Any) -> None:
    sound, damaged = (found[damage.subject, damage.check] for found in landed)
    assert sound.passed, sound.detail
    assert not damaged.passed
    assert damaged.rows_failed >= 1


@pytest.fixture(scope="module")
def logs(company: Path) -> dict[str, tuple[Verdicts, Verdicts]]:
    """What the checks of event logs say of each group's copy, sound and damaged."""
    definitions = {definition["name"]: definition for definition in product_definitions()}
    found = {}
    for group, damages in OF_EVENTS.items():
        process, name = damages[0].subject, f"damaged_{group}"
        copy_log(process, name, definitions[process])
        sound = inspect_log(name)
        lake.in_transaction(lambda connection, sound=sound: record_verdict(connection, sound, snapshot_id=None))
        damage_lake(damages, log=name)
        found[group] = (by_name(sound.results), by_name(inspect_log(name).results))
    return found


@pytest.mark.parametrize(
    ("group", "damage"),
    [pytest.param(group, damage, id=damage.name) for group, damages in OF_EVENTS.items() for damage in damages],
)
def test_a_fault_in_an_event_log_is_caught_before_it_is_mined(
    logs: dict[str, tuple[Verdicts, Verdicts]], group: str, damage: Any
) -> None:
    sound, damaged = (found[f"damaged_{group}", damage.check] for found in logs[group])
    assert sound.passed, sound.detail
    assert not damaged.passed
    assert damaged.rows_failed >= 1


def test_an_undamaged_company_passes_every_check_of_its_event_logs(logs: dict[str, tuple[Verdicts, Verdicts]]) -> None:
    assert {name: one.detail for sound, _ in logs.values() for name, one in sound.items() if not one.passed} == {}


@pytest.fixture(scope="module")
def tested(logs: dict[str, Any], landed: Any) -> tuple[Verdicts, Verdicts]:
    """What dbt's tests say of the products, sound and damaged."""
    sound = _test_results()
    damage_lake(PRODUCTS)
    run_dbt("build", "--select", *(damage.subject for damage in PRODUCTS))
    return sound, _test_results()


def _test_results() -> Verdicts:
    folder = get_settings().folder("dbt", "target")
    manifest = json.loads((folder / "manifest.json").read_text())
    found = json.loads((folder / "run_results.json").read_text())["results"]
    outcomes = [Outcome(one["unique_id"], one["status"], int(one["failures"] or 0)) for one in found]
    return by_name(results_of(manifest, outcomes))


@pytest.mark.parametrize("damage", PRODUCTS, ids=lambda damage: damage.name)
def test_a_fault_between_the_systems_is_caught_by_a_test_of_a_product(tested: tuple[Verdicts, Verdicts], damage: Any) -> None:
    sound, damaged = (found[damage.subject, damage.check] for found in tested)
    assert sound.passed, sound.detail
    assert (damaged.passed, damaged.severity) == (False, "warning")
    assert damaged.rows_failed >= 1
