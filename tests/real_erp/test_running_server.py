"""A running Tryton read by someone who is no administrator: live cases, a server that dies, keys and rights."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.connections import get_connection
from connectors.connector import connector_of
from connectors.load import load_source
from lake.errors import SourceUnavailableError

pytestmark = [pytest.mark.real_erp, pytest.mark.slow, pytest.mark.timeout(1200)]

Key = tuple[str, int, str]  # resource, id, and the moment where a history table has many rows of one id


@pytest.fixture(scope="module")
def erp(tryton, make_company, serve, tmp_path_factory) -> Iterator[Any]:
    """A company's server on SQLite, which all tests here speak to."""
    company = make_company("sqlite", tmp_path_factory.mktemp("erp") / "sqlite")
    server = serve(company.place)
    server.file, server.ids = Path(company.place.address.removeprefix("sqlite:///")), company.ids
    yield server


@pytest.fixture
def reader(erp, connect, reader_secret) -> Callable[..., str]:
    """Makes a connection of the reader's by JSON-RPC."""
    return lambda name, **words: connect(name, erp.url, user="reader", secrets=reader_secret, retries=0, **words)


def source_rows(file: Path, name: str) -> dict[Key, tuple[Any, ...]]:
    """Every row a connection should have, straight from the server's file.

    Of the change log it is what tells of the connection's own documents: a reader who is no administrator must name them, and one
    that was deleted cannot be named.
    """
    connector, found = connector_of(get_connection(name)), {}
    options = connector.resource_options
    documents = [each for each in connector.connection.resources if not options[each.name].history]
    models = {options[each.name].model or each.name.replace("_", "."): each.name for each in documents}
    with sqlite3.connect(file) as connection:
        connection.row_factory = sqlite3.Row
        tables = {row["name"] for row in connection.execute("select name from sqlite_master")}
        for resource in connector.connection.resources:
            table, is_history = options[resource.name].table or resource.name, options[resource.name].history
            if table in tables:
                rows = connection.execute(f'select *, coalesce(write_date, create_date) as changed_at from "{table}"').fetchall()
                found |= {(resource.name, row["id"], row["changed_at"] if is_history else ""): tuple(row) for row in rows}
        named = {f"{model},{number}" for model, name in models.items() for resource, number, _ in found if resource == name}
        for row in connection.execute("select id, resource from ir_model_log").fetchall():
            if row["resource"] not in named:
                del found["ir_model_log", row["id"], ""]
    return found


def lake_keys(name: str, condition: str = "true") -> set[Key]:
    """The keys of the rows in the lake that fulfil a condition."""
    connector, found = connector_of(get_connection(name)), set()
    with lake.connect(read_only=True) as connection:
        for resource in connector.connection.resources:
            moment = "changed_at" if connector.resource_options[resource.name].history else "null::timestamptz"
            rows = connection.execute(
                f"select id, {moment} from raw_{name}.{resource.name} where _deleted_at is null and {condition}"
            ).fetchall()
            found |= {(resource.name, number, words(moment)) for number, moment in rows}
    return found


def words(moment: datetime | None) -> str:
    """A moment as Tryton's SQLite has it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" if moment else ""


def three_live_cases(erp: Any) -> None:
    """An enquiry that is converted and confirmed, two orders of which one is cancelled, a requisition that is approved."""
    context = {"company": 1}
    customer, product = erp.ids["customers"][0], erp.ids["products"][0]

    def do(model: str, method: str, *arguments: Any) -> Any:
        return erp.call(f"model.{model}.{method}", *arguments, context)

    ((address,),) = [do("party.party", "read", [customer], ["addresses"])[0]["addresses"]]
    (unit,) = {row["default_uom"] for row in do("product.product", "read", [product], ["default_uom"])}
    line = {"product": product, "quantity": 3.0, "unit": unit}
    (opportunity,) = do("sale.opportunity", "create", [{"party": customer, "address": address, "description": "Live"}])
    do("sale.opportunity", "write", [opportunity], {"employee": 1, "lines": [["create", [line]]]})
    do("sale.opportunity", "opportunity", [opportunity])
    do("sale.opportunity", "convert", [opportunity])
    (sale,) = do("sale.sale", "search", [["origin", "=", f"sale.opportunity,{opportunity}"]], 0, None, None)
    do("sale.sale", "quote", [sale])
    do("sale.sale", "confirm", [sale])
    price = {"unit_price": {"__class__": "Decimal", "decimal": "12.5"}}
    addresses = {"invoice_address": address, "shipment_address": address}
    direct = {"party": customer, **addresses, "lines": [["create", [{**line, **price}]]]}
    quoted, cancelled = do("sale.sale", "create", [direct, direct])
    do("sale.sale", "quote", [quoted])
    do("sale.sale", "cancel", [cancelled])
    soon = {"__class__": "date", "year": datetime.now(UTC).year + 1, "month": 1, "day": 15}
    wanted = {"employee": 1, "supply_date": soon, "lines": [["create", [{**line, "supplier": erp.ids["suppliers"][0]}]]]}
    (requisition,) = do("purchase.requisition", "create", [wanted])
    do("purchase.requisition", "wait", [requisition])
    do("purchase.requisition", "approve", [requisition])


def test_three_live_cases_bring_exactly_their_rows(erp, reader):
    name = reader("live")
    load_source(name)
    before = source_rows(erp.file, name)
    assert lake_keys(name) == set(before)
    three_live_cases(erp)
    after = source_rows(erp.file, name)
    new = {key for key, row in after.items() if before.get(key) != row}
    assert {
        "sale_opportunity",
        "sale_opportunity_history",
        "sale_sale",
        "sale_line",
        "stock_move",
        "purchase_request",
        "ir_model_log",
    } <= {resource for resource, *_ in new}
    report = load_source(name)
    assert lake_keys(name, f"_load_id = '{report.load_id}'") == new
    assert sum(load.rows_landed for load in report.tables) == len(new)
    assert lake_keys(name) == set(after)
    assert sum(load.rows_landed for load in load_source(name).tables) == 0


def test_what_is_deleted_in_tryton_is_marked_in_the_lake(erp, reader):
    name = reader("deletions")
    context = {"company": 1}
    (sale,) = erp.call("model.sale.sale.create", [{"party": erp.ids["customers"][1]}], context)
    load_source(name)
    assert ("sale_sale", sale, "") in lake_keys(name)
    erp.call("model.sale.sale.cancel", [sale], context)
    erp.call("model.sale.sale.delete", [sale], context)
    report = load_source(name)
    assert {load.name: load.rows_deleted for load in report.tables if load.rows_deleted} == {"sale_sale": 1}
    assert ("sale_sale", sale, "") not in lake_keys(name)
    assert lake_keys(name) == set(source_rows(erp.file, name))


def test_a_server_killed_in_mid_read_leaves_the_lake_whole_and_the_next_run_completes(erp, reader):
    name, read = reader("killed"), []

    def kill(said: str, done: float) -> None:
        read.append(said)
        if said == "Reading account_account":
            erp.kill()

    try:
        with pytest.raises(SourceUnavailableError):
            load_source(name, progress=kill)
    finally:
        erp.start()
    assert "Reading account_account" in read and "Reading party_party" not in read
    with lake.connect(read_only=True) as connection:
        assert connection.execute(f"select count(*) from duckdb_tables() where schema_name = 'raw_{name}'").fetchone() == (0,)
    load_source(name)
    assert lake_keys(name) == set(source_rows(erp.file, name))


def test_a_key_of_a_user_application_opens_the_rest_api(erp, connect):
    (reader,) = erp.call("model.res.user.search", [["login", "=", "reader"]], 0, None, None, {})
    (application,) = erp.call("model.res.user.application.create", [{"user": reader, "application": "rest"}], {})
    (key,) = erp.call("model.res.user.application.read", [application], ["key"], {})
    name = connect("by_key", erp.url, secrets={"key": key["key"]})
    assert connector_of(get_connection(name)).check().is_well
    load_source(name)
    assert lake_keys(name) == set(source_rows(erp.file, name))


def test_whoever_may_not_enter_or_may_not_read_is_told_so(erp, connect, reader_secret):
    wrong = connect("wrong", erp.url, user="reader", secrets={"password": "not-this-one"}, retries=0)
    health = connector_of(get_connection(wrong)).check()
    assert not health.is_well and "does not let us in" in health.said
    elsewhere = connect("elsewhere", erp.url + "_not", user="reader", secrets=reader_secret, retries=0)
    assert not connector_of(get_connection(elsewhere)).check().is_well
    (group,) = erp.call("model.res.group.search", [["name", "=", "Data platform"]], 0, None, None, {})
    rule = [["group", "=", group], ["model", "=", "sale.sale"]]
    (access,) = erp.call("model.ir.model.access.search", rule, 0, None, None, {})
    erp.call("model.ir.model.access.write", [access], {"perm_read": False}, {})
    try:
        unread = connect(
            "unread", erp.url, user="reader", secrets=reader_secret, retries=0, resources=["sale_sale"], event_logs=[], views={}
        )
        with pytest.raises(SourceUnavailableError, match=r"refuses: .*sale\.sale|Sale"):
            load_source(unread)
    finally:
        erp.call("model.ir.model.access.write", [access], {"perm_read": True}, {})
