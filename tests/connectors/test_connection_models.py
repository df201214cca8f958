"""A connection's declarations on a real lake: SQLite rows are landed, dbt builds what the file declares, the log is mined."""

import json
import random
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.connection import connection_of
from connectors.connections import connections, connections_folder, get_connection
from connectors.dbt_files import dbt_files, faulty_declarations, write_dbt_files
from connectors.load import load_source
from lake.dbt_environment import generated_folder, run_dbt
from lake.process_files import product_definitions, register_products
from lake.registry import processes

pytestmark = pytest.mark.slow
FILE = """
type: sql
title: Shop
address: sqlite:///{path}
resources:
- {{name: statuses, key: id, deletions: {{by: keys}}}}
- name: orders
  key: id
  table: sale orders
  deletions: {{by: keys}}
  mapping:
    rename: {{number: order_number}}
    cast: {{ordered_on: date, total: "decimal(14, 2)"}}
    expression: {{label: "number || '/' || coalesce(state, '')"}}
    lookup: {{status: {{from: statuses, on: {{status_id: id}}, take: name}}}}
    drop: [secret, status_id]
    where: "tenant = 100"
- {{name: invoices, key: id}}
- {{name: invoice_lines, key: id}}
- {{name: payments}}
- {{name: change_log, key: id}}
views:
  paid: >-
    select p.invoice_id, p.paid_at, p.amount, l.order_id
    from {{payments}} p join {{invoice_lines}} l on l.invoice_id = p.invoice_id
  invoice_orders: >-
    select i.id as invoice_id, i.posted_at, list(distinct l.order_id order by l.order_id) as order_ids
    from {{invoices}} i join {{invoice_lines}} l on l.invoice_id = i.id group by all
event_logs:
- name: order_to_cash
  title: Order to cash
  case: sale_order
  text: A sales order with its invoices and payments
  objects:
    sale_order: {{from: orders, id: id, attributes: {{number: order_number, total: total, status: status}}}}
    invoice: {{from: invoices, id: id}}
    user:
  events:
  - {{activity: Create order, from: orders, at: ordered_on, resource: created_by, objects: {{sale_order: id, user: created_by}},
     attributes: {{amount: total}}}}
  - activity: {{expression: "case when new in ('quoted', 'confirmed') then 'Order ' || new end"}}
    from: change_log
    at: changed_at
    order: id
    resource: '"user"'
    objects: {{sale_order: order_id}}
  - {{activity: Post invoice, from: invoice_orders, at: posted_at,
     objects: {{sale_order: order_ids, invoice: {{id: invoice_id, qualifier: billed}}}}}}
  - {{activity: Receive payment, from: paid, at: paid_at, objects: {{sale_order: order_id, invoice: invoice_id}},
     attributes: {{amount: "amount::decimal(14, 2)"}}}}
  links:
  - {{from: invoice_orders, source: {{invoice: invoice_id}}, target: {{sale_order: order_ids}}, qualifier: bills}}
  process:
    happy_path: [Create order, Order quoted, Order confirmed, Post invoice, Receive payment]
"""
TABLES = """
create table statuses (id integer primary key, name text);
create table "sale orders" (id integer primary key, number text, status_id integer, state text, total numeric(14, 2),
    ordered_on date, created_by text, secret text, tenant integer);
create table invoices (id integer primary key, number text, posted_at timestamp);
create table invoice_lines (id integer primary key, invoice_id integer, order_id integer);
create table payments (invoice_id integer, paid_at timestamp, amount numeric(14, 2));
create table change_log (id integer primary key, order_id integer, changed_at timestamp, new text, "user" text);
insert into statuses values (1, 'open'), (2, 'done');
"""
LOG = "event_logs.shop_order_to_cash"
# What the declarations say, written by hand over the source itself: case, activity, time and what decides between equal times.
BY_HAND = """
with live as (select * from "sale orders" where tenant = 100)
select cast(id as text) as case_id, 'Create order' as activity, ordered_on || ' 00:00:00' as at, 1 as rule, id as place from live
union all
select cast(order_id as text), 'Order ' || new, changed_at, 2, id from change_log where new in ('quoted', 'confirmed')
union all
select distinct cast(l.order_id as text), 'Post invoice', i.posted_at, 3, i.id
from invoices i join invoice_lines l on l.invoice_id = i.id where i.posted_at is not null
union all
select cast(l.order_id as text), 'Receive payment', p.paid_at, 4, 0
from payments p join invoice_lines l on l.invoice_id = p.invoice_id
"""


def fill(path: Path, orders: int = 120) -> None:
    chance, start = random.Random(3), datetime(2024, 1, 1)
    with sqlite3.connect(path) as db:
        db.executescript(TABLES)
        number = 0
        for order in range(1, orders + 1):
            day = start + timedelta(days=chance.randrange(60))
            name = {1: "NA", 2: "null", 3: "None"}.get(order, f"S{order}")
            tenant, user = 200 if order % 40 == 0 else 100, chance.choice(["ann", "bob", None])
            row = (order, name, order % 3, "x", order * 1.25, day.date().isoformat(), user, "hidden", tenant)
            db.execute('insert into "sale orders" values (?, ?, ?, ?, ?, ?, ?, ?, ?)', row)
            for word in ("quoted", "note", "confirmed") if tenant == 100 else ():
                number += 1
                db.execute("insert into change_log values (?, ?, ?, ?, ?)", (number, order, day.isoformat(" "), word, user))
        for invoice in range(1, orders // 2):
            posted = (start + timedelta(days=70 + chance.randrange(9), hours=invoice % 24)).isoformat(" ") if invoice % 7 else None
            db.execute("insert into invoices values (?, ?, ?)", (invoice, f"I{invoice}", posted))
            for order in {chance.randrange(1, orders) for _ in range(chance.choice([1, 1, 2, 3]))}:
                if order % 40:
                    db.execute("insert into invoice_lines (invoice_id, order_id) values (?, ?)", (invoice, order))
            paid = (start + timedelta(days=90 + invoice % 5)).isoformat(" ")
            for _ in range(invoice % 3):  # equal rows: two payments of the same day
                db.execute("insert into payments values (?, ?, ?)", (invoice, paid, 5))
    db.close()


def source(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as db:
        found = db.execute(sql).fetchall()
    db.close()
    return found


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def build(*arguments: str) -> dict[str, str]:
    write_dbt_files(connections().values(), ())
    done = run_dbt("build", "--select", "path:generated", *arguments)
    results = json.loads((lake.get_settings().home / "dbt" / "target" / "run_results.json").read_text())["results"]
    statuses = {result["unique_id"]: result["status"] for result in results}
    assert done.returncode == 0, done.stdout
    return statuses


@pytest.fixture(scope="module")
def shop(module_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The source; it is connected, landed and built. Before anything landed, its models were built empty."""
    path = tmp_path_factory.mktemp("shop") / "shop.sqlite"
    fill(path)
    connections_folder().mkdir(parents=True)
    (connections_folder() / "shop.yaml").write_text(FILE.format(path=path))
    before = build()
    assert set(before.values()) == {"success", "pass"}
    assert rows(f"select count(*) from {LOG}") == [(0,)]
    load_source("shop")
    after = build()
    assert set(after.values()) == {"success", "pass"}
    assert set(after) == set(before)
    yield path


def test_a_staging_model_renames_casts_computes_looks_up_leaves_out_and_filters(shop: Path) -> None:
    described = {name: kind for name, kind, *_ in rows("describe staging.stg_shop__orders")}
    assert described == {
        "id": "BIGINT", "state": "VARCHAR", "created_by": "VARCHAR", "tenant": "BIGINT", "order_number": "VARCHAR",
        "label": "VARCHAR", "status": "VARCHAR", "ordered_on": "DATE", "total": "DECIMAL(14,2)",
    }  # fmt: skip
    by_hand = source(
        shop,
        "select o.id, o.number, o.number || '/' || o.state, s.name"
        ' from "sale orders" o left join statuses s on s.id = o.status_id'
        " where tenant = 100 order by 1",
    )
    assert rows("select id, order_number, label, status from staging.stg_shop__orders order by 1") == by_hand
    assert len(by_hand) == 117


def test_the_case_view_holds_just_the_events_that_sql_over_the_source_finds(shop: Path) -> None:
    by_hand = source(shop, f"select case_id, activity, at, count(*) from ({BY_HAND}) group by 1, 2, 3 order by 1, 2, 3")
    found = rows(
        f"select case_id, activity, strftime(occurred_at at time zone 'UTC', '%Y-%m-%d %H:%M:%S'), count(*) from {LOG}"
        " group by all order by all"
    )
    assert found == by_hand
    assert len({activity for _, activity, *_ in found}) == 5


def test_an_event_of_several_cases_is_one_event_and_stands_in_each_case(shop: Path) -> None:
    in_log = source(
        shop,
        "select count(distinct l.invoice_id)"
        " from invoices i join invoice_lines l on l.invoice_id = i.id where posted_at is not null",
    )
    in_cases = source(shop, f"select count(*) from ({BY_HAND}) where activity = 'Post invoice'")
    assert rows(f"select count(*) from {LOG}__events where activity = 'Post invoice'") == in_log
    assert rows(f"select count(*) from {LOG} where activity = 'Post invoice'") == in_cases
    assert in_cases[0][0] > in_log[0][0]


def test_equal_rows_without_a_key_are_events_of_their_own(shop: Path) -> None:
    twice = source(
        shop, f"select count(*) from (select 1 from ({BY_HAND}) where rule = 4 group by case_id, at having count(*) > 1)"
    )
    assert twice[0][0] > 0
    assert rows(f"select count(*) = count(distinct event_id) from {LOG}__events") == [(True,)]


def test_events_of_one_day_stand_in_the_order_in_which_they_were_declared_and_recorded(shop: Path) -> None:
    orders = rows(
        f"select distinct (select list(activity order by occurred_at, source_row)"
        f" from {LOG} as one where one.case_id = cases.case_id)[1:3]"
        f" from (select distinct case_id from {LOG}) as cases"
    )
    assert orders == [(["Create order", "Order quoted", "Order confirmed"],)]


def test_objects_are_those_described_and_those_that_events_mention(shop: Path) -> None:
    assert rows(f"select object_type, count(*) from {LOG}__objects group by 1 order by 1") == [
        ("invoice", 59), ("sale_order", 117), ("user", 2),
    ]  # fmt: skip
    assert rows(f"select number, status, typeof(total) from {LOG}__objects where object_id = 'sale_order:1'") == [
        ("NA", "open", "DECIMAL(14,2)")
    ]
    assert rows(f"select distinct qualifier from {LOG}__event_objects order by 1") == [
        ("billed",),
        ("invoice",),
        ("sale_order",),
        ("user",),
    ]
    assert rows(f"select count(*) from {LOG}__object_objects") == source(
        shop, "select count(*) from (select distinct invoice_id, order_id from invoice_lines)"
    )


def test_words_like_null_and_na_stay_words_and_an_empty_user_stays_empty(shop: Path) -> None:
    assert rows(f"select distinct case_id, number from {LOG} where case_id in ('1', '2', '3') order by 1") == [
        ("1", "NA"), ("2", "null"), ("3", "None"),
    ]  # fmt: skip
    nobody = source(shop, 'select count(*) from "sale orders" where tenant = 100 and created_by is null')
    assert rows(f"select count(*) from {LOG} where activity = 'Create order' and resource is null") == nobody
    assert nobody[0][0] > 0


def test_the_log_meets_the_contract_of_event_logs(shop: Path) -> None:
    described = [(name, kind) for name, kind, *_ in rows(f"describe {LOG}")]
    assert described == [
        ("case_id", "VARCHAR"), ("activity", "VARCHAR"), ("occurred_at", "TIMESTAMP WITH TIME ZONE"),
        ("started_at", "TIMESTAMP WITH TIME ZONE"), ("resource", "VARCHAR"), ("source_row", "BIGINT"), ("event_id", "VARCHAR"),
        ("amount", "DECIMAL(14,2)"), ("number", "VARCHAR"), ("total", "DECIMAL(14,2)"), ("status", "VARCHAR"),
    ]  # fmt: skip
    manifest = json.loads((lake.get_settings().home / "dbt" / "target" / "manifest.json").read_text())
    logs = [node for node in manifest["nodes"].values() if node["resource_type"] == "model" and node["schema"] == "event_logs"]
    ours = [node for node in logs if node["name"].startswith("shop_")]
    assert len(ours) == 5
    assert all(node["config"]["contract"]["enforced"] and node["access"] == "public" for node in ours)
    tested = {node["attached_node"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    assert {node["unique_id"] for node in ours} <= tested


def test_the_declared_process_is_registered_checked_and_mined_like_every_other(shop: Path) -> None:
    from connectors.quality import check_event_log
    from mining import mine

    assert "shop_order_to_cash" in [definition["name"] for definition in product_definitions()]
    assert "shop_order_to_cash" in lake.in_transaction(register_products)
    with lake.connect(read_only=True) as connection:
        known = {process.name: process for process in processes(connection)}
    assert known["shop_order_to_cash"].definition["happy_path"][-1] == "Receive payment"
    assert [check.check_name for check in check_event_log("shop_order_to_cash") if not check.passed] == []
    mined = mine("shop_order_to_cash")
    ordered = f"select * from ({BY_HAND}) order by case_id, at, rule, place"
    traces = f"select case_id, group_concat(activity, ' > ') as trace from ({ordered}) group by case_id"
    assert source(shop, f"select count(*), count(distinct trace) from ({traces})") == [(mined.cases, mined.variants)]
    assert mined.variants > 5


def test_event_ids_stay_the_same_when_rows_come_and_go(shop: Path) -> None:
    before = dict(rows(f"select event_id, activity from {LOG}__events"))
    with sqlite3.connect(shop) as db:
        db.execute("insert into \"sale orders\" values (500, 'NEW', 1, 'x', 1, '2023-12-01', 'cy', '', 100)")
        db.execute('delete from "sale orders" where id = 7')
    db.close()
    load_source("shop")
    build()
    after = dict(rows(f"select event_id, activity from {LOG}__events"))
    assert sorted(after[one] for one in set(after) - set(before)) == ["Create order"]
    assert sorted(before[one] for one in set(before) - set(after)) == ["Create order"]
    assert rows("select count(*) from staging.stg_shop__orders where id = 7") == [(0,)]
    assert rows("select count(*) from raw_shop.orders where id = 7 and _deleted_at is not null") == [(1,)]


def test_a_column_that_the_source_gains_is_there_after_the_next_build(shop: Path) -> None:
    with sqlite3.connect(shop) as db:
        db.execute("alter table invoices add column channel text")
        db.execute("update invoices set channel = 'mail' where id = 1")
    db.close()
    load_source("shop")
    build()
    assert rows("select channel from staging.stg_shop__invoices where id = 1") == [("mail",)]


def test_files_are_written_only_when_something_changed_and_go_with_their_connection(shop: Path) -> None:
    write_dbt_files(connections().values(), ())
    files = {path: path.stat().st_mtime_ns for path in generated_folder().rglob("*") if path.is_file()}
    assert write_dbt_files(connections().values(), ()) is False
    assert {path: path.stat().st_mtime_ns for path in generated_folder().rglob("*") if path.is_file()} == files
    assert len(files) > 25
    assert write_dbt_files([], ()) is True
    assert list(generated_folder().rglob("*")) == []
    assert run_dbt("parse").returncode == 0
    assert write_dbt_files(connections().values(), ()) is True


def test_a_faulty_declaration_leaves_out_its_own_connection_only(shop: Path) -> None:
    words = {"name": "other", "type": "sql", "resources": [{"name": "a", "mapping": {"where": "1; drop table b"}}]}
    assert write_dbt_files([get_connection("shop"), connection_of(words, origin="other.yaml")], ()) is False
    assert list(faulty_declarations()) == ["other"]
    assert "resources.a.mapping.where" in faulty_declarations()["other"]
    write_dbt_files(connections().values(), ())
    assert faulty_declarations() == {}


def test_two_connections_may_not_make_the_same_model(shop: Path) -> None:
    log = {
        "name": "cash", "case": "o", "objects": {"o": None},
        "events": [{"activity": "A", "from": "t", "at": "a", "objects": {"o": "id"}}],
    }  # fmt: skip
    one = {"name": "a_b", "type": "sql", "resources": [{"name": "t", "key": "id"}], "event_logs": [log]}
    other = {**one, "name": "a", "event_logs": [{**log, "name": "b_cash"}]}
    both = [connection_of(words, origin="x.yaml") for words in (one, other)]
    assert all(dbt_files(connection) for connection in both)
    write_dbt_files(both, ())
    assert "another model a_b_cash" in faulty_declarations()["a"]
    write_dbt_files(connections().values(), ())
