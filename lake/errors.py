"""Grimoire's exceptions: a small tree, each with a code, the data it is about and the way out.

What belongs here: exception classes. What does not: catching them (the faces do) and anything that needs an import.

Code ranges: 1000s authentication and authorisation, 2000s integration, 3000s data processing, 4000s models, 5000s system.
"""


class GrimoireError(Exception):
    """Something a person can act on: what was wrong, and the command or setting that mends it.

    Args:
        problem: One sentence saying what was wrong, with the value.
        remedy: One sentence saying what to do about it.
        data: Whatever a caller or a log may want to look at; never a secret.
    """

    code = 5000

    def __init__(self, problem: str, *, remedy: str = "", **data: object) -> None:
        self.problem = problem
        self.remedy = remedy
        self.data = data
        super().__init__(f"[G{self.code}] {problem}" + (f" {remedy}" if remedy else ""))

    def __reduce__(self) -> tuple[object, ...]:
        """What it takes to raise it in another process as it was raised."""
        return _made_again, (type(self), self.problem, self.remedy, self.data)


def _made_again(cls: type[GrimoireError], problem: str, remedy: str, data: dict[str, object]) -> GrimoireError:
    error = cls.__new__(cls)  # a subclass may be made of other words
    GrimoireError.__init__(error, problem, remedy=remedy, **data)
    return error


class CredentialError(GrimoireError):
    """A credential reference leads nowhere, or a system refuses what it leads to."""

    code = 1001


class IntegrationError(GrimoireError):
    """A source system, file or message could not be read."""

    code = 2000


class SourceUnavailableError(IntegrationError):
    """A source system does not answer."""

    code = 2001


class ConnectionFileError(IntegrationError):
    """The file of a connection or of an event log cannot be used."""

    code = 2002


class UnknownConnectionError(IntegrationError):
    """No connection has that name, or no kind of connection that type."""

    code = 2003


class ConnectionPausedError(IntegrationError):
    """The connection is paused, or its circuit breaker is open."""

    code = 2004


class SchemaChangedError(IntegrationError):
    """The source's columns changed and the connection's contract freezes them."""

    code = 2005


class PlanChangedError(IntegrationError):
    """What was to be written is no longer what was looked at."""

    code = 2006


class FileFormatError(IntegrationError):
    """A file is not what it claims to be, or lacks what an event log needs."""

    code = 2010


class ColumnMissingError(FileFormatError):
    """A column that must be there is not."""

    code = 2011


class DataError(GrimoireError):
    """Rows were read but break a rule."""

    code = 3000


class UnknownProcessError(DataError):
    """No process of that name has an event log in the lake."""

    code = 3001


class ProcessFileError(DataError):
    """A process definition file cannot be used."""

    code = 3002


class KpiFileError(DataError):
    """The file of a KPI cannot be used."""

    code = 3004


class UnknownModelError(DataError):
    """No model or domain of the dbt project has that name."""

    code = 3003


class QualityGateError(DataError):
    """A blocking expectation failed, so what follows must not run."""

    code = 3010


class BuildError(DataError):
    """dbt could build nothing; what was there before is served."""

    code = 3011


class ReadOnlyError(DataError):
    """A statement tried to write through a read-only connection."""

    code = 3020


class QueryError(DataError):
    """A SQL statement could not be run."""

    code = 3021


class UnknownTableError(DataError):
    """The catalog knows no table or column of that name."""

    code = 3022


class ModelError(GrimoireError):
    """A model could not be discovered, trained, scored or loaded."""

    code = 4000


class PlatformError(GrimoireError):
    """The platform itself: disk, database, processes."""

    code = 5000


class DatabaseUnavailableError(PlatformError):
    """The platform database cannot be reached or started."""

    code = 5001


class ExtensionMissingError(PlatformError):
    """A DuckDB extension is not installed or does not fit DuckDB's version."""

    code = 5002


class StorageError(PlatformError):
    """The lake's folder cannot be written."""

    code = 5003


class ConflictError(PlatformError):
    """A transaction kept colliding with others and was given up; nothing of it was written."""

    code = 5004


class AlreadyRunningError(PlatformError):
    """Another process of the same kind holds the lock."""

    code = 5005


class SettingsError(PlatformError):
    """A setting is missing or has a value that cannot be used."""

    code = 5006
