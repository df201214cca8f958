"""Reading OCEL 1.0 and 2.0 in XML.

What belongs here: XML. What does not: the other formats, and landing.
"""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from connectors.ocel import Ocel, OcelEvent
from connectors.staged import open_bytes
from lake.errors import FileFormatError


def read_xml(path: Path) -> Ocel:
    """Reads the file, of either version.

    Raises:
        FileFormatError: Not XML (names the line), or no OCEL.
    """
    with open_bytes(path) as source:
        try:
            root = ElementTree.parse(source).getroot()  # noqa: S314 — expat refuses entity bombs; external ones are not read
        except ElementTree.ParseError as error:
            line = error.position[0]
            raise FileFormatError(
                f"{path.name}, line {line}: not well-formed XML: {error}.", remedy="Export it again.", file=path.name, line=line
            ) from error
    if root.find("events") is None:
        raise FileFormatError(f"{path.name} has no `events`, so it is no OCEL.", remedy="Export it as OCEL 2.0.", file=path.name)
    try:
        return _version_2(root) if root.find("object-types") is not None else _version_1(root)
    except KeyError as error:
        raise FileFormatError(
            f"{path.name} breaks the OCEL form: an element lacks {error}.",
            remedy="See https://www.ocel-standard.org.",
            file=path.name,
        ) from error


def _version_2(root: ElementTree.Element) -> Ocel:
    log = Ocel("2.0")
    for item in root.iterfind("objects/object"):
        object_id = item.attrib["id"]
        log.objects.setdefault(object_id, item.attrib["type"])
        for pair in item.iterfind("attributes/attribute"):
            log.values.append((object_id, pair.attrib["name"], pair.get("time", ""), pair.text or ""))
        log.object_objects += [(object_id, *_related(pair)) for pair in _relationships(item)]
    for item in root.iterfind("events/event"):
        event_id = item.attrib["id"]
        attributes = {pair.attrib["name"]: pair.text or "" for pair in item.iterfind("attributes/attribute")}
        log.events.append(OcelEvent(event_id, item.attrib["type"], item.get("time", ""), attributes))
        log.event_objects += [(event_id, *_related(pair)) for pair in _relationships(item)]
    return log


def _relationships(item: ElementTree.Element) -> list[ElementTree.Element]:
    return [*item.iterfind("objects/relationship"), *item.iterfind("objects/object")]


def _related(pair: ElementTree.Element) -> tuple[str, str]:
    return pair.attrib["object-id"], pair.get("qualifier", "")


def _version_1(root: ElementTree.Element) -> Ocel:
    log = Ocel("1.0")
    for item in root.iterfind("objects/object"):
        parts = _keyed(item)
        object_id = parts["id"].attrib["value"]
        log.objects[object_id] = parts["type"].attrib["value"]
        log.values += [(object_id, name, "", value) for name, value in _values(parts.get("ovmap")).items()]
    for item in root.iterfind("events/event"):
        parts = _keyed(item)
        event_id = parts["id"].attrib["value"]
        time = parts["timestamp"].get("value", "") if "timestamp" in parts else ""
        activity = parts["activity"].get("value", "") if "activity" in parts else ""
        log.events.append(OcelEvent(event_id, activity, time, _values(parts.get("vmap"))))
        related = parts.get("omap")
        log.event_objects += [(event_id, pair.attrib["value"], "") for pair in (related if related is not None else ())]
    return log


def _keyed(item: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {part.attrib["key"]: part for part in item}


def _values(item: ElementTree.Element | None) -> dict[str, Any]:
    return {part.attrib["key"]: part.get("value", "") for part in (item if item is not None else ())}
