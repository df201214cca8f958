"""Rows out of the source systems by dlt, staged as Parquet packages below HOME/landing/<connection> until they have landed.

What belongs here: dlt's pipelines and their cursors. What does not: any kind of system (`connectors.kinds`), the staged packages
(`connectors.packages`), judging rows (`connectors.landing_gate`) and writing to the lake (`connectors.load`).

Resources that refer to others are read before them, so that what they refer to is never missing.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from connectors.causes import causes
from connectors.connection import Connection
from connectors.connector import Opened, connector_of
from connectors.packages import DATASET, KEYS, has_read_again, pipeline_name, remember, root, to_read_again
from connectors.staged import Progress, no_progress
from lake import get_settings
from lake.errors import GrimoireError, SourceUnavailableError

if TYPE_CHECKING:
    from dlt import Pipeline

_DLT_CONFIG = '[runtime]\nlog_level = "ERROR"\ndlthub_telemetry = false\n'


def extract(connection: Connection, *, progress: Progress = no_progress) -> None:
    """Reads what is new since the last time and stages it; finishes first what an earlier run left half staged.

    Raises:
        SourceUnavailableError: The system does not answer, refuses us, or lacks a resource.
        CredentialError: A credential's reference leads nowhere.
    """
    pipeline = _pipeline(connection)
    with _explained(connection):
        if pipeline.has_pending_data:
            pipeline.normalize()
            pipeline.load()
        with connector_of(connection).opened() as opened:
            _stage(connection, pipeline, opened, progress)


def _stage(connection: Connection, pipeline: "Pipeline", opened: Opened, progress: Progress) -> None:
    import dlt

    _start_again(connection, pipeline)
    before = _cursors(connection, pipeline)
    resources = list(reversed(connection.resources))
    rows = [_watched(opened.resource(each), at / len(resources), progress) for at, each in enumerate(resources)]
    keys = {each.name: opened.keys(each) for each in resources if each.deletions and each.deletions.by == "keys"}
    # after the rows: a row that comes in between is no deletion
    renamed = [found.with_name(f"{name}{KEYS}") for name, found in keys.items()]
    pipeline.extract([*rows, *renamed], loader_file_format="parquet", schema=dlt.Schema(connection.name))
    pipeline.normalize()
    loaded = pipeline.load().loads_ids
    after = _cursors(connection, pipeline)
    unknown: Any = getattr(opened, "keys_unknown", frozenset)()
    remember(
        connection,
        columns={name: dict(columns) for name, columns in opened.columns().items()},
        cursors={name: (before.get(name, ""), value) for name, value in after.items()},
        emptied=_emptied(connection, [one.name for one in renamed if one.name.removesuffix(KEYS) not in unknown], loaded),
    )
    has_read_again(connection)


def _start_again(connection: Connection, pipeline: "Pipeline") -> None:
    """Forgets the cursors of resources that are to be read from the beginning."""
    wanted = to_read_again(connection)
    if wanted:
        with pipeline.managed_state() as state:
            known: Any = state.get("sources", {}).get(connection.name, {}).get("resources", {})
            for name in wanted:
                known.get(name, {}).pop("incremental", None)


def _emptied(connection: Connection, tables: list[str], loaded: list[str]) -> dict[str, str]:
    """The resources whose keys were read in these loads without there being any: no file tells of them."""
    folder = root(connection) / DATASET
    load_id = max(loaded, default=f"{time.time():.7f}")
    empty = [table for table in tables if not any(list(folder.glob(f"{table}/{one}.*.parquet")) for one in loaded)]
    return {table.removesuffix(KEYS): load_id for table in empty}


def _cursors(connection: Connection, pipeline: "Pipeline") -> dict[str, str]:
    """How far each resource's cursor has come, as text; none before the first run."""
    known: Any = pipeline.state.get("sources", {}).get(connection.name, {}).get("resources", {})
    found = {}
    for resource in connection.resources:
        if resource.cursor:
            value = known.get(resource.name, {}).get("incremental", {}).get(resource.cursor.column, {}).get("last_value")
            if value is not None:
                found[resource.name] = str(value)
    return found


def _watched(resource: Any, done: float, progress: Progress) -> Any:
    """The resource, which says that it is read when its first rows come."""
    said: list[bool] = []

    def watch(item: Any) -> Any:
        if not said:
            said.append(True)
            progress(f"Reading {resource.name}", done)
        return item

    return resource.add_map(watch)


def settle_dlt() -> None:
    """Gives dlt a folder of its own below HOME, so that no `.dlt` of the working directory or the user's home has a say.

    The secrets file is there and empty because dlt imports streamlit to look for secrets where it finds none.
    """
    home = get_settings().folder("dlt", "project")
    os.environ.update(DLT_PROJECT_DIR=str(home), DLT_DATA_DIR=str(home / "data"))
    os.environ["SCHEMA__NAMING"] = "direct"  # columns keep their source's names, so that keys and cursors are found under them
    os.environ["EXTRACT__NEXT_ITEM_MODE"] = "fifo"  # round robin holds every table open at once, and reads keys beside their rows
    folder = get_settings().folder("dlt", "project", ".dlt")
    for name, words in (("config.toml", _DLT_CONFIG), ("secrets.toml", "# none: credentials are passed in code\n")):
        if not (folder / name).exists():
            (folder / name).write_text(words, encoding="utf-8")


def _pipeline(connection: Connection) -> "Pipeline":
    settle_dlt()
    import dlt
    from dlt.destinations import filesystem

    return dlt.pipeline(
        pipeline_name=pipeline_name(connection),
        destination=filesystem(
            bucket_url=str(root(connection)), warn_unsafe_layout_separators=False
        ),  # names of resources are safe
        dataset_name=DATASET,
        pipelines_dir=str(get_settings().folder("dlt")),
    )


@contextmanager
def _explained(connection: Connection) -> Iterator[None]:
    """Turns what dlt, SQLAlchemy, requests and the operating system raise into one sentence about the source."""
    from dlt.common.exceptions import DltException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (DltException, RequestException, SQLAlchemyError, OSError) as error:
        chain = list(causes(error))
        known = next((cause for cause in chain if isinstance(cause, GrimoireError)), None)
        if known is not None:
            raise known from error
        last = (str(chain[-1]).strip() or type(chain[-1]).__name__).splitlines()[0]
        raise SourceUnavailableError(
            f"{connection.label} could not be read: {last}",
            remedy="Nothing was lost; mend it and run again. `grimoire doctor` checks the connection.",
            source=connection.name,
        ) from error
