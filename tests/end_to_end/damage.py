"""Faults to be planted in copies of the demo company's rows and logs, each with the check that must catch it.

What belongs here: the faults, as SQL, and making the copies. What does not: asking whether they are caught.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import lake
from connectors.demo.connections import demo_connections
from lake.registry import register_process


@dataclass(frozen=True)
class Damage:
    """One fault: what is done, and the subject and name of the check that must fail for it."""

    name: str
    sql: str
    subject: str
    check: str


COPIED = ("employees", "parties", "products", "sale_orders", "sale_order_lines", "invoices", "payments")
LANDED = (
    Damage("null key", "update payments set id = null where id = (select min(id) from payments)", "payments", "id is filled"),
    Damage(
        "duplicate key",
        "insert into invoices select * from invoices limit 1; update invoices set number = 'another'"
        " where rowid = (select max(rowid) from invoices)",
        "invoices",
        "id is unique",
    ),
    Damage(
        "wrong type",
        "update sale_orders set total_amount = 'plenty' where id = (select max(id) from sale_orders)",
        "sale_orders",
        "values fit the lake's types",
    ),
    Damage(
        "future date",
        "update payments set paid_at = '2099-01-01 00:00:00+00' where id = (select max(id) from payments)",
        "payments",
        "paid_at is plausible (1990 to two years ahead)",
    ),
    Damage(
        "date of 1900",
        "update sale_orders set created_at = '1900-01-01 00:00:00+00' where id = (select min(id) from sale_orders)",
        "sale_orders",
        "created_at is plausible (1990 to two years ahead)",
    ),
    Damage(
        "orphan reference",
        "update sale_order_lines set order_id = 99999999 where id = (select min(id) from sale_order_lines)",
        "sale_order_lines",
        "order_id is known in sale_orders",
    ),
    Damage(
        "unknown state",
        "update invoices set state = 'lost in the post' where id = (select min(id) from invoices)",
        "invoices",
        "state is one of draft, blocked, posted, paid, cancelled",
    ),
    Damage(
        "unknown kind",
        "update parties set kind = 'friend' where id = (select max(id) from parties)",
        "parties",
        "kind is one of customer, supplier",
    ),
    Damage(
        "missing name", "update employees set name = null where id = (select max(id) from employees)", "employees", "name is filled"
    ),
    Damage("dropped column", "alter table parties drop column city", "parties", "columns are all there"),
    Damage("renamed column", "alter table products rename column category to family", "products", "columns are all there"),
    Damage(
        "new type",
        "alter table employees add column active_text text; update employees set active_text = 'yes' where id % 2;"
        " alter table employees drop column active; alter table employees rename column active_text to active",
        "employees",
        "columns are those known",
    ),
)

LOG = 'event_logs."{log}"'
SOME = "abs(hash(case_id)) % 10 = 0"  # a tenth of the cases
OF_EVENTS = {
    "single": (
        Damage(
            "event of next year",
            f"update {LOG} set occurred_at = now() + interval 300 day where source_row = (select max(source_row) from {LOG})",
            "order_to_cash",
            "no event lies in the future",
        ),
        Damage(
            "placeholder's date",
            f"update {LOG} set occurred_at = timestamptz '1970-01-01 00:00:00+00'"
            f" where source_row = (select min(source_row) from {LOG})",
            "order_to_cash",
            "no event lies before 1990 or bears a placeholder's date",
        ),
        Damage(
            "null word for an id",
            f"update {LOG} set case_id = 'NULL' where case_id = (select min(case_id) from {LOG})",
            "order_to_cash",
            "no case or resource is called like a missing value",
        ),
        Damage(
            "blank activity",
            f"update {LOG} set activity = ' ' where case_id = (select max(case_id) from {LOG})",
            "order_to_cash",
            "activity is not blank",
        ),
        Damage(
            "end before start",
            f"update {LOG} set started_at = occurred_at + interval 1 hour where case_id = (select max(case_id) from {LOG})",
            "order_to_cash",
            "started_at is not after occurred_at",
        ),
        Damage(
            "duplicated events",
            f"insert into {LOG} select * replace (source_row + 1000000000 as source_row) from {LOG} where {SOME}",
            "order_to_cash",
            "no event is there twice",
        ),
        Damage(
            "orphan event",
            'delete from event_logs."{log}__event_objects" where event_id = (select min(event_id) from event_logs."{log}__events")',
            "order_to_cash",
            "every event belongs to an object",
        ),
        Damage(
            "object without a history",
            "insert into event_logs.\"{log}__objects\" by name select 'sales_order:99' as object_id, 'sales_order' as object_type",
            "order_to_cash",
            "every case's object has an event",
        ),
        Damage(
            "link to nothing",
            "insert into event_logs.\"{log}__event_objects\" by name select 'erp:none' as event_id, 'order:none' as object_id",
            "order_to_cash",
            "every link leads to an event and an object",
        ),
    ),
    "whole": (
        Damage(
            "day-only times",
            f"update {LOG} set occurred_at = date_trunc('day', occurred_at)",
            "order_to_cash",
            "most times are finer than days",
        ),
        Damage("events at one time", "select 1", "order_to_cash", "most events have a time of their own in their case"),
        Damage(
            "blank resources",
            f"update {LOG} set resource = '' where source_row % 5 <> 0",
            "order_to_cash",
            "most events name a resource",
        ),
        Damage(
            "lost column",
            f"alter table {LOG} drop column salesperson",
            "order_to_cash",
            "the columns are those of the last check",
        ),
        Damage(
            "volume collapse",
            f"delete from {LOG} where date_trunc('week', occurred_at) = (select max(date_trunc('week', occurred_at)) from {LOG})"
            " - interval 7 day and source_row % 20 <> 0",
            "order_to_cash",
            "last week's volume is like that of the weeks before",
        ),
    ),
    "cases": (
        Damage(
            "effect before cause",
            f"update {LOG} set occurred_at = occurred_at - interval 60 day where activity = 'Ship Goods' and {SOME}",
            "order_to_cash",
            "Ship Goods does not come before Confirm Order",
        ),
        Damage(
            "beginnings that lie too late",
            f"update {LOG} set occurred_at = occurred_at + interval 1 day where activity = 'Create Sales Order' and {SOME}",
            "order_to_cash",
            "cases begin with Create Sales Order",
        ),
        Damage(
            "missing ends",
            f"delete from {LOG} where activity in ('Clear Invoice', 'Cancel Order') and abs(hash(case_id)) % 4 = 0",
            "order_to_cash",
            "cases that are old enough have reached an end",
        ),
        Damage(
            "volume spike",
            f"insert into {LOG} select e.* replace (source_row + 1000000000 * copy as source_row,"
            f" case_id || '-' || copy as case_id) from {LOG} as e, range(1, 15) as r(copy) where"
            f" date_trunc('week', occurred_at) = (select max(date_trunc('week', occurred_at)) from {LOG}) - interval 7 day",
            "order_to_cash",
            "last week's volume is like that of the weeks before",
        ),
    ),
    "clocks": (
        Damage(
            "clock shifted by two hours in one source",
            f"update {LOG} set occurred_at = occurred_at - interval 2 hour where starts_with(event_id, 'erp:')",
            "lead_to_cash",
            "the sources agree on the order of events",
        ),
    ),
}

PRODUCTS = (
    Damage(
        "account with an unknown party",
        "update raw_crm.accounts set erp_party_code = 'NOWHERE' where erp_party_code is not null and hash(id) % 3 = 0",
        "stg_crm__accounts",
        "accounts name parties the ERP knows",
    ),
    Damage(
        "won opportunity without an order",
        "update raw_erp.sale_orders set crm_opportunity_id = null where crm_opportunity_id is not null and id % 2 = 0",
        "customers__opportunities",
        "won opportunities have become orders within 30 days",
    ),
    Damage(
        "negative amount",
        "update raw_erp.sale_orders set total_amount = -total_amount where id = (select min(id) from raw_erp.sale_orders)",
        "sales__orders",
        "amount is not negative",
    ),
)


def copy_sources(home: Path) -> Path:
    """A SQLite file with the landed rows of the ERP's tables, and a connection `copied` that declares them as the ERP's does."""
    file, folder = home / "copied.db", home / "connections"
    folder.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(file) as target, lake.connect(read_only=True) as connection:
        for table in COPIED:
            _copy_table(connection, target, table)
    target.close()
    declared = {resource.name: resource for resource in demo_connections()["erp"].resources}
    wanted = {"key", "required", "times", "kinds", "states", "references"}
    resources = [{"name": name, **declared[name].model_dump(include=wanted)} for name in COPIED]
    for resource in resources:
        resource["references"] = {column: to for column, to in resource["references"].items() if to in COPIED}
        resource["columns"] = dict.fromkeys(resource["times"], "timestamptz")
    words = {"type": "sql", "address": f"sqlite:///{file}", "resources": _plain(resources)}
    (folder / "copied.yaml").write_text(yaml.safe_dump(words), encoding="utf-8")
    return file


def _copy_table(connection: Any, target: sqlite3.Connection, table: str) -> None:
    kinds = {"BIGINT": "integer", "INTEGER": "integer", "BOOLEAN": "integer"}
    columns = [
        (name, kinds.get(kind, "numeric" if kind.startswith("DECIMAL") else "text"))
        for name, kind, *_ in connection.execute(f"describe raw_erp.{table}").fetchall()
        if not name.startswith("_")
    ]
    target.execute(f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in columns)})")
    chosen = ", ".join(name if kind == "integer" else f"{name}::varchar" for name, kind in columns)
    found = connection.execute(f"select {chosen} from raw_erp.{table}").fetchall()
    target.executemany(f"insert into {table} values ({', '.join('?' * len(columns))})", found)


def _plain(value: Any) -> Any:
    """Lists and dictionaries, as YAML writes them."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def damage_file(file: Path, damages: Iterable[Damage]) -> None:
    with sqlite3.connect(file) as target:
        for damage in damages:
            target.executescript(damage.sql)
    target.close()


def copy_log(process: str, name: str, definition: dict[str, Any]) -> None:
    """A copy of a process's event log, its object-centric part included, under another name."""

    def work(connection: Any) -> None:
        for part in ("", "__events", "__objects", "__event_objects"):
            connection.execute(f'create table event_logs."{name}{part}" as from event_logs."{process}{part}"')
        register_process(connection, name, title=name, origin="product", definition=definition)

    lake.in_transaction(work)


def damage_lake(damages: Iterable[Damage], **names: str) -> None:
    def work(connection: Any) -> None:
        for damage in damages:
            connection.execute(damage.sql.format(**names))

    lake.in_transaction(work)
