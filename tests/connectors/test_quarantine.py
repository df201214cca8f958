"""What a person decides about rows in quarantine is heeded by the gate, and kept with who and why."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.dead_letters import DeadLetter, dead_letters, replay
from connectors.load import load_source
from connectors.quarantine import changed, correct, letter_of, waive
from lake.errors import DataError


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def shop(grimoire_home: Path, tmp_path: Path) -> Any:
    """A SQLite shop whose orders break rules in several ways, and a way to change it."""
    file = tmp_path / "shop.db"

    def change(*statements: str) -> None:
        with sqlite3.connect(file) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    change(
        "create table customers (id integer, name text)",
        "create table orders (id integer, customer_id integer, kind text, made_at text, total numeric)",
        "insert into customers values (1, 'Ann')",
        "insert into orders values (1, 1, 'web', '2024-01-01', 10), (2, 9, 'web', '2024-01-02', 20),"
        " (3, 1, 'fax', '2024-01-03', 30), (4, 1, 'web', '1900-01-01', 40)",
        "insert into orders values (5, 1, 'web', '2024-01-05', 50), (5, 1, 'web', '2024-01-05', 51)",
    )
    folder = grimoire_home / "connections"
    folder.mkdir(parents=True)
    (folder / "shop.yaml").write_text(
        f"type: sql\naddress: sqlite:///{file}\nresources:\n- {{name: customers, key: id}}\n"
        "- {name: orders, key: id, references: {customer_id: customers}, kinds: {kind: [web, shop]}, times: [made_at],"
        " columns: {made_at: timestamptz}}\n"
    )
    load_source("shop")
    return change


def open_rows() -> dict[str, DeadLetter]:
    return {str(one.row_key): one for one in dead_letters("shop")}


def landed() -> list[int]:
    return [number for (number,) in rows("select id from raw_shop.orders order by 1")]


def test_rows_accepted_as_they_are_land_and_are_not_held_back_again(shop: Any) -> None:
    found = open_rows()
    done = waive([found[key].id for key in ("2", "3", "4")], how="accepted", note="checked by hand", by="ann")
    assert {(one.resolution, one.resolved_by, one.note) for one in done} == {("accepted", "ann", "checked by hand")}
    assert landed() == [1], "a decision is heeded by the next load"
    assert replay("shop").rows_landed == 3
    assert landed() == [1, 2, 3, 4]
    load_source("shop")
    assert (landed(), set(open_rows())) == ([1, 2, 3, 4], {"5"})
    waived = dead_letters("shop", is_open=False)
    assert {one.resolution for one in waived} == {"accepted"}, "they stay visible as waived"


def test_an_accepted_row_that_changes_is_judged_anew(shop: Any) -> None:
    waive([open_rows()["2"].id], how="accepted", note="known elsewhere")
    replay("shop")
    shop("update orders set customer_id = 8 where id = 2")
    load_source("shop")
    assert "2" in open_rows()
    assert rows("select customer_id from raw_shop.orders where id = 2") == [(9,)]


def test_rows_dropped_for_good_neither_land_nor_count_again(shop: Any) -> None:
    waive([open_rows()[key].id for key in ("2", "3")], how="dropped", note="test orders")
    replay("shop")
    load_source("shop")
    shop("insert into orders values (6, 1, 'web', '2024-01-06', 60)")
    again = load_source("shop")
    assert (landed(), set(open_rows())) == ([1, 6], {"4", "5"})
    assert {table.name: table.rows_quarantined for table in again.tables}["orders"] == 3, "4 and both of 5"
    assert len(dead_letters("shop", is_open=False)) == 2


def test_waived_rows_do_not_close_the_gate_again(shop: Any) -> None:
    shop(
        "with recursive n(i) as (select 100 union all select i + 1 from n where i < 129)"
        " insert into orders select i, 9, 'web', '2024-02-01', 1 from n"
    )
    with pytest.raises(DataError, match="no more than 20%"):
        load_source("shop")
    ours = [one.id for one in dead_letters("shop", limit=None) if one.rule == "customer_id is known in customers"]
    waive(ours, how="accepted", note="customers come later")
    load_source("shop")
    assert len(landed()) == 32


def test_what_has_no_place_in_the_lake_cannot_be_accepted(shop: Any) -> None:
    twice = next(one for one in dead_letters("shop") if one.rule == "id is unique")
    with pytest.raises(DataError, match="cannot land as it is"):
        waive([twice.id], how="accepted", note="never mind")
    with pytest.raises(DataError, match="needs a reason"):
        waive([twice.id], how="dropped", note=" ")
    with pytest.raises(DataError, match="no row nowhere in quarantine"):
        waive(["nowhere"], how="dropped", note="x")
    assert {one.resolution for one in dead_letters("shop", is_open=None)} == {None}


def test_a_correction_lands_and_says_who_made_it(shop: Any) -> None:
    letter = open_rows()["3"]
    done = correct(letter.id, changed(letter, {"kind": "shop"}), by="ben", note="typed wrongly")
    assert (done.resolved, done.rows_landed) == (1, 1)
    assert rows("select kind from raw_shop.orders where id = 3") == [("shop",)]
    kept = letter_of(letter.id)
    assert (kept.resolution, kept.resolved_by, kept.note) == ("corrected", "ben", "typed wrongly")
    with pytest.raises(DataError, match="corrected by ben"):
        waive([letter.id], how="dropped", note="too late")
    with pytest.raises(DataError, match="has no column colour"):
        changed(letter, {"colour": "red"})


def test_a_lake_of_an_earlier_version_learns_of_decisions_when_it_is_asked(shop: Any) -> None:
    # the columns came later: reading quarantine of an older lake broke
    def forget(connection: Any) -> None:
        for name in ("kind", "resolution", "resolved_by", "note"):
            connection.execute(f"alter table quarantine.rows drop column {name}")

    lake.in_transaction(forget)
    assert {one.kind for one in dead_letters("shop")} == {"held"}
