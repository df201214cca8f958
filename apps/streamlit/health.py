"""How far the data can be trusted: loads and their age, check results, quarantined rows.

What belongs here: reading queries over `platform.*` and `quarantine.rows`. What does not: checking anything.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from apps.streamlit.reading import Rows, rows
from apps.streamlit.wording import DAY, safe

FRESH_SECONDS, STALE_SECONDS = 1.1 * DAY, 3 * DAY


def freshness() -> Rows:
    """Per source: when it was last loaded, how many tables and rows the last load brought, rows quarantined ever.

    Imported files are no source: nobody expects them to come again.
    """
    return rows(
        """with last as (
               select source, max_by(load_id, finished_at) as load_id, max(finished_at) as loaded_at,
                      sum(rows_quarantined)::bigint as rows_quarantined, sum(rows_landed)::bigint as all_rows
               from platform.loads where source <> 'file' group by source)
           select last.source, last.loaded_at, count(*) as tables, sum(l.rows_landed)::bigint as rows_landed, last.all_rows,
                  last.rows_quarantined, max(l.snapshot_id) as snapshot_id
           from last join platform.loads l on l.source = last.source and l.load_id = last.load_id
           group by all order by last.source""",
        needs=("platform.loads",),
    )


def latest_checks() -> Rows:
    """Newest result of every check, failures first; beside it the newest one that had rows to look at.

    A load that brings nothing new checks no row: `last_rows_checked`, `last_rows_failed` and `last_rows_at` say what the last
    one with rows found. They are None where there never was one.
    """
    return rows(
        """with results as (
               select *, max(checked_at) filter (rows_checked > 0) over same as last_rows_at,
                      arg_max(rows_checked, checked_at) filter (rows_checked > 0) over same as last_rows_checked,
                      arg_max(rows_failed, checked_at) filter (rows_checked > 0) over same as last_rows_failed
               from platform.check_results window same as (partition by layer, subject, check_name))
           select layer, subject, check_name, severity, blocking, passed, rows_checked, rows_failed, detail, checked_at,
                  snapshot_id, last_rows_checked, last_rows_failed, last_rows_at
           from results
           qualify row_number() over (partition by layer, subject, check_name order by checked_at desc) = 1
           order by passed, severity, layer, subject, check_name""",
        needs=("platform.check_results",),
    )


def flattening() -> Rows:
    """Per process and type of object what making cases of it costs, each process's own case notion first."""
    return rows(
        """select process, case_notion, is_case_notion, cases, events, case_events, duplicated_events, extra_copies,
                  events_in_no_case, diverging_activities, diverging_cases
           from mining.flattening
           order by max(extra_copies) filter (is_case_notion) over (partition by process) desc, process, is_case_notion desc,
                    case_notion""",
        needs=("mining.flattening",),
    )


def of_process(checks: Rows, process: str) -> Rows:
    """Those of a process's own event log and files."""
    own = {process, f"{process}__events", f"{process}__objects", f"{process}__event_objects", f"{process}__object_objects"}
    return [check for check in checks if check["subject"] in own]


def tally(checks: Iterable[dict[str, Any]]) -> dict[str, int]:
    """How many passed, warned and failed."""
    found = {"passed": 0, "warnings": 0, "errors": 0}
    for check in checks:
        found["passed" if check["passed"] else "warnings" if check["severity"] == "warning" else "errors"] += 1
    return found


def loads(*, limit: int = 500) -> Rows:
    """The newest loads, one row per table."""
    return rows(
        """select finished_at, source, table_name, rows_extracted, rows_landed, rows_quarantined,
                  epoch(finished_at - started_at) as seconds, load_id, snapshot_id
           from platform.loads order by finished_at desc, source, table_name limit ?""",
        limit,
        needs=("platform.loads",),
    )


def quarantine_reasons() -> Rows:
    """Quarantined rows per source, table and rule."""
    return rows(
        """select source, table_name, rule, any_value(reason) as reason, count(*) as rows, max(quarantined_at) as last_at
           from quarantine.rows group by source, table_name, rule order by rows desc, source, table_name, rule""",
        needs=("quarantine.rows",),
    )


def quarantined(source: str | None = None, *, limit: int = 1000) -> Rows:
    """The newest quarantined rows with their reason."""
    return rows(
        """select quarantined_at, source, table_name, row_key, rule, reason, row_json from quarantine.rows
           where $1::varchar is null or source = $1 order by quarantined_at desc, source, table_name, row_key limit $2""",
        source,
        limit,
        needs=("quarantine.rows",),
    )


def status(loaded_at: datetime | None) -> str:
    """`ok`, `warn` or `bad` by the age of the last load."""
    if loaded_at is None:
        return "bad"
    seconds = (datetime.now(UTC) - loaded_at).total_seconds()
    return "ok" if seconds < FRESH_SECONDS else "warn" if seconds < STALE_SECONDS else "bad"


def dot(kind: str) -> str:
    """A coloured dot with words for those who do not see colours."""
    words = {"ok": "good", "warn": "attention", "bad": "bad"}[kind]
    return f'<span class="gr-status {safe(kind)}" role="img" aria-label="{words}" title="{words}"></span>'
