"""The public logs: what is imported equals what pm4py and DuckDB counted, to the last edge."""

import json
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.event_log_files import import_event_log

pytestmark = [pytest.mark.usefixtures("module_home"), pytest.mark.slow]

LOGS = (
    "RTFMP",
    "Sepsis",
    "BPIC2012",
    "BPIC2013_incidents",
    "BPIC2015_1",
    "BPIC2020_DomesticDeclarations",
    "BPIC2020_RequestForPayment",
    "Helpdesk",
    "Receipt",
    "Production",
)

STEPS = """
with steps as (
    select case_id, activity, lead(activity) over cases as next, lag(activity) over cases as previous
    from event_logs.{process}
    window cases as (partition by case_id order by occurred_at, source_row)
)
"""


def reference(shared_data: Path, log: str) -> dict[str, Any]:
    return json.loads((shared_data / "event_logs" / "reference.json").read_text())[log]


def ask(process: str, sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(STEPS.format(process=process) + sql).fetchall()


@pytest.mark.parametrize("log", LOGS)
def test_an_imported_log_equals_its_reference(shared_data: Path, log: str):
    expected = reference(shared_data, log)
    report = import_event_log(shared_data / "event_logs" / expected["file"])
    assert (report.cases, report.events, report.activities) == (expected["cases"], expected["events"], expected["activities"])
    assert report.rows_quarantined == 0
    process = report.process
    edges = ask(process, "select activity, next, count(*) from steps where next is not null group by all order by 3 desc")
    assert (len(edges), sum(count for *_, count in edges)) == (expected["dfg_edges"], expected["dfg_sum"])
    top = {(source, target): count for source, target, count in expected["top_dfg"]}
    assert {(source, target): count for source, target, count in edges if (source, target) in top} == top
    assert sorted((count for *_, count in edges), reverse=True)[: len(top)] == sorted(top.values(), reverse=True)
    for edge, part in (("previous", "start"), ("next", "end")):
        found = dict(ask(process, f"select activity, count(*) from steps where {edge} is null group by all order by 2 desc, 1"))
        assert {name: count for name, count in found.items() if name in expected[part]} == expected[part]  # it names the first ten
        assert sum(found.values()) == report.cases
        assert len(found) == len(expected[part]) or len(expected[part]) == 10
    order = "order by occurred_at, source_row"
    variants = f"select count(distinct v) from (select list(activity {order}) as v from event_logs.{process} group by case_id)"
    assert ask(process, variants) == [(expected["variants"],)]


def test_receipt_is_one_and_the_same_log_as_csv_parquet_and_xes(shared_data: Path):
    digests = {}
    for ending in ("csv", "parquet", "xes.gz"):
        name = f"receipt_{ending.replace('.', '_')}"
        zone = "Europe/Amsterdam" if ending == "parquet" else "UTC"  # the Parquet file holds local times without their zone
        import_event_log(shared_data / "event_logs" / f"receipt.{ending}", name=name, time_zone=zone)
        with lake.connect(read_only=True) as connection:
            digests[ending] = connection.execute(
                "select count(*), md5(string_agg(concat_ws('|', case_id, activity, epoch_us(occurred_at), resource, case_channel,"
                " epoch_us(case_enddate)), chr(10) order by case_id, occurred_at, source_row)),"
                f" bit_xor(hash(case_id, activity, occurred_at)) from event_logs.{name}"
            ).fetchone()
    assert digests["csv"] == digests["parquet"] == digests["xes.gz"]


def test_the_case_called_na_survives(shared_data: Path):
    report = import_event_log(shared_data / "event_logs" / "Sepsis.xes.gz")
    assert ask(report.process, "select count(*) > 0 from steps where case_id = 'NA'") == [(True,)]


def test_traffic_fines_read_alike_from_parquet_and_xes(shared_data: Path):
    names = {}
    for ending in ("parquet", "xes.gz"):
        names[ending] = f"fines_{ending.replace('.', '_')}"
        import_event_log(shared_data / "event_logs" / f"Road_Traffic_Fine_Management_Process.{ending}", name=names[ending])
    sql = "select sum(hash(case_id, activity, occurred_at, resource, amount, vehicleclass)::hugeint), count(*) from event_logs.{}"
    with lake.connect(read_only=True) as connection:
        assert len({connection.execute(sql.format(name)).fetchone() for name in names.values()}) == 1


def test_teaching_logs_are_read_with_start_and_end(shared_data: Path):
    spans = import_event_log(shared_data / "event_logs" / "interval_event_log.csv")
    assert ask(spans.process, f"select count(started_at), count(*) from event_logs.{spans.process}") == [(spans.events,) * 2]
    from_csv = import_event_log(shared_data / "event_logs" / "running-example.csv", name="running_csv")
    from_xes = import_event_log(shared_data / "event_logs" / "running-example.xes", name="running_xes")
    assert (from_csv.cases, from_csv.events, from_csv.activities) == (from_xes.cases, from_xes.events, from_xes.activities)
    both = shared_data / "event_logs" / "PurchasingExample.xes.gz"
    assert import_event_log(both).events == 18238
    assert ask("purchasing_example", "select count(*) from raw_files.purchasing_example") == [(18238,)]
    assert import_event_log(both, lifecycle="pair").events == 9119  # each start with its completion
    assert ask("purchasing_example", "select count(*) from raw_files.purchasing_example") == [(18238,)]
