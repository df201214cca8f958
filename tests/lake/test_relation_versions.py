"""A relation's version stays the same as long as its rows do, whatever views lie on the way."""

from pathlib import Path

import lake
from lake.versions import relation_version

VIEWS = """
create schema raw; create schema logs;
create table raw.events (event_id varchar, activity varchar);
create table raw.links (event_id varchar, object_id varchar);
create table raw.apart (anything varchar);
create view logs.events as select * from raw.events;
create view logs.cases as select l.object_id as case_id, e.activity
    from (select distinct event_id, object_id from raw.links) l join logs.events e using (event_id);
"""


def version(relation: str) -> str | None:
    with lake.connect(read_only=True) as connection:
        return relation_version(connection, relation)


def change(statement: str) -> None:
    lake.in_transaction(lambda connection: connection.execute(statement) and None)


def test_a_view_that_joins_other_views_by_using_has_a_version_that_changes_with_the_rows_below(grimoire_home: Path) -> None:
    # DuckDB cannot tell the tables of such a view, so that no imported object-centric log could be mined
    change(VIEWS)
    before = version('lake.logs."cases"')
    assert before is not None

    change("insert into raw.apart values ('x')")
    assert version('lake.logs."cases"') == before

    change("insert into raw.events values ('1', 'Pay')")
    assert version('lake.logs."cases"') not in {before, None}


def test_a_table_read_under_another_name_is_still_found(grimoire_home: Path) -> None:
    change(
        "create schema logs; create table logs.rows (n integer); "
        "create view logs.doubled as select r.n * 2 as n from logs.rows as r"
    )
    before = version('lake.logs."doubled"')
    assert before is not None

    change("insert into logs.rows values (1)")
    assert version('lake.logs."doubled"') != before


def test_a_view_keeps_its_columns_in_the_catalog_when_its_version_is_asked_for(grimoire_home: Path) -> None:
    # the list of cases failed for every imported log: it took the log's attributes from the catalog, which had `__dummy_col0`
    change(
        "create schema logs; create table logs.rows (case_id varchar, n integer); "
        "create view logs.inner_view as select * from logs.rows; create view logs.outer_view as select * from logs.inner_view"
    )
    with lake.connect(read_only=True) as connection:
        assert relation_version(connection, 'lake.logs."outer_view"') is not None
        columns = connection.execute(
            "select table_name, column_name from information_schema.columns where table_schema = 'logs' order by all"
        ).fetchall()

    names = ("inner_view", "outer_view", "rows")
    assert columns == [(name, column) for name in names for column in ("case_id", "n")]
