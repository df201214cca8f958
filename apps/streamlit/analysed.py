"""Analyses of a process as pages show them: the result tables of schema `mining`, or the same functions asked anew under filters.

What belongs here: which function makes which table, and keeping what it gave per snapshot and filter stack. What does not: the
analyses themselves (package `mining`), and questions of one statement (`asking`).

An analysis reads the lake on a connection of its own, so that no other page waits for it. The log it opened stays open for the
next ones: what takes longest, laying out who did what when, is done once per process and snapshot.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

import lake
from apps.streamlit.mined import Filters
from apps.streamlit.pages import View
from apps.streamlit.reading import CACHED_RESULTS, Rows, has_tables, home, note, snapshot_id
from lake.errors import DataError
from lake.process_rules import rules_of
from mining import batching, deadlines, people, performance, spectrum
from mining.event_log import EventLog
from mining.flattening import has_objects
from mining.process_tests import rule_rows
from mining.queues import queue_lengths
from mining.rhythm import weekday_hours
from mining.rules import check_rules, violating_cases
from mining.synchronisation import synchronisation_times

if TYPE_CHECKING:
    from mining.calendars import WorkingCalendar

OPEN_LOGS = 3
MOST_LINES = 20_000  # of a spectrum: what a browser draws at once in a fraction of a second


@dataclass(frozen=True)
class Job:
    """What an analysis is given: the filtered log, what the process's definition says, and the settings it was asked with."""

    log: EventLog
    definition: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def calendar(self) -> "WorkingCalendar":
        """The process's working calendar; one that is always open where it has none."""
        from mining.calendars import WorkingCalendar

        return WorkingCalendar.from_definition(self.definition)


def table(view: View, name: str, *, limit: int | None = None) -> Rows:
    """A result table of the view's process: as it was mined without a filter, asked anew under filters or where there is none.

    Args:
        view: What the page is about.
        name: The table in schema `mining`, one of `ANALYSES`.
        limit: At most so many rows, in the order of the analysis.
    """
    if view.stack or not has_tables(f"mining.{name}", as_of=view.as_of):
        found = analyse(view, name)
        return found if limit is None else found[:limit]
    cut = "" if limit is None else f" limit {int(limit)}"
    sql = f"select * exclude (process, computed_at, snapshot_id) from mining.{name} where process = ?{cut}"
    return view.rows(sql, view.process, needs=(f"mining.{name}",))


def analyse(view: View, name: str, /, **settings: Any) -> Rows:
    """What an analysis of the filtered log gives, kept per snapshot of the lake, filter stack and settings.

    Raises:
        DataError: The log or the definition does not bear the analysis; the message says why.
    """
    told = f"-- the analysis `{name}` of package mining, asked of the events the filters keep of"
    note(f"{told}\nfrom event_logs.{lake.quote(view.process)}", (), (f"event_logs.{view.process}",), view.as_of)
    key = snapshot_id() if view.as_of is None else view.as_of
    return _kept(home(), key, view.process, tuple(view.stack), name, settings, view.definition.definition)


@st.cache_data(max_entries=CACHED_RESULTS, show_spinner="Analysing the event log …", hash_funcs={tuple: repr})
def _kept(
    home_folder: str,
    snapshot: int,
    process: str,
    filters: Filters,
    name: str,
    settings: Mapping[str, Any],
    definition: Mapping[str, Any],
) -> Rows:
    with _opened(home_folder, snapshot, process) as log:
        found = ANALYSES[name](Job(log.filter(*filters), definition, settings))
        if isinstance(found, list):
            return found
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


class _Opened:
    """An open log that one thread uses at a time."""

    def __init__(self, log: EventLog) -> None:
        self.log, self.lock = log, threading.Lock()

    def __enter__(self) -> EventLog:
        self.lock.acquire()
        return self.log

    def __exit__(self, *error: object) -> None:
        self.lock.release()

    def close(self) -> None:
        """Waits for who uses it."""
        with self.lock:
            self.log.connection.close()


@st.cache_resource(max_entries=OPEN_LOGS, show_spinner=False, on_release=_Opened.close)
def _opened(home_folder: str, snapshot: int, process: str) -> _Opened:
    """Of that very snapshot, so that what was laid out stays right when the lake moves on."""
    return _Opened(EventLog.from_lake(process, connection=lake.connect(as_of=snapshot)))


def _queues(job: Job) -> Any:
    grain = job.settings.get("grain", "week")
    return queue_lengths(job.log, scope="process", grain=grain).union(queue_lengths(job.log, grain=grain, most=performance.QUEUES))


def _late_cases(job: Job) -> Any:
    sla = _still_there((one for one in job.definition.get("slas") or () if one["name"] == job.settings["name"]), job)
    return deadlines.late_cases(job.log, sla, calendar=job.calendar)


def _still_there(found: Iterable[Any], job: Job) -> Any:
    """The rule or agreement asked about, which the definition may have lost since the process was mined."""
    for one in found:
        return one
    (said,) = job.settings.values()
    process = job.log.events.name
    raise DataError(f"The definition of {process} no longer says “{said}”.", remedy=f"Run `grimoire mine {process}`.")


def _rule_results(job: Job) -> Any:
    rules = rules_of(job.definition, where=job.log.events.name)
    return rule_rows(check_rules(job.log, rules, definition=job.definition)).to_pylist()


def _violating_cases(job: Job) -> Any:
    rule = _still_there((one for one in rules_of(job.definition) if one.text == job.settings["rule"]), job)
    return violating_cases(job.log, rule, definition=job.definition)


def _segregation(job: Job) -> Any:
    return people.segregation_of_duties(job.log, people.separate_duties(job.definition), limit=people.DUTIES)


def _bottlenecks(job: Job) -> Any:
    external, agreed = (job.definition.get(key) or () for key in ("external_activities", "agreed_waits"))
    return performance.bottlenecks(job.log, calendar=job.calendar, external=external, agreed=agreed)


def _synchronisation(job: Job) -> Rows:
    """None for a log that has cases only."""
    from mining.object_centric import ObjectCentricLog

    process, connection = job.log.events.name, job.log.connection
    if not has_objects(connection, process):
        return []
    objects = ObjectCentricLog.from_lake(process, connection=connection)
    try:
        found = synchronisation_times(objects, kept=job.log)
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    finally:
        objects.forget_layout()


ANALYSES: dict[str, Callable[[Job], Any]] = {  # each gives a DuckDB relation or rows
    "activity_times": lambda job: performance.activity_times(job.log, calendar=job.calendar),
    "edge_times": lambda job: performance.edge_times(job.log, calendar=job.calendar),
    "bottlenecks": _bottlenecks,
    "queues": _queues,
    "slas": lambda job: deadlines.sla_breaches(job.log, job.definition.get("slas") or (), calendar=job.calendar),
    "late_cases": _late_cases,
    "due_dates": lambda job: deadlines.due_dates(job.log, job.definition.get("due_dates") or ()),
    "batches": lambda job: batching.batches(job.log).limit(performance.ROWS),
    "multitasking": lambda job: batching.multitasking(job.log).limit(performance.ROWS),
    "spectrum": lambda job: spectrum.performance_spectrum(job.log),
    "spectrum_lines": lambda job: spectrum.spectrum_lines(job.log, **job.settings, limit=MOST_LINES),
    "weekday_hours": lambda job: weekday_hours(job.log, time_zone=job.calendar.time_zone, **job.settings),
    "synchronisation": _synchronisation,
    "resources": lambda job: people.resources(job.log, calendar=job.calendar),
    "workload": lambda job: people.workload(job.log, calendar=job.calendar, **job.settings),
    "handovers": lambda job: people.handovers(job.log, limit=people.PAIRS),
    "working_together": lambda job: people.working_together(job.log, limit=people.PAIRS),
    "roles": lambda job: people.roles_table(job.log).to_pylist(),
    "segregation": _segregation,
    "activity_resources": lambda job: people.activity_resources(job.log),
    "rule_results": _rule_results,
    "violating_cases": _violating_cases,
}
