"""Connections to the lake: an in-memory DuckDB with the DuckLake attached as `lake` and used.

What belongs here: opening connections, with limits and with rights. What does not: what is done through them, and retrying
(`lake.transactions`).
"""

import contextlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lake.addresses import Address, libpq_dsn, libpq_options
from lake.database import CATALOG, database_address, without_password
from lake.errors import DatabaseUnavailableError, GrimoireError, QueryError, ReadOnlyError, StorageError
from lake.extensions import extension_folder
from lake.settings import Settings, get_settings, writable_folder
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb
    from sqlalchemy.engine import URL

LAKE = "lake"
FILE_FUNCTIONS = frozenset({
    *(f"ducklake_{name}" for name in (
        "add_data_files", "cleanup_old_files", "commit", "delete_orphaned_files", "expire_snapshots", "flush_inlined_data",
        "merge_adjacent_files", "rewrite_data_files", "set_commit_message", "set_option",
    )),
    "arrow_scan", "arrow_scan_dumb", "pandas_scan", "python_map_function",  # these take addresses in memory
    "enable_logging", "json_execute_serialized_sql", "query", "query_table",  # SQL in a string, which nobody has looked at
    "postgres_attach", "postgres_execute", "postgres_query", "postgres_scan", "postgres_scan_pushdown",
})  # fmt: skip
_KNOWN_LAKES: set[Address] = set()  # that this process has seen: a lake does not vanish under those who use it
_WORD = re.compile(r"""\"([^"]*)\"|([\w$]+)|(\()""")
_EXPLAIN = re.compile(r"^\s*explain(\s+analyze)?(\s*\([^)]*\))?\s*", re.IGNORECASE)


def connect(
    *, read_only: bool = False, as_of: int | None = None, threads: int | None = None, settings: Settings | None = None
) -> "duckdb.DuckDBPyConnection":
    """Opens a connection with the lake attached; use it as a context manager so that it is closed.

    Args:
        read_only: Nothing can be written: the lake and its catalog are attached read-only, the catalog (on the embedded
            server) through a role that may only select, and no file outside the lake can be read or written.
        as_of: Snapshot id to read the lake as of; implies `read_only`.
        threads: Threads for its statements; default: those of the settings. Where there is little to do, a second thread takes
            more CPU time to wait than it saves.
        settings: Default: the process's settings.

    Returns:
        A DuckDB connection whose session time zone is UTC and whose current catalog is `lake`.

    Raises:
        DatabaseUnavailableError, ExtensionMissingError, StorageError: The lake cannot be reached; the message says why.
    """
    import duckdb

    settings = settings or get_settings()
    read_only = read_only or as_of is not None
    connection = duckdb.connect(
        config={
            "memory_limit": settings.memory_limit,
            "threads": 1,  # to attach a lake takes half the CPU time with one
            "temp_directory": settings.spill_folder(),
            "extension_directory": str(extension_folder(settings)),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_unsigned_extensions": True,  # checked when they were installed; checking again costs 0.4 s; `attach` ends it
        }
    )
    try:
        attach(connection, settings=settings, read_only=read_only, as_of=as_of)
        connection.execute(f"set threads = {threads or settings.threads}")
        if read_only:
            _lock_down(connection, settings)
    except duckdb.Error as error:
        connection.close()
        raise _unreachable(error, settings, as_of) from None  # the cause may show the database's password
    except BaseException:
        connection.close()
        raise
    return connection


def _unreachable(error: "duckdb.Error", settings: Settings, as_of: int | None) -> GrimoireError:
    """Why the lake could not be attached, without the database's password."""
    words = without_password(str(error), settings)
    if as_of is not None and "No snapshot found" in words:
        return QueryError(
            f"There is no snapshot {as_of}.", remedy='`grimoire sql "from lake.snapshots()"` lists those that can be read.'
        )
    if "connect to Postgres" in words or "connection to server" in words:
        return DatabaseUnavailableError(f"The lake's catalog does not answer: {words}", remedy="Run `grimoire doctor`.")
    return StorageError(f"The lake cannot be opened: {words}", remedy="Run `grimoire doctor`.")


def attach(
    connection: "duckdb.DuckDBPyConnection", *, settings: Settings, read_only: bool = False, as_of: int | None = None
) -> None:
    """Attaches the lake to a DuckDB connection and makes it the current catalog; a new lake is made on first use."""
    for extension in ("postgres_scanner", "ducklake", *(["httpfs"] if settings.is_remote_lake else [])):
        connection.execute(f"load {extension}")
    connection.execute("set allow_unsigned_extensions = false")
    connection.execute("set enable_progress_bar = false")  # it would print itself into what a script reads
    connection.execute("set global timezone = 'UTC'")  # global, so that cursors have it too
    if not (read_only and _is_attached_at_once(connection, settings, as_of)):
        _ensure_lake(connection, settings)
        _attach_lake(connection, settings, read_only=read_only, as_of=as_of)
    connection.execute(f"use {LAKE}")


def _is_attached_at_once(connection: "duckdb.DuckDBPyConnection", settings: Settings, as_of: int | None) -> bool:
    """Attaches a lake of the embedded server for reading as if it were there, as it nearly always is; False where that fails.

    To look first costs every process psycopg: 0.07 CPU-seconds and 14 MB.
    """
    import duckdb

    if settings.database_url is not None:  # a server that does not answer is said so sooner by psycopg
        return False
    try:
        _attach_lake(connection, settings, read_only=True, as_of=as_of, ensure=False)
    except duckdb.Error:
        return False
    return True


def _attach_lake(
    connection: "duckdb.DuckDBPyConnection",
    settings: Settings,
    *,
    read_only: bool = False,
    as_of: int | None = None,
    ensure: bool = True,
) -> None:
    """Attaches the lake. Who, where and with which password goes by a secret: an address in full would be there to read for
    every statement that lists the databases."""
    if not settings.is_remote_lake:
        writable_folder(Path(settings.data_path))
    url = database_address(CATALOG, settings=settings, reader=read_only, ensure=ensure)
    options = [
        "meta_secret grimoire_catalog",
        f"data_path {as_text(settings.data_path)}",
        *(["read_only"] if read_only else []),
    ]
    if settings.is_whole:
        options.append("override_data_path true")  # HOME may have been moved
    if as_of is not None:
        options.append(f"snapshot_version {int(as_of)}")
    connection.execute(f"create or replace temporary secret grimoire_catalog (type postgres, {postgres_secret(url)})")
    connection.execute(f"attach {as_text(f'ducklake:postgres:{libpq_options(url)}')} as {LAKE} ({', '.join(options)})")
    connection.execute("drop secret grimoire_catalog")


def postgres_secret(url: "URL | Address") -> str:
    """Where a database is and who comes, as the words of a DuckDB secret."""
    words = {
        "host": url.query.get("host") or url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "database": url.database,
    }
    return ", ".join(f"{key} {as_text(value)}" for key, value in words.items() if value not in (None, ""))


def _ensure_lake(connection: "duckdb.DuckDBPyConnection", settings: Settings) -> None:
    """Makes a new lake, one process at a time: two that make its catalog's tables at once get in each other's way."""
    import psycopg

    place = database_address(CATALOG, settings=settings)
    if place in _KNOWN_LAKES:
        return
    if not lake_exists(settings):
        with psycopg.connect(libpq_dsn(place), autocommit=True) as catalog:
            catalog.execute("select pg_advisory_lock(4712)")
            if not lake_exists(settings):
                _attach_lake(connection, settings)
                connection.execute(f"detach {LAKE}")
    _KNOWN_LAKES.add(place)


def forget_lakes() -> None:
    """Lets this process look again whether a lake is there, after it was deleted."""
    _KNOWN_LAKES.clear()


def lake_exists(settings: Settings) -> bool:
    """Whether the catalog database holds a DuckLake yet."""
    import psycopg

    with psycopg.connect(libpq_dsn(database_address(CATALOG, settings=settings))) as connection:
        row = connection.execute("select to_regclass('public.ducklake_snapshot') is not null").fetchone()
    return bool(row and row[0])


def query(
    sql: str, *, as_of: int | None = None, settings: Settings | None = None, limit: int | None = None
) -> "duckdb.DuckDBPyRelation":
    """Runs one reading statement on a read-only connection of its own and returns the relation, which keeps it open.

    Raises:
        ReadOnlyError: The statement would write; nothing was written.
        QueryError: DuckDB cannot run the statement, or it returns no rows; the message is DuckDB's.
    """
    connection = connect(read_only=True, as_of=as_of, settings=settings)
    try:
        relation = read(connection, sql)
    except BaseException:
        connection.close()
        raise
    if relation is None:
        connection.close()
        raise QueryError("The statement returns no rows.", remedy="Ask with `select`, `from`, `describe` or `show all tables`.")
    return relation if limit is None else relation.limit(limit)


def read(connection: "duckdb.DuckDBPyConnection", sql: str) -> "duckdb.DuckDBPyRelation | None":
    """Runs a person's SQL on a read-only connection; the last statement's rows, or None if it has none. Errors as `query`."""
    with translated_errors():
        refuse_writing(connection, sql)
        return connection.sql(sql)


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turns DuckDB's errors over a person's SQL into ours; rows are fetched lazily, so wrap the fetching too."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        words = str(error)
        if "read-only" in words or "READ ONLY" in words:
            raise ReadOnlyError(f"That statement writes: {words}", remedy="Add --write if you mean to change the lake.") from None
        if isinstance(error, duckdb.PermissionException):
            raise ReadOnlyError(
                f"That statement reaches beyond the lake: {words}", remedy="`grimoire import FILE` brings a file's rows in."
            ) from None
        if isinstance(error, duckdb.OutOfMemoryException):
            raise QueryError(words, remedy="Raise GRIMOIRE_MEMORY_LIMIT, or ask for less at once.") from None
        raise QueryError(words, remedy="Mend the statement; `show all tables` lists what there is.") from None


def refuse_writing(connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
    """Raises ReadOnlyError for what DuckDB's parser and tokenizer call a write to files or a way around the lake.

    The connection itself refuses every write to the lake, to its catalog and to files elsewhere. What is left to this
    function are the lake's own Parquet files: a connection that may read a folder's files may also write them, and
    DuckLake's upkeep functions touch files before the catalog refuses them.
    """
    if any(_writes_files(connection, statement) for statement in connection.extract_statements(sql)):
        raise ReadOnlyError(
            "`copy`, `export`, `attach`, `load` and `prepare` can write files.", remedy="Use --output FILE to save a result."
        )
    for name in _called_functions(sql) & FILE_FUNCTIONS:
        raise ReadOnlyError(
            f"`{name}` reaches behind the lake.", remedy="Ask the tables; upkeep of their files is `grimoire maintain`."
        )


def _writes_files(connection: "duckdb.DuckDBPyConnection", statement: "duckdb.Statement") -> bool:
    from duckdb import StatementType

    if statement.type != StatementType.EXPLAIN:
        return statement.type in {
            StatementType.ATTACH, StatementType.COPY, StatementType.COPY_DATABASE, StatementType.EXECUTE, StatementType.EXPORT,
            StatementType.LOAD, StatementType.PREPARE,
        }  # fmt: skip
    explained = connection.extract_statements(_EXPLAIN.sub("", statement.query, count=1))  # `explain analyze copy …` copies
    return any(part.type != StatementType.SELECT for part in explained)


def _called_functions(sql: str) -> set[str]:
    """The names before an opening bracket, in lower case; what is in string literals and comments is not among them."""
    import duckdb

    raw = sql.encode()  # the tokenizer counts bytes
    words = [
        _WORD.match(raw[start : start + 200].decode(errors="replace")) if kind != duckdb.token_type.string_const else None
        for start, kind in duckdb.tokenize(sql)
    ]
    names = [(word[1] or word[2] or word[3] or "").lower() if word else "" for word in words]
    return {name for name, following in itertools.pairwise(names) if following == "("}


def _lock_down(connection: "duckdb.DuckDBPyConnection", settings: Settings) -> None:
    connection.execute(f"set allowed_directories = [{as_text(settings.data_path)}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def quote(identifier: str) -> str:
    """The identifier in double quotes, for use in SQL."""
    return '"' + identifier.replace('"', '""') + '"'
