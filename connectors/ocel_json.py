"""Reading OCEL 1.0 and 2.0 in JSON.

What belongs here: JSON. What does not: the other formats, and landing.

OCEL 1.0 files without `ocel:global-event` or `ocel:global-object` are read like any other: nothing in them is needed.
"""

import json
from pathlib import Path
from typing import Any

from connectors.ocel import Ocel, OcelEvent
from connectors.staged import open_bytes
from lake.errors import FileFormatError


def read_json(path: Path) -> Ocel:
    """Reads the file, of either version.

    Raises:
        FileFormatError: Not JSON (names the line), or neither version's shape.
    """
    with open_bytes(path) as source:
        content = source.read()
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        place = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise FileFormatError(f"{path.name}{place}: not JSON: {error}.", remedy="Export it again.", file=path.name) from error
    try:
        if isinstance(document, dict) and "ocel:events" in document:
            return _version_1(document)
        if isinstance(document, dict) and "events" in document:
            return _version_2(document)
    except (KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"{path.name} breaks the OCEL form at {error}.", remedy="See https://www.ocel-standard.org.", file=path.name
        ) from error
    raise FileFormatError(
        f"{path.name} is JSON but no OCEL: it has neither `ocel:events` nor `events`.",
        remedy="Export it as OCEL 2.0.",
        file=path.name,
    )


def _version_1(document: dict[str, Any]) -> Ocel:
    log = Ocel("1.0")
    for object_id, item in document.get("ocel:objects", {}).items():
        log.objects[object_id] = item["ocel:type"]
        log.values += [(object_id, name, "", value) for name, value in item.get("ocel:ovmap", {}).items()]
    for event_id, item in document["ocel:events"].items():
        time = str(item.get("ocel:timestamp") or "")
        log.events.append(OcelEvent(event_id, item.get("ocel:activity") or "", time, item.get("ocel:vmap") or {}))
        qualifiers = {pair["ocel:oid"]: pair.get("ocel:qualifier", "") for pair in item.get("ocel:typedOmap", [])}
        log.event_objects += [(event_id, related, qualifiers.get(related, "")) for related in item.get("ocel:omap", [])]
    return log


def _version_2(document: dict[str, Any]) -> Ocel:
    log = Ocel("2.0")
    for item in document.get("objects", []):
        object_id = str(item["id"])
        log.objects.setdefault(object_id, item["type"])
        log.values += [
            (object_id, pair["name"], str(pair.get("time") or ""), pair["value"]) for pair in item.get("attributes") or []
        ]
        log.object_objects += [(object_id, *_related(pair)) for pair in item.get("relationships") or []]
    for item in document["events"]:
        event_id = str(item["id"])
        attributes = {pair["name"]: pair["value"] for pair in item.get("attributes") or []}
        log.events.append(OcelEvent(event_id, item.get("type") or "", str(item.get("time") or ""), attributes))
        log.event_objects += [(event_id, *_related(pair)) for pair in item.get("relationships") or []]
    return log


def _related(pair: dict[str, Any]) -> tuple[str, str]:
    return str(pair["objectId"]), str(pair.get("qualifier") or "")
