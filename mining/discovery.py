"""Discovering a model from an event log: the inductive miner, on the variants and not on the events.

What belongs here: choosing and running a miner, and the model that comes out. What does not: how well it fits
(`mining.conformance`).

pm4py's miner gets the variant multiset, which gives the same tree as the whole log at the cost of the variants alone. The
work grows with the events in the variants times the square of the activities: BPIC 2012 (24 activities, 4,366 variants) takes
17 to 21 s, BPIC 2015 (398 activities, 1,170 variants) more than 400 s. Beyond `WORK_LIMIT` the miner's costly fall-throughs
are left out: where no cut is found the rest becomes a free choice (a «flower»), in seconds; the model's `miner` says so.
"""

from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from lake.errors import ModelError
from mining.bpmn import tree_to_bpmn
from mining.petri_net import PetriNet
from mining.process_tree import ProcessTree

if TYPE_CHECKING:
    from mining.event_log import EventLog

MINERS = ("inductive",)
WORK_LIMIT = 600_000_000  # events in variants x activities²: about a minute and a half; BPIC 2012 has 115 million


@dataclass(frozen=True)
class Model:
    """A discovered model.

    Attributes:
        miner: How it was found, with what was left out if anything was.
        noise: The noise threshold, 0 to 1.
        net: The Petri net.
        tree: The process tree it was made from.
        is_sound: Whether every run can end properly. True for nets made from process trees, sound by construction: it is
            not checked again.
        seconds: Wall time of the discovery, imports not counted.
    """

    miner: str
    noise: float
    net: PetriNet
    tree: ProcessTree
    is_sound: bool = True
    seconds: float = field(default=0.0, compare=False)

    def to_pnml(self) -> str:
        """The net as PNML."""
        return self.net.to_pnml()

    def to_bpmn(self) -> str:
        """The tree as a BPMN 2.0 diagram with a layout."""
        return tree_to_bpmn(self.tree)


def discover(log: "EventLog", *, miner: str = "inductive", noise: float = 0.2) -> Model:
    """Discovers a model of a log.

    Args:
        log: The log; its filters apply.
        miner: `inductive` (IMf; IM where noise is 0, and then every case of the log fits the model).
        noise: Share of infrequent behaviour to leave out at each step, 0 to 1.

    Raises:
        ModelError: No such miner, a noise outside 0 to 1, or a log whose filters leave no case.
    """
    return discover_from_variants({names: cases for _, names, cases in log.variant_multiset()}, miner=miner, noise=noise)


def discover_from_variants(variants: dict[tuple[str, ...], int], *, miner: str = "inductive", noise: float = 0.2) -> Model:
    """As `discover`, from cases per variant."""
    if miner not in MINERS:
        raise ModelError(f"There is no miner `{miner}`.", remedy=f"Use one of: {', '.join(MINERS)}.", miner=miner)
    if not 0 <= noise <= 1:
        raise ModelError(f"A noise threshold of {noise} makes no sense.", remedy="Use a number from 0 to 1, such as 0.2.")
    if not variants:
        raise ModelError("There are no cases to discover a model from.", remedy="Loosen the filters.")
    bounded = discovery_work(variants) > WORK_LIMIT
    started = perf_counter()
    mined, net, initial, final = _inductive(variants, noise=noise, bounded=bounded)
    name = f"{miner} without fall-throughs ({len(variants):,} variants of many activities)" if bounded else miner
    return Model(
        miner=name,
        noise=float(noise),
        net=PetriNet.from_pm4py(net, initial, final),
        tree=ProcessTree.from_pm4py(mined),
        seconds=perf_counter() - started,
    )


def discovery_work(variants: dict[tuple[str, ...], int]) -> int:
    """What the inductive miner's time grows with: events in the variants times the square of the activities."""
    activities = {name for names in variants for name in names}
    return sum(map(len, variants)) * len(activities) ** 2


def _inductive(variants: dict[tuple[str, ...], int], *, noise: float, bounded: bool) -> tuple[Any, Any, Any, Any]:
    """pm4py's tree and net of the variants; given in a fixed order, because ties are decided by it."""
    from pm4py.algo.discovery.inductive.dtypes.im_ds import IMDataStructureUVCL
    from pm4py.algo.discovery.inductive.variants.im import IMUVCL
    from pm4py.algo.discovery.inductive.variants.imf import IMFUVCL
    from pm4py.objects.conversion.process_tree.variants import to_petri_net
    from pm4py.objects.process_tree.utils.generic import fold

    ordered = Counter(dict(sorted(variants.items(), key=lambda item: (-item[1], item[0]))))
    settings = {"noise_threshold": noise, "multiprocessing": False, "disable_fallthroughs": bounded}
    framework = IMFUVCL if noise > 0 else IMUVCL
    tree = fold(framework(settings).apply(IMDataStructureUVCL(ordered), settings))
    _sort_branches(tree)
    return tree, *to_petri_net.apply(tree)


def _sort_branches(tree: Any) -> None:
    """Puts branches whose order means nothing in the order of their texts: pm4py's comes from sets and differs by process."""
    for child in tree.children:
        _sort_branches(child)
    if str(tree.operator) in ("X", "+"):
        tree.children = sorted(tree.children, key=str)
    elif str(tree.operator) == "*":
        tree.children = [tree.children[0], *sorted(tree.children[1:], key=str)]
