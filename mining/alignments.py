"""Alignments of traces with a Petri net: the search by r4pm, in chunks, over several processes where it pays, within bounds.

What belongs here: which traces are searched, for how long and how a search's moves read. What does not: the figures made of them
(`mining.conformance`), keeping them (`mining.alignment_table`) and what the moves mean (`mining.deviations`).

Activities the net does not know are left out of the search, because they can only be moves of the log: the cost is the same, and
traces that differ in them alone are searched once. r4pm holds Python's lock while it searches, so that only processes make it
parallel; they are started when a few seconds alone show that much is left.
"""

import os
import pickle
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, Literal

from lake.errors import ModelError

if TYPE_CHECKING:
    from mining.petri_net import PetriNet

Trace = tuple[str, ...]
Move = tuple[Literal["both", "log", "model"], str]  # who moves, and the activity; silent moves of the model are left out
Progress = Callable[[str, float], None]
Found = dict[Trace, "Alignment"]

FINISHED = "finished"
BOUND_REACHED = "not finished: bound reached"
OUT_OF_TIME = "not finished: time is up"
STATES = (200_000, 2_000_000)  # states of one trace's search: all traces with the first bound, then the rest with the next
# On an unsound net the first bound is the last: where tokens pile up, ten times the states took 20 times as long for nothing.
COSTS: Any = {"log_move_cost": 1, "model_move_cost": 1, "silent_move_cost": 0, "sync_move_cost": 0}
ALONE_SECONDS = 3.0  # before other processes are asked to help; to start one costs about a second
WORTH_SECONDS = 6.0  # of work left, for which it pays to start them
_CHUNK_SECONDS = 1.0  # a search cannot be interrupted, so traces are given in chunks of about this long


@dataclass(frozen=True)
class Alignment:
    """The cheapest way to make a trace and a run of the model agree; without a cost, its search was not finished.

    Attributes:
        cost: Moves of the log alone and visible moves of the model alone; None if not known.
        status: `finished`, `not finished: bound reached` (more states than `STATES` allows, on a net known to be unsound than the
            first of them) or `not finished: time is up`.
        moves: Who moves and with which activity, in order; empty if not finished.
    """

    cost: int | None = None
    status: str = OUT_OF_TIME
    moves: tuple[Move, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Whether searching again would find nothing else."""
        return self.status != OUT_OF_TIME


@dataclass
class _Budget:
    """CPU seconds left, of this process and of those that help it."""

    seconds: float
    began: float
    elsewhere: float = 0.0

    @property
    def spent(self) -> float:
        return process_time() - self.began + self.elsewhere

    @property
    def is_left(self) -> bool:
        return self.spent < self.seconds


def align_traces(
    traces: Sequence[Trace],
    net: "PetriNet",
    *,
    known: Mapping[Trace, Alignment],
    seconds: float,
    progress: Progress | None = None,
    workers: int | None = None,
    is_sound: bool | None = None,
) -> Found:
    """Aligns every trace that is not known, in the order given, until all are done or the time is up.

    Args:
        traces: Distinct traces, the most important first.
        net: The net.
        known: What was found before for this very net.
        seconds: CPU seconds to spend, all processes together; a chunk under way is finished.
        progress: Told how far the work is.
        workers: Processes; default: one per core.
        is_sound: False bounds each search by the first of `STATES`.
    """
    settled = {trace: known[trace] for trace in traces if trace in known and known[trace].is_settled}
    asked = {trace: tuple(name for name in trace if name in net.labels) for trace in traces if trace not in settled}
    wanted, found = list(dict.fromkeys(asked.values())), dict[Trace, Alignment]()
    budget, described = _Budget(seconds, process_time()), net.to_r4pm()
    bounds = STATES[:1] if is_sound is False else STATES
    for states in bounds:
        left = [trace for trace in wanted if trace not in found]
        for position, part in _searched(left, described, states, budget, workers or os.cpu_count() or 1):
            found |= {trace: one for trace, one in part.items() if one.cost is not None or states == bounds[-1]}
            if progress:
                there = len(settled) + sum(trace in found for trace in asked.values())
                progress(f"Aligning variants ({there:,} of {len(traces):,})", position / len(left))
    return settled | {trace: _whole(trace, found.get(part, Alignment()), net.labels) for trace, part in asked.items()}


def shortest_run(net: "PetriNet") -> int:
    """The fewest activities of a run of the net.

    Raises:
        ModelError: No run was found, because the final marking cannot be reached or the bound was.
    """
    from r4pm.bindings.conformance.case_centric.alignments import align_empty_trace

    described: Any = net.to_r4pm()
    try:
        found = align_empty_trace(described, {"cost_fn": COSTS, "max_states": STATES[-1] * 5})
    except Exception as error:
        raise ModelError(
            f"No run through the model was found: {error}.", remedy="Check that its final marking can be reached."
        ) from error
    return int(found["cost"])


def _searched(traces: Sequence[Trace], net: Any, states: int, budget: _Budget, workers: int) -> Iterator[tuple[int, Found]]:
    """What was found, chunk by chunk, with how many traces were looked at so far: alone at first, then with others."""
    position, size, began = 0, 4, budget.spent
    while position < len(traces) and budget.is_left:
        alone = budget.spent - began
        per_trace = alone / max(position, 1)
        if workers > 1 and position and alone > ALONE_SECONDS and per_trace * (len(traces) - position) > WORTH_SECONDS:
            for part in _searched_together(traces[position:], net, states, budget, workers, size):
                position += len(part)
                yield position, part
            return
        started = perf_counter()
        part = search(traces[position : position + size], net, states)
        position += len(part)
        yield position, part
        took = max(perf_counter() - started, 1e-3)
        size = max(1, min(1000, int(len(part) * min(4.0, _CHUNK_SECONDS / took))))


def _searched_together(traces: Sequence[Trace], net: Any, states: int, budget: _Budget, workers: int, size: int) -> Iterator[Found]:
    """As `_searched`, by several processes; no chunk is begun once the time is up.

    The traces of a process that ends before its answer, for want of memory say, stay unfinished.
    """
    chunks = (traces[start : start + size] for start in range(0, len(traces), size))
    with ExitStack() as stack, selectors.DefaultSelector() as answers:
        for _ in range(workers):
            helper = stack.enter_context(helping_process())
            if _give(helper, (net, states)) and _give_next(helper, chunks, budget):
                answers.register(helper.stdout or 0, selectors.EVENT_READ, helper)
        while answers.get_map():
            for key, _ in answers.select():
                answer = _taken(key.data)
                if answer is not None:
                    part, cpu_seconds = answer
                    budget.elsewhere += cpu_seconds
                    yield part
                if answer is None or not _give_next(key.data, chunks, budget):
                    answers.unregister(key.fileobj)


@contextmanager
def helping_process() -> "Iterator[subprocess.Popen[bytes]]":
    """A process that searches what it is given on its standard input until that ends, as it does when this process does.

    No pool of the standard library: theirs run the caller's script again, or copy a process that has threads.
    """
    command = [sys.executable, "-c", "from mining.alignments import help_others; help_others()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as helper:
        try:
            yield helper
        finally:
            helper.kill()  # it has answered, or its answer is not wanted any more


def _give_next(helper: "subprocess.Popen[bytes]", chunks: Iterator[Sequence[Trace]], budget: _Budget) -> bool:
    """Gives a process the next chunk; False if there is none, the time is up or the process has ended."""
    if not budget.is_left:
        return False
    chunk = next(chunks, None)
    return chunk is not None and _give(helper, chunk)


def _give(helper: "subprocess.Popen[bytes]", what: Any) -> bool:
    try:
        pickle.dump(what, helper.stdin)  # type: ignore[arg-type]
        helper.stdin.flush()  # type: ignore[union-attr]
    except BrokenPipeError:
        return False
    return True


def _taken(helper: "subprocess.Popen[bytes]") -> tuple[Found, float] | None:
    """A process's answer, or None if it has ended."""
    try:
        answer: tuple[Found, float] = pickle.load(helper.stdout)  # type: ignore[arg-type]  # noqa: S301 — of our own process
    except (EOFError, pickle.UnpicklingError):
        return None
    return answer


def help_others() -> None:
    """What a helping process does: a net and a bound come in, then chunks of traces; their alignments and CPU seconds go out."""
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    net, states = pickle.load(asked)  # noqa: S301 — from the process that started this one
    while True:
        try:
            traces = pickle.load(asked)  # noqa: S301
        except EOFError:
            return
        began = process_time()
        pickle.dump((search(traces, net, states), process_time() - began), answers)
        answers.flush()


def search(traces: Sequence[Trace], net: Any, states: int) -> Found:
    """Each distinct trace's alignment with a net in r4pm's form; r4pm takes a log, so each trace becomes a case of one."""
    import polars
    import r4pm
    from r4pm.bindings.conformance.case_centric.alignments import align_variants as align_log

    found = {trace: Alignment(status=BOUND_REACHED) for trace in traces}
    if () in found:  # a case without events is no case of a log
        found |= _empty(net, states)
    names = [(str(number), name) for number, trace in enumerate(traces) for name in trace]
    if not names:
        return found
    cases, activities = zip(*names, strict=True)
    moments = [datetime(2000, 1, 1, tzinfo=UTC)] * len(names)
    columns = {"case:concept:name": cases, "concept:name": activities, "time:timestamp": moments}
    log = r4pm.import_item_from_df("EventLog", polars.DataFrame(columns))
    try:
        results = align_log(net, log, {"cost_fn": COSTS, "max_states": states})
    finally:
        for item in (f"{log}_as_EventLogActivityProjection", log):  # the projection is made by aligning
            r4pm.remove_item(item)
    for part in results:
        if "Ok" in part["result"]:
            trace = tuple(part["activities"])
            found[trace] = _alignment(part["result"]["Ok"], trace, net)
    return found


def _empty(net: Any, states: int) -> Found:
    """The alignment of the trace that holds nothing the net knows."""
    from r4pm.bindings.conformance.case_centric.alignments import align_empty_trace

    try:
        return {(): _alignment(align_empty_trace(net, {"cost_fn": COSTS, "max_states": states}), (), net)}
    except TypeError:  # r4pm's word for a search that reached its bound
        return {}


def _alignment(result: Any, trace: Trace, net: Any) -> Alignment:
    return Alignment(result["cost"], FINISHED, tuple(_moves(result["moves"], trace, net)))


def _moves(moves: Iterable[Any], trace: Trace, net: Any) -> Iterator[Move]:
    for move in moves:
        ((kind, said),) = move.items()
        if kind == "SyncMove":
            yield "both", trace[said["trace_event_index"]]
        elif kind == "LogMove":
            yield "log", trace[said["trace_event_index"]]
        elif (label := net["transitions"][said["transition"]]["label"]) is not None:
            yield "model", label


def _whole(trace: Trace, part: Alignment, labels: set[str]) -> Alignment:
    """The alignment of a trace from that of its activities the net knows; the others are moves of the log."""
    if part.cost is None or all(name in labels for name in trace):
        return part
    return Alignment(
        part.cost + sum(name not in labels for name in trace), part.status, tuple(_with_unknown(trace, part.moves, labels))
    )


def _with_unknown(trace: Trace, moves: Iterable[Move], labels: set[str]) -> Iterator[Move]:
    """The moves with those of the activities that were left out, each where it stands in the trace."""
    rest = list(reversed(trace))
    for move in moves:
        if move[0] != "model":
            while rest[-1] not in labels:
                yield "log", rest.pop()
            rest.pop()
        yield move
    yield from (("log", name) for name in reversed(rest))
