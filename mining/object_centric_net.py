"""Object-centric Petri nets: a net per type of object, joined in the activities they share.

What belongs here: the net, finding it, its JSON and DOT. What does not: miners of one type's net (`mining.discovery`) and the log
(`mining.object_centric`).

W. van der Aalst, A. Berti, «Discovering Object-centric Petri Nets», 2020. Each type's net is discovered from the variants of its
objects, so an event table is never flattened. An arc is variable where its activity takes several objects of the type at a time.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mining.discovery import Model, discover_from_variants
from mining.dot import edge, graph, node
from mining.petri_net import PetriNet

if TYPE_CHECKING:
    from mining.object_centric import ObjectCentricLog


@dataclass(frozen=True)
class Place:
    """A place for objects of one type; a lifecycle starts in an initial and ends in a final one."""

    id: str
    object_type: str
    is_initial: bool
    is_final: bool


@dataclass(frozen=True)
class ObjectTransition:
    """A transition; one with a label belongs to all types that have the activity, a silent one to its type."""

    id: str
    label: str | None
    object_type: str | None


@dataclass(frozen=True)
class Arc:
    """An arc that objects of one type take: one at a time, or any number where it is variable."""

    source: str
    target: str
    object_type: str
    is_variable: bool


@dataclass(frozen=True)
class ObjectCentricNet:
    """An object-centric Petri net.

    Attributes:
        models: The model of each type of object.
        variable: The pairs (type, activity) where the activity takes several objects of the type at a time.
    """

    models: Mapping[str, Model]
    variable: frozenset[tuple[str, str]]

    @property
    def nets(self) -> dict[str, PetriNet]:
        """The net of each type of object, without the others."""
        return {kind: model.net for kind, model in self.models.items()}

    @property
    def places(self) -> tuple[Place, ...]:
        """The places of all types."""
        return tuple(
            Place(_of_type(kind, place), kind, place in net.initial, place in net.final)
            for kind, net in self.nets.items()
            for place in net.places
        )

    @property
    def transitions(self) -> tuple[ObjectTransition, ...]:
        """A transition per activity, then the silent ones of each type."""
        labels = sorted({label for net in self.nets.values() for label in net.labels})
        silent = (
            ObjectTransition(_of_type(kind, one.id), None, kind)
            for kind, net in self.nets.items()
            for one in net.transitions
            if one.label is None
        )
        return (*(ObjectTransition(_of_activity(label), label, None) for label in labels), *silent)

    @property
    def arcs(self) -> tuple[Arc, ...]:
        """The arcs of all types."""
        return tuple(arc for kind in self.nets for arc in self._arcs_of(kind))

    def _arcs_of(self, kind: str) -> Iterator[Arc]:
        net = self.nets[kind]
        labels = {one.id: one.label for one in net.transitions}

        def joined(part: str) -> str:
            label = labels.get(part)
            return _of_type(kind, part) if label is None else _of_activity(label)

        for source, target in net.arcs:
            is_variable = any((kind, labels.get(end)) in self.variable for end in (source, target))
            yield Arc(joined(source), joined(target), kind, is_variable)

    def to_json(self) -> str:
        """The joined net as JSON: object_types, places, transitions, arcs."""
        parts = {name: [asdict(one) for one in getattr(self, name)] for name in ("places", "transitions", "arcs")}
        return json.dumps({"object_types": list(self.nets), **parts}, ensure_ascii=False, indent=1)

    def to_dot(self) -> str:
        """The joined net for Graphviz: a colour per type of object, variable arcs drawn twice."""
        colours = colours_of(tuple(self.models))
        places = [
            node(place.id, place.object_type if place.is_initial or place.is_final else "", shape=_shape(place), color=colour)
            for place in self.places
            for colour in [colours[place.object_type]]
        ]
        boxes = [
            node(one.id, one.label, shape="box")
            if one.label is not None
            else node(one.id, "", shape="box", style="filled", width="0.1")
            for one in self.transitions
        ]
        arcs = [
            edge(arc.source, arc.target, color=f"{colour}:{colour}" if arc.is_variable else colour)
            for arc in self.arcs
            for colour in [colours[arc.object_type]]
        ]
        return graph("object-centric net", [*places, *boxes, *arcs])


def discover_net(log: "ObjectCentricLog", *, noise: float = 0.0, object_types: Sequence[str] | None = None) -> ObjectCentricNet:
    """Discovers the object-centric net of a log with the inductive miner.

    Args:
        log: The log.
        noise: Share of infrequent behaviour to leave out at each step, 0 to 1.
        object_types: The types of objects the net is of; default: all that have events.

    Raises:
        ModelError: A noise outside 0 to 1.
        DataError: No object of a type has an event.
    """
    kinds = log.object_types if object_types is None else object_types
    models = {kind: discover_from_variants(log.variant_multiset(kind), noise=noise) for kind in kinds}
    variable = log.activities().filter("is_variable").project("object_type, activity").fetchall()
    return ObjectCentricNet(models, frozenset(variable))


def dfg_dot(log: "ObjectCentricLog") -> str:
    """The object-centric directly-follows graph for Graphviz: a colour per type of object; edges say how often and how long."""
    colours = colours_of(log.object_types)
    names = [name for (name,) in log.activities().project("activity").distinct().order("activity").fetchall()]
    edges = [
        edge(_of_activity(source), _of_activity(target), f"{kind}: {times:,}, {mean / 3600:,.1f} h", color=colours[kind])
        for kind, source, target, _events, _objects, times, mean, _median in log.dfg().fetchall()
    ]
    boxes = [node(_of_activity(name), name, shape="box") for name in names]
    return graph("object-centric dfg", [*boxes, *_ends(log, colours), *edges])


def _ends(log: "ObjectCentricLog", colours: Mapping[str, str]) -> Iterator[str]:
    """Where lifecycles start and end: two nodes per type, with edges to and from its activities."""
    for kind, colour in colours.items():
        yield from (node(f"{side} {kind}", f"{kind} {side}", color=colour) for side in ("start", "end"))
    for kind, name, starts, ends in log.activities().project("object_type, activity, starts, ends").fetchall():
        if starts:
            yield edge(f"start {kind}", _of_activity(name), f"{starts:,}", color=colours[kind])
        if ends:
            yield edge(_of_activity(name), f"end {kind}", f"{ends:,}", color=colours[kind])


def colours_of(kinds: tuple[str, ...]) -> dict[str, str]:
    """A colour per type of object, evenly around the circle, as DOT writes hue, saturation and value."""
    return {kind: f"{number / max(len(kinds), 1):.3f} 0.7 0.7" for number, kind in enumerate(kinds)}


def _of_type(kind: str, part: str) -> str:
    return f"of {kind} {part}"


def _of_activity(label: str) -> str:
    return f"activity {label}"


def _shape(place: Place) -> str:
    return "doublecircle" if place.is_final else "circle"
