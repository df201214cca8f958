"""Models that people bring: a Petri net from the text of a PNML or BPMN file, or from a sequence of activities.

What belongs here: choosing the reader and refusing what is no model. What does not: the formats (`mining.petri_net`,
`mining.bpmn_reading`).
"""

from collections.abc import Sequence

from lake.errors import FileFormatError
from mining.petri_net import PetriNet, Transition

LARGEST = 5_000_000  # bytes of a model file: a model of a thousand activities is below one million


def read_model(content: bytes, *, name: str) -> PetriNet:
    """The Petri net of a model file: BPMN where its name ends so, else PNML.

    Raises:
        FileFormatError: The content is no text, too large, no such model, or a net without a start or an end.
        ModelError: The BPMN holds what no net can say.
    """
    if len(content) > LARGEST:
        raise FileFormatError(f"{name} is larger than {LARGEST:,} bytes.", remedy="Give the file of a model alone.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{name} cannot be read: {error}.", remedy="Give a PNML or BPMN file in UTF-8.") from error
    if name.lower().endswith(".bpmn"):
        from mining.bpmn_net import diagram_to_net
        from mining.bpmn_reading import read_bpmn

        return diagram_to_net(read_bpmn(text))
    return _checked(_pnml(text, name), name)


def sequence_net(activities: Sequence[str], *, name: str = "net") -> PetriNet:
    """The net that can do exactly these activities in this order, such as a definition's happy path.

    Raises:
        FileFormatError: There are none.
    """
    if not activities:
        raise FileFormatError("The path has no activities.", remedy="Write them under `happy_path` in the process definition.")
    places = tuple(f"p{number}" for number in range(len(activities) + 1))
    steps = tuple(Transition(f"t{number}", activity) for number, activity in enumerate(activities, start=1))
    arcs = tuple(
        arc for before, step, after in zip(places, steps, places[1:], strict=False) for arc in ((before, step.id), (step.id, after))
    )
    return PetriNet(places, steps, arcs, {places[0]: 1}, {places[-1]: 1}, name)


def _pnml(text: str, name: str) -> PetriNet:
    try:
        return PetriNet.from_pnml(text)
    except (KeyError, ValueError) as error:
        raise FileFormatError(f"{name} is no PNML: a part of it lacks {error}.", remedy="Give a PNML file with one net.") from error


def _checked(net: PetriNet, name: str) -> PetriNet:
    """The net, if arcs join parts there are and it has a start and an end."""
    parts = {*net.places, *(one.id for one in net.transitions)}
    lost = next((end for arc in net.arcs for end in arc if end not in parts), None)
    if lost is not None:
        raise FileFormatError(f"{name} has an arc at `{lost}`, which it does not define.", remedy="Save the net anew.")
    if not net.transitions:
        raise FileFormatError(f"{name} holds a net without transitions.", remedy="Give a PNML file with one net.")
    if not net.initial or not net.final:
        missing = "initial" if not net.initial else "final"
        raise FileFormatError(
            f"The net of {name} has no {missing} marking, so nothing says where a case {'starts' if not net.initial else 'ends'}.",
            remedy="Mark those places with tokens (`initialMarking`, `finalmarkings`), or give BPMN.",
        )
    return net
