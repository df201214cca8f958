"""Forgetting imported processes of a real lake: all of one goes, nothing of the others."""

import json
from pathlib import Path

import pytest

import lake
from connectors.event_log_files import import_event_log
from lake.errors import DataError, UnknownProcessError
from lake.registry import register_process
from mining import forget_process, mine

pytestmark = [
    pytest.mark.usefixtures("grimoire_home"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*"),
]
LOG = "case,activity,time\n1,a,2024-01-01\n1,b,2024-01-02\n2,a,2024-01-03\n,a,2024-01-03\n"


def traces_of(process: str) -> dict[str, int]:
    """Tables of the lake by how many rows, or columns, in them bear the process's name; those without any left out."""
    found = {}
    with lake.connect(read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name, list(column_name) from duckdb_columns() where database_name = 'lake' "
            "and schema_name in ('mining', 'layouts', 'platform', 'quarantine', 'raw_files', 'event_logs') group by all"
        ).fetchall()
        for schema, table, columns in tables:
            found[f"{schema}.{table}"] = int(table == process or table.startswith(f"{process}__"))
            for column in {"process", "subject", "table_name"} & set(columns):
                rows = connection.execute(
                    f"select count(*) from {schema}.{table} where {column} = ? or starts_with({column}, ?)",
                    [process, f"{process}__"],
                ).fetchone()
                found[f"{schema}.{table}"] += rows[0]
    return {table: number for table, number in found.items() if number}


def test_all_of_a_process_goes_but_that_it_was_loaded_and_nothing_of_another(tmp_path: Path) -> None:
    for name in ("gone", "kept"):
        (tmp_path / f"{name}.csv").write_text(LOG)
        import_event_log(tmp_path / f"{name}.csv")
        mine(name, noise=0)
    before = traces_of("kept")
    assert {"mining.models", "mining.variants", "layouts.built", "layouts.gone__cases", "quarantine.rows"} <= set(traces_of("gone"))

    gone = forget_process("gone")

    assert (gone.cases, gone.events, gone.rows_quarantined) == (2, 3, 1)
    assert set(traces_of("gone")) == {"platform.loads"}
    assert traces_of("kept") == before
    import_event_log(tmp_path / "gone.csv")
    assert mine("gone", noise=0).cases == 2, "the name is free again"


def test_an_object_centric_log_goes_with_all_its_tables(tmp_path: Path) -> None:
    order = {"id": "o1", "type": "order", "attributes": [], "relationships": []}
    place = {"id": "e1", "type": "place", "time": "2024-01-01T10:00:00Z", "attributes": []}
    links = [{"objectId": "o1", "qualifier": "order"}, {"objectId": "ghost", "qualifier": "order"}]
    log = {"objectTypes": [], "eventTypes": [], "objects": [order], "events": [{**place, "relationships": links}]}
    (tmp_path / "shop.jsonocel").write_text(json.dumps(log))
    import_event_log(tmp_path / "shop.jsonocel", object_type="order")
    assert "quarantine.rows" in traces_of("shop")

    assert forget_process("shop").rows_quarantined == 1

    assert set(traces_of("shop")) == {"platform.loads"}


def test_a_data_products_process_and_an_unknown_one_are_refused() -> None:
    def work(connection):
        register_process(connection, "order_to_cash", title="Order to cash", origin="product")

    lake.in_transaction(work)
    before = traces_of("order_to_cash")

    with pytest.raises(DataError, match="data product"):
        forget_process("order_to_cash")
    with pytest.raises(UnknownProcessError, match="order_to_cash"):
        forget_process("nowhere")
    assert traces_of("order_to_cash") == before == {"platform.processes": 1}
