"""The miners beside the inductive one, from the variant multiset: pm4py's, each run in a process of its own and bounded in time.

What belongs here: counting what a miner works on, running it, and its net or diagram as plain values. What does not: the
inductive miner (`mining.inductive`), and choosing a miner (`mining.discovery`).

A miner cannot be interrupted from within, and some never end: the integer programs of the ILP miner, the sets of the alpha
miner. So each runs in a child process, which is ended when its time is up. The child also keeps pm4py's memory out of this
process, and runs with one fixed hash seed, so that the same log always gives the same model.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from lake.errors import ModelError
from mining.bpmn_diagram import Diagram, Node
from mining.petri_net import PetriNet, Transition

Variants = Mapping[tuple[str, ...], int]
SECONDS = 120.0  # wall time of one miner, its imports counted
PARAMETERS: dict[str, tuple[str, ...]] = {
    "inductive-dfg": (),
    "heuristics": ("dependency", "and_measure", "loop_two"),
    "split": ("eta", "epsilon"),
    "alpha": (),
    "alpha-plus": (),
    "ilp": (),
    "powl": (),
}


def run_miner(
    miner: str, variants: Variants, parameters: Mapping[str, float], *, seconds: float = SECONDS
) -> tuple[PetriNet, Diagram | None]:
    """The net a miner finds, and the diagram where it finds one.

    Args:
        miner: One of `PARAMETERS`.
        variants: Cases by variant.
        parameters: Those `PARAMETERS` names; what is left out has pm4py's default.
        seconds: Wall time before it is ended.

    Raises:
        ModelError: The miner did not end in time, or failed.
    """
    ordered = sorted(variants.items(), key=lambda item: (-item[1], item[0]))
    task = json.dumps({"miner": miner, "variants": ordered, "parameters": dict(parameters)})
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "mining.miners"],
            input=task,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=os.environ | {"PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8"},
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(
            f"The {miner} miner did not end within {seconds:g} seconds.",
            remedy="Keep the frequent variants with a filter, give it more seconds, or use the inductive miner.",
            miner=miner,
        ) from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ModelError(f"The {miner} miner failed: {said}.", remedy="Use the inductive miner.", miner=miner)
    answer = json.loads(done.stdout.splitlines()[-1])
    diagram = answer["diagram"]
    return _net_of(answer["net"]), None if diagram is None else _diagram_of(diagram)


def dfg_net(variants: Variants) -> PetriNet:
    """The directly-follows graph as a net: a place per activity says what came last, and only that decides what may follow."""
    edges, starts, ends = count_edges(variants)
    names = sorted({*starts, *ends, *(name for edge in edges for name in edge)})
    numbers = {name: number for number, name in enumerate(names, start=1)}
    pairs = [*((None, name) for name in sorted(starts)), *sorted(edges)]
    transitions, arcs = [], []
    for number, (source, target) in enumerate(pairs, start=1):
        transitions.append(Transition(f"t{number}", target))
        arcs += [("source" if source is None else f"p{numbers[source]}", f"t{number}"), (f"t{number}", f"p{numbers[target]}")]
    for number, name in enumerate(sorted(ends), start=len(pairs) + 1):
        transitions.append(Transition(f"t{number}"))
        arcs += [(f"p{numbers[name]}", f"t{number}"), (f"t{number}", "sink")]
    places = ("source", *(f"p{number}" for number in numbers.values()), "sink")
    return PetriNet(places, tuple(transitions), tuple(arcs), {"source": 1}, {"sink": 1})


def count_edges(variants: Variants, *, apart: int = 1) -> tuple[Counter[tuple[str, str]], Counter[str], Counter[str]]:
    """Times one activity follows another, so many events apart; cases by first and by last activity."""
    edges: Counter[tuple[str, str]] = Counter()
    starts: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for names, cases in variants.items():
        if names:
            starts[names[0]] += cases
            ends[names[-1]] += cases
        for edge in zip(names, names[apart:], strict=False):
            edges[edge] += cases
    return edges, starts, ends


def _triples(variants: Variants) -> Counter[tuple[str, str, str]]:
    triples: Counter[tuple[str, str, str]] = Counter()
    for names, cases in variants.items():
        for triple in zip(names, names[1:], names[2:], strict=False):
            triples[triple] += cases
    return triples


def _inductive_dfg(variants: Variants) -> Any:
    from pm4py.algo.discovery.inductive import algorithm
    from pm4py.objects.conversion.process_tree.variants import to_petri_net

    return to_petri_net.apply(algorithm.apply(_dfg(variants), variant=algorithm.Variants.IMd))


def _dfg(variants: Variants) -> Any:
    from pm4py.objects.dfg.obj import DFG

    return DFG(*count_edges(variants))


def _heuristics(variants: Variants, dependency: float = 0.5, and_measure: float = 0.65, loop_two: float = 0.5) -> Any:
    from pm4py.algo.discovery.heuristics.variants import classic
    from pm4py.objects.conversion.heuristics_net import converter

    edges, starts, ends = count_edges(variants)
    events = Counter({name: 0 for names in variants for name in names})
    for names, cases in variants.items():
        for name in names:
            events[name] += cases
    known = classic.Parameters
    net = classic.apply_heu_dfg(
        dict(edges),
        activities=list(events),
        activities_occurrences=dict(events),
        start_activities=dict(starts),
        end_activities=dict(ends),
        dfg_window_2=dict(count_edges(variants, apart=2)[0]),
        freq_triples=dict(_triples(variants)),
        parameters={
            known.DEPENDENCY_THRESH: dependency,
            known.AND_MEASURE_THRESH: and_measure,
            known.LOOP_LENGTH_TWO_THRESH: loop_two,
        },
    )
    return converter.apply(net)


def _split(variants: Variants, eta: float = 0.4, epsilon: float = 0.1) -> Any:
    from pm4py.algo.discovery.split_miner.dfg_discovery.classic import ClassicDFGDiscoverer
    from pm4py.algo.discovery.split_miner.dtypes.log import END_LABEL, START_LABEL
    from pm4py.algo.discovery.split_miner.variants.classic import ClassicSplitMiner, Parameters

    framed = {(START_LABEL, *names, END_LABEL): cases for names, cases in variants.items()}

    class FromVariants(ClassicSplitMiner):
        def do_extract_traces(self, log: Any, parameters: Any = None) -> Any:
            return [list(names) for names in log.framed]

        def do_dfg_discovery(self, traces: Any, parameters: Any = None) -> Any:
            _, loops = ClassicDFGDiscoverer.apply(traces, parameters)
            loops.short_loop_freq = {}
            for (a, b, c), cases in _triples(framed).items():
                if a == c != b:
                    loops.short_loop_freq[a, b] = cases
            return dict(count_edges(framed)[0]), loops

    settings = {Parameters.ETA.value: eta, Parameters.EPSILON.value: epsilon}
    return FromVariants().apply(_Framed(framed), settings)


class _Framed:
    """A log that pm4py's split miner hands through untouched."""

    def __init__(self, framed: Variants) -> None:
        self.framed = framed


def _alpha(variants: Variants) -> Any:
    from pm4py.algo.discovery.alpha.variants import classic

    edges, starts, ends = count_edges(variants)
    return classic.apply_dfg_sa_ea(dict(edges), dict(starts), dict(ends))


def _alpha_plus(variants: Variants) -> Any:
    from pm4py.algo.discovery.alpha.variants import plus

    return plus.apply(_one_case_each(variants))


def _ilp(variants: Variants) -> Any:
    from pm4py.algo.discovery.ilp.variants import classic

    return classic.apply(_one_case_each(variants), {classic.Parameters.SHOW_PROGRESS_BAR: False})


def _one_case_each(variants: Variants) -> Any:
    """A log with one case per variant, for miners that only ask which there are."""
    from pm4py.objects.log.obj import Event, EventLog, Trace

    start, log = datetime(2000, 1, 1, tzinfo=UTC), EventLog()
    for number, names in enumerate(variants):
        times = (start + timedelta(seconds=position) for position in range(len(names)))
        events = [Event({"concept:name": name, "time:timestamp": time}) for name, time in zip(names, times, strict=True)]
        log.append(Trace(events, attributes={"concept:name": str(number)}))
    return log


def _powl(variants: Variants) -> Any:
    from pm4py.algo.discovery.inductive.dtypes.im_ds import IMDataStructureUVCL
    from pm4py.algo.discovery.powl.inductive.variants.im_maximal import POWLInductiveMinerMaximalOrder
    from pm4py.objects.conversion.powl.variants import to_petri_net

    found = POWLInductiveMinerMaximalOrder({}).apply(IMDataStructureUVCL(Counter(dict(variants))), {})
    return to_petri_net.apply(found.simplify())


_MINERS: dict[str, Callable[..., Any]] = {
    "inductive-dfg": _inductive_dfg,
    "heuristics": _heuristics,
    "split": _split,
    "alpha": _alpha,
    "alpha-plus": _alpha_plus,
    "ilp": _ilp,
    "powl": _powl,
}


def main() -> None:
    """The child process: a task as JSON comes in, the net and the diagram as JSON go out."""
    task = json.load(sys.stdin)
    variants = {tuple(names): cases for names, cases in task["variants"]}
    found, diagram = _MINERS[task["miner"]](variants, **task["parameters"]), None
    if task["miner"] == "split":
        from pm4py.objects.conversion.bpmn.variants import to_petri_net

        diagram, found = _parts_of(found), to_petri_net.apply(found)
    net = PetriNet.from_pm4py(*found)
    described = [net.places, [[t.id, t.label] for t in net.transitions], net.arcs, dict(net.initial), dict(net.final)]
    print(json.dumps({"net": described, "diagram": diagram}))


def _parts_of(bpmn: Any) -> Any:
    """Nodes and flows of pm4py's diagram, in a fixed order."""
    nodes = sorted(bpmn.get_nodes(), key=lambda node: (type(node).__name__, str(node.get_name()), str(node.get_id())))
    ids = {node: f"n{number}" for number, node in enumerate(nodes, start=1)}
    kinds = {node: type(node).__name__[0].lower() + type(node).__name__[1:] for node in nodes}
    kinds = {node: "startEvent" if "Start" in kind else "endEvent" if "End" in kind else kind for node, kind in kinds.items()}
    named = [[ids[node], kinds[node], str(node.get_name() or "") if kinds[node] == "task" else ""] for node in nodes]
    flows = sorted((ids[flow.get_source()], ids[flow.get_target()]) for flow in bpmn.get_flows())
    return {"nodes": named, "flows": flows}


def _net_of(described: Any) -> PetriNet:
    places, transitions, arcs, initial, final = described
    return PetriNet(tuple(places), tuple(Transition(*part) for part in transitions), tuple((a, b) for a, b in arcs), initial, final)


def _diagram_of(described: Any) -> Diagram:
    return Diagram(tuple(Node(*part) for part in described["nodes"]), tuple((a, b) for a, b in described["flows"]))


if __name__ == "__main__":
    main()
