"""Rows that the gate held back: they wait without standing in the way of others, and are no dead letters once they have landed."""

from pathlib import Path

import pytest

from connectors.load import load_source
from lake.errors import QualityGateError
from tests.connectors.test_unusual_names import connected, fill, rows

THOUSAND = (
    "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 1000)"
    " insert into items select n, case when n % 20 <> 0 then 'x' end, n from numbers;"
)


@pytest.mark.parametrize("cursor", [{"column": "changed", "lag": 0}, None])
def test_rows_that_wait_do_not_close_the_gate_before_a_few_new_ones(grimoire_home: Path, cursor: dict[str, object] | None):
    script = f"create table items (id integer primary key, name text, changed integer); {THOUSAND}"
    file = connected(grimoire_home, script, {"name": "items", "key": "id", "required": ["name"], "cursor": cursor})
    assert load_source("shop").tables[0].rows_quarantined == 50
    fill(file, "insert into items values (2001, 'new', 2001), (2002, 'new', 2002)")
    assert load_source("shop").tables[0].rows_landed == 2
    fill(file, "update items set name = 'mended', changed = 3000 where name is null")
    assert load_source("shop").tables[0].rows_landed == 50
    assert rows("select count(*) from raw_shop.items") == [(1002,)]


def test_a_gate_that_many_bad_rows_closed_stays_closed_while_they_are_bad(grimoire_home: Path):
    script = f"create table items (id integer primary key, name text, changed integer); {THOUSAND}"
    file = connected(grimoire_home, script, {"name": "items", "key": "id", "required": ["name"], "cursor": "changed"})
    fill(file, "update items set name = null where id <= 500")
    for _ in range(3):
        with pytest.raises(QualityGateError, match="no more than 20% of the rows are bad"):
            load_source("shop")
    assert rows("select count(*) from information_schema.tables where table_schema = 'raw_shop'") == [(0,)]
    fill(file, "update items set name = 'mended', changed = 3000 where name is null")
    assert load_source("shop").tables[0].rows_landed == 1000


def test_a_row_without_a_key_that_has_landed_is_no_dead_letter_any_more(grimoire_home: Path):
    script = (
        "create table parents (id integer primary key); insert into parents values (1);"
        "create table children (parent integer, name text); insert into children values (1, 'a'), (2, 'b');"
    )
    file = connected(
        grimoire_home, script, {"name": "parents", "key": "id"}, {"name": "children", "references": {"parent": "parents"}}
    )
    load_source("shop")
    open_letters = "select count(*) filter (resolved_at is null), count(*) from quarantine.rows"
    assert rows(open_letters) == [(1, 1)]
    fill(file, "insert into parents values (2)")
    load_source("shop")
    assert (rows(open_letters), rows("select count(*) from raw_shop.children")) == ([(0, 1)], [(2,)])
