"""Petri nets as plain values: places, transitions, arcs and markings, and their PNML.

What belongs here: the net, its figures and its file format. What does not: finding nets (`mining.discovery`) and holding logs
against them (`mining.conformance`).
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from xml.etree import ElementTree

from lake.errors import FileFormatError

XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'  # written here because ElementTree names the locale's encoding
_NAMESPACE = "http://www.pnml.org/version-2009/grammar/pnml"
_CORE_MODEL = "http://www.pnml.org/version-2009/grammar/pnmlcoremodel"
_TOOL = {"tool": "ProM", "version": "6.4"}  # how ProM and pm4py mark silent transitions and final markings
_SILENT = "$invisible$"


@dataclass(frozen=True)
class Transition:
    """A transition; without a label it is silent."""

    id: str
    label: str | None = None


@dataclass(frozen=True)
class PetriNet:
    """A labelled Petri net with one initial and one final marking (tokens by place); arcs weigh one."""

    places: tuple[str, ...]
    transitions: tuple[Transition, ...]
    arcs: tuple[tuple[str, str], ...]
    initial: Mapping[str, int]
    final: Mapping[str, int]
    name: str = "net"

    @property
    def silent(self) -> int:
        """How many transitions are silent."""
        return sum(transition.label is None for transition in self.transitions)

    @property
    def labels(self) -> set[str]:
        """The activities the net knows."""
        return {transition.label for transition in self.transitions if transition.label is not None}

    @property
    def id(self) -> str:
        """What tells this net from others, 16 hexadecimal digits of its PNML's SHA-256: the same net has the same everywhere."""
        return sha256(self.to_pnml().encode()).hexdigest()[:16]

    @classmethod
    def from_pm4py(cls, net: Any, initial: Any, final: Any) -> "PetriNet":
        """The net of pm4py's objects; parts get ids by name, so that the same net always reads the same."""
        places = sorted(net.places, key=lambda place: place.name)
        transitions = sorted(net.transitions, key=lambda transition: (transition.label is None, transition.label, transition.name))
        ids = {place: f"p{number}" for number, place in enumerate(places, start=1)}
        ids |= {transition: f"t{number}" for number, transition in enumerate(transitions, start=1)}
        return cls(
            places=tuple(ids[place] for place in places),
            transitions=tuple(Transition(ids[transition], transition.label) for transition in transitions),
            arcs=tuple(sorted((ids[arc.source], ids[arc.target]) for arc in net.arcs)),
            initial={ids[place]: int(tokens) for place, tokens in initial.items()},
            final={ids[place]: int(tokens) for place, tokens in final.items()},
        )

    def to_pm4py(self) -> tuple[Any, Any, Any]:
        """The net, the initial and the final marking as pm4py's objects, named by their ids."""
        from pm4py.objects.petri_net.obj import Marking
        from pm4py.objects.petri_net.obj import PetriNet as Net
        from pm4py.objects.petri_net.utils.petri_utils import add_arc_from_to

        net = Net(self.name)
        parts: dict[str, Any] = {place: Net.Place(place) for place in self.places}
        parts |= {one.id: Net.Transition(one.id, one.label) for one in self.transitions}
        net.places.update(parts[place] for place in self.places)
        net.transitions.update(parts[one.id] for one in self.transitions)
        for source, target in self.arcs:
            add_arc_from_to(parts[source], parts[target], net)
        markings = ({parts[place]: tokens for place, tokens in marking.items()} for marking in (self.initial, self.final))
        return net, *map(Marking, markings)

    def to_r4pm(self) -> dict[str, Any]:
        """The net as r4pm's alignments take it; r4pm wants UUIDs for ids, here made from the ids themselves."""
        ids = {part: str(uuid.uuid5(uuid.NAMESPACE_OID, part)) for part in (*self.places, *(t.id for t in self.transitions))}
        places = set(self.places)
        return {
            "places": {ids[place]: {"id": ids[place]} for place in self.places},
            "transitions": {ids[t.id]: {"id": ids[t.id], "label": t.label} for t in self.transitions},
            "arcs": [
                {
                    "from_to": {
                        "type": "PlaceTransition" if source in places else "TransitionPlace",
                        "nodes": [ids[source], ids[target]],
                    },
                    "weight": 1,
                }
                for source, target in self.arcs
            ],
            "initial_marking": {ids[place]: tokens for place, tokens in self.initial.items()},
            "final_markings": [{ids[place]: tokens for place, tokens in self.final.items()}],
        }

    def to_pnml(self) -> str:
        """The net as PNML, readable by ProM, pm4py and r4pm."""
        root = ElementTree.Element("pnml", {"xmlns": _NAMESPACE})
        net = ElementTree.SubElement(root, "net", {"id": "net1", "type": _CORE_MODEL})
        _named(net, self.name)
        page = ElementTree.SubElement(net, "page", {"id": "page1"})
        for place in self.places:
            element = ElementTree.SubElement(page, "place", {"id": place})
            _named(element, place)
            if tokens := self.initial.get(place):
                _text(element, "initialMarking", str(tokens))
        for transition in self.transitions:
            element = ElementTree.SubElement(page, "transition", {"id": transition.id})
            _named(element, transition.label if transition.label is not None else transition.id)
            if transition.label is None:
                ElementTree.SubElement(element, "toolspecific", {**_TOOL, "activity": _SILENT})
        for number, (source, target) in enumerate(self.arcs, start=1):
            ElementTree.SubElement(page, "arc", {"id": f"a{number}", "source": source, "target": target})
        marking = ElementTree.SubElement(ElementTree.SubElement(net, "finalmarkings"), "marking")
        for place, tokens in self.final.items():
            _text(ElementTree.SubElement(marking, "place", {"idref": place}), None, str(tokens))
        ElementTree.indent(root)
        return XML_HEAD + ElementTree.tostring(root, encoding="unicode") + "\n"

    @classmethod
    def from_pnml(cls, text: str) -> "PetriNet":
        """The net of a PNML document with arcs of weight one.

        Raises:
            FileFormatError: Not XML, or not a place/transition net.
        """
        try:
            root = ElementTree.fromstring(text)  # noqa: S314 — a model file of the user's own; no entities are resolved
        except ElementTree.ParseError as error:
            raise FileFormatError(f"The PNML is not XML: {error}.", remedy="Give a PNML file.") from error
        net = root.find("{*}net")
        if net is None:
            raise FileFormatError("The PNML holds no net.", remedy="Give a PNML file with one net.")
        places = list(net.iter(f"{{{_namespace(net)}}}place") if _namespace(net) else net.iter("place"))
        real = [place for place in places if "id" in place.attrib]
        return cls(
            places=tuple(place.attrib["id"] for place in real),
            transitions=tuple(_transition(element) for element in net.iterfind(".//{*}transition")),
            arcs=tuple((arc.attrib["source"], arc.attrib["target"]) for arc in net.iterfind(".//{*}arc")),
            initial={place.attrib["id"]: tokens for place in real if (tokens := _tokens(place.find("{*}initialMarking")))},
            final={
                place.attrib["idref"]: tokens
                for place in net.iterfind(".//{*}finalmarkings/{*}marking/{*}place")
                if (tokens := _tokens(place))
            },
        )


def _named(element: ElementTree.Element, name: str) -> None:
    _text(element, "name", name)


def _text(element: ElementTree.Element, tag: str | None, text: str) -> None:
    parent = element if tag is None else ElementTree.SubElement(element, tag)
    ElementTree.SubElement(parent, "text").text = text


def _namespace(element: ElementTree.Element) -> str:
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


def _transition(element: ElementTree.Element) -> Transition:
    silent = any(part.attrib.get("activity") == _SILENT for part in element.iterfind("{*}toolspecific"))
    return Transition(element.attrib["id"], None if silent else element.findtext("{*}name/{*}text"))


def _tokens(element: ElementTree.Element | None) -> int:
    text = None if element is None else element.findtext("{*}text")
    return int(text) if text and text.strip().isdigit() else 0
