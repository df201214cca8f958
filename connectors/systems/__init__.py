"""Ready-made systems: for each a `system.yaml` with the resources, keys, cursors, staging and event logs of a system people run.

What belongs here: finding a system and completing a connection file that names one. What does not: reading (`connectors.kinds`).

A connection file says `type: <system>` and what only its owner knows: address, credentials, perhaps fewer resources. All else comes
from here, and each of it can be said otherwise in the file.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
OWN_FIELDS = ("title", "proven", "about")  # of a system itself, not of connections to it
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")  # as in connectors.expressions


def systems() -> dict[str, dict[str, Any]]:
    """Every ready-made system, by name."""
    return {path.parent.name: _read(path) for path in sorted(FOLDER.glob("*/system.yaml"))}


@cache
def _read(path: Path) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one where PyYAML was built with it: ten times as quick
    words: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  # both are the safe loader
    return words


def complete(words: dict[str, Any]) -> dict[str, Any]:
    """A connection file's words with what its system adds; the same words where its type is no ready-made system.

    `resources` may be left out (all of the system's), be a list of names (those), or hold mappings with a name: they are laid over
    the system's resource of that name, or of the one that `like` names, or added where it has none. What the system makes of a
    resource that is not among them, views and event logs, is left out with it.
    """
    path = FOLDER / str(words.get("type")) / "system.yaml"
    if path not in FOLDER.glob("*/system.yaml"):
        return words
    system = _read(path)
    offered = {name: value for name, value in system.items() if name not in OWN_FIELDS}
    whole = {**offered, **{name: value for name, value in words.items() if name != "type"}, "system": words["type"]}
    if "resources" in words:
        known = {each["name"]: each for each in offered.get("resources", [])}
        whole["resources"] = [_laid_over(each, known) for each in words["resources"] or []]
        there = {str(each.get("name")) for each in whole["resources"] if isinstance(each, dict)}
        whole |= _what_remains(offered, words, there)
    return whole


def _what_remains(offered: Mapping[str, Any], words: Mapping[str, Any], there: set[str]) -> dict[str, Any]:
    """The system's views and event logs, as far as the file does not say its own, that read nothing but these resources."""
    views: dict[str, str] = offered.get("views", {})
    kept = {name: text for name, text in views.items() if there.issuperset(_read_by(name, views))}
    readable = there | set(map(str, words.get("views") or kept))
    logs = [log for log in offered.get("event_logs", []) if readable.issuperset(_sources_of(log))]
    remaining = {"views": kept, "event_logs": logs}
    return {name: value for name, value in remaining.items() if name in offered and name not in words}


def _read_by(view: str, views: Mapping[str, str]) -> set[str]:
    """The resources a view reads, also by way of other views."""
    named = _PLACEHOLDER.findall(views[view])
    return {one for name in named for one in (_read_by(name, views) if name in views and name != view else {name})}


def _sources_of(log: Mapping[str, Any]) -> set[str]:
    """The resources and views that an event log reads."""
    described = [one for each in (log.get("objects") or {}).values() for one in (each if isinstance(each, list) else [each]) if one]
    return {one["from"] for one in (*described, *log.get("events", ()), *log.get("links", ()))}


def _laid_over(said: Any, known: dict[str, dict[str, Any]]) -> Any:
    if isinstance(said, str):
        return known.get(said, {"name": said})
    if not isinstance(said, dict):
        return said
    like = known.get(str(said.get("like", said.get("name"))), {})
    return {**like, **{name: value for name, value in said.items() if name != "like"}}
