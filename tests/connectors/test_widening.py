"""A column whose type grows in the source grows in the lake: nothing is lost or rounded, and what was can be read as it was."""

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lake
from connectors import manage
from connectors.casts import may_misfit
from connectors.load import TableLoad, load_source
from connectors.packages import forget
from connectors.widening import EXACT_DOUBLE, widened
from lake.addresses import libpq_dsn
from lake.database import DEMO_ERP, database_url

KNOWN = "columns are those known"
FITS = "values fit the lake's types"
KINDS = st.one_of(
    st.sampled_from(["tinyint", "smallint", "integer", "bigint", "hugeint", "float", "double", "varchar", "date", "boolean"]),
    st.integers(1, 38).flatmap(lambda digits: st.integers(0, digits).map(lambda scale: f"decimal({digits},{scale})")),
)


@settings(deadline=None)
@given(there=KINDS, shown=KINDS)
def test_the_wider_type_holds_every_value_of_both(there: str, shown: str) -> None:
    wide = widened(there, shown)
    if not may_misfit(shown, there):
        assert wide is None
    if wide is not None and not (there == "bigint" and wide == "double"):
        assert not may_misfit(there, wide) or _has_room(there, wide)
        assert not may_misfit(shown, wide) or _has_room(shown, wide)


def _has_room(whole: str, wide: str) -> bool:
    """Whether a whole number's digits have room in a decimal type, which the gate's casts ask of each value."""
    import duckdb

    largest = {"tinyint": 2**7, "smallint": 2**15, "integer": 2**31, "bigint": 2**63}[whole]
    return duckdb.sql(f"select try_cast('-{largest}' as {wide}) is not null").fetchall() == [(True,)]


@pytest.mark.parametrize(
    ("there", "shown", "wide"),
    [
        ("INTEGER", "bigint", "bigint"), ("FLOAT", "double", "double"), ("INTEGER", "double", "double"),
        ("DECIMAL(10,2)", "decimal(16, 4)", "decimal(16,4)"), ("DECIMAL(10,4)", "decimal(12, 2)", "decimal(14,4)"),
        ("BIGINT", "decimal(10, 2)", "decimal(21,2)"), ("DECIMAL(10,2)", "bigint", "decimal(21,2)"),
        ("DECIMAL(38,2)", "decimal(38, 4)", None), ("DECIMAL(10,2)", "double", None), ("HUGEINT", "double", None),
        ("BIGINT", "integer", None), ("BIGINT", "varchar", None), ("DATE", "timestamptz", None), ("VARCHAR", "bigint", None),
    ],
)  # fmt: skip
def test_types_grow_only_where_nothing_can_be_lost(there: str, shown: str, wide: str | None) -> None:
    assert widened(there, shown) == wide


def postgres(*statements: str) -> None:
    with psycopg.connect(libpq_dsn(database_url(DEMO_ERP)), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def connect_to(address: str, **words: Any) -> None:
    manage.add({"name": "shop", "type": "sql", "address": address, "resources": [{"name": "t", "key": "id"}], **words})


def load() -> TableLoad:
    return load_source("shop").tables[0]


def failed(loaded: TableLoad) -> dict[str, str]:
    return {check.check_name: check.detail for check in loaded.checks if not check.passed}


def ask(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def types() -> dict[str, str]:
    return {name: kind for name, kind, *_ in ask("describe raw_shop.t") if not name.startswith("_")}


@pytest.mark.parametrize("rows", [3, 300], ids=["rows in the catalog", "rows in files"])
def test_columns_of_postgresql_grow_with_every_digit_and_their_history(grimoire_home: Path, rows: int) -> None:
    postgres(
        "create table t (id int primary key, whole bigint, exact numeric(10, 2), short real, counted int, word varchar(5))",
        f"insert into t select n, n, n + 0.25, n + 0.5, 1000000000 + n, 'abc' from generate_series(1, {rows}) as s(n)",
    )
    connect_to(database_url(DEMO_ERP).render_as_string(hide_password=False))
    assert failed(load()) == {}
    before, was = ask("select max(snapshot_id) from lake.snapshots()")[0][0], ask("select * from raw_shop.t order by id")
    old = types()
    postgres(
        "alter table t alter id type bigint, alter whole type numeric(20, 3), alter exact type numeric(16, 4),"
        " alter short type double precision, alter counted type double precision, alter word type varchar(50)",
        "insert into t values (5000000000, 98765432109876543.125, 123456789012.3456, 0.1234567890123, 0.5, 'a longer word')",
        "update t set exact = 1.0001 where id = 2",
    )
    loaded = load()
    assert loaded.rows_quarantined == 0
    assert set(failed(loaded)) == {KNOWN}, "it is told once"
    assert "widened in the lake" in failed(loaded)[KNOWN] and "held back" not in failed(loaded)[KNOWN]
    assert types() == old | {"whole": "DECIMAL(22,3)", "exact": "DECIMAL(16,4)", "short": "DOUBLE", "counted": "DOUBLE"}
    assert ask("select id, whole::varchar, exact::varchar, short, counted, word from raw_shop.t where id > 1000") == [
        (5000000000, "98765432109876543.125", "123456789012.3456", 0.1234567890123, 0.5, "a longer word")
    ]
    values = "id, whole, exact, short, counted, word"
    assert ask(f"select {values} from raw_shop.t where id not in (2, 5000000000) order by id") == [
        row[:6] for row in was if row[0] != 2
    ]
    assert ask("select exact::varchar from raw_shop.t where id = 2") == [("1.0001",)]
    assert ask(f"select * from raw_shop.t at (version => {before}) order by id") == was
    assert ask(f"select typeof(exact) from raw_shop.t at (version => {before}) limit 1") == [("DECIMAL(10,2)",)]
    assert failed(load()) == {}, "and then it is known"


def test_a_whole_number_that_a_double_would_round_keeps_its_type_and_the_check_tells(grimoire_home: Path) -> None:
    postgres("create table t (id int primary key, n bigint)", f"insert into t values (1, {EXACT_DOUBLE + 1})")
    connect_to(database_url(DEMO_ERP).render_as_string(hide_password=False))
    load()
    postgres("delete from t", "alter table t alter n type double precision", "insert into t values (2, 0.5), (3, 7)")
    loaded = load()
    assert types()["n"] == "BIGINT"
    assert set(failed(loaded)) >= {KNOWN, FITS}
    assert ask("select id, n from raw_shop.t order by id")[0] == (1, EXACT_DOUBLE + 1)
    assert (3, 7) in ask("select id, n from raw_shop.t")


def test_a_contract_that_does_not_evolve_keeps_the_type(grimoire_home: Path) -> None:
    postgres("create table t (id int primary key, n int)", "insert into t values (1, 1)")
    connect_to(database_url(DEMO_ERP).render_as_string(hide_password=False), on_schema_change="discard")
    load()
    postgres("alter table t alter n type numeric(10, 2)", "insert into t values (2, 0.5)")
    assert set(failed(load())) == {KNOWN, FITS}
    assert types()["n"] == "BIGINT"


def test_a_column_of_sqlite_whose_whole_numbers_become_fractions_grows(grimoire_home: Path) -> None:
    grimoire_home.mkdir(exist_ok=True)
    path = grimoire_home / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("create table t (id integer primary key, n)")
        database.execute("insert into t values (1, 9007199254740991), (2, 4)")
    connect_to(f"sqlite:///{path}")
    load()
    assert types()["n"] == "BIGINT"
    with sqlite3.connect(path) as database:
        database.execute("insert into t values (3, 0.125)")
    database.close()
    assert load().rows_quarantined == 0
    assert types()["n"] == "DOUBLE"
    assert ask("select id, n from raw_shop.t order by id") == [(1, 9007199254740991.0), (2, 4.0), (3, 0.125)]


def test_a_column_grows_while_the_whole_source_is_read_again(grimoire_home: Path) -> None:
    from connectors.connections import get_connection

    postgres("create table t (id int primary key, n int)", "insert into t select n, n from generate_series(1, 50) as s(n)")
    connect_to(database_url(DEMO_ERP).render_as_string(hide_password=False))
    load()
    postgres("alter table t alter n type numeric(8, 3)", "update t set n = 0.375 where id = 7")
    forget(get_connection("shop"))
    loaded = load()
    assert (loaded.rows_inserted, loaded.rows_updated, loaded.rows_quarantined) == (0, 1, 0), "equal rows are left alone"
    assert ask("select sum(n)::varchar from raw_shop.t") == [("1268.375",)]
