"""What every product and event log promises, read from the manifest: an owner, a contract, words for every column, tested keys.

The convention for keys: the key of a product is its first column, or the columns of its `is_compound_key`. Besides that, every
column whose name ends in `_id` refers to something and is tested.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lake.catalog import CLASSES
from orchestration.dbt_manifest import manifest_path

KEY_TESTS = {"is_key", "is_compound_key"}
WINDOW = re.compile(r"\bover\s*\(|\bover running\b|\bqualify\b")
# Ids of what no table here holds: states of the lake, processes of other machines, flows and signatures of Suricata.
NO_ROWS = {"snapshot_id", "process_id", "flow_id", "signature_id"}
DOMAINS = {"sales", "procurement", "customers", "kpis", "finance", "inventory", "service", "workforce", "shared"}
DOMAINS |= {"security", "it_operations", "platform"}


@pytest.fixture(scope="module")
def manifest(module_home: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(manifest_path().read_text())
    return manifest


@pytest.fixture(scope="module")
def published(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The models that others may rely on."""
    found = [node for node in _models(manifest) if node["fqn"][1] in ("products", "event_logs")]
    assert len(found) > 40
    return found


def test_each_belongs_to_a_group_whose_owner_can_be_written_to(manifest: dict[str, Any], published: list[dict[str, Any]]) -> None:
    owners = {group["name"]: group["owner"] for group in manifest["groups"].values()}
    assert [node["name"] for node in published if "@" not in (owners[node["group"]]["email"] or "")] == []
    assert [group for group, owner in owners.items() if not owner["name"]] == []


def test_each_is_public_described_and_under_contract(published: list[dict[str, Any]]) -> None:
    for node in published:
        assert node["access"] == "public", node["name"]
        assert node["config"]["contract"]["enforced"], node["name"]
        assert node["description"], node["name"]


def test_each_column_has_a_description_and_a_type(published: list[dict[str, Any]]) -> None:
    for node in published:
        for column in node["columns"].values():
            assert column["description"] and column["data_type"], f"{node['name']}.{column['name']}"


def test_each_column_is_public_confidential_or_sensitive(published: list[dict[str, Any]]) -> None:
    said = {
        f"{node['name']}.{column['name']}": (column.get("config", {}).get("meta") or column.get("meta") or {}).get("classification")
        for node in published
        for column in node["columns"].values()
    }
    assert {name for name, word in said.items() if word not in CLASSES} == set()
    assert set(said.values()) == set(CLASSES)


def test_each_key_column_is_tested(manifest: dict[str, Any], published: list[dict[str, Any]]) -> None:
    keys, tested = _tested_columns(manifest, KEY_TESTS), _tested_columns(manifest)
    untested = set()
    for node in published:
        columns = list(node["columns"])
        grain = keys.get(node["unique_id"], set())
        assert grain <= set(columns), node["name"]
        assert columns[0] in grain, f"{node['name']}: its first column is no key"
        references = {column for column in columns if column.endswith("_id")} - tested[node["unique_id"]]
        untested |= {f"{node['name']}.{column}" for column in references if column not in NO_ROWS}
    assert untested == set()


def test_products_lie_in_the_folder_of_the_domain_that_owns_them(published: list[dict[str, Any]]) -> None:
    products = [node for node in published if node["fqn"][1] == "products"]
    assert {node["group"] for node in products} >= DOMAINS
    assert [node["name"] for node in products if not node["name"].startswith(f"{node['group']}__")] == []
    assert [node["name"] for node in products if node["fqn"][2] != node["group"]] == []


def test_what_lies_between_staging_and_products_is_not_for_everybody(manifest: dict[str, Any]) -> None:
    between = [node for node in _models(manifest) if node["fqn"][1] == "intermediate"]
    assert {node["access"] for node in between} == {"private", "protected"}
    assert [node["name"] for node in between if node["group"] is None] == []


def test_each_product_is_read_by_somebody_who_is_named(manifest: dict[str, Any], published: list[dict[str, Any]]) -> None:
    read = {name for exposure in manifest["exposures"].values() for name in exposure["depends_on"]["nodes"]}
    assert [node["name"] for node in published if node["fqn"][1] == "products" and node["unique_id"] not in read] == []


def _models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def test_each_window_function_is_unit_tested(manifest: dict[str, Any]) -> None:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    windows = [node["name"] for node in _models(manifest) if WINDOW.search(node["raw_code"])]
    generated = {node["name"] for node in _models(manifest) if node["original_file_path"].startswith("generated/")}
    assert len(windows) > 10
    assert set(windows) - tested - generated == set()  # what is generated is tested where it is generated from


def _tested_columns(manifest: dict[str, Any], kinds: set[str] | None = None) -> dict[str, set[str]]:
    """The columns that data tests of these kinds (default: all) look at, by model."""
    found: dict[str, set[str]] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and (kinds is None or node["test_metadata"]["name"] in kinds):
            columns = node["test_metadata"]["kwargs"].get("columns") or [node["column_name"]]
            found.setdefault(node["attached_node"], set()).update(str(column).strip('"') for column in columns)
    return found
