"""How well a log fits a model: exact alignments, once per variant, bounded in time and honest about what is left.

What belongs here: the figures made from alignments. What does not: the search (`mining.alignments`), what deviates
(`mining.deviations`) and token replay, which is no measure of fitness (`mining.replay` has it, as an estimate).

The fitness of a trace is 1 - cost / (its length + the length of the model's shortest run): 1 for a trace the model can do,
0 for one that shares nothing with it. Moves cost one, silent and synchronous ones nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from mining import alignments
from mining.alignments import OUT_OF_TIME, Alignment, Move, Progress, Trace, align_traces
from mining.petri_net import PetriNet

if TYPE_CHECKING:
    from mining.discovery import Model
    from mining.event_log import EventLog

Variant = tuple[int, Trace, int]  # variant_id, activities, cases

SECONDS = 150.0  # CPU seconds of alignments per model, unless told otherwise; BPIC 2012 takes about 30


@dataclass(frozen=True)
class VariantFitness:
    """One variant against the model; without a cost, its search was not finished within the bounds."""

    variant_id: int
    cases: int
    length: int
    cost: int | None = None
    fitness: float | None = None
    status: str = OUT_OF_TIME
    activities: Trace = ()
    moves: tuple[Move, ...] = ()

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
        shortest_run: Fewest activities of a run of the model.
        model_id: Tells the model from others; see `PetriNet.id`.
    """

    variants: tuple[VariantFitness, ...]
    average_fitness: float | None
    perfectly_fitting: float | None
    seconds: float
    shortest_run: int = 0
    model_id: str = ""

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
    model: "Model | PetriNet",
    *,
    known: Mapping[Trace, Alignment] | None = None,
    seconds: float = SECONDS,
    progress: Progress | None = None,
    is_sound: bool | None = None,
) -> Conformance:
    """Holds a log against a discovered model or a Petri net; see `align_variants`.

    For the log of a process in the lake, what the lake keeps of alignments with this very model is used; `known` replaces that.
    `is_sound` is of a Petri net; a discovered model knows it.
    """
    from mining.alignment_table import known_alignments

    net, shortest, sound = (
        (model, None, is_sound) if isinstance(model, PetriNet) else (model.net, model.shortest_run, model.is_sound)
    )
    if known is None:
        known = known_alignments(log.connection, log.events.name, net) if log.snapshot_id is not None else {}
    return align_variants(
        log.variant_multiset(), net, shortest_run=shortest, known=known, seconds=seconds, progress=progress, is_sound=sound
    )


def align_variants(
    variants: Sequence[Variant],
    net: PetriNet,
    *,
    shortest_run: int | None = None,
    known: Mapping[Trace, Alignment] | None = None,
    seconds: float = SECONDS,
    progress: Progress | None = None,
    workers: int | None = None,
    is_sound: bool | None = None,
) -> Conformance:
    """Aligns every variant with the net, the most frequent first, until all are done or the time is up.

    Args:
        variants: The variants with their cases.
        net: A net whose final marking can be reached; on an unsound one a search may find no end, and stops at its bound.
        shortest_run: Fewest activities of a run of the model; searched for if not known.
        known: Alignments of variants, by their activities, found earlier for this very net; they are not searched again.
        seconds: CPU seconds to spend, so that a busy machine does not change the result; a chunk under way is finished.
        progress: Told how far the work is.
        workers: Processes that may share long searches; default: one per core.
        is_sound: Whether the net is; False bounds searches more narrowly, because in a net whose tokens pile up they find no end.

    Raises:
        ModelError: The model's shortest run could not be found, so no fitness can be said.
    """
    started = perf_counter()
    shortest = alignments.shortest_run(net) if shortest_run is None else shortest_run
    ordered = sorted(variants, key=lambda variant: (-variant[2], variant[0]))
    found = align_traces(
        [names for _, names, _ in ordered],
        net,
        known=known or {},
        seconds=seconds,
        progress=progress,
        workers=workers,
        is_sound=is_sound,
    )
    results = tuple(_fitness(variant, found[variant[1]], shortest) for variant in ordered)
    average, fitting = weighted([(one.cases, one.cost, one.length) for one in results], shortest)
    return Conformance(results, average, fitting, perf_counter() - started, shortest, net.id)


def weighted(costs: Sequence[tuple[int, int | None, int]], shortest: int) -> tuple[float | None, float | None]:
    """Average fitness and share of perfectly fitting cases, from cases, cost and length of each variant; those without a
    cost do not count."""
    finished = [(cases, cost, length) for cases, cost, length in costs if cost is not None]
    whole = sum(cases for cases, _, _ in finished)
    if not whole:
        return None, None
    average = sum(cases * fitness_of(cost, length, shortest) for cases, cost, length in finished) / whole
    return average, sum(cases for cases, cost, _ in finished if cost == 0) / whole


def fitness_of(cost: int, length: int, shortest: int) -> float:
    """1 - cost / the cost of sharing nothing; 1 where both are empty."""
    worst = length + shortest
    return 1 - cost / worst if worst else 1.0


def _fitness(variant: Variant, alignment: Alignment, shortest: int) -> VariantFitness:
    number, names, cases = variant
    cost = alignment.cost
    fitness = None if cost is None else fitness_of(cost, len(names), shortest)
    return VariantFitness(number, cases, len(names), cost, fitness, alignment.status, names, alignment.moves)
