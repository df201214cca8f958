"""The connections that feed domains not every company has a system for, and making them from a folder of exported files.

What belongs here: their names, which dbt_project.yml knows too, and finding their files. What does not: what the files hold
(`connectors.systems`), writing connection files (`connectors.manage`) and the products (dbt_project).
"""

from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from connectors.connections import connections
from connectors.manage import Added, add
from connectors.systems import systems
from lake.errors import ConnectionFileError

# Connection, and the ready-made system it is made of.
WELL_KNOWN = {"servicenow": "servicenow_csv", "suricata": "suricata", "cisa_kev": "cisa_kev", "syslog": "syslog"}
# Names under which public files go around, besides those that the systems themselves write.
ALSO_CALLED = {("syslog", "messages"): ("OpenSSH*.log", "Linux*.log")}


@dataclass(frozen=True)
class FoundSources:
    """What came of looking through a folder."""

    added: list[Added] = field(default_factory=list)
    there_already: list[str] = field(default_factory=list)
    without_files: list[str] = field(default_factory=list)


def connect_files(folder: Path) -> FoundSources:
    """Adds the well-known connections for those of their files that lie in a folder or below it; what there is stays as it is.

    Args:
        folder: Where exported files lie; nothing is copied, so it must stay where it is.

    Raises:
        ConnectionFileError: There is no such folder, or none of its files is one of theirs; nothing was written.
    """
    found = FoundSources()
    if not folder.is_dir():
        raise ConnectionFileError(
            f"There is no folder {folder}.", remedy="Name a folder that holds exported files.", path=str(folder)
        )
    for name, system in WELL_KNOWN.items():
        words = _connection(name, system, folder.resolve())
        if name in connections():
            found.there_already.append(name)
        elif words is None:
            found.without_files.append(name)
        else:
            found.added.append(add(words))
    if not found.added and not found.there_already:
        raise ConnectionFileError(
            f"None of the files in {folder} is one that {', '.join(WELL_KNOWN)} would read.",
            remedy="docs/domains-operations.md says what they are called; `grimoire connect add` takes any other.",
            path=str(folder),
        )
    return found


def _connection(name: str, system: str, folder: Path) -> dict[str, Any] | None:
    """The words of the connection's file; None where nothing is there to be read.

    A connection reads one folder: the one that holds most of what it can read.
    """
    patterns = {each["name"]: _patterns(name, each) for each in systems()[system]["resources"]}
    by_folder: dict[Path, dict[str, list[str]]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for resource, wanted in patterns.items():
            if any(fnmatch(path.name, pattern) for pattern in wanted):
                by_folder.setdefault(path.parent, {}).setdefault(resource, []).append(path.name)
    if not by_folder:
        return None
    best = max(by_folder, key=lambda one: sum(map(len, by_folder[one].values())))
    resources = [{"name": resource, "files": list(patterns[resource])} for resource in by_folder[best]]
    return {"name": name, "type": system, "address": str(best), "resources": resources}


def _patterns(connection: str, resource: dict[str, Any]) -> tuple[str, ...]:
    files = resource["files"]
    return (*([files] if isinstance(files, str) else files), *ALSO_CALLED.get((connection, resource["name"]), ()))
