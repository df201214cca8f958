"""Why a system could not be read: away for a moment, refusing what it was shown, or not what the connection says it is.

What belongs here: telling these apart by what libraries raise. What does not: doing something about it (`connectors.breaker`).
"""

from collections.abc import Iterator

from lake.errors import CredentialError, GrimoireError, SourceUnavailableError

REFUSED_STATUS = frozenset({401, 403})
PASSING_STATUS = frozenset({408, 423, 425, 429})  # and all from 500 on
REFUSED_SQLSTATES = ("28",)  # invalid authorization
LASTING_SQLSTATES = ("28", "3D", "3F", "42")  # and: no such database, no such schema, no such table or right
REFUSED_NUMBERS = frozenset({1044, 1045, 1698, 18456})  # MySQL and SQL Server: access denied, login failed
REFUSED_CODES = frozenset({"AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"})  # S3
LASTING_KINDS = frozenset(
    {"NoSuchTableError", "ProgrammingError", "ArgumentError", "NoSuchModuleError", "FileNotFoundError", "IsADirectoryError",
     "NotADirectoryError", "PermissionError", "ModuleNotFoundError", "InvalidURL", "MissingSchema", "InvalidSchema"}
)  # fmt: skip


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, innermost last."""
    current: BaseException | None = error
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        wrapped = getattr(current, "orig", None)  # SQLAlchemy keeps the driver's error beside its own
        current = current.__cause__ or current.__context__ or (wrapped if isinstance(wrapped, BaseException) else None)


def is_passing(error: BaseException) -> bool:
    """Whether the same may go well in a moment: the system did not answer, and said nothing that will stay true."""
    return isinstance(error, SourceUnavailableError) and not any(_is_lasting(cause) for cause in causes(error))


def is_refusal(error: BaseException) -> bool:
    """Whether the system answered and does not accept our credentials."""
    return any(_is_refused(cause) for cause in causes(error))


def is_the_systems(error: BaseException) -> bool:
    """Whether the system itself is at fault, so that it should be left alone after some of these."""
    return isinstance(error, SourceUnavailableError | CredentialError)


def told_apart(error: GrimoireError, *, label: str) -> GrimoireError:
    """The error, as CredentialError where the system refused our credentials."""
    if isinstance(error, SourceUnavailableError) and is_refusal(error):
        return CredentialError(
            f"{label} refuses the credentials: {error.problem}",
            remedy="Check what the connection's credential references lead to; `grimoire connect test` tries them.",
            **error.data,
        )
    return error


def _is_refused(error: BaseException) -> bool:
    number = error.args[0] if error.args else None
    return (
        _status(error) in REFUSED_STATUS
        or _sqlstate(error).startswith(REFUSED_SQLSTATES)
        or (isinstance(number, int) and not isinstance(error, OSError) and number in REFUSED_NUMBERS)
        or _code(error) in REFUSED_CODES
        or _is_refused_login(error)
    )


def _is_refused_login(error: BaseException) -> bool:
    """PostgreSQL's drivers give a connection that was refused no SQLSTATE, only the server's words."""
    words = str(error).lower()
    return "OperationalError" in _kinds(error) and ("authentication failed" in words or "access denied" in words)


def _is_lasting(error: BaseException) -> bool:
    status = _status(error)
    return (
        _is_refused(error)
        or (status is not None and 400 <= status < 500 and status not in PASSING_STATUS)
        or _sqlstate(error).startswith(LASTING_SQLSTATES)
        or bool(_kinds(error) & LASTING_KINDS)
    )


def _kinds(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _status(error: BaseException) -> int | None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _sqlstate(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")


def _code(error: BaseException) -> str:
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
