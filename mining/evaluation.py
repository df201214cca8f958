"""Which model is best: fitness, precision, generalisation, simplicity and soundness of models side by side.

What belongs here: comparing models and saying why one is proposed. What does not: alignments (`mining.conformance`), precision
(`mining.precision`), soundness (`mining.soundness`), and finding models (`mining.discovery`).

Fitness is exact (alignments). Generalisation follows Buijs, van Dongen and van der Aalst, «On the Role of Fitness, Precision,
Generalization and Simplicity in Process Discovery» (2012): a transition used often is sure, one used once is chance. It is
counted on the cases the model can replay. Simplicity is pm4py's: 1 / (1 + how far the average number of arcs at a node exceeds 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lake.errors import ModelError
from mining.conformance import align_variants
from mining.discovery import Model, discover_from_variants
from mining.petri_net import PetriNet
from mining.precision import measure_precision

if TYPE_CHECKING:
    from mining.conformance import Progress, Variant
    from mining.event_log import EventLog

MINERS = ("inductive", "split", "heuristics", "dfg")
SECONDS = 60.0  # CPU seconds of alignments per model, and of precision per model


@dataclass(frozen=True)
class Evaluation:
    """A model against a log.

    Attributes:
        name: What the model is called in the comparison.
        model: The model; None if its miner found none, which `remark` explains.
        fitness: Average alignment fitness of a case; None if not measured.
        perfectly_fitting: Share of cases the model can do exactly.
        precision: Share of what the model allows that the log does, over the prefixes the model can replay; None if not measured.
        precision_coverage: Share of the log's prefixes the precision is of.
        generalisation: 0 to 1.
        simplicity: 0 to 1.
        f_score: Harmonic mean of fitness and precision.
        variants_unfinished: Variants whose alignment did not end within the bound; fitness is of the others.
        remark: What is wrong or was left out, in words; empty if nothing.
    """

    name: str
    model: Model | None
    fitness: float | None = None
    perfectly_fitting: float | None = None
    precision: float | None = None
    precision_coverage: float | None = None
    generalisation: float | None = None
    simplicity: float | None = None
    variants_unfinished: int = 0
    remark: str = ""

    @property
    def f_score(self) -> float | None:
        """Harmonic mean of fitness and precision; None if one of them is."""
        if self.fitness is None or self.precision is None:
            return None
        total = self.fitness + self.precision
        return 2 * self.fitness * self.precision / total if total else 0.0


@dataclass(frozen=True)
class ModelComparison:
    """Models of one log, the best first, and why it is.

    Attributes:
        evaluations: One per model.
        best: The proposed one's name; None if no model could be measured.
        reason: Why, in one sentence.
    """

    evaluations: tuple[Evaluation, ...]
    best: str | None
    reason: str


def compare_models(
    log: "EventLog",
    *,
    miners: Sequence[str] = MINERS,
    noise: float = 0.2,
    seconds: float = SECONDS,
    progress: "Progress | None" = None,
) -> ModelComparison:
    """Discovers a model with each miner, measures them all and proposes one.

    Sound models come first; among them the higher mean of fitness and precision (F-score), within a point of it the simpler one.

    Args:
        log: The log; its filters apply.
        miners: See `mining.discovery.discover`.
        noise: For the inductive miner.
        seconds: CPU seconds of alignments, CPU seconds of precision, and wall seconds of a miner, each per model.
        progress: Told what is being done and how far it is, 0 to 1.

    Raises:
        ModelError: No such miner, or a log without cases. A miner that fails on this log is a row with a remark.
    """
    variants = log.variant_multiset()
    weights = {names: cases for _, names, cases in variants}
    found = []
    for number, miner in enumerate(miners):
        if progress:
            progress(f"Measuring the model of the {miner} miner", number / len(miners))
        try:
            model = discover_from_variants(weights, miner=miner, noise=noise, seconds=max(seconds, 30.0))
        except ModelError as error:
            if not error.data.get("miner") or "no miner" in error.problem:
                raise
            found.append(Evaluation(miner, None, remark=error.problem))
            continue
        found.append(evaluate_variants(variants, model, name=miner, seconds=seconds))
    return rank(found)


def evaluate(log: "EventLog", model: Model, *, name: str = "", seconds: float = SECONDS) -> Evaluation:
    """Measures one model against a log; see `evaluate_variants`."""
    return evaluate_variants(log.variant_multiset(), model, name=name or model.miner, seconds=seconds)


def evaluate_variants(variants: Sequence["Variant"], model: Model, *, name: str, seconds: float = SECONDS) -> Evaluation:
    """Measures a model against the variants of a log.

    Fitness of a net whose runs cannot all end is measured, too, where its end can be reached at all; `remark` names the problem.
    """
    weights = {names: cases for _, names, cases in variants}
    remarks = [] if model.is_sound else list(model.soundness().problems)
    fitness = fitting = None
    unfinished = 0
    try:
        conformance = align_variants(variants, model.net, shortest_run=model.shortest_run, seconds=seconds, is_sound=model.is_sound)
    except ModelError as error:
        remarks.append(error.problem)
    else:
        fitness, fitting = conformance.average_fitness, conformance.perfectly_fitting
        unfinished = conformance.variants_unfinished
    if unfinished:
        remarks.append(
            f"{unfinished:,} of {len(variants):,} variants were not aligned within their bounds ({seconds:g} seconds in all)."
        )
    measured = measure_precision(weights, model.net, seconds=seconds)
    if measured.remark:
        remarks.append(measured.remark)
    return Evaluation(
        name,
        model,
        fitness,
        fitting,
        measured.precision,
        measured.coverage,
        measured.generalisation,
        simplicity(model.net),
        unfinished,
        " ".join(remarks),
    )


def simplicity(net: PetriNet) -> float:
    """1 / (1 + how far the average number of arcs at a place or transition exceeds 2)."""
    nodes = len(net.places) + len(net.transitions)
    average = 2 * len(net.arcs) / nodes if nodes else 0.0
    return 1 / (1 + max(average - 2, 0.0))


def rank(evaluations: Sequence[Evaluation]) -> ModelComparison:
    """Puts the best first and says why it is."""
    ordered = sorted(evaluations, key=_order)
    measured = [one for one in ordered if one.f_score is not None]
    if not measured:
        return ModelComparison(tuple(ordered), None, "No model could be measured.")
    sound = [one for one in measured if one.model and one.model.is_sound]
    top = max(one.f_score or 0.0 for one in sound or measured)
    close = [one for one in sound or measured if (one.f_score or 0.0) >= top - 0.01]
    best = max(close, key=lambda one: (one.simplicity or 0.0, one.f_score or 0.0))
    ordered.remove(best)
    return ModelComparison((best, *ordered), best.name, _reason(best, len(sound), len(close), len(evaluations)))


def _order(one: Evaluation) -> tuple[bool, bool, float, float]:
    sound = bool(one.model and one.model.is_sound)
    return one.f_score is None, not sound, -(one.f_score or 0.0), -(one.simplicity or 0.0)


def _reason(best: Evaluation, sound: int, close: int, total: int) -> str:
    figures = f"fitness {best.fitness:.3f}, precision {best.precision:.3f}, F-score {best.f_score:.3f}"
    if not sound:
        return f"{best.name}: none of the {total} models is known to be sound; it has the best F-score ({figures})."
    if close > 1:
        return f"{best.name}: sound, and the simplest of the {close} whose F-score is within a point of the best ({figures})."
    rival = "the only sound model" if sound == 1 else f"sound, and the best F-score of the {sound} sound models"
    return f"{best.name}: {rival} ({figures})."
