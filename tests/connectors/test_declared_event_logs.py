"""Event logs over any tables of the lake: one file is enough, and what is wrong is said with file, field and nearest name."""

import re
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.connection import connection_of
from connectors.dbt_files import declaration_faults, faulty_declarations, plain_tables, write_dbt_files
from connectors.declared_event_logs import DeclaredEventLog, event_log_files, read_event_log
from connectors.doctor import examine_event_logs
from lake.dbt_environment import generated_folder, run_dbt
from lake.errors import ConnectionFileError
from lake.process_files import product_definitions
from lake.settings import PROJECT_ROOT

PARCELS = """
title: Parcels
case: parcel
owner: {name: Warehouse, email: warehouse@example.com}
objects:
  parcel: {from: warehouse.parcels, id: id, attributes: {weight: "weight::double"}}
  order:
events:
- {activity: Pack, from: warehouse.parcels, at: packed_at, resource: packed_by, objects: {parcel: id, order: orders}, id: id}
- {activity: Send, from: warehouse.parcels, at: sent_at, objects: {parcel: id}, id: id, attributes: {carrier: carrier}}
links:
- {from: warehouse.parcels, source: {parcel: id}, target: {order: orders}, qualifier: fulfils}
"""
TICKETS = """
case: ticket
objects: {ticket: {from: customers__tickets, id: ticket_id, attributes: {subject: subject}}}
events:
- {activity: Open, from: products.customers__tickets, at: opened_at, objects: {ticket: ticket_id}}
"""
TABLE = """
create schema warehouse;
create table warehouse.parcels as
    select * from (values
        ('NA', timestamptz '2024-01-01 08:00:00+00', timestamptz '2024-01-02 08:00:00+00', ['1', '2'], 'ann', 1.5),
        ('P2', timestamptz '2024-01-03 08:00:00+00', null, [], null, 2.0)) as p (id, packed_at, sent_at, orders, packed_by, weight);
"""


def write(folder: Path, words: str, name: str = "mine.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(words, encoding="utf-8")
    return folder / name


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            "from: customers__tickets",
            "from: customers__tiket",
            "objects.ticket.from: there is no model or table `customers__tiket`",
        ),
        ("from: customers__tickets", "from: customers__tiket", "do you mean `customers__tickets`?"),
        (
            "from: products.customers__tickets",
            "from: staging.customers__tickets",
            "events.0 (Open).from: there is no model or table",
        ),
        ("at: opened_at", "at: open_at", "events.0 (Open).at: there is no column `open_at`; do you mean `opened_at`?"),
        ("at: opened_at", "at: raw_crm.x(", "is no SQL expression"),
        ("case: ticket", "case: ticket\ngroup: customer", "group: there is no group `customer`; do you mean `customers`?"),
        ("case: ticket", "case: ticket\ngroup: sales\nowner: Ann", "say `group` or `owner`, not both"),
        ("case: ticket", "case: ticket\nname: other", "describes the event log `other`"),
        ("case: ticket", "case: ticket\ncolour: red", "colour: Extra inputs are not permitted"),
        ("from: products.customers__tickets", "from: int_procurement__invoice_milestones", "there is no model or table"),
        ("from: products.customers__tickets", "from: raw_shop.orderz", "do you mean `raw_shop.orders`?"),
        ("from: products.customers__tickets", "from: accounts_payable__events", "there is no model or table"),
        ("case: ticket", "case: [", "cannot be read: line"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_field(
    tmp_path: Path, grimoire_home: Path, before: str, after: str, words: str
) -> None:
    assert before in TICKETS
    path = write(tmp_path, TICKETS.replace(before, after))
    shop = connection_of({"name": "shop", "type": "sql", "resources": [{"name": "orders", "key": "id"}]}, origin="shop.yaml")
    faults = declaration_faults([shop], [path])
    assert list(faults) == ["mine.yaml"]
    assert words in faults["mine.yaml"] and "mine.yaml" in faults["mine.yaml"]


def test_a_private_model_is_read_by_its_own_group_only(tmp_path: Path, grimoire_home: Path) -> None:
    words = TICKETS.replace("from: products.customers__tickets", "from: int_procurement__invoice_milestones")
    words = words.replace("at: opened_at, objects: {ticket: ticket_id}", "at: first_paid_at, objects: {ticket: invoice_id}")
    assert "mine.yaml" in declaration_faults([], [write(tmp_path, words)])
    assert declaration_faults([], [write(tmp_path, f"group: procurement\n{words}")]) == {}


def test_a_reserved_name_and_a_file_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFileError, match="platform's own word"):
        read_event_log(write(tmp_path, TICKETS, "events.yaml"))
    with pytest.raises(ConnectionFileError, match="holds no event log"):
        read_event_log(write(tmp_path, "nothing", "nothing.yaml"))


def test_a_faulty_file_leaves_out_its_own_log_only_and_the_doctor_says_so(grimoire_home: Path) -> None:
    own = grimoire_home / "event_logs"
    write(own, TICKETS, "tickets_too.yaml")
    write(own, TICKETS.replace("opened_at", "opend_at"), "wrong.yaml")
    write(own, TICKETS, "order_to_cash.yaml")
    assert [path.name for path in event_log_files()][-3:] == ["order_to_cash.yaml", "tickets_too.yaml", "wrong.yaml"]
    assert write_dbt_files([]) is True
    assert set(faulty_declarations()) == {"wrong.yaml", "order_to_cash.yaml"}
    assert "there is another model order_to_cash" in faulty_declarations()["order_to_cash.yaml"]
    made = {path.name for path in generated_folder().rglob("*.process.yaml")}
    assert made == {"accounts_payable.process.yaml", "ticket_to_resolution.process.yaml", "tickets_too.process.yaml"}
    told = [finding for finding in examine_event_logs() if finding.status == "error"]
    assert len(told) == 2 and "do you mean `opened_at`" in " ".join(finding.detail for finding in told)
    (own / "wrong.yaml").unlink()
    (own / "order_to_cash.yaml").unlink()
    assert [finding.status for finding in examine_event_logs()] == ["ok"]
    assert write_dbt_files([]) is False, "what was left out had made no file"
    assert faulty_declarations() == {}
    (own / "tickets_too.yaml").unlink()
    assert write_dbt_files([]) is True, "a log goes with its file"


def test_the_example_of_the_page_can_be_used_and_its_mistake_is_told_as_the_page_says(tmp_path: Path, grimoire_home: Path) -> None:
    page = (PROJECT_ROOT / "docs" / "event-logs-of-your-own.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    path = write(tmp_path, example, "customer_journey.yaml")
    assert declaration_faults([], [path]) == {}
    write(tmp_path, example.replace("at: opened_at", "at: open_at"), "customer_journey.yaml")
    told = declaration_faults([], [path])["customer_journey.yaml"]
    assert told.removeprefix("[G2002] ").partition("?.")[0] in page


def test_the_page_names_every_field_that_only_such_a_file_has() -> None:
    page = (PROJECT_ROOT / "docs" / "event-logs-of-your-own.md").read_text(encoding="utf-8")
    assert set(DeclaredEventLog.model_fields) <= set(re.findall(r"`(\w+)`", page))


@pytest.mark.slow
def test_a_log_over_a_table_that_dbt_does_not_make_is_empty_until_the_table_is_there(grimoire_home: Path, tmp_path: Path) -> None:
    from orchestration.built import declared_versions

    path = write(tmp_path, PARCELS, "parcels.yaml")
    lake.in_transaction(lambda connection: connection.execute("create schema event_logs"))
    write_dbt_files([], [path])
    assert (faulty_declarations(), plain_tables()) == ({}, ["warehouse.parcels"])
    assert run_dbt("--warn-error", "build", "--select", "path:generated").returncode == 0
    assert rows("select count(*) from event_logs.parcels") == [(0,)]
    before = declared_versions()
    lake.in_transaction(lambda connection: [connection.execute(words) for words in TABLE.split(";\n")[:2]])
    assert declared_versions() != before, "a build is due"
    done = run_dbt("build", "--select", "path:generated")
    assert done.returncode == 0, done.stdout
    assert rows("select case_id, activity, resource, weight, carrier from event_logs.parcels order by case_id, occurred_at") == [
        ("NA", "Pack", "ann", 1.5, None), ("NA", "Send", None, 1.5, None), ("P2", "Pack", None, 2.0, None),
    ]  # fmt: skip
    assert rows("select target_id from event_logs.parcels__object_objects order by 1") == [("order:1",), ("order:2",)]
    definition = next(one for one in product_definitions() if one["name"] == "parcels")
    assert (definition["title"], definition["happy_path"]) == ("Parcels", ["Pack", "Send"])
