"""What a large table costs on its way from PostgreSQL into the lake, and what an incremental run costs that finds nothing.

What belongs here: 5 million rows of 12 columns, landed by a connection (staged, judged, merged, journalled), against DuckDB's own
scanner copying the same table into the same lake; then a run over the unchanged table. What does not: HTTP.
Run as `python -m bench.connectors`; needs no other data. Runs in a temporary home, or in GRIMOIRE_BENCH_HOME if that is set.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.harness import SHARED_DATA, Measured, measure, measure_command, median_of, print_table, ratio, versions, write_results

ROWS = 5_000_000
RUNS = 3
LEAST_RATE = 0.5  # of the scanner's
MOST_MB = 1_500.0
MOST_IDLE_SECONDS = 3.0
SOURCE, NAME, WIDE = "bench_source", "bench", "bench_erp"

TABLE = f"""
create table postings as select
    i::bigint as id, (i % 50000)::integer as account_id, ('DOC' || i)::varchar(20) as number,
    (array['draft', 'posted', 'paid', 'cancelled'])[1 + i % 4]::text as state, (i % 997 + 0.25)::numeric(14, 2) as amount,
    (i % 7)::smallint as quantity, (i * 0.37)::double precision as weight, (i % 3 = 0) as is_open,
    date '2020-01-01' + (i % 1800)::integer as posted_on, timestamptz '2020-01-01' + i * interval '1 second' as created_at,
    timestamptz '2020-01-01' + i * interval '1 second' as updated_at,
    case when i % 5 = 0 then null else 'note ' || (i % 1000) end as note
from generate_series(1, {ROWS}) as i
"""
FILE = """
type: sql
address: {address}
resources:
- name: postings
  key: id
  cursor: updated_at
  required: [account_id, state]
  times: [created_at]
  kinds: {{state: [draft, posted, paid, cancelled]}}
"""


def prepare(home: str) -> None:
    """Makes the source table, and the connection that reads it, in a home of its own."""
    import psycopg

    import lake
    from lake.database import DEMO_ERP, database_url

    server = database_url(DEMO_ERP)
    with psycopg.connect(lake.libpq_dsn(server), autocommit=True) as connection:
        connection.execute(f"create database {SOURCE}")
    source = server.set(database=SOURCE)
    with psycopg.connect(lake.libpq_dsn(source), autocommit=True) as connection:
        connection.execute(TABLE)
        connection.execute("alter table postings add primary key (id)")
        connection.execute("create index on postings (updated_at)")
        connection.execute("vacuum analyze postings")
    folder = Path(home) / "connections"
    folder.mkdir(parents=True, exist_ok=True)
    address = source.render_as_string(hide_password=False)
    (folder / f"{NAME}.yaml").write_text(FILE.format(address=address), encoding="utf-8")


def warm() -> None:
    """What either side imports, as a step of the road finds it imported, and the lake, opened once."""
    import pandas
    import pyarrow.parquet

    import lake
    from orchestration import prepared

    assert prepared and pandas and pyarrow.parquet
    with lake.connect() as connection:
        connection.execute("select 1")


def ours() -> Any:
    """Lands the table by its connection."""
    from connectors.load import load_source

    load_source(NAME)
    return lambda: checksum(f"raw_{NAME}.postings")


def scanner() -> Any:
    """Copies the table into the lake with DuckDB's PostgreSQL scanner."""
    import lake
    from lake.database import DEMO_ERP, database_url

    dsn = lake.libpq_dsn(database_url(DEMO_ERP).set(database=SOURCE))
    with lake.connect() as connection:
        connection.execute(f"attach '{dsn}' as source (type postgres, read_only)")
        connection.execute("create schema if not exists peer")
        connection.execute("create or replace table peer.postings as from source.public.postings")
    return lambda: checksum("peer.postings")


def checksum(table: str) -> list[str]:
    """How many rows there are, and a sum over digests of each."""
    import lake

    columns = "id, account_id, number, state, amount, quantity, weight, is_open, posted_on, created_at, updated_at, note"
    with lake.connect(read_only=True) as connection:
        row = connection.execute(f"select count(*), sum(hash(concat_ws('|', {columns}))::hugeint) from {table}").fetchone()
    return [str(value) for value in row or ()]


def forget() -> None:
    """Lets the next run start from nothing."""
    import lake
    from connectors.connections import get_connection
    from connectors.packages import forget

    forget(get_connection(NAME))
    with lake.connect() as connection:
        connection.execute(f"drop table if exists raw_{NAME}.postings")


def idle(home: str) -> Measured:
    """One incremental run as a command of its own, imports and all."""
    command = [str(Path(sys.executable).with_name("grimoire")), "connect", "run", NAME, "--load-only"]
    return measure_command(command, environment={"GRIMOIRE_HOME": home})


def idle_wide() -> Any:
    """One incremental run over the ERP's 36 tables, 20 of which have all their keys compared, in a process that has its imports."""
    from connectors.load import load_source

    return sum(table.rows_landed for table in load_source(WIDE).tables)


def prepare_wide(home: str) -> bool:
    """Makes the connection to a whole ERP's database and lands its rows, where that is at hand."""
    import lzma

    from connectors.load import load_source

    packed = SHARED_DATA / "business" / "tryton_erp.sqlite.xz"
    if not packed.exists():
        return False
    database = Path(home) / "tryton.sqlite"
    database.write_bytes(lzma.decompress(packed.read_bytes()))
    (Path(home) / "connections" / f"{WIDE}.yaml").write_text(f"type: tryton\naddress: sqlite:///{database}\n", encoding="utf-8")
    load_source(WIDE)
    return True


def main() -> None:
    """Runs both sides in turn, prints a table, writes the results, and fails where a bound is broken."""
    with tempfile.TemporaryDirectory(prefix="grimoire-bench-") as folder:
        home = os.environ.get("GRIMOIRE_BENCH_HOME", str(Path(folder) / "home"))
        os.environ["GRIMOIRE_HOME"] = home
        prepare(home)
        environment = {"GRIMOIRE_HOME": home}
        mine, theirs = [], []
        for _ in range(RUNS):
            theirs.append(measure("bench.connectors:scanner", imports="bench.connectors:warm", environment=environment))
            forget()
            mine.append(measure("bench.connectors:ours", imports="bench.connectors:warm", environment=environment))
            assert mine[-1].value == theirs[-1].value, f"{mine[-1].value} is not {theirs[-1].value}"
        nothing = {"incremental, nothing new": median_of([idle(home) for _ in range(RUNS)])}
        if prepare_wide(home):
            run = [
                measure("bench.connectors:idle_wide", imports="bench.connectors:warm", environment=environment) for _ in range(RUNS)
            ]
            assert not any(each.value for each in run), "something was landed"
            nothing["incremental, nothing new in 36 tables"] = median_of(run)
    us, peer = min(mine, key=lambda run: run.wall_seconds), min(theirs, key=lambda run: run.wall_seconds)
    print_table({"connection": us, "DuckDB's scanner": peer, **nothing})
    times = ratio(peer, us)
    write_results(
        "connectors",
        versions=versions("duckdb", "dlt", "great-expectations", "psycopg", "sqlalchemy"),
        rows=ROWS,
        ours={"a table of 5 million rows": us.figures(), **{name: run.figures() for name, run in nothing.items()}},
        peer={"DuckDB's scanner into the lake": peer.figures()},
        ratio={"a table of 5 million rows": times},
        bounds={"least_share_of_rate": LEAST_RATE, "peak_mb": MOST_MB, "idle_wall_seconds": MOST_IDLE_SECONDS},
        note="The quickest of three runs each, in turn; imports are made before the clock, but for the command that finds nothing."
        " Neither CPU seconds nor memory of PostgreSQL are counted.",
    )
    assert times["wall"] >= LEAST_RATE, f"{times['wall']:.2f} of the scanner's rate"
    assert us.peak_mb <= MOST_MB, f"{us.peak_mb:.0f} MB"
    for name, run in nothing.items():
        assert run.wall_seconds <= MOST_IDLE_SECONDS, f"{name}: {run.wall_seconds:.1f} s"


if __name__ == "__main__":
    main()
