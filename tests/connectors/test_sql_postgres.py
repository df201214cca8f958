"""PostgreSQL as a source: every type, tables read in parallel, moments without a zone, and what a password is never seen in."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

import lake
from connectors.connections import get_connection
from connectors.connector import connector_of
from connectors.kinds import sql_reading
from connectors.load import load_source
from connectors.packages import forget
from lake.addresses import libpq_dsn
from lake.database import DEMO_ERP, database_url
from lake.source_databases import attached_postgres


def source(*statements: str) -> None:
    with psycopg.connect(libpq_dsn(database_url(DEMO_ERP)), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def asked(sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(libpq_dsn(database_url(DEMO_ERP))) as connection:
        return connection.execute(sql).fetchall()


def write(*resources: dict[str, Any], **words: Any) -> None:
    from lake.settings import get_settings

    folder = get_settings().home / "connections"
    folder.mkdir(parents=True, exist_ok=True)
    address = database_url(DEMO_ERP).render_as_string(hide_password=False)
    said = {"type": "sql", "address": address, "retries": 0, "resources": list(resources), **words}
    (folder / "pg.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_type_keeps_its_values_and_an_awkward_name_is_a_name(grimoire_home: Path):
    source(
        'create schema "My Schema"',
        "create type mood as enum ('sad', 'ok')",
        'create table "My Schema"."Odd ""Table" (id bigint primary key, small smallint, exact numeric(30, 10), loose numeric,'
        " wanted numeric,"
        " short real, long double precision, flag boolean, local timestamp, moment timestamptz,"
        " day date, clock time, zoned timetz,"
        " uid uuid,"
        ' doc jsonb, list integer[], feel mood, gap interval, raw bytea, "Groß: 100%" text)',
        'insert into "My Schema"."Odd ""Table" values (9223372036854775807, -32768,'
        " 12345678901234567890.0123456789, 0.1,"
        " 0.12345678901234567890,"
        " 0.1, 0.1, true, '2024-07-01 10:00:00.123456', '2024-07-01 10:00+02', '2024-02-29', '23:59:58.5', '10:00+02',"
        " '0c0ffee0-0000-4000-8000-000000000000', '{\"a\": [1, null]}', '{1,2}', 'ok', '1 day', '\\x00ff', 'Straße :x %s')",
    )
    write(
        {"name": "odd", "table": 'Odd "Table', "schema": "My Schema", "key": "id", "columns": {"wanted": "decimal(38, 20)"}},
        time_zone="Europe/Berlin",
    )
    assert load_source("pg").tables[0].rows_landed == 1
    assert rows(
        "select id, small, exact, loose, wanted, short::varchar, long, flag, local::varchar,"
        " moment::varchar, day, clock::varchar, zoned,"
        ' uid, doc, list, feel, gap, raw, "Groß: 100%" from raw_pg.odd'
    ) == [
        (
            9223372036854775807, -32768, Decimal("12345678901234567890.0123456789"), 0.1, Decimal("0.12345678901234567890"),
            "0.1", 0.1, True, "2024-07-01 08:00:00.123456+00", "2024-07-01 08:00:00+00", date(2024, 2, 29), "23:59:58.5",
            "10:00:00+02",
            "0c0ffee0-0000-4000-8000-000000000000", '{"a": [1, null]}', "[1,2]", "ok", "1 day", b"\x00\xff", "Straße :x %s",
        )
    ]  # fmt: skip


@pytest.mark.parametrize("loose", [False, True])
def test_a_large_table_comes_in_parts_and_whole(grimoire_home: Path, monkeypatch: pytest.MonkeyPatch, loose: bool):
    monkeypatch.setattr(sql_reading, "ROWS_WORTH_PARTS", 1_000)
    kind = "numeric" if loose else "numeric(12, 2)"
    source(
        f"create table large as select i as id, (i * 0.25)::{kind} as amount, timestamp '2024-01-01' + i * interval '1 s' as moment"
        " from generate_series(-500, 20000) i",
        "alter table large add primary key (id)",
        "analyze large",
    )
    parts: list[int] = []
    real = sql_reading._whole_queries
    monkeypatch.setattr(sql_reading, "_whole_queries", lambda *args: parts.append(len(real(*args))) or real(*args))
    write({"name": "large", "key": "id", "cursor": "moment"})
    load_source("pg")
    assert parts == ([lake.get_settings().threads] if loose else [1])
    checksum = "count(*), sum(id)::bigint, sum(amount * 4)::bigint, max(moment)::date, min(id)::bigint"
    assert rows(f"select {checksum} from raw_pg.large") == asked(f"select {checksum} from large")
    assert load_source("pg").tables[0].rows_landed == 0


def test_moments_without_a_zone_are_the_connections_and_its_cursor_goes_on_in_the_databases_words(grimoire_home: Path):
    source(
        "create table notes (id int primary key, moment timestamp)", "insert into notes values (1, '2024-07-01 10:00'), (2, null)"
    )
    write({"name": "notes", "key": "id", "cursor": "moment"}, time_zone="America/New_York")
    load_source("pg")
    source("insert into notes values (3, '2024-07-01 09:56'), (4, '2024-07-01 09:50')")
    load = load_source("pg").tables[0]
    assert (load.rows_extracted, load.rows_landed) == (3, 1)
    assert rows("select id, moment::timestamp from raw_pg.notes order by id") == [
        (1, datetime(2024, 7, 1, 14)), (2, None), (3, datetime(2024, 7, 1, 13, 56)),
    ]  # fmt: skip
    assert rows("select cursor_before, cursor_after from platform.loads order by started_at desc limit 1") == [
        ("2024-07-01 10:00:00", "2024-07-01 10:00:00")
    ]


def test_days_and_computed_columns_are_cursors_too(grimoire_home: Path):
    source(
        "create table days (id int primary key, day date)",
        "insert into days select i, date '2024-01-01' + i from generate_series(1, 30) i",
        "create table edits (id int primary key, created timestamptz, edited timestamptz)",
        "insert into edits values (1, '2024-01-01', null), (2, '2024-01-01', '2024-02-01')",
    )
    write(
        {"name": "days", "key": "id", "cursor": "day"},
        {"name": "edits", "key": "id", "cursor": "touched", "cursor_expression": "coalesce(edited, created)"},
    )
    load_source("pg")
    source("insert into days values (31, '2024-01-30'), (32, '2024-01-29')", "update edits set edited = '2024-03-01' where id = 1")
    loads = {load.name: (load.rows_extracted, load.rows_landed) for load in load_source("pg").tables}
    assert loads == {"days": (3, 1), "edits": (2, 1)} or loads == {"days": (3, 1), "edits": (1, 1)}
    forget(get_connection("pg"))
    load_source("pg")
    assert rows("select count(*) from raw_pg.days") == [(32,)]


def test_a_password_is_in_no_message_and_no_list_of_databases(grimoire_home: Path):
    url = database_url(DEMO_ERP)
    secret = url.set(password="planted päss'word/%")
    with attached_postgres(secret) as connection:
        assert "planted" not in str(connection.execute("select * from duckdb_databases()").fetchall())
        assert "planted" not in str(connection.execute("select * from duckdb_secrets()").fetchall())
    gone = secret.set(host="127.0.0.1", port=1, query={})
    with pytest.raises(lake.GrimoireError) as failure, attached_postgres(gone):
        pass
    assert "planted" not in str(failure.value)
    write({"name": "any", "key": "id"}, address="postgresql://127.0.0.1:1/none", credentials={"password": "env:NO_SUCH_VARIABLE"})
    assert not connector_of(get_connection("pg")).check().is_well
