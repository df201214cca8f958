"""Rows out of the source systems by dlt, staged as Parquet packages below HOME/landing/<source> until they have landed.

What belongs here: dlt's pipelines and their cursors. What does not: the staged packages (`connectors.packages`), judging rows
(`connectors.quality`) and writing to the lake (`connectors.load`).

Tables that refer to others are read before them, so that what they refer to is never missing.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from connectors.packages import DATASET, pipeline_name, remember_columns, root
from connectors.sources import Source, Table
from connectors.staged import Progress, no_progress
from lake import database_url, get_settings
from lake.database import DEMO_ERP
from lake.errors import GrimoireError, SourceUnavailableError

if TYPE_CHECKING:
    from dlt import Pipeline

LAG_SECONDS = 300  # rows committed late carry a cursor that lies before the last one seen; they are read again and merged
PAGE = 500
BEGINNING = "1970-01-01T00:00:00Z"
_DLT_CONFIG = '[runtime]\nlog_level = "ERROR"\ndlthub_telemetry = false\n'
_TYPES: Mapping[str, str] = {"varchar": "text", "timestamptz": "timestamp", "date": "date", "double": "double", "bigint": "bigint"}


def extract(source: Source, *, progress: Progress = no_progress) -> None:
    """Reads what is new since the last time and stages it; finishes first what an earlier run left half staged.

    Raises:
        SourceUnavailableError: The system does not answer, refuses us, or lacks a table.
    """
    import dlt

    pipeline = _pipeline(source)
    with _explained(source):
        if pipeline.has_pending_data:
            pipeline.normalize()
            pipeline.load()
        with _opened(source) as (resources, columns):
            tables = list(reversed(source.tables))
            watched = [_watched(resources(table), number / len(tables), progress) for number, table in enumerate(tables)]
            pipeline.extract(watched, loader_file_format="parquet", schema=dlt.Schema(source.name))
            pipeline.normalize()
            pipeline.load()
            remember_columns(source, columns())


def _watched(resource: Any, done: float, progress: Progress) -> Any:
    """The resource, which says that it is read when its first rows come."""
    said: list[bool] = []

    def watch(item: Any) -> Any:
        if not said:
            said.append(True)
            progress(f"Reading {resource.name}", done)
        return item

    return resource.add_map(watch)


def _settle_dlt() -> None:
    """Gives dlt a folder of its own below HOME, so that no `.dlt` of the working directory or the user's home has a say.

    The secrets file is there and empty because dlt imports streamlit to look for secrets where it finds none.
    """
    home = get_settings().folder("dlt", "project")
    os.environ.update(DLT_PROJECT_DIR=str(home), DLT_DATA_DIR=str(home / "data"))
    folder = get_settings().folder("dlt", "project", ".dlt")
    for name, words in (("config.toml", _DLT_CONFIG), ("secrets.toml", "# none: credentials are passed in code\n")):
        if not (folder / name).exists():
            (folder / name).write_text(words, encoding="utf-8")


def _pipeline(source: Source) -> "Pipeline":
    _settle_dlt()
    import dlt
    from dlt.destinations import filesystem

    return dlt.pipeline(
        pipeline_name=pipeline_name(source),
        destination=filesystem(bucket_url=str(root(source))),
        dataset_name=DATASET,
        pipelines_dir=str(get_settings().folder("dlt")),
    )


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    """Yields a function from a table to its dlt resource, and one that tells the columns the source showed."""
    with _opened_database(source) if source.kind == "sql_database" else _opened_api(source) as opened:
        yield opened


@contextmanager
def _opened_database(source: Source) -> Iterator[Any]:
    import dlt
    import sqlalchemy
    from dlt.sources.sql_database import sql_table

    engine = sqlalchemy.create_engine(database_url(DEMO_ERP))

    def resource(table: Table) -> Any:
        return sql_table(
            engine,
            table=table.name,
            backend="pyarrow",
            chunk_size=50_000,
            reflection_level="full_with_precision",
            incremental=dlt.sources.incremental(table.cursor, lag=LAG_SECONDS),
            primary_key=table.key,
            write_disposition="append",
        )

    def columns() -> dict[str, dict[str, str]]:
        inspector = sqlalchemy.inspect(engine)
        found = {table.name: inspector.get_columns(table.name) for table in source.tables}
        return {name: {column["name"]: _duckdb_type(column["type"]) for column in listed} for name, listed in found.items()}

    try:
        yield resource, columns
    finally:
        engine.dispose()


def _duckdb_type(kind: Any) -> str:
    import sqlalchemy.types as sql

    if isinstance(kind, sql.Numeric) and not isinstance(kind, sql.Float):
        return f"decimal({kind.precision}, {kind.scale})" if kind.precision else "double"
    simple: dict[type, str] = {
        sql.Boolean: "boolean",
        sql.Integer: "bigint",
        sql.Float: "double",
        sql.DateTime: "timestamptz",
        sql.Date: "date",
        sql.Time: "time",
    }
    return next((name for parent, name in simple.items() if isinstance(kind, parent)), "varchar")


@contextmanager
def _opened_api(source: Source) -> Iterator[Any]:
    from connectors.demo import running_crm

    seen: dict[str, set[str]] = {}
    with running_crm() as address:
        client = _client(address.base_url, address.client_id, address.client_secret)

        def resource(table: Table) -> Any:
            return api_resource(table, client, seen.setdefault(table.name, set()))

        def columns() -> dict[str, dict[str, str]]:
            return {
                table.name: {name: table.columns.get(name, "varchar") for name in seen[table.name] or table.columns}
                for table in source.tables
            }

        yield resource, columns


def _client(base_url: str, client_id: str, client_secret: str) -> dict[str, Any]:
    from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials

    return {
        "base_url": f"{base_url.rstrip('/')}/api/v1/",
        "auth": OAuth2ClientCredentials(
            access_token_url=f"{base_url.rstrip('/')}/oauth/token", client_id=client_id, client_secret=client_secret
        ),
        "paginator": {"type": "cursor", "cursor_path": "next_cursor", "cursor_param": "cursor"},
    }


def api_resource(table: Table, client: Mapping[str, Any], seen: set[str]) -> Any:
    """A dlt resource that pages through one collection from the last cursor on; adds the field names it meets to `seen`."""
    from dlt.sources.rest_api import rest_api_resources

    collection: Any = {
        "name": table.name,
        "primary_key": table.key,
        "write_disposition": "append",
        "max_table_nesting": 0,
        "columns": {name: {"data_type": _TYPES[kind]} for name, kind in table.columns.items()},
        "endpoint": {
            "path": table.name,
            "data_selector": "data",
            "params": {"limit": PAGE, "updated_since": "{incremental.start_value}"},
            "incremental": {"cursor_path": table.cursor, "initial_value": BEGINNING, "lag": LAG_SECONDS},
        },
    }
    (resource,) = rest_api_resources({"client": dict(client), "resources": [collection]})  # type: ignore[typeddict-item]

    def note_fields(row: dict[str, Any]) -> dict[str, Any]:
        seen.update(row)
        return row

    return resource.add_map(note_fields)


@contextmanager
def _explained(source: Source) -> Iterator[None]:
    """Turns what dlt, SQLAlchemy and requests raise into one sentence about the source."""
    from dlt.common.exceptions import DltException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (DltException, RequestException, SQLAlchemyError) as error:
        causes = list(_causes(error))
        known = next((cause for cause in causes if isinstance(cause, GrimoireError)), None)
        if known is not None:
            raise known from error
        last = str(causes[-1]).strip().splitlines()[0]
        raise SourceUnavailableError(
            f"The {source.title} could not be read: {last}",
            remedy="Nothing was lost; mend it and run again. `grimoire doctor` checks the connection.",
            source=source.name,
        ) from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
