"""The connections there are: one YAML file each, and the demo company's two.

What belongs here: where the files lie and finding a connection by name. What does not: the model of a file
(`connectors.connection`) and reading what it names (`connectors.load`).
"""

from collections.abc import Mapping
from pathlib import Path

from connectors.connection import Connection, read_connection
from connectors.demo.connections import NAMES, demo_connections
from lake import get_settings
from lake.errors import ConnectionFileError, UnknownConnectionError


def connections_folder() -> Path:
    """The folder of the connection files: GRIMOIRE_CONNECTIONS, or HOME/connections."""
    return get_settings().connections_folder


def connections() -> Mapping[str, Connection]:
    """Every connection whose file can be used, by name, the demo company's first; see `broken_connections` for the others."""
    return {**demo_connections(), **_read()[0]}


def broken_connections() -> Mapping[str, ConnectionFileError]:
    """The connection files that cannot be used, by name, and why."""
    return _read()[1]


def get_connection(name: str) -> Connection:
    """The connection of that name.

    Raises:
        ConnectionFileError: Its file cannot be used.
        UnknownConnectionError: There is none; the message lists those there are.
    """
    if name in NAMES:
        return demo_connections()[name]
    for path in _files():
        if path.stem == name:
            return read_connection(path)
    raise UnknownConnectionError(f"There is no connection `{name}`.", remedy=f"Known are {', '.join(connections())}.", name=name)


def _read() -> tuple[dict[str, Connection], dict[str, ConnectionFileError]]:
    good: dict[str, Connection] = {}
    bad: dict[str, ConnectionFileError] = {}
    for path in _files():
        try:
            if path.stem in NAMES:
                raise ConnectionFileError(f"{path.name}: `{path.stem}` is the demo company's.", remedy="Choose another name.")
            good[path.stem] = read_connection(path)
        except ConnectionFileError as error:
            bad[path.stem] = error
    return good, bad


def _files() -> list[Path]:
    folder = connections_folder()
    return sorted(folder.glob("*.yaml")) if folder.is_dir() else []
