"""Exact alignments of the Sepsis and BPIC 2012 logs with the model the inductive miner finds at 0.2, first and again.

Each run aligns every variant, imports and discovery not counted; helping processes are. `again` has 1 % new cases: the alignments
of the variants of the other 99 % are known, as the lake keeps them. The peer is pm4py on the same net and the same variants; BPIC
2012 takes it too long to be measured here. Run it as `python -m bench.alignments`; it asserts equal fitness, the fitness measured
before, and the bounds: 1.5 CPU-seconds for Sepsis, 60 for BPIC 2012, and a twentieth of that for 1 % new cases.
"""

import random
import sys
from dataclasses import replace
from typing import Any

from bench.harness import SHARED_DATA, Measured, measure, print_table, ratio, versions, write_results

LOGS = {"sepsis": "Sepsis.xes.gz", "bpic2012": "bpic2012.xes.gz"}
FITNESS = {"sepsis": (0.934032, 0.6667), "bpic2012": (0.99387, 0.87751)}
BOUNDS = {"sepsis": 1.5, "bpic2012": 60.0}
AGAIN, LEAST = 0.05, 0.1  # of the first; below a tenth of a second nothing can be told
_ready: dict[str, Any] = {}


def prepare_sepsis() -> None:
    """Imports, and the log's variants with its net."""
    _prepare("sepsis")


def prepare_bpic2012() -> None:
    """As for Sepsis."""
    _prepare("bpic2012")


def _prepare(name: str) -> None:
    import polars  # noqa: F401
    import r4pm

    from mining import EventLog, discover

    frame, _ = r4pm.df.import_xes(str(SHARED_DATA / "event_logs" / LOGS[name]))
    columns = {"case:concept:name": "case_id", "concept:name": "activity", "time:timestamp": "occurred_at"}
    with EventLog.from_frame(frame.select(list(columns)).rename(columns)) as log:
        model = discover(log, noise=0.2)
        cases = log.connection.execute(f"select variant_id, count(*) from {log.events.layout.cases} group by all").fetchall()
        _ready.update(model=model, variants=log.variant_multiset(), cases=dict(cases))


def first() -> dict[str, Any]:
    """Aligns every variant."""
    from mining.conformance import align_variants

    model = _ready["model"]
    found = align_variants(_ready["variants"], model.net, shortest_run=model.tree.shortest_run)
    assert found.variants_unfinished == 0
    return _answer(found, len(found.variants))


def _answer(found: Any, searched: int) -> dict[str, Any]:
    import psutil

    helpers = sum(sum(child.cpu_times()[:2]) for child in psutil.Process().children(recursive=True))
    return {
        "fitness": found.average_fitness,
        "fitting": found.perfectly_fitting,
        "searched": searched,
        "helpers_cpu_seconds": helpers,
    }


def known() -> None:
    """Aligns, before the clock runs, what 99 % of the cases do."""
    from mining.alignments import Alignment
    from mining.conformance import align_variants

    ids = sorted(number for number, cases in _ready["cases"].items() for _ in range(cases))
    new = random.Random(7).sample(range(len(ids)), len(ids) // 100)
    old = {number for at, number in enumerate(ids) if at not in set(new)}
    before = [variant for variant in _ready["variants"] if variant[0] in old]
    found = align_variants(before, _ready["model"].net, shortest_run=_ready["model"].tree.shortest_run, workers=1)
    _ready["known"] = {one.activities: Alignment(one.cost, one.status, one.moves) for one in found.variants}


def prepare_sepsis_again() -> None:
    """The log, and what is known of it."""
    _prepare("sepsis")
    known()


def prepare_bpic2012_again() -> None:
    """As for Sepsis."""
    _prepare("bpic2012")
    known()


def again() -> dict[str, Any]:
    """Aligns what is new."""
    from mining.conformance import align_variants

    model = _ready["model"]
    found = align_variants(_ready["variants"], model.net, shortest_run=model.tree.shortest_run, known=_ready["known"])
    return _answer(found, len(found.variants) - len(_ready["known"]))


def prepare_peer() -> None:
    """The Sepsis log's variants and net as pm4py's objects."""
    import pm4py  # noqa: F401

    _prepare("sepsis")


def peer() -> dict[str, Any]:
    """pm4py's alignments, one case per variant, weighted."""
    from datetime import UTC, datetime

    from pm4py.algo.conformance.alignments.petri_net import algorithm
    from pm4py.objects.log.obj import Event, EventLog, Trace

    moment = datetime(2000, 1, 1, tzinfo=UTC)
    log = EventLog(
        [Trace([Event({"concept:name": name, "time:timestamp": moment}) for name in names]) for _, names, _ in _ready["variants"]]
    )
    found = algorithm.apply(log, *_ready["model"].net.to_pm4py(), parameters={"show_progress_bar": False})
    weights = [cases for _, _, cases in _ready["variants"]]
    whole = sum(weights)
    fitness = sum(cases * one["fitness"] for cases, one in zip(weights, found, strict=True)) / whole
    fitting = sum(cases for cases, one in zip(weights, found, strict=True) if one["fitness"] == 1) / whole
    return {"fitness": fitness, "fitting": fitting}


def main() -> None:
    """Measures, compares and writes bench/results/alignments.json."""
    if missing := [name for name in LOGS.values() if not (SHARED_DATA / "event_logs" / name).exists()]:
        print(f"bench.alignments is skipped: no {', '.join(missing)} in {SHARED_DATA}")
        sys.exit(0)
    runs = {}
    for name in LOGS:
        runs[f"{name}, first"] = _measured("first", f"prepare_{name}")
        runs[f"{name}, 1 % new cases"] = _measured("again", f"prepare_{name}_again")
    theirs = measure("bench.alignments:peer", imports="bench.alignments:prepare_peer")
    _compare(runs, theirs)
    print_table(runs)
    print_table({"pm4py, sepsis": theirs})
    write_results(
        "alignments",
        versions=versions("r4pm", "pm4py"),
        ours={name: run.figures() for name, run in runs.items()},
        peer={"pm4py, sepsis, first": theirs.figures()},
        ratio={"sepsis, first": ratio(theirs, runs["sepsis, first"])},
        answers={name: run.value for name, run in runs.items()},
        note="CPU seconds of helping processes are counted, their memory is not. Inductive miner, noise 0.2.",
    )
    for name, bound in BOUNDS.items():
        whole, part = runs[f"{name}, first"].cpu_seconds, runs[f"{name}, 1 % new cases"].cpu_seconds
        assert whole <= bound, f"{name} took {whole} CPU-s"
        assert part <= AGAIN * whole or part <= LEAST, f"1 % new cases of {name} took {part} of {whole} CPU-s"


def _measured(what: str, prepared: str) -> Measured:
    """One run, the CPU seconds of helping processes added."""
    run = measure(f"bench.alignments:{what}", imports=f"bench.alignments:{prepared}")
    return replace(run, cpu_seconds=run.cpu_seconds + run.value["helpers_cpu_seconds"])


def _compare(runs: dict[str, Measured], theirs: Measured) -> None:
    """Asserts that fitness is what was measured before, and what pm4py says."""
    for name, (fitness, fitting) in FITNESS.items():
        for run in (runs[f"{name}, first"], runs[f"{name}, 1 % new cases"]):
            assert abs(run.value["fitness"] - fitness) < 1e-5, run.value
            assert abs(run.value["fitting"] - fitting) < 5e-5, run.value
    ours = runs["sepsis, first"].value
    assert abs(ours["fitness"] - theirs.value["fitness"]) < 1e-9, f"{ours} differs from {theirs.value}"
    assert abs(ours["fitting"] - theirs.value["fitting"]) < 1e-9


if __name__ == "__main__":
    main()
