"""One line on what a page's figures stand on: how fresh, from which snapshot, what the checks say, how it is classified.

What belongs here: that line. What does not: the whole evidence (`evidence`) and the state of all data (`health`).
"""

from apps.streamlit import catalogue, health, look
from apps.streamlit.mined import MinedLog
from apps.streamlit.wording import age, count, moment, safe
from lake.catalog import Table

CLASSES = {"public": "good", "confidential": "warn", "sensitive": "bad"}


def standing(log: MinedLog, *, as_of: int | None = None) -> None:
    """Shows the line for a process: its event log's age, checks and class, and when and from which snapshot it was mined."""
    table = catalogue.whole().tables.get(f"event_logs.{log.process}")
    told = [_fresh(table)] if table else []
    told.append(f"<span>Mined {safe(moment(log.computed_at))} from snapshot {log.snapshot_id}</span>")
    if as_of is not None:
        told.append(f"<span>read as of snapshot {as_of}</span>")
    if table:
        told += [_checks(table), _class(table)]
    look.standing(told)


def _fresh(table: Table) -> str:
    kind = health.status(table.loaded_at) if table.loaded_at else "ok"
    words = f"Data loaded {age(table.loaded_at)}" if table.loaded_at else "Data of unknown age"
    return f"<span>{health.dot(kind) if table.loaded_at else ''}{safe(words)}</span>"


def _checks(table: Table) -> str:
    if table.failed:
        kind = "bad" if any(check.severity == "error" for check in table.failed) else "warn"
        return f"<span>{health.dot(kind)}{count(len(table.failed))} of its checks failed</span>"
    if table.passed:
        return f"<span>{health.dot('ok')}{count(len(table.passed))} checks passed</span>"
    return "<span>no check has run</span>"


def _class(table: Table) -> str:
    kind = CLASSES.get(table.classification or "", "")
    return f'<span class="gr-badge {kind}">{safe(table.classification or "not classified")}</span>'
