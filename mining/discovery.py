"""Discovering a model from an event log: every miner behind one function, on the variants and not on the events.

What belongs here: choosing a miner, and the model that comes out. What does not: the miners (`mining.inductive`,
`mining.miners`), how well a model fits (`mining.conformance`) and which is best (`mining.evaluation`).

Every miner is bounded. The inductive one counts its work, so that a log of 400 activities is mined in seconds with one kind of
fall-through left out, which the model's `miner` then says. The others are ended when their time is up.
"""

from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from lake.errors import ModelError
from mining.bpmn import draw_tree
from mining.bpmn_diagram import Diagram, Drawing, write_bpmn
from mining.bpmn_net import net_to_diagram
from mining.inductive import inductive_tree
from mining.miners import PARAMETERS, SECONDS, Variants, dfg_net, run_miner
from mining.petri_net import PetriNet
from mining.process_tree import ProcessTree
from mining.soundness import Soundness, check_soundness
from mining.tree_net import tree_to_net

if TYPE_CHECKING:
    from mining.event_log import EventLog

MINERS = ("inductive", *PARAMETERS, "dfg")


@dataclass(frozen=True)
class Model:
    """A discovered model.

    Attributes:
        miner: How it was found, with what was left out if anything was.
        noise: The noise threshold, 0 to 1; only the inductive miner heeds it.
        net: The Petri net.
        tree: The process tree it was made from; None for miners that make none.
        is_sound: Whether every run can end properly; None if that was not decided. Nets made from process trees are sound by
            construction and not checked again.
        seconds: Wall time of the discovery; for miners in a process of their own, its start counted.
        diagram: The BPMN diagram, where the miner finds one.
    """

    miner: str
    noise: float
    net: PetriNet
    tree: ProcessTree | None
    is_sound: bool | None = True
    seconds: float = field(default=0.0, compare=False)
    diagram: Diagram | None = field(default=None, compare=False)

    @property
    def shortest_run(self) -> int | None:
        """The fewest activities of a run; None where only a search in the net can tell."""
        return None if self.tree is None else self.tree.shortest_run

    def soundness(self) -> Soundness:
        """Whether the model is sound, with what is wrong in words."""
        return check_soundness(self.net) if self.tree is None else Soundness(True, (), 0)

    def drawing(self) -> Drawing:
        """The BPMN diagram with its layout."""
        if self.tree is not None:
            return draw_tree(self.tree)
        return (self.diagram or net_to_diagram(self.net)).placed()

    def draw(self, path: str | Path) -> Path:
        """Saves the picture: the BPMN diagram as `.svg` or `.png`, the net as `.dot`; see `mining.pictures.save_model`."""
        from mining.pictures import save_model

        return save_model(self, path)

    def to_pnml(self) -> str:
        """The net as PNML."""
        return self.net.to_pnml()

    def to_bpmn(self) -> str:
        """The model as a BPMN 2.0 diagram with a layout."""
        return write_bpmn(self.drawing())


def discover(
    log: "EventLog", *, miner: str = "inductive", noise: float = 0.2, seconds: float = SECONDS, **parameters: float
) -> Model:
    """Discovers a model of a log.

    Args:
        log: The log; its filters apply.
        miner: `inductive` (IMf; IM where noise is 0, and then every case of the log fits the model), `inductive-dfg` (IMd),
            `heuristics`, `split`, `alpha`, `alpha-plus`, `ilp`, `powl`, or `dfg`, the directly-follows graph as a net.
        noise: Share of infrequent behaviour the inductive miner leaves out at each step, 0 to 1.
        seconds: Wall time after which a miner other than `inductive` and `dfg` is ended.
        parameters: Of `heuristics`: dependency, and_measure, loop_two (0 to 1); of `split`: eta, the percentile of frequencies
            below which edges go, and epsilon, how unequal both directions of parallel activities may be (0 to 1).

    Raises:
        ModelError: No such miner or parameter, one outside 0 to 1, a log whose filters leave no case, or time is up.
    """
    variants = {names: cases for _, names, cases in log.variant_multiset()}
    return discover_from_variants(variants, miner=miner, noise=noise, seconds=seconds, **parameters)


def discover_from_variants(
    variants: Variants, *, miner: str = "inductive", noise: float = 0.2, seconds: float = SECONDS, **parameters: float
) -> Model:
    """As `discover`, from cases per variant."""
    _refuse(variants, miner, {"noise": noise, **parameters})
    started = perf_counter()
    if miner == "inductive":
        return _inductive(variants, float(noise), started)
    if miner == "dfg":
        net, diagram = dfg_net(variants), None
    else:
        net, diagram = run_miner(miner, variants, parameters, seconds=seconds)
    sound = check_soundness(net).is_sound
    return Model(miner, float(noise), net, None, sound, perf_counter() - started, diagram)


def _refuse(variants: Variants, miner: str, parameters: dict[str, float]) -> None:
    if miner not in MINERS:
        raise ModelError(f"There is no miner `{miner}`.", remedy=f"Use one of: {', '.join(MINERS)}.", miner=miner)
    known = ("noise", *PARAMETERS.get(miner, ()))
    for name, value in parameters.items():
        if name not in known:
            raise ModelError(f"The {miner} miner has no parameter `{name}`.", remedy=f"It has: {', '.join(known)}.")
        if not 0 <= value <= 1:
            named = "noise threshold" if name == "noise" else f"`{name}`"
            raise ModelError(f"A {named} of {value} makes no sense.", remedy="Use a number from 0 to 1, such as 0.2.")
    if not any(variants):
        raise ModelError("There are no cases to discover a model from.", remedy="Loosen the filters.")


def _inductive(variants: Variants, noise: float, started: float) -> Model:
    found = inductive_tree(variants, noise=noise)
    activities = len({name for names in variants for name in names})
    left_out = f" without all fall-throughs ({activities:,} activities)" if found.is_bounded else ""
    return Model(f"inductive{left_out}", noise, tree_to_net(found.tree), found.tree, seconds=perf_counter() - started)
