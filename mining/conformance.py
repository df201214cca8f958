"""How well a log fits a model: exact alignments, once per variant, bounded in time and honest about what is left.

What belongs here: alignments and the figures made from them. What does not: token replay, which is no measure of fitness (on
the Sepsis log it calls 80 % of the cases fitting where 67 % are).

The fitness of a trace is 1 - cost / (its length + the length of the model's shortest run): 1 for a trace the model can do,
0 for one that shares nothing with it. Moves cost one, silent and synchronous ones nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from lake.errors import ModelError

if TYPE_CHECKING:
    from mining.discovery import Model
    from mining.event_log import EventLog
    from mining.petri_net import PetriNet

Variant = tuple[int, tuple[str, ...], int]  # variant_id, activities, cases
Progress = Callable[[str, float], None]

SECONDS = 150.0  # CPU seconds of alignments per model, unless told otherwise; BPIC 2012 takes about 60
STATES = (200_000, 2_000_000)  # states of one variant's search: all variants with the first bound, then the rest with the next
COSTS: Any = {"log_move_cost": 1, "model_move_cost": 1, "silent_move_cost": 0, "sync_move_cost": 0}
_CHUNK_SECONDS = 1.0  # alignments cannot be interrupted, so they are asked for in chunks of about this long


@dataclass(frozen=True)
class VariantFitness:
    """One variant against the model; without a cost, its search was not finished within the bounds."""

    variant_id: int
    cases: int
    length: int
    cost: int | None = None
    fitness: float | None = None

    @property
    def is_fitting(self) -> bool | None:
        """Whether the model can do exactly this; None if not known."""
        return None if self.cost is None else self.cost == 0


@dataclass(frozen=True)
class Conformance:
    """A log against a model, weighted by cases; figures are of the variants that were finished.

    Attributes:
        variants: One entry per variant, the most frequent first.
        average_fitness: Average fitness of a case; None if nothing was finished.
        perfectly_fitting: Share of cases that fit exactly; None if nothing was finished.
        seconds: Wall time.
    """

    variants: tuple[VariantFitness, ...]
    average_fitness: float | None
    perfectly_fitting: float | None
    seconds: float

    @property
    def variants_aligned(self) -> int:
        """How many variants were finished."""
        return sum(variant.cost is not None for variant in self.variants)

    @property
    def variants_unfinished(self) -> int:
        """How many variants were not finished within the bounds."""
        return len(self.variants) - self.variants_aligned

    @property
    def cases_unfinished(self) -> int:
        """How many cases belong to variants that were not finished."""
        return sum(variant.cases for variant in self.variants if variant.cost is None)


def align(
    log: "EventLog",
    model: "Model",
    *,
    known: Mapping[tuple[str, ...], float] | None = None,
    seconds: float = SECONDS,
    progress: Progress | None = None,
) -> Conformance:
    """Holds a log against a model; see `align_variants`."""
    return align_variants(
        log.variant_multiset(), model.net, shortest_run=model.shortest_run, known=known, seconds=seconds, progress=progress
    )


def align_variants(
    variants: Sequence[Variant],
    net: "PetriNet",
    *,
    shortest_run: int | None = None,
    known: Mapping[tuple[str, ...], float] | None = None,
    seconds: float = SECONDS,
    progress: Progress | None = None,
) -> Conformance:
    """Aligns every variant with the net, the most frequent first, until all are done or the time is up.

    Args:
        variants: The variants with their cases.
        net: A sound net; on others the search may find no end.
        shortest_run: Fewest activities of a run of the model; searched for if not known.
        known: Fitness of variants, by their activities, found earlier for this very net; they are not aligned again.
        seconds: CPU seconds of this process to spend, so that a busy machine does not change the result; a chunk under way
            is finished.
        progress: Told how far the work is.

    Raises:
        ModelError: The model's shortest run could not be found, so no fitness can be said.
    """
    started, cpu_end = perf_counter(), process_time() + seconds
    described = net.to_r4pm()
    shortest = _shortest_run(described) if shortest_run is None else shortest_run
    ordered = sorted(variants, key=lambda variant: (-variant[2], variant[0]))
    costs = dict(_known_costs(ordered, known or {}, shortest))
    for states in STATES:
        left = [variant for variant in ordered if variant[0] not in costs]
        for done, found in _aligned(left, described, states=states, until=cpu_end):
            costs |= found
            if progress:
                progress(f"Aligning variants ({len(costs):,} of {len(ordered):,})", done)
    results = tuple(_fitness(variant, costs.get(variant[0]), shortest) for variant in ordered)
    return _weighted(results, perf_counter() - started)


def _known_costs(variants: Sequence[Variant], known: Mapping[tuple[str, ...], float], shortest: int) -> Iterator[tuple[int, int]]:
    """Costs are whole numbers, so a fitness gives its cost back exactly."""
    for number, names, _ in variants:
        if names in known:
            yield number, round((1 - known[names]) * (len(names) + shortest))


def _aligned(variants: Sequence[Variant], net: Any, *, states: int, until: float) -> Iterator[tuple[float, dict[int, int]]]:
    """Costs by variant, chunk by chunk, each chunk as long as about a second allows."""
    position, size = 0, 4
    while position < len(variants) and process_time() < until:
        started = perf_counter()
        chunk = variants[position : position + size]
        costs = _align_chunk(chunk, net, states)
        position += len(chunk)
        yield position / len(variants), costs
        took = max(perf_counter() - started, 1e-3)
        size = max(1, min(1000, int(len(chunk) * min(4.0, _CHUNK_SECONDS / took))))


def _align_chunk(variants: Sequence[Variant], net: Any, states: int) -> dict[int, int]:
    """Cost of each variant whose search ended; r4pm takes a log, so each variant becomes a case of one."""
    import polars
    import r4pm
    from r4pm.bindings.conformance.case_centric.alignments import align_variants as align_log

    numbers = {names: number for number, names, _ in variants}
    frame = polars.DataFrame(
        {
            "case:concept:name": [str(number) for number, names, _ in variants for _ in names],
            "concept:name": [name for _, names, _ in variants for name in names],
            "time:timestamp": [datetime(2000, 1, 1, tzinfo=UTC)] * sum(len(names) for _, names, _ in variants),
        }
    )
    log = r4pm.import_item_from_df("EventLog", frame)
    try:
        results = align_log(net, log, {"cost_fn": COSTS, "max_states": states})
    finally:
        for item in (f"{log}_as_EventLogActivityProjection", log):  # the projection is made by aligning
            r4pm.remove_item(item)
    return {numbers[tuple(part["activities"])]: part["result"]["Ok"]["cost"] for part in results if "Ok" in part["result"]}


def _shortest_run(net: Any) -> int:
    from r4pm.bindings.conformance.case_centric.alignments import align_empty_trace

    try:
        found = align_empty_trace(net, {"cost_fn": COSTS, "max_states": STATES[-1] * 5})
    except Exception as error:
        raise ModelError(
            f"No run through the model was found: {error}.", remedy="Check that its final marking can be reached."
        ) from error
    return int(found["cost"])


def _fitness(variant: Variant, cost: int | None, shortest: int) -> VariantFitness:
    number, names, cases = variant
    if cost is None:
        return VariantFitness(number, cases, len(names))
    worst = len(names) + shortest
    return VariantFitness(number, cases, len(names), cost, 1 - cost / worst if worst else 1.0)


def _weighted(results: tuple[VariantFitness, ...], seconds: float) -> Conformance:
    finished = [result for result in results if result.fitness is not None]
    cases = sum(result.cases for result in finished)
    if not cases:
        return Conformance(results, None, None, seconds)
    average = sum(result.cases * (result.fitness or 0.0) for result in finished) / cases
    fitting = sum(result.cases for result in finished if result.cost == 0) / cases
    return Conformance(results, average, fitting, seconds)
