"""Checking an event log and keeping what was found: results, a sample of the offending rows, a score, the columns it had.

What belongs here: running a log's suite and its checks, and writing what came of them. What does not: the checks themselves
(`connectors.log_checks`, `connectors.quality`), scores (`connectors.scores`) and what is done about the rows
(`connectors.quarantine`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connectors.log_checks import NO_DRIFT, Log, LogCheck, checks_of
from connectors.quality import check_event_log, plausible_time_sql
from connectors.scores import newest_of_models, score_of
from lake import connect, quote
from lake.journal import CheckResult, ensure_platform_tables, insert_rows, record_checks, record_scores
from lake.registry import definition_of
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb

LAYER, FLAGGED = "event_logs", "flagged"
SAMPLE = 100  # rows of one rule that are kept; each check replaces those of the one before
_INTO = "quarantine.rows (quarantined_at, source, table_name, row_key, rule, reason, row_json, load_id, kind)"
SUITE = {  # what breaks a rule of `connectors.quality.EVENT_LOG_RULES`, for the sample
    "case_id is filled": "case_id is null",
    "activity is filled": "activity is null",
    "occurred_at is filled": "occurred_at is null",
    "case_id is not blank": "trim(case_id) = ''",
    "activity is not blank": "trim(activity) = ''",
    "occurred_at is plausible (1990 to two years ahead)": f"not {plausible_time_sql('occurred_at')}",
    "started_at is not after occurred_at": "started_at > occurred_at",
    "case_id and source_row are unique": "true qualify count(*) over (partition by case_id, source_row) > 1",
}


@dataclass(frozen=True)
class LogVerdict:
    """What came of checking one event log."""

    process: str
    results: list[CheckResult]
    samples: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)  # check to keys and rows that break it
    columns: Mapping[str, str] = field(default_factory=dict)  # columns that hold values, and their types


def inspect_log(process: str, *, connection: "duckdb.DuckDBPyConnection | None" = None) -> LogVerdict:
    """Runs the suite and every check that applies to `event_logs.<process>`; writes nothing.

    Raises:
        UnknownProcessError: There is no such event log.
    """
    if connection is None:
        with connect(read_only=True) as own:
            return inspect_log(process, connection=own)
    results = check_event_log(process, connection=connection)
    log, waived = _log(connection, process), _waived(connection, process)
    samples = {
        one.check_name: _sample(connection, _suite_offenders(log, one.check_name))
        for one in results
        if not one.passed and one.check_name in SUITE
    }
    for check in checks_of(log):
        result, sample = _run(connection, log, check, waived.get(check.name, []))
        results.append(result)
        if sample:
            samples[check.name] = sample
    columns = _filled_columns(connection, log)
    results.append(_drift(process, columns, _remembered(connection, process)))
    return LogVerdict(process, results, samples, columns)


def record_verdict(connection: "duckdb.DuckDBPyConnection", verdict: LogVerdict, *, snapshot_id: int | None) -> None:
    """Writes the results, the score, the sample of each check in place of its last one, and the columns."""
    ensure_platform_tables(connection)
    record_checks(connection, verdict.results, snapshot_id=snapshot_id)
    every = [*verdict.results, *newest_of_models(connection, verdict.process)]
    record_scores(connection, [score_of(LAYER, verdict.process, every)], snapshot_id=snapshot_id)
    _keep_samples(connection, verdict, snapshot_id)
    if verdict.columns != _remembered(connection, verdict.process):
        connection.execute("delete from platform.log_columns where process = ?", [verdict.process])
        row = (verdict.process, json.dumps(dict(verdict.columns)), datetime.now(UTC))
        insert_rows(connection, "platform.log_columns", [row])


def _keep_samples(connection: "duckdb.DuckDBPyConnection", verdict: LogVerdict, snapshot_id: int | None) -> None:
    """Replaces the rows flagged by the last check; what a person has waived stays, and is not flagged again."""
    own = "source = ? and table_name = ? and kind = ?"
    place = [LAYER, verdict.process, FLAGGED]
    waived = set(
        connection.execute(f"select rule, row_key from quarantine.rows where {own} and resolution is not null", place).fetchall()
    )
    connection.execute(f"delete from quarantine.rows where {own} and resolution is null", place)
    details, now = {one.check_name: one.detail for one in verdict.results}, datetime.now(UTC)
    insert_rows(connection, _INTO, [
        (now, LAYER, verdict.process, key, rule, details.get(rule) or rule, row, str(snapshot_id or ""), FLAGGED)
        for rule, sample in verdict.samples.items() for key, row in sample if (rule, key) not in waived
    ])  # fmt: skip


def _run(
    connection: "duckdb.DuckDBPyConnection", log: Log, check: LogCheck, waived: Sequence[str]
) -> tuple[CheckResult, list[tuple[str, str]]]:
    """The result of one check and a sample of what offends it, also where so few offend that it passes."""
    offenders = f"({check.offenders})"
    if waived:
        listed = ", ".join(as_text(key) for key in waived)
        offenders = f"(select * from {offenders} where row_key is null or row_key not in ({listed}))"
    failed, whole = _count(connection, f"select coalesce(sum(n), 0) from {offenders}"), _count(connection, check.whole)
    passed = failed <= check.tolerated * whole
    sample = _sample(connection, offenders) if failed and not passed else []
    result = CheckResult(
        LAYER, log.process, check.name, passed, check.severity, False, whole, failed, _detail(check, failed, whole, sample, passed)
    )
    return result, sample


def _detail(check: LogCheck, failed: int, whole: int, sample: Sequence[tuple[str, str]], passed: bool) -> str:
    if not failed:
        return ""
    said = f"{failed} of {whole} {check.noun}"
    if passed:
        return f"{said}, no more than the {check.tolerated:.0%} that are tolerated"
    keys = ", ".join(dict.fromkeys(str(key) for key, _ in sample[:5]))
    return f"{said}, such as {keys}. {check.advice}"


def _sample(connection: "duckdb.DuckDBPyConnection", offenders: str) -> list[tuple[str, str]]:
    return connection.execute(
        f"select coalesce(row_key, ''), to_json(item)::varchar from {offenders} order by 1, 2 limit {SAMPLE}"
    ).fetchall()


def _suite_offenders(log: Log, rule: str) -> str:
    return f"(select case_id as row_key, e as item from {log.view} as e where {SUITE[rule]})"


def _log(connection: "duckdb.DuckDBPyConnection", process: str) -> Log:
    """The log with what the registry and the lake know of it."""
    definition = definition_of(connection, process)
    there = connection.execute(
        "select table_name, column_name from duckdb_columns() where database_name = 'lake' and schema_name = 'event_logs'"
    ).fetchall()
    columns = frozenset(column for table, column in there if table == process)
    log = Log(process, columns, frozenset(table for table, _ in there), definition)
    if "event_id" not in columns:
        return log
    sources = connection.execute(
        f"select activity, mode(split_part(event_id, ':', 1)) from {log.view} where contains(event_id, ':') group by activity"
    ).fetchall()
    return Log(process, columns, log.tables, definition, dict(sources))


def _filled_columns(connection: "duckdb.DuckDBPyConnection", log: Log) -> dict[str, str]:
    """The log's columns that hold a value somewhere, with their types: one that lost all its values is as good as lost."""
    kinds = {name: kind for name, kind, *_ in connection.execute(f"describe {log.view}").fetchall()}
    counts = ", ".join(f"count({quote(name)})" for name in kinds)
    filled = connection.execute(f"select {counts} from {log.view}").fetchone() or ()
    return {name: kind for (name, kind), n in zip(kinds.items(), filled, strict=True) if n}


def _remembered(connection: "duckdb.DuckDBPyConnection", process: str) -> dict[str, str]:
    """The columns the last check saw; none before the first."""
    row = (
        _known(connection, "platform", "log_columns")
        and connection.execute(f"select columns from platform.log_columns where process = {as_text(process)}").fetchone()
    )
    columns: dict[str, str] = json.loads(row[0]) if row else {}
    return columns


def _drift(process: str, columns: Mapping[str, str], before: Mapping[str, str]) -> CheckResult:
    """Columns gained, lost (or empty now) and of another type, against those of the last check."""
    changes = [f"{name} is gone or empty" for name in before if name not in columns]
    changes += [f"{name} is {kind}, was {before[name]}" for name, kind in columns.items() if before.get(name, kind) != kind]
    changes += [f"{name} is new" for name in columns if before and name not in before]
    detail = "; ".join(changes) + ". Look at the model's or the file's last change; the next check takes these columns for granted."
    return CheckResult(
        LAYER, process, NO_DRIFT, not changes, "warning", False, len(columns), len(changes), detail if changes else ""
    )


def _waived(connection: "duckdb.DuckDBPyConnection", process: str) -> dict[str, list[str]]:
    """Check to the keys of rows that a person said are right as they are."""
    if not _known(connection, "quarantine", "rows", column="resolution"):
        return {}
    found: dict[str, list[str]] = {}
    for rule, key in connection.execute(
        "select rule, row_key from quarantine.rows where resolution is not null and source = 'event_logs'"
        f" and table_name = {as_text(process)}"
    ).fetchall():
        found.setdefault(rule, []).append(key)
    return found


def _known(connection: "duckdb.DuckDBPyConnection", schema: str, table: str, column: str | None = None) -> bool:
    more = f" and column_name = {as_text(column)}" if column else ""
    found: Any = connection.execute(
        "select 1 from duckdb_columns() where database_name = 'lake'"
        f" and schema_name = {as_text(schema)} and table_name = {as_text(table)}{more} limit 1"
    ).fetchone()
    return found is not None


def _count(connection: "duckdb.DuckDBPyConnection", sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
