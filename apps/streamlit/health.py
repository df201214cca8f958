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
    """Newest result of every check, failures first, but of processes that are gone; beside it the newest that had rows to look at.

    A load that brings nothing new checks no row: `last_rows_checked`, `last_rows_failed` and `last_rows_at` say what the last
    one with rows found. They are None where there never was one.
    """
    return rows(
        """with results as (
               select *, max(checked_at) filter (rows_checked > 0) over same as last_rows_at,
                      arg_max(rows_checked, checked_at) filter (rows_checked > 0) over same as last_rows_checked,
                      arg_max(rows_failed, checked_at) filter (rows_checked > 0) over same as last_rows_failed
               from platform.check_results
               where layer not in ('event_logs', 'mining')
                   or split_part(subject, '__', 1) in (select process from platform.processes)
               window same as (partition by layer, subject, check_name))
           select layer, subject, check_name, severity, blocking, passed, rows_checked, rows_failed, detail, checked_at,
                  snapshot_id, last_rows_checked, last_rows_failed, last_rows_at
           from results
           qualify row_number() over (partition by layer, subject, check_name order by checked_at desc) = 1
           order by passed, severity, layer, subject, check_name""",
        needs=("platform.check_results", "platform.processes"),
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
    """Open quarantined rows per source, table and rule, held back or flagged, and how many a person has waived."""
    return rows(
        f"""select source, table_name, rule, kind, any_value(reason) as reason, count(*) filter (resolved_at is null) as rows,
               count(*) filter (resolution in ('accepted', 'dropped')) as waived, max(quarantined_at) as last_at
           from {_quarantine()} group by source, table_name, rule, kind having rows > 0 or waived > 0
           order by kind desc, rows desc, source, table_name, rule""",
        needs=("quarantine.rows",),
    )


def quarantined(source: str | None = None, *, limit: int = 1000) -> Rows:
    """The newest quarantined rows with their reason and what was decided; those that have landed by themselves are left out."""
    from connectors.dead_letters import LETTER_ID

    return rows(
        f"""select {LETTER_ID} as id, quarantined_at, source, table_name, row_key, rule, reason, row_json, kind, resolution,
               resolved_by, note from {_quarantine()}
           where ($1::varchar is null or source = $1) and (resolved_at is null or resolution is not null)
           order by resolved_at is not null, kind desc, quarantined_at desc, source, table_name, row_key limit $2""",
        source,
        limit,
        needs=("quarantine.rows",),
    )


def _quarantine() -> str:
    """The table for SQL; in a lake of an earlier version nothing has been flagged or decided yet."""
    known = rows(
        "select 1 as there from duckdb_columns() where database_name = 'lake' and schema_name = 'quarantine'"
        " and table_name = 'rows' and column_name = 'resolution'"
    )
    later = "'held' as kind, null::varchar as resolution, null::varchar as resolved_by, null::varchar as note"
    return "quarantine.rows" if known else f"(select *, {later} from quarantine.rows)"


def scores(*, most: int = 30) -> Rows:
    """Per product and event log: the newest score, the one before, what failed, and the last scores, oldest first."""
    return rows(
        """select layer, subject, arg_max(score, scored_at) as score, max(scored_at) as scored_at,
               arg_max(checks, scored_at) as checks, arg_max(failed, scored_at) as failed,
               arg_max(snapshot_id, scored_at) as snapshot_id,
               list_reverse(list(score order by scored_at desc)[:$1]) as history
           from platform.quality_scores
           where layer <> 'event_logs' or subject in (select process from platform.processes)
           group by layer, subject order by score, layer, subject""",
        most,
        needs=("platform.quality_scores", "platform.processes"),
    )


def sample(layer: str, subject: str, rule: str, *, limit: int = 10) -> Rows:
    """Open rows in quarantine that break a rule of a table or event log."""
    return rows(
        f"""select row_key, row_json from {_quarantine()} where resolved_at is null and table_name = $1 and rule = $2
           and (source = $3 or 'raw_' || source = $3) order by quarantined_at desc, row_key limit $4""",
        subject,
        rule,
        layer,
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
