"""Proposals from real systems: keys and references against what those systems themselves declare, and a person's file kept."""

import lzma
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.connection import Connection, connection_of
from connectors.connections import connections_folder
from connectors.connector import Shape, connector_of
from connectors.proposals import Proposal, proposal_for, propose
from connectors.relations import singular, snake, tables_of, words
from lake.errors import ConnectionFileError


def sql(path: Path) -> Connection:
    return connection_of({"name": "shop", "type": "sql", "address": f"sqlite:///{path}"}, origin="shop.yaml")


def rows(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as db:
        found = db.execute(statement).fetchall()
    db.close()
    return found


@pytest.fixture
def northwind(shared_data: Path) -> Path:
    return shared_data / "business" / "northwind.sqlite"


@pytest.fixture(scope="module")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Path:
    packed = Path(__file__).resolve().parents[3] / "shared" / "data" / "business" / "tryton_erp.sqlite.xz"
    if not packed.exists():
        pytest.skip(f"no public test data in {packed.parent}")
    path = tmp_path_factory.mktemp("tryton") / "tryton.sqlite"
    with lzma.open(packed) as read, path.open("wb") as write:
        shutil.copyfileobj(read, write)
    return path


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("OrderID", ("order", "id")),
        ("order_id", ("order", "id")),
        ("Order Id", ("order", "id")),
        ("createdAt2", ("created", "at", "2")),
    ],
)
def test_names_are_read_as_words_however_they_are_written(name: str, parts: tuple[str, ...]) -> None:
    assert words(name) == parts


def test_plurals_and_names_of_tables_are_understood() -> None:
    assert [singular(word) for word in ("categories", "statuses", "addresses", "boxes", "orders", "status", "process")] == [
        "category", "status", "address", "box", "order", "status", "process",
    ]  # fmt: skip
    assert (snake("Order Details"), snake("1st"), snake("sale_line-account_tax")) == (
        "order_details",
        "t_1_st",
        "sale_line_account_tax",
    )


def bare(shapes: list[Shape]) -> list[Shape]:
    """The same tables with nothing declared, so that all must be concluded."""
    return [replace(shape, key=(), references={}) for shape in shapes if shape.key]


def test_keys_and_references_concluded_from_samples_are_those_that_northwind_declares(northwind: Path) -> None:
    shapes = connector_of(sql(northwind)).inspect()
    truth = {(s.name, column, table) for s in shapes for column, table in s.references.items()}
    found = {(t.name, one.column, one.table) for t in tables_of(bare(shapes)) for one in t.references}
    assert len(truth) == 13
    assert found <= truth  # nothing wrong
    empty = {s.name for s in shapes if s.key and not s.sample}
    assert {one for one in truth if one[0] not in empty} - found == {("Orders", "ShipVia", "Shippers")}  # the name says nothing
    keys = {table.name: set(table.key) for table in tables_of(bare(shapes)) if table.name not in empty}
    declared = {s.name: set(s.key) for s in shapes if s.key and s.sample}
    assert {name for name in declared if keys[name] != declared[name]} == {"EmployeeTerritories"}
    territories = rows(northwind, "select count(*) = count(distinct TerritoryID) from EmployeeTerritories")
    assert territories == [(1,)]  # half of its declared key is enough


def test_what_a_system_declares_is_taken_as_it_is(northwind: Path) -> None:
    tables = {table.name: table for table in tables_of(connector_of(sql(northwind)).inspect())}
    assert tables["EmployeeTerritories"].key == ("EmployeeID", "TerritoryID")
    assert {one.column: (one.table, one.is_declared) for one in tables["Orders"].references}["ShipVia"] == ("Shippers", True)
    assert {one.cardinality for one in tables["Orders"].references} == {"many to one"}


@pytest.mark.slow
def test_keys_of_a_real_erp_are_found_by_uniqueness_but_for_two_histories(tryton: Path) -> None:
    shapes = connector_of(sql(tryton)).inspect()
    declared = {shape.name: shape.key for shape in shapes}
    filled = [table for table in tables_of(bare(shapes)) if table.shape.sample]
    assert len(filled) > 100
    assert {table.name for table in filled if table.key != declared[table.name]} <= {
        "sale_opportunity__history", "sale_opportunity_line__history",
    }  # fmt: skip


@pytest.mark.slow
def test_most_references_of_a_real_erp_are_found_and_hardly_any_is_wrong(tryton: Path) -> None:
    shapes = connector_of(sql(tryton)).inspect()
    tables = tables_of(shapes)
    declared = rows(
        tryton, "select replace(model, '.', '_'), name, replace(relation, '.', '_') from ir_model_field where ttype = 'many2one'"
    )
    truth = {(model, name): relation for model, name, relation in declared}
    found = {(table.name, one.column): one.table for table in tables for one in table.references}
    filled = {(table.name, column) for table in tables for column in table.shape.columns if table.filled(column)}
    askable = {place: relation for place, relation in truth.items() if place in filled}
    right = [place for place, relation in askable.items() if found.get(place) == relation]
    wrong = [place for place in found if place in truth and found[place] != truth[place]]
    assert len(askable) > 400
    assert len(right) / len(askable) > 0.8
    assert len(wrong) / len(found) < 0.06


@pytest.mark.slow
def test_a_real_erp_yields_a_proposal_that_can_be_used_with_business_documents_as_cases(tryton: Path) -> None:
    proposal = propose(sql(tryton), connector_of(sql(tryton)).inspect(), before=f"type: sql\naddress: sqlite:///{tryton}\n")
    assert {"sale_opportunity", "sale_sale", "purchase_purchase"} <= set(proposal.cases[:7])
    sale = propose(sql(tryton), connector_of(sql(tryton)).inspect(), case="sale_sale", only=["sale_sale", "party_party"])
    log = yaml.safe_load(sale.after)["event_logs"][0]
    events = {event["activity"]: (event["at"], event.get("resource")) for event in log["events"]}
    assert events["Sale created"] == ("create_date", "create_uid")
    assert events["Sale entered"] == ("sale_date", None)


def test_csv_exports_of_a_crm_yield_keys_dates_and_an_event_log(shared_data: Path) -> None:
    folder = shared_data / "business" / "crm_sales_opportunities"
    connection = connection_of({"name": "crm2", "type": "files", "address": str(folder)}, origin="crm2.yaml")
    proposal = propose(connection, connector_of(connection).inspect())
    words = yaml.safe_load(proposal.after)
    resources = {each["name"]: each for each in words["resources"]}
    assert {name: each.get("key") for name, each in resources.items()} == {
        "accounts": "account", "data_dictionary": None, "products": "product", "sales_teams": "sales_agent",
        "sales_pipeline": "opportunity_id",
    }  # fmt: skip
    pipeline = resources["sales_pipeline"]["mapping"]
    assert pipeline["cast"] == {"engage_date": "date", "close_date": "date"}
    assert pipeline["expression"]["engage_date"] == "strptime(engage_date, '%m/%d/%Y')"
    assert "# account -> accounts (many to one, by name and values)" in proposal.after
    assert [(event["at"], event["resource"]) for event in words["event_logs"][0]["events"]] == [
        ("engage_date", "sales_agent"), ("close_date", "sales_agent"),
    ]  # fmt: skip


FILE = """# The shop, looked after by Ann.
type: sql
address: sqlite:///{path}  # on the share
schedule: '0 4 * * *'
resources:
  # orders first
  - name: orders
    table: Orders   # upper case
    required: [CustomerID]
"""


@pytest.fixture
def shop_file(grimoire_home: Path, northwind: Path) -> Path:
    connections_folder().mkdir(parents=True)
    path = connections_folder() / "shop.yaml"
    path.write_text(FILE.format(path=northwind))
    path.chmod(0o600)
    return path


def test_a_persons_words_and_comments_stay_and_only_what_is_missing_is_added(shop_file: Path) -> None:
    before = shop_file.read_text()
    proposal = proposal_for("shop")
    removed = [line for line in proposal.diff.splitlines()[2:] if line.startswith("-")]
    assert removed == []
    assert proposal.diff.startswith("--- shop.yaml\n+++ shop.yaml (proposed)\n")
    assert shop_file.read_text() == before
    assert proposal.write() == shop_file
    assert all(line in shop_file.read_text().splitlines() for line in before.splitlines())
    assert shop_file.stat().st_mode & 0o777 == 0o600
    words = yaml.safe_load(shop_file.read_text())
    orders = words["resources"][0]
    assert (orders["key"], orders["required"], orders["mapping"]["rename"]["OrderID"]) == ("OrderID", ["CustomerID"], "order_id")
    assert [log["case"] for log in words["event_logs"]] == ["order"]


def test_what_was_written_is_proposed_no_second_time(shop_file: Path) -> None:
    proposal_for("shop").write()
    again = proposal_for("shop")
    assert again.diff == ""
    assert again.after == again.before


def test_a_file_that_changed_meanwhile_is_not_overwritten(shop_file: Path) -> None:
    proposal: Proposal = proposal_for("shop")
    shop_file.write_text(shop_file.read_text() + "title: Changed\n")
    with pytest.raises(ConnectionFileError, match="has changed"):
        proposal.write()
    assert shop_file.read_text().endswith("title: Changed\n")


def test_views_and_empty_tables_are_left_out_and_named(shop_file: Path) -> None:
    proposal = proposal_for("shop")
    proposed = {each["name"] for each in yaml.safe_load(proposal.after)["resources"]}
    assert "order_details" in proposed
    assert not {"invoices", "customer_demographics"} & proposed
    assert "Invoices" in proposal.notes[0]
    assert "CustomerDemographics" in proposal.notes[0]
