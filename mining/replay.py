"""Token replay: a quick estimate of how much of a log a net can replay, offered beside alignments and never called fitness.

What belongs here: pm4py's replay over the variants. What does not: fitness, which comes from alignments (`mining.conformance`).

Replay forces tokens through the net and counts those missing and remaining. It errs both ways: on the Sepsis log it calls 80 % of
the cases fitting where 67 % are, and it raises false alarms on nets with many silent steps.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mining.petri_net import PetriNet

if TYPE_CHECKING:
    from mining.discovery import Model
    from mining.event_log import EventLog


@dataclass(frozen=True)
class ReplayEstimate:
    """What token replay estimates; exact figures are those of `align`.

    Attributes:
        replayed_share: (1 - missing / consumed) / 2 + (1 - remaining / produced) / 2, tokens of all cases. None without cases.
        clean_share: Share of cases replayed without a missing or remaining token. None without cases.
        missing: Tokens that were missing, over all cases.
        remaining: Tokens that remained, over all cases.
        label: What must stand beside these figures wherever they are shown.
    """

    replayed_share: float | None
    clean_share: float | None
    missing: int
    remaining: int
    label: str = "estimate by token replay, no measure of fitness"


def token_replay(log: "EventLog", model: "Model | PetriNet") -> ReplayEstimate:
    """Replays each variant once and weighs it by its cases; equals pm4py's replay of the whole log.

    Args:
        log: The log; its filters apply.
        model: A discovered model or a net.
    """
    variants = log.variant_multiset()
    if not variants:
        return ReplayEstimate(None, None, 0, 0)
    net = model if isinstance(model, PetriNet) else model.net
    replayed = _replayed([names for _, names, _ in variants], net)
    weights = [cases for _, _, cases in variants]
    whole = sum(weights)

    def total(key: str) -> Any:
        return sum(cases * one[key] for cases, one in zip(weights, replayed, strict=True))

    missing, remaining = total("missing_tokens"), total("remaining_tokens")
    share = 1 - missing / total("consumed_tokens") / 2 - remaining / total("produced_tokens") / 2
    return ReplayEstimate(share, total("trace_is_fit") / whole, int(missing), int(remaining))


def _replayed(traces: list[tuple[str, ...]], net: PetriNet) -> list[dict[str, Any]]:
    """pm4py's figures per trace, in the order given; it gets a log with one case per variant."""
    from pm4py.algo.conformance.tokenreplay import algorithm
    from pm4py.objects.log.obj import Event, EventLog, Trace

    began = datetime(2000, 1, 1, tzinfo=UTC)
    log = EventLog(
        [
            Trace(
                [
                    Event({"concept:name": name, "time:timestamp": began + timedelta(seconds=second)})
                    for second, name in enumerate(names)
                ],
                attributes={"concept:name": str(number)},
            )
            for number, names in enumerate(traces)
        ]
    )
    parameters = {"show_progress_bar": False}
    found: list[dict[str, Any]] = algorithm.apply(log, *net.to_pm4py(), parameters=parameters)
    return found
