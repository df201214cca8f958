"""Ready-made systems against servers that behave as their documentation says: all rows, then none, then just what changed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors import manage
from connectors.connections import connections
from connectors.dbt_files import faulty_declarations, write_dbt_files
from connectors.load import LoadReport, load_source
from lake.dbt_environment import run_dbt
from lake.errors import CredentialError, SourceUnavailableError
from lake.settings import get_settings
from tests.connectors.recorded_systems.all_systems import (
    GitHub,
    HubSpot,
    Jira,
    Prometheus,
    RecordedSystem,
    Salesforce,
    ServiceNow,
    serving,
)

CREDENTIALS = {
    "salesforce": {"client_id": "grimoire", "client_secret": "geheim"},
    "hubspot": {"token": "pat-eu1-geheim"},
    "servicenow": {"username": "grimoire", "password": "geheim"},
    "jira": {"username": "zoe@example.com", "password": "geheim"},
    "github": {"token": "github_pat_geheim"},
    "prometheus": {},
}
LIMITS = "limits: {attempts: 4, backoff_seconds: 0.05, longest_backoff_seconds: 0.1, used_up: [REQUEST_LIMIT_EXCEEDED]}"
MORE = {
    "jira": "time_zone: America/New_York",
    "github": "resources: [issues, pulls, issue_events, reviews,"
    ' {name: workflow_runs, cursor: {column: created_at, initial: "2026-01-01"}}]',
}
PATHS = {"github": "repos/octo/shop/"}


@dataclass
class Running:
    """A system that is being served, and what its first load brought."""

    system: Any
    first: LoadReport


@pytest.fixture(scope="module")
def systems(module_home: Path) -> Iterator[dict[str, Running]]:
    """Every recorded system, loaded once and built by dbt."""
    made: dict[str, Callable[[], RecordedSystem]] = {
        "salesforce": Salesforce, "hubspot": HubSpot, "servicenow": ServiceNow, "jira": Jira, "github": GitHub,
        "prometheus": Prometheus,
    }  # fmt: skip
    folder = get_settings().connections_folder
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as monkeypatch:
        running = {}
        for name, make in made.items():
            system = make()
            address = stack.enter_context(serving(system)) + PATHS.get(name, "")
            for word, secret in CREDENTIALS[name].items():
                monkeypatch.setenv(variable(name, word), secret)
            told = ", ".join(f"{word}: env:{variable(name, word)}" for word in CREDENTIALS[name])
            text = f"type: {name}\naddress: {address}\nretries: 0\ncredentials: {{{told}}}\n{LIMITS}\n{MORE.get(name, '')}\n"
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
            running[name] = Running(system, load_source(name))
        build()
        yield running


def variable(system: str, word: str) -> str:
    return f"{system}_{word}".upper()


def build() -> None:
    write_dbt_files(connections().values(), ())
    assert faulty_declarations() == {}
    done = run_dbt("build", "--select", "path:generated")
    assert done.returncode == 0, done.stdout + done.stderr


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def landed(report: LoadReport) -> dict[str, int]:
    """Rows that are new or another, by resource; nothing may be held back."""
    assert all(table.rows_quarantined == 0 for table in report.tables)
    return {table.name: table.rows_landed for table in report.tables if table.rows_landed}


def events(name: str, process: str) -> list[tuple[str, datetime]]:
    found = rows(f"select activity, occurred_at from event_logs.{name}_{process}__events")
    return sorted((activity, when.astimezone(UTC)) for activity, when in found)


def told(system: RecordedSystem, process: str) -> list[tuple[str, datetime]]:
    return sorted((activity, when) for what, activity, when in system.happened if what == process)


def test_the_first_load_lands_every_row(systems: dict[str, Running]) -> None:
    org, portal, instance, site, repository = (systems[name].system for name in list(CREDENTIALS)[:5])
    expected = {
        "salesforce": {name: len(org.objects[kind]) for name, kind in {
            "users": "User", "accounts": "Account", "contacts": "Contact", "leads": "Lead", "lead_history": "LeadHistory",
            "opportunities": "Opportunity", "opportunity_history": "OpportunityHistory"}.items()},
        "hubspot": {"owners": 1, "deal_stages": 4, "companies": 10_050, "contacts": 60, "deals": 60,
            "deal_stage_history": sum(map(len, portal.stages.values())), "deal_contacts": 60},
        "servicenow": {"users": 4, "groups": 2, "state_labels": 5, "incidents": 1_150,
            "incident_changes": len(instance.tables["sys_audit"])},
        "jira": {"projects": 1, "statuses": 4, "issues": 150, "changes": site.histories},
        "github": {"issues": 160, "pulls": 53, "issue_events": sum(map(len, repository.events.values())),
            "reviews": sum(map(len, repository.reviews.values())), "workflow_runs": len(repository.runs)},
        "prometheus": {"up": 2 * (150 + 4), "scrape_duration": 2 * (150 + 4)},  # a sample holds for five minutes
    }  # fmt: skip
    assert {name: landed(one.first) for name, one in systems.items()} == expected


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_second_load_lands_nothing(systems: dict[str, Running], name: str) -> None:
    assert landed(load_source(name)) == {}


@pytest.mark.parametrize(
    ("name", "process"),
    [
        ("salesforce", "lead_to_cash"),
        ("hubspot", "lead_to_cash"),
        ("servicenow", "incident_management"),
        ("jira", "issue_resolution"),
        ("github", "issue_flow"),
        ("github", "pull_request_flow"),
    ],
)
def test_the_event_log_tells_what_happened(systems: dict[str, Running], name: str, process: str) -> None:
    expected = told(systems[name].system, process)
    assert len(expected) > 200
    assert events(name, process) == expected


def test_events_concern_the_right_objects(systems: dict[str, Running]) -> None:
    org, portal, site = (systems[name].system for name in ("salesforce", "hubspot", "jira"))
    converted = {(lead["Id"], lead["ConvertedOpportunityId"]) for lead in org.objects["Lead"].values() if lead["IsConverted"]}
    assert {
        (lead.removeprefix("lead:"), opportunity.removeprefix("opportunity:"))
        for lead, opportunity in rows("select target_id, source_id from event_logs.salesforce_lead_to_cash__object_objects")
    } == converted
    assert {
        (deal.removeprefix("deal:"), contact.removeprefix("contact:"))
        for deal, contact in rows("select source_id, target_id from event_logs.hubspot_lead_to_cash__object_objects")
    } == set(portal.contact_of.items())
    counted = rows("select case_id, count(*) - 1 from event_logs.jira_issue_resolution group by case_id")
    assert dict(counted) == {key: len(changes) for key, changes in site.changes.items()}
    assert rows("select count(distinct case_id) from event_logs.github_pull_request_flow") == [(53,)]


def test_values_arrive_as_they_are(systems: dict[str, Running]) -> None:
    assert rows("select Name, AnnualRevenue, NumberOfEmployees from raw_salesforce.accounts where Id = 'ACC000000000003AAA'") == [
        ("Größe & Söhne 3", 3_000_000.0, None)
    ]
    assert rows("select dealname, amount, hs_is_closed_won, createdate from raw_hubspot.deals where id = '107'") == [
        ("Deal „7“", None, None, datetime.fromisoformat(systems["hubspot"].system.objects["deals"]["107"]["createdate"]))
    ]
    assert rows(
        "select short_description, closed_at, reopen_count, made_sla from raw_servicenow.incidents where number = 'INC0000003'"
    ) == [("Drucker „3“ streikt 🖨", None, 0, True)]
    assert rows("select key, summary, priority, parent_id, labels, due from raw_jira.issues where id = '10005'") == [
        ("SHOP-6", "„Fehler“ 5 — 東京", None, "10000", '["a","ß"]', datetime(2026, 12, 24).date())
    ]
    assert rows("select title, author, milestone, closed_at from raw_github.issues where number = 5") == [
        ("Fehler „5“ 🐛", "zoë", None, None)
    ]
    spelled = "select distinct value::varchar from raw_prometheus.scrape_duration where minute(sampled_at) in (31, 32) order by 1"
    assert {value for (value,) in rows(spelled)} >= {"inf", "nan"}
    assert rows("select distinct label_job, label_instance from raw_prometheus.up order by 2")[0] == ("nöde", "host-0:9100")


def test_salesforce_brings_what_changed_and_marks_what_was_deleted(systems: dict[str, Running]) -> None:
    org = systems["salesforce"].system
    moved = "OPP000000000000AAA"
    org.later(60)
    org.move(moved, "Needs Analysis", "USE000000000001AAA")
    gone = list(org.objects["Contact"])[7]
    org.delete("Contact", gone)
    before = org.token_requests
    org.tokens = set()  # the session is over in the middle of things
    # the row before the two new ones is another, too: it is history now
    assert landed(load_source("salesforce")) == {"contacts": 1, "opportunities": 1, "opportunity_history": 3}
    assert org.token_requests > before
    assert rows("select Id from raw_salesforce.contacts where _deleted_at is not null") == [(gone,)]


def test_hubspot_brings_the_history_of_changed_deals_only(systems: dict[str, Running]) -> None:
    portal = systems["hubspot"].system
    portal.later(60)
    portal.move("103", "contractsent")
    new = portal.sell(60)
    portal.asked.clear()
    assert landed(load_source("hubspot")) == {"contacts": 1, "deals": 2, "deal_stage_history": 2, "deal_contacts": 1}
    visited = {url.rpartition("/deals/")[2].partition("?")[0] for url in portal.asked if "propertiesWithHistory" in url}
    assert visited == {"103", new} | {key for key in visited if int(key) >= 158}  # the lag's deals besides


def test_servicenow_jira_and_github_bring_what_changed(systems: dict[str, Running]) -> None:
    instance, site, repository = (systems[name].system for name in ("servicenow", "jira", "github"))
    for system in (instance, site, repository):
        system.later(120)
    instance.move(list(instance.tables["incident"])[3], "7")
    assert landed(load_source("servicenow")) == {"incidents": 1, "incident_changes": 1}
    site.move("10004", "10002")
    site.comment("10004", 230)  # more changes than a page holds
    assert landed(load_source("jira")) == {"issues": 1, "changes": 231}
    repository.review(9, "CHANGES_REQUESTED")
    repository.happen(10, "labeled")
    assert landed(load_source("github")) == {"issues": 2, "pulls": 1, "issue_events": 1, "reviews": 1}


def test_prometheus_brings_the_samples_that_came_since(systems: dict[str, Running]) -> None:
    server = systems["prometheus"].system
    for _ in range(10):
        server.scrape()
    report = load_source("prometheus")
    # four of the ten steps were there already, of the last sample before; their values are the new ones now
    assert sum(table.rows_inserted for table in report.tables) == 2 * 2 * 10
    assert {table.name for table in report.tables if table.rows_landed} == {"up", "scrape_duration"}


@pytest.mark.parametrize("name", ["hubspot", "servicenow", "jira", "github", "prometheus"])
def test_a_refusal_is_waited_out(systems: dict[str, Running], name: str) -> None:
    system = systems[name].system
    system.refused_at.clear()
    system.to_refuse = 2
    load_source(name)
    assert len(system.refused_at) == 2
    tells_when = name != "hubspot"  # HubSpot does not say when to come back; the back-off decides
    assert not tells_when or system.refused_at[1] - system.refused_at[0] > 0.9


def test_a_used_up_allowance_of_salesforce_is_no_refusal_of_the_credentials(systems: dict[str, Running]) -> None:
    org = systems["salesforce"].system
    org.to_refuse = 1
    with pytest.raises(SourceUnavailableError, match="REQUEST_LIMIT_EXCEEDED"):
        load_source("salesforce")
    load_source("salesforce")


@pytest.mark.parametrize("name", ["salesforce", "hubspot", "servicenow", "jira", "github"])
def test_wrong_credentials_are_told_as_such(systems: dict[str, Running], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for word in CREDENTIALS[name]:
        monkeypatch.setenv(variable(name, word), "falsch")
    systems[name].system.tokens = set()
    with pytest.raises(CredentialError) as told_of:
        load_source(name)
    assert "falsch" not in str(told_of.value)


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_check_asks_little(systems: dict[str, Running], name: str) -> None:
    system = systems[name].system
    system.asked.clear()
    assert manage.test(name).is_well
    assert len(system.asked) <= 2
