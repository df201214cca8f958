"""Holding a process against a model: its own, or one a person brought; the report that the faces show.

What belongs here: putting the parts together for a process of the lake. What does not: the parts (`mining.conformance`,
`mining.deviations`, `mining.alignment_table`) and rules (`mining.rules`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lake.errors import DataError
from lake.registry import definition_of
from mining.alignment_table import keep_alignments
from mining.conformance import SECONDS, Conformance, Progress, align
from mining.deviations import Deviations, accepted_deviations, find_deviations
from mining.earlier import last_discovery, parameters_of
from mining.event_log import EventLog
from mining.petri_net import PetriNet
from mining.soundness import check_soundness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mining.discovery import Model


@dataclass(frozen=True)
class ConformanceReport:
    """A process against a model.

    Attributes:
        process: The process.
        model: What the model is, in words.
        is_sound: Whether every run of the model can end properly; None if that was not decided.
        problems: What is wrong with the model, one sentence each.
        only_in_model: Activities of the model the log has not.
        only_in_log: Activities of the log the model has not; each of their events is an inserted one.
        conformance: The alignments and their figures.
        deviations: What deviates, with the accepted ones marked.
    """

    process: str
    model: str
    is_sound: bool | None
    problems: tuple[str, ...]
    only_in_model: tuple[str, ...]
    only_in_log: tuple[str, ...]
    conformance: Conformance
    deviations: Deviations

    def figures(self) -> "Mapping[str, object]":
        """The report's figures by name, without the deviations."""
        found, after = self.conformance, self.deviations
        return {
            "model": self.model,
            "is_sound": self.is_sound,
            "average_fitness": found.average_fitness,
            "perfectly_fitting": found.perfectly_fitting,
            "fitness_after_accepted": after.fitness_after_accepted,
            "fitting_after_accepted": after.fitting_after_accepted,
            "variants": len(found.variants),
            "variants_unfinished": found.variants_unfinished,
            "cases_unfinished": found.cases_unfinished,
            "only_in_model": list(self.only_in_model),
            "only_in_log": list(self.only_in_log),
        }


def conform(
    process: str, net: PetriNet | None = None, *, name: str = "", seconds: float = SECONDS, progress: Progress | None = None
) -> ConformanceReport:
    """Aligns a process's log with a model and keeps the alignments, so that the next time only new variants are searched.

    Args:
        process: Name of a process with an event log.
        net: A model of one's own; default: the one the process was mined with last.
        name: What the report calls that model; default: the net's own name.
        seconds: CPU seconds for alignments.
        progress: Told how far they are.

    Raises:
        UnknownProcessError: No such event log.
        DataError: The process has no model yet.
        ModelError: No run through the model was found.
    """
    with EventLog.from_lake(process) as log:
        report = hold_against(log, net, name=name, seconds=seconds, progress=progress)
        snapshot_id = log.snapshot_id
    keep_alignments(process, report.conformance, snapshot_id=snapshot_id)
    return report


def hold_against(
    log: EventLog, net: PetriNet | None = None, *, name: str = "", seconds: float = SECONDS, progress: Progress | None = None
) -> ConformanceReport:
    """Aligns a process's log, filtered or not, with a model; nothing is kept. Arguments and errors as for `conform`."""
    process = log.events.name
    model, sound, problems = _own_model(log, process) if net is None else _brought(net)
    names = {name for (name,) in log.ask("select activity from activities").fetchall()}
    conformance = align(log, model, seconds=seconds, progress=progress, is_sound=sound)
    accepted = accepted_deviations(log.connection, process)
    deviations = find_deviations(log, conformance, definition=definition_of(log.connection, process), accepted=accepted)
    labels = model.labels if isinstance(model, PetriNet) else model.net.labels
    missing, unknown = (tuple(sorted(part)) for part in (labels - names, names - labels))
    said = f"the model of {process}" if net is None else name or net.name
    return ConformanceReport(process, said, sound, problems, missing, unknown, conformance, deviations)


def _own_model(log: EventLog, process: str) -> "tuple[Model | PetriNet, bool | None, tuple[str, ...]]":
    miner, noise = parameters_of(process, connection=log.connection)
    found = last_discovery(log.connection, process, miner=miner, noise=noise)
    if found is None:
        raise DataError(
            f"`{process}` has no model yet.",
            remedy=f"Run `grimoire mine {process}`, or give a model with --model.",
            process=process,
        )
    return found.model, found.model.is_sound, ()


def _brought(net: PetriNet) -> "tuple[Model | PetriNet, bool | None, tuple[str, ...]]":
    sound = check_soundness(net)
    return net, sound.is_sound, sound.problems
