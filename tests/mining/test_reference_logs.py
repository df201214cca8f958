"""The public logs: every figure of their reference file, and the nets and fitness measured with other tools."""

import json
from functools import cache
from pathlib import Path

import pytest

from mining import align, discover

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")
REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "data" / "event_logs" / "reference.json"


@cache
def reference():
    return json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {}


@pytest.mark.parametrize("name", reference() or [pytest.param("", marks=pytest.mark.skip(reason=f"no {REFERENCE}"))])
def test_every_figure_of_the_reference_is_met(public_log, name):
    expected = reference()[name]
    with public_log(expected["file"]) as log:
        summary, edges = log.summary(), {row[:2]: row[2] for row in log.dfg().fetchall()}
        variants = {tuple(row[2]): row[4] for row in log.variants().fetchall()}
        starts, ends = dict(log.start_activities().fetchall()), dict(log.end_activities().fetchall())

    for figure in ("cases", "events", "activities", "variants", "dfg_edges"):
        assert summary[figure] == expected[figure]
    assert (len(edges), sum(edges.values()), len(variants)) == (expected["dfg_edges"], expected["dfg_sum"], expected["variants"])
    assert {tuple(edge): edges[tuple(edge)] for *edge, _ in expected["top_dfg"]} == {
        tuple(edge): count for *edge, count in expected["top_dfg"]
    }
    assert [variants[tuple(names)] for names, _ in expected["top_variants"]] == [count for _, count in expected["top_variants"]]
    assert {name: starts.get(name) for name in expected["start"]} == expected["start"]
    assert {name: ends.get(name) for name in expected["end"]} == expected["end"]
    assert sum(starts.values()) == sum(ends.values()) == expected["cases"]
    assert summary["mean_case_seconds"] == pytest.approx(expected["case_duration_s"]["mean"])
    assert summary["median_case_seconds"] == pytest.approx(expected["case_duration_s"]["median"])


@pytest.mark.parametrize(
    ("file", "noise", "net", "fitness", "fitting"),
    [
        ("Sepsis.xes.gz", 0.2, (28, 35, 22, 82), 0.934032, 0.6667),
        ("receipt.xes.gz", 0.0, (45, 74, 47, 158), 1.0, 1.0),
        ("receipt.xes.gz", 0.2, (47, 69, 42, 146), 0.81550, 0.4972),
        pytest.param("Sepsis.xes.gz", 0.0, (39, 50, 34, 116), 1.0, 1.0, marks=pytest.mark.slow),
    ],
)
def test_nets_and_fitness_are_those_of_pm4py_and_r4pm(public_log, file, noise, net, fitness, fitting):
    with public_log(file) as log:
        model = discover(log, noise=noise)
        result = align(log, model, seconds=300)

    assert (len(model.net.places), len(model.net.transitions), model.net.silent, len(model.net.arcs)) == net
    assert result.average_fitness == pytest.approx(fitness, abs=5e-6)
    assert result.perfectly_fitting == pytest.approx(fitting, abs=5e-5)
    assert result.variants_unfinished == 0


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "net"), [(0.0, (54, 78, 54, 174)), (0.2, (39, 61, 37, 134))])
def test_the_nets_of_bpic_2012_are_those_of_pm4py(public_log, noise, net):
    with public_log("bpic2012.xes.gz") as log:
        model = discover(log, noise=noise)

    assert model.miner == "inductive"
    assert (len(model.net.places), len(model.net.transitions), model.net.silent, len(model.net.arcs)) == net


def test_a_log_of_400_activities_is_mined_within_a_minute(public_log):
    with public_log("BPIC15_1.xes.gz") as log:
        model = discover(log)
        result = align(log, model, seconds=30)

    assert "without all fall-throughs" in model.miner
    assert model.seconds < 60
    assert result.seconds < 60
    assert result.variants_aligned + result.variants_unfinished == 1170


def test_the_case_called_na_is_a_case(public_log):
    with public_log("Sepsis.xes.gz") as log:
        assert log.case_durations().filter("case_id = 'NA'").aggregate("count(*)").fetchone() == (1,)


def test_parquet_and_xes_of_one_log_have_the_same_order_of_events(public_log, shared_data):
    """Only the order: the Parquet file's times are local ones without a zone, which an importer is told and a reader is not."""
    from mining import EventLog

    names = {"case_id": "case:concept:name", "activity": "concept:name", "timestamp": "time:timestamp"}
    with (
        public_log("receipt.xes.gz") as xes,
        EventLog.from_parquet(shared_data / "event_logs" / "receipt.parquet", **names) as parquet,
    ):
        assert xes.variant_multiset() == parquet.variant_multiset()
        assert xes.dfg(times=False).fetchall() == parquet.dfg(times=False).fetchall()
