"""Process tests: a process's rules judged on its log, kept in the lake, and those with a threshold as checks that can fail a run.

What belongs here: which rules a process has, their result table and what a breach is. What does not: what the rules mean
(`mining.rules`), how they are written (`lake.process_rules`) and telling Dagster (`orchestration.defs.mine`).

A rule with a `threshold` is a test. If more cases break it than the threshold bears, it fails: with severity `error` it stops what
follows, with `warning` it is only told. Rules without a threshold are judged and shown all the same.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lake.journal import CheckResult, ensure_platform_tables, record_checks
from lake.process_rules import rules_of
from lake.registry import definition_of
from lake.transactions import in_transaction
from mining.event_log import EventLog
from mining.result_rows import arrow_table, replace_rows
from mining.rules import RuleResult, check_rules

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from mining.sections import Mined

LAYER = "mining"
COLUMNS = (
    "rule varchar, kind varchar, is_sla boolean, cases_checked bigint, cases_violating bigint, share double, violations bigint, "
    "sample_cases varchar[], threshold varchar, severity varchar, is_passed boolean, remark varchar"
)
TABLES = {"rule_results": COLUMNS}


def tables(mined: "Mined") -> dict[str, "pyarrow.Table"]:
    """What judging the log by every rule of the definition found."""
    results = check_rules(mined.log, rules_of(mined.definition, where=mined.process), definition=mined.definition)
    return {"rule_results": rule_rows(results)}


def run_process_tests(process: str) -> tuple[list[RuleResult], list[CheckResult]]:
    """Judges a process's log by the rules its definition has now, and writes what came of it.

    Returns:
        The results of all rules, and of the tests among them as they stand in `platform.check_results`.

    Raises:
        UnknownProcessError: No such event log.
        ProcessFileError: A rule cannot be read.
    """
    with EventLog.from_lake(process) as log:
        definition = definition_of(log.connection, process)
        results = check_rules(log, rules_of(definition, where=process), definition=definition)
        snapshot_id = log.snapshot_id
    checks = as_checks(process, results)
    if results:
        in_transaction(lambda connection: _write(connection, process, results, checks, snapshot_id))
    return results, checks


def as_checks(process: str, results: Sequence[RuleResult]) -> list[CheckResult]:
    """The tests among the results, as the platform journals checks."""
    return [
        CheckResult(
            LAYER,
            process,
            one.rule.text,
            bool(one.is_passed),
            "error" if one.rule.severity == "error" else "warning",
            one.rule.severity == "error",
            one.cases_checked,
            one.cases_violating,
            _detail(one),
        )
        for one in results
        if one.is_passed is not None
    ]


def _detail(result: RuleResult) -> str:
    parts = [result.remark] if result.remark else []
    if result.cases_violating:
        said = f"{result.cases_violating:,} of {result.cases_checked:,} cases"
        cases = ", ".join(result.sample_cases)
        parts += [said if result.is_passed else f"{said}, such as {cases}; the threshold is {result.rule.threshold}"]
    return " ".join(parts)


def _write(
    connection: "duckdb.DuckDBPyConnection",
    process: str,
    results: Sequence[RuleResult],
    checks: Sequence[CheckResult],
    snapshot_id: int | None,
) -> None:
    ensure_platform_tables(connection)
    record_checks(connection, checks, snapshot_id=snapshot_id)
    replace_rows(connection, "rule_results", COLUMNS, rule_rows(results), process=process, snapshot_id=snapshot_id)


def rule_rows(results: Sequence[RuleResult]) -> "pyarrow.Table":
    """The results as the rows of `mining.rule_results`."""
    rows: list[dict[str, Any]] = [
        {
            **{name: getattr(one, name) for name in ("cases_checked", "cases_violating", "share", "violations", "is_passed")},
            "rule": one.rule.text,
            "kind": one.rule.kind,
            "is_sla": one.rule.is_sla,
            "sample_cases": one.sample_cases,
            "threshold": None if one.rule.threshold is None else str(one.rule.threshold),
            "severity": None if one.rule.threshold is None else one.rule.severity,
            "remark": one.remark or None,
        }
        for one in results
    ]
    return arrow_table(rows, COLUMNS)
