"""What every connector must pass, whoever wrote it: the contract that a kind of system keeps, as checks against the real thing.

What belongs here: the checks, and a home to run them in. What does not: pytest (a subclass of `ConnectorContract` is a pytest
class, and `check_connector` needs none) and any one kind of system.

A subject is a connection to a real, small source that the test may change: a database file, a local HTTP server, a folder. Its
hooks change one row of one resource; the checks load the connection into the lake of GRIMOIRE_HOME and look at what became of it.
"""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.connection import Connection, Resource, connection_of
from connectors.connections import connections, get_connection
from connectors.connector import Connector, Health, connector_of
from connectors.extract import extract
from connectors.load import LoadReport, TableLoad, load_source
from connectors.manage import add
from connectors.packages import shown_columns
from lake import connect, get_settings, quote
from lake.errors import GrimoireError

KILL_POINTS = ("Reading", "Checking", "Landing")  # what a load says it is about to do when it is killed
LIVE_SECONDS = 600
MOST_SAMPLED = 1_000
LARGEST_FILE = 50_000_000  # bytes; larger ones are not looked through for secrets


class ContractBroken(AssertionError):
    """A connector does not do what every connector must; the message says what."""


@dataclass(frozen=True)
class Subject:
    """A connection under test, and hooks that change one row of one of its resources.

    Args:
        connection: As in a connection file, with `name`; or the name of a connection there is.
        resource: The resource that the hooks change.
        insert: Adds one row to the source.
        update: Changes one row that is there; None: the source's rows never change.
        delete: Deletes one row; needed where the resource declares deletions.
        broken: Fields that make the connection lead nowhere, such as {"address": "http://127.0.0.1:9/"}.
        away: Or a context in which the system cannot be reached.
        secrets: Values that the credentials resolve to, and that must show up nowhere.
        can_inspect: Whether the connector can say what there is.
        is_inbound: Whether the system sends its rows, so that a load goes well while it is away.
    """

    connection: Mapping[str, Any] | str
    resource: str
    insert: Callable[[], object]
    update: Callable[[], object] | None = None
    delete: Callable[[], object] | None = None
    broken: Mapping[str, Any] | None = None
    away: Callable[[], AbstractContextManager[object]] | None = None
    secrets: tuple[str, ...] = ()
    can_inspect: bool = True
    is_inbound: bool = False

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.connection if isinstance(self.connection, str) else str(self.connection["name"])


def check_connector(subject: Subject) -> None:
    """Runs every check, one after the other, in the present GRIMOIRE_HOME.

    Raises:
        ContractBroken: The first thing that is not as it must be.
    """
    for check in CHECKS:
        check(subject)


def check_health(subject: Subject) -> None:
    """The check says well where all is well, and not well, with a reason and without raising, where it is not."""
    health = _connector(subject).check()
    _require(isinstance(health, Health), "check() must return a Health")
    _require(health.is_well, f"the system is there, but check() says: {health.said}")
    _require(bool(health.said.strip()), "check() must say a sentence")
    with _away(subject) as name:
        gone = connector_of(get_connection(name)).check()
        _require(not gone.is_well, f"the system is away, but check() says: {gone.said}")
        _require(bool(gone.said.strip()), "check() must say why it is not well")
        error = _failure(name)
        is_told = isinstance(error, GrimoireError) or (error is None and subject.is_inbound)
        _require(is_told, f"a load of a system that is away must raise a GrimoireError, not {error!r}")


def check_resources(subject: Subject) -> None:
    """Each resource becomes a dlt resource of its name that appends, with its key as primary key."""
    from dlt.extract import DltResource

    connector = _connector(subject)
    _require(bool(connector.connection.resources), "a connection without resources brings nothing")
    with connector.opened() as opened:
        for resource in connector.connection.resources:
            found = opened.resource(resource)
            _require(isinstance(found, DltResource), f"resource({resource.name}) must return a dlt resource")
            _require(found.name == resource.name, f"the dlt resource of {resource.name} is called {found.name}")
            _require(found.write_disposition == "append", f"{resource.name} must append; the lake merges")
            _check_key(resource, found)


def check_increments(subject: Subject) -> None:
    """A second load brings nothing; a new row brings one, a changed row one, and neither touches others."""
    _settled(subject)
    before = _rows(subject)
    subject.insert()
    loaded = _load(subject)
    _require(loaded.rows_landed == 1, f"one row was added, {loaded.rows_landed} landed")
    _require(_rows(subject) == before + 1, "a row was added, and the lake does not have one more")
    _require(_load(subject).rows_landed == 0, "nothing was changed, and the next load landed rows")
    if subject.update:
        subject.update()
        changed = _load(subject)
        _require(changed.rows_landed == 1, f"one row was changed, {changed.rows_landed} landed")
        _require(_rows(subject) == before + 1, "a row was changed, and the lake has another number of rows")
    _require(_load(subject).rows_landed == 0, "nothing was changed, and the next load landed rows")


def check_deletions(subject: Subject) -> None:
    """A row deleted in the source is marked in the lake, and no other is; asked only where the resource declares deletions."""
    resource = get_connection(_ensure(subject)).resource(subject.resource)
    if resource.deletions is None:
        return
    _require(subject.delete is not None, f"{resource.name} declares deletions, so the subject needs `delete`")
    subject.insert()
    _settled(subject)
    before, marked = _rows(subject), _marked(subject)
    subject.delete()  # type: ignore[misc]
    _load(subject)
    _require(_marked(subject) == marked + 1, f"one row was deleted, {_marked(subject) - marked} were marked")
    _require(_rows(subject) == before, "a deleted row must stay in the lake, marked")


def check_keys(subject: Subject) -> None:
    """Every row in the lake has its key, and no two the same."""
    _settled(subject)
    for resource in _resources(subject):
        if not resource.key or not _exists(subject, resource):
            continue
        names = ", ".join(quote(name) for name in resource.key)
        missing = " or ".join(f"{quote(name)} is null" for name in resource.key)
        table = _table(subject, resource.name)
        _require(_one(f"select count(*) from {table} where {missing}") == 0, f"{resource.name}: a row has no {names}")
        twice = _one(f"select count(*) from (select {names} from {table} group by all having count(*) > 1)")
        _require(twice == 0, f"{resource.name}: {twice} keys are there more than once")


def check_columns(subject: Subject) -> None:
    """columns() names every column that landed, key and cursor among them, with types that DuckDB knows."""
    import duckdb

    _ensure(subject)
    subject.insert()
    extract(get_connection(subject.name))
    shown = shown_columns(get_connection(subject.name)).get(subject.resource, {})
    resource = next(each for each in _resources(subject) if each.name == subject.resource)
    _require(bool(shown), f"columns() says nothing of {subject.resource}")
    for name, kind in shown.items():
        try:
            duckdb.execute(f"select cast(null as {kind})")
        except duckdb.Error:
            raise ContractBroken(f"columns() gives {name} the type {kind!r}, which DuckDB does not know") from None
    needed = {*resource.key, *([resource.cursor.column] if resource.cursor else [])}
    _require(needed <= set(shown), f"columns() lacks {', '.join(sorted(needed - set(shown)))}")
    _load(subject)
    landed = {row[0] for row in _ask(f"describe from {_table(subject, resource.name)}")}
    unknown = {name for name in landed if not name.startswith("_")} - set(shown)
    _require(not unknown, f"columns() lacks {', '.join(sorted(unknown))}, which landed")


def check_secrets(subject: Subject) -> None:
    """No credential shows up in a word of the connector's, in an error, in a log, or in a file below the home folder."""
    heard = _Heard()
    with heard:
        connector = _connector(subject)
        heard.words += [repr(connector), repr(connector.connection), repr(vars(connector)), connector.check().said]
        _load(subject)
        with _away(subject) as name:
            heard.words.append(connector_of(get_connection(name)).check().said)
            error = _failure(name)
            heard.words += traceback.format_exception(error) if error else []
        if subject.can_inspect:
            heard.words.append(repr(connector.inspect()))
    said = "\n".join(heard.words)
    for secret in subject.secrets:
        _require(secret not in said, "a credential shows up in what the connector says, raises or logs")
        told = _file_with(secret)
        _require(told is None, f"a credential shows up in the file {told}")


def check_crashes(subject: Subject) -> None:
    """A load that is killed with SIGKILL while it reads, checks or lands loses nothing and doubles nothing."""
    _settled(subject)
    expected = _rows(subject)
    for point in KILL_POINTS:
        subject.insert()
        expected += 1
        killed = _killed_at(subject.name, point)
        _require(killed, f"a load of one new row never came to: {point}")
    _load(subject)
    _require(_rows(subject) == expected, f"{expected} rows are in the source, {_rows(subject)} in the lake after crashes")
    _require(_load(subject).rows_landed == 0, "after crashes, a load of nothing new landed rows")
    check_keys(subject)


def check_inspection(subject: Subject) -> None:
    """inspect() shows named tables with typed columns, keys among them, and a sample that fits them and is small."""
    if not subject.can_inspect:
        return
    shapes = _connector(subject).inspect()
    _require(bool(shapes), "inspect() shows nothing")
    names = [shape.name for shape in shapes]
    _require(len(names) == len(set(names)), "inspect() shows a name twice")
    for shape in shapes:
        _require(bool(shape.columns), f"inspect() shows no column of {shape.name}")
        _require(set(shape.key) <= set(shape.columns), f"inspect() shows a key of {shape.name} that is no column")
        _require(len(shape.sample) <= MOST_SAMPLED, f"inspect() shows {len(shape.sample)} rows of {shape.name}; some are enough")
        strange = {name for row in shape.sample for name in row} - set(shape.columns)
        _require(not strange, f"inspect() samples {', '.join(sorted(strange))} of {shape.name}, which is no column")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    check_health,
    check_resources,
    check_increments,
    check_deletions,
    check_keys,
    check_columns,
    check_inspection,
    check_secrets,
    check_crashes,
)


class ConnectorContract:
    """The same as tests: a subclass called Test… with a fixture `subject` has pytest run each check.

    The fixture makes the subject within `fresh_home`; with scope="class" the checks share one home, which is quicker.
    """

    def test_the_check_is_honest(self, subject: Subject) -> None:
        """See `check_health`."""
        check_health(subject)

    def test_resources_are_named_and_keyed(self, subject: Subject) -> None:
        """See `check_resources`."""
        check_resources(subject)

    def test_a_load_brings_just_what_is_new_or_changed(self, subject: Subject) -> None:
        """See `check_increments`."""
        check_increments(subject)

    def test_deleted_rows_are_marked(self, subject: Subject) -> None:
        """See `check_deletions`."""
        check_deletions(subject)

    def test_keys_are_filled_and_unique(self, subject: Subject) -> None:
        """See `check_keys`."""
        check_keys(subject)

    def test_columns_are_typed(self, subject: Subject) -> None:
        """See `check_columns`."""
        check_columns(subject)

    def test_a_look_inside_is_sensible(self, subject: Subject) -> None:
        """See `check_inspection`."""
        check_inspection(subject)

    def test_no_credential_is_told(self, subject: Subject) -> None:
        """See `check_secrets`."""
        check_secrets(subject)

    def test_crashes_lose_and_double_nothing(self, subject: Subject) -> None:
        """See `check_crashes`."""
        check_crashes(subject)


@contextmanager
def fresh_home(folder: Path) -> Iterator[Path]:
    """A GRIMOIRE_HOME of one's own, with an empty lake; whatever was started for it is stopped at the end."""
    from lake.postgres import embedded

    before = {name: value for name, value in os.environ.items() if name.startswith("GRIMOIRE_")}
    for name in before:
        del os.environ[name]
    os.environ["GRIMOIRE_HOME"] = str(folder)
    get_settings.cache_clear()
    try:
        yield folder
    finally:
        embedded(get_settings()).release()
        del os.environ["GRIMOIRE_HOME"]
        os.environ.update(before)
        get_settings.cache_clear()


class _Heard(logging.Handler):
    """Hears every log record while it is open."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.words.append(record.getMessage())
        if record.exc_info and record.exc_info[0]:
            self.words += traceback.format_exception(*record.exc_info)

    def __enter__(self) -> "_Heard":
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger().removeHandler(self)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ContractBroken(otherwise)


def _ensure(subject: Subject) -> str:
    """Writes the connection's file where there is none yet; its name."""
    if not isinstance(subject.connection, str) and subject.name not in connections():
        add(subject.connection)
    return subject.name


def _connector(subject: Subject) -> Connector:
    return connector_of(get_connection(_ensure(subject)))


def _resources(subject: Subject) -> tuple[Resource, ...]:
    return get_connection(subject.name).resources


@contextmanager
def _away(subject: Subject) -> Iterator[str]:
    """The name of a connection whose system cannot be reached."""
    _ensure(subject)
    if subject.away is not None:
        with subject.away():
            yield subject.name
        return
    _require(subject.broken is not None and not isinstance(subject.connection, str), "the subject needs `broken` or `away`")
    words = {**subject.connection, **(subject.broken or {}), "name": f"{subject.name}_away", "retries": 0}  # type: ignore[dict-item]
    connection: Connection = connection_of(dict(words), origin="broken")
    add(words, replace=True)
    try:
        yield connection.name
    finally:
        (get_settings().connections_folder / f"{connection.name}.yaml").unlink(missing_ok=True)


def _failure(name: str) -> Exception | None:
    try:
        load_source(name)
    except Exception as error:  # the contract is about what it is
        return error
    return None


def _check_key(resource: Resource, found: Any) -> None:
    if resource.key:
        columns = found.compute_table_schema().get("columns", {})
        keyed = {name for name, column in columns.items() if column.get("primary_key")}
        _require(
            keyed == set(resource.key), f"{resource.name} must carry its key {resource.key} as primary key, not {keyed or None}"
        )


def _settled(subject: Subject) -> None:
    """Loads until the lake is as the source."""
    _ensure(subject)
    _load(subject)


def _load(subject: Subject) -> TableLoad:
    report: LoadReport = load_source(_ensure(subject))
    held = sum(table.rows_quarantined for table in report.tables)
    _require(held == 0, f"{held} rows of the source break a rule of the connection; choose others")
    return next(table for table in report.tables if table.name == subject.resource)


def _table(subject: Subject, resource: str) -> str:
    return f"{quote(get_connection(subject.name).raw_schema)}.{quote(resource)}"


def _exists(subject: Subject, resource: Resource) -> bool:
    return bool(
        _ask(
            "select 1 from duckdb_tables() where database_name = 'lake' and schema_name = $1 and table_name = $2",
            get_connection(subject.name).raw_schema,
            resource.name,
        )
    )


def _rows(subject: Subject) -> int:
    return int(_one(f"select count(*) from {_table(subject, subject.resource)}"))


def _marked(subject: Subject) -> int:
    return int(_one(f"select count(_deleted_at) from {_table(subject, subject.resource)}"))


def _one(sql: str) -> Any:
    return _ask(sql)[0][0]


def _ask(sql: str, *values: object) -> list[tuple[Any, ...]]:
    with connect(read_only=True) as lake:
        return lake.execute(sql, list(values)).fetchall()


def _file_with(secret: str) -> Path | None:
    """A file below the home folder that holds the secret."""
    for path in get_settings().home.rglob("*"):
        with contextlib.suppress(OSError):  # a file of the running database may go away meanwhile
            if path.is_file() and path.stat().st_size <= LARGEST_FILE and secret.encode() in path.read_bytes():
                return path
    return None


def _killed_at(name: str, point: str) -> bool:
    """Loads in a process that kills itself when it comes to the point; whether it did."""
    command = [sys.executable, "-m", "connectors.testing", name, point]
    child = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, said = child.communicate(timeout=LIVE_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    if child.returncode not in (0, -signal.SIGKILL):
        raise ContractBroken(f"a load failed in a process of its own: {said.decode(errors='replace')[-2000:]}")
    return child.returncode == -signal.SIGKILL


def _load_and_die(name: str, point: str) -> None:
    def die(words: str, done: float) -> None:
        if words.startswith(point):
            os.kill(os.getpid(), signal.SIGKILL)

    load_source(name, progress=die)


if __name__ == "__main__":
    _load_and_die(*sys.argv[1:3])
