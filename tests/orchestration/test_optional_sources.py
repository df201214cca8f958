"""Domains that not every company has a system for: their products never wait for one, and hang from it once it is there."""

import json
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from connectors import manage

pytestmark = pytest.mark.slow
PRODUCTS = {"security__sign_ins", "security__sign_in_sources", "it_operations__events"}


def connect_logs(home: Path) -> None:
    """A connection to logs that has never landed a row."""
    (home / "logs").mkdir(parents=True)
    manage.add({"name": "syslog", "type": "syslog", "address": str(home / "logs"), "resources": ["messages"]})


def below(manifest: dict[str, Any], start: str) -> set[str]:
    """The names of all that is made of a node, near or far."""
    found, open_nodes = set(), [start]
    while open_nodes:
        for child in manifest["child_map"][open_nodes.pop()]:
            if child not in found:
                found.add(child)
                open_nodes.append(child)
    return {one.split(".")[2] for one in found}


def test_a_table_of_a_system_that_is_not_connected_is_raw_and_nobody_lands_it(grimoire_home: Path) -> None:
    import dagster as dg

    from orchestration.definitions import defs

    graph = defs().resolve_asset_graph()
    for key in (["raw", "syslog", "messages"], ["raw", "servicenow", "incident_changes"], ["raw", "platform", "runs"]):
        node = graph.get(dg.AssetKey(key))
        assert (node.group_name, node.is_materializable) == ("raw", False)


def test_leaving_out_what_a_never_landed_table_feeds_leaves_the_products_in(grimoire_home: Path) -> None:
    from orchestration.dbt_manifest import manifest_path
    from orchestration.defs.transform import made_from, transformation

    connect_logs(grimoire_home)
    path = manifest_path()
    manifest = json.loads(path.read_text())
    generated = below(manifest, "source.grimoire.syslog.messages")
    assert "syslog_ssh_sessions" in generated, "an event log wants rows"
    assert not PRODUCTS & generated
    step = transformation(path)
    parents = step.asset_deps
    in_order = [key for key in TopologicalSorter(parents).static_order() if key in parents]
    without = made_from([("syslog", "messages")], in_order, parents)
    names = {key.path[-1] for key in without}
    assert "syslog_ssh_sessions" in names
    assert not PRODUCTS & names


def test_the_connections_own_job_makes_the_products_of_its_domain(grimoire_home: Path) -> None:
    import dagster as dg

    from orchestration.definitions import defs

    connect_logs(grimoire_home)
    definitions = defs()
    assert definitions.resolve_asset_graph().get(dg.AssetKey(["raw", "syslog", "messages"])).is_materializable
    made = {key.path[-1] for key in definitions.resolve_job_def("run_syslog").asset_layer.selected_asset_keys}
    assert PRODUCTS | {"syslog_ssh_sessions"} <= made
    assert not any(name.startswith("sales__") for name in made)
