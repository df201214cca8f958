"""Every ready-made system is in the table, says what it is proven against, and can be used as it is."""

import re
from pathlib import Path
from typing import Any

import pytest

from connectors.connection import connection_of
from connectors.connector import connector_of
from connectors.dbt_files import check_declarations, dbt_files
from connectors.kinds.rest import RestConnector
from connectors.systems import FOLDER, systems

PAGE = Path(__file__).resolve().parents[2] / "docs" / "systems.md"
CREDENTIALS = dict.fromkeys(("client_id", "client_secret", "token", "username", "password"), "env:NAME")
ADDRESSES = {
    "files": "/data", "rest": "https://example.com/", "sql": "postgresql://example.com/shop", "tryton": "postgresql://example.com/erp"
}  # fmt: skip


def table() -> dict[str, list[str]]:
    """The table's rows by type."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {row[0].strip("`"): row for row in cells}


def words_of(cell: str) -> list[str]:
    return re.findall(r"`([a-z_]+)`", cell)


def completed(name: str, **words: Any) -> Any:
    address = systems()[name].get("address") or ADDRESSES[systems()[name]["type"]]
    return connection_of({"name": "own", "type": name, "address": address, "credentials": CREDENTIALS, **words}, origin="own.yaml")


def test_every_folder_is_a_system_in_the_table() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert len(folders) >= 15
    assert set(table()) == set(systems()) == folders


@pytest.mark.parametrize("name", systems())
def test_the_table_tells_what_the_system_says(name: str) -> None:
    system = systems()[name]
    _, title, kind, resources, logs, credentials, proven, how = table()[name]
    assert system["proven"] in ("real", "documented")
    assert (proven, words_of(kind), int(resources)) == (system["proven"], [system["type"]], len(system["resources"]))
    assert words_of(logs) == [log["name"] for log in system.get("event_logs", [])]
    assert title and how and system["title"] and system["about"]
    connector = connector_of(completed(name))
    if isinstance(connector, RestConnector):
        assert words_of(credentials) == list(connector.credential_names())


@pytest.mark.parametrize("name", systems())
def test_a_system_becomes_a_connection_whose_models_compile(name: str) -> None:
    connection = completed(name)
    assert connection.system == name
    says_all = connection.type == "rest"  # columns of files and databases are seen when they are read
    columns = {resource.name: resource.columns for resource in connection.resources if resource.columns}
    check_declarations(connection, columns if says_all else None)
    files = dbt_files(connection)
    for resource in connection.resources:
        assert f"staging/own/stg_own__{resource.name}.sql" in files
    for log in connection.event_logs:
        assert f"event_logs/own_{log.name}__events.sql" in files


@pytest.mark.parametrize("example", re.findall(r"^```yaml\n(type: .*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M))
def test_the_pages_examples_are_connections(example: str) -> None:
    import yaml

    words = yaml.safe_load(example)
    connector = connector_of(connection_of({"name": "own", **words}, origin="own.yaml"))
    assert connector.connection.resources
    check_declarations(connector.connection)


def test_a_resource_may_be_like_another_and_say_some_of_it_otherwise() -> None:
    own = {"name": "cpu", "like": "up", "params": {"query": "rate(cpu[5m])", "step": "60s"}}
    connection = completed("prometheus", resources=["up", own])
    up, cpu = connection.resources
    assert cpu.name == "cpu" and cpu.key == up.key and cpu.cursor == up.cursor
    assert cpu.options["params"]["query"] == "rate(cpu[5m])" and cpu.options["records"] == up.options["records"]
    assert "like" not in cpu.options


def test_what_a_system_makes_of_a_resource_goes_with_the_resource() -> None:
    """A connection of some resources only had faulty declarations, and so no models, where an event log read another."""
    whole, part = completed("syslog"), completed("syslog", resources=["messages"])
    assert [log.name for log in whole.event_logs] == ["ssh_sessions", "instances"]
    assert [log.name for log in part.event_logs] == ["ssh_sessions"]
    assert check_declarations(part) is None
    assert completed("jira", resources=["projects"]).views == {}
    own = completed("syslog", resources=["messages"], event_logs=[])
    assert own.event_logs == ()
