"""What a process's predictions rest on: what ends a case, which attributes are known in time, and what counts as an outcome.

What belongs here: reading that from a process definition, and deriving from the log what the definition leaves out. What does not:
features (`models.cases.prefixes`) and labels (`models.cases.targets`).

A definition says it under `predictions`, every key optional:

    predictions:
      attributes: [country, segment]        # case attributes that are known when a case starts and do not change
      ended_after_days: 90                  # silent for longer: the case counts as ended
      outcomes:
        late: {within_days: 30}             # instead of the agreements under `slas`
        cancelled: [Cancel Order]
        reworked: [Pack Goods]
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lake.connection import quote
from lake.errors import DataError
from mining.calendars import WorkingCalendar
from models.cases.prefixes import COUNTED

if TYPE_CHECKING:
    from mining.event_log import EventLog

DAY = 86_400.0
CONTRACT = {"case_id", "activity", "occurred_at", "started_at", "resource", "source_row", "event_id"}
CANCELLED = r"\b(cancel|cancels|cancelled|canceled|reject|rejected|decline|declined|withdraw|withdrawn|lose|lost)\b"
END_SHARE = 0.9  # an activity ends cases if nothing followed so many of its events
SILENCE = 0.999  # twice the wait that so many of those between a case's events stay below counts as its end
CHANGING = 0.05  # of the cases must see an attribute change for it to be told event by event
LATE_QUANTILE = 0.8  # without an agreement the slowest fifth of the cases is late
_TEXTS = ("VARCHAR", "BOOLEAN", "ENUM")
_NUMBERS = ("DOUBLE", "FLOAT", "DECIMAL", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "HUGEINT", "UINTEGER", "UBIGINT")
_KEYS = {"attributes", "ended_after_days", "outcomes"}
_OUTCOMES = {"late", "cancelled", "reworked"}
_REMEDY = (
    "Write predictions: {attributes: [country], ended_after_days: 90, outcomes: {late: {within_days: 30}, "
    "cancelled: [Cancel Order], reworked: [Pack Goods]}}; every key may be left out."
)


@dataclass(frozen=True)
class CaseSettings:
    """What predictions of a process rest on.

    Attributes:
        end_activities: A case whose last event is one of these has ended.
        silent_seconds: A case without an event for longer than this has ended, too.
        counted: Activities whose events are counted, a feature each.
        texts: Attributes of text, each taken as last told by the prefix's end.
        numbers: The same of numbers.
        slas: Agreements whose breach makes a case late.
        late_seconds: Without agreements, a case that lasts longer is late.
        cancelled: Activities that cancel a case.
        reworked: Activities whose repetition is rework; None: of any activity.
        calendar: The working calendar.
        derived: Which of these the definition does not say and the log was asked for.
    """

    end_activities: tuple[str, ...]
    silent_seconds: float
    counted: tuple[str, ...]
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    slas: tuple[Mapping[str, Any], ...]
    late_seconds: float
    cancelled: tuple[str, ...]
    reworked: tuple[str, ...] | None
    calendar: WorkingCalendar
    derived: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Itself as values JSON can hold."""
        return asdict(self)


def case_settings(
    log: "EventLog", definition: Mapping[str, Any] | None = None, *, attributes: Sequence[str] | None = None
) -> CaseSettings:
    """The settings of a log.

    What the definition does not say is derived from the older 64 % of the cases, by start, so that no later one is looked at.
    Of the attributes, those are taken that the definition names under `predictions`, and those that change within a twentieth
    of the
    cases: they are told event by event. One that hardly ever changes within a case may have been written at its end, like the
    present state of an order, and is left out.

    Args:
        log: The event log.
        definition: The process definition; default: nothing is said.
        attributes: Names of case attributes known from the start; default: what the definition names.

    Raises:
        DataError: The definition's `predictions` cannot be read, or it names an attribute the log has not.
    """
    said = definition or {}
    predictions = _predictions(said)
    outcomes = predictions.get("outcomes") or {}
    derived = _derived(log)
    chosen = predictions.get("attributes") or [] if attributes is None else attributes
    texts, numbers = _attributes(log, chosen)
    ends = tuple(said.get("end_activities") or ())
    late = (outcomes.get("late") or {}).get("within_days")
    silent = predictions.get("ended_after_days")
    cancelled = outcomes.get("cancelled")
    slas = () if late else tuple(dict(sla) for sla in said.get("slas") or ())
    return CaseSettings(
        end_activities=ends or derived.ends,
        silent_seconds=float(silent) * DAY if silent else derived.silent_seconds,
        counted=derived.counted,
        texts=texts,
        numbers=numbers,
        slas=slas,
        late_seconds=float(late) * DAY if late else derived.late_seconds,
        cancelled=tuple(derived.cancelled if cancelled is None else cancelled),
        reworked=tuple(outcomes["reworked"]) if outcomes.get("reworked") else None,
        calendar=WorkingCalendar.from_definition(said),
        derived=tuple(_left_out(ends=ends, silence=silent, late=late or slas, cancelled=cancelled is not None)),
    )


def _left_out(**said: object) -> Iterator[str]:
    yield from (name for name, value in said.items() if not value)


@dataclass(frozen=True)
class _Derived:
    ends: tuple[str, ...]
    silent_seconds: float
    counted: tuple[str, ...]
    late_seconds: float
    cancelled: tuple[str, ...]


def _derived(log: "EventLog") -> _Derived:
    """What the older cases tell."""
    older = """with older as (
    select case_no, seconds from kept qualify row_number() over (order by started_at, case_no) <= greatest(1, 0.64 * count(*)
    over ())
), seen as (select e.*, a.activity from events as e semi join older using (case_no) join activities as a using (activity_id))
"""
    silent, late = log.ask(
        f"{older} select (select quantile_cont(seconds_to_next, {SILENCE}) from seen), "
        f"(select quantile_cont(seconds, {LATE_QUANTILE}) from older)"
    ).fetchone() or (None, None)
    silent = max(2 * float(silent or 0.0), DAY)
    rows = log.ask(
        f"{older} select activity, count(*) as events, count(*) filter (next_activity is null) / count(*) as ended, "
        f"regexp_matches(lower(replace(activity, '_', ' ')), '{CANCELLED}') as cancels from seen group by activity "
        f"order by events desc, activity"
    ).fetchall()
    return _Derived(
        ends=tuple(sorted(name for name, _, ended, _ in rows if ended >= END_SHARE)),
        silent_seconds=silent,
        counted=tuple(name for name, *_ in rows[:COUNTED]),
        late_seconds=float(late or 0.0),
        cancelled=tuple(sorted(name for name, _, _, cancels in rows if cancels)),
    )


def _predictions(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    said = definition.get("predictions") or {}
    if not isinstance(said, Mapping) or set(said) - _KEYS:
        raise DataError(f"The predictions {said!r} of the process definition cannot be read.", remedy=_REMEDY)
    outcomes = said.get("outcomes") or {}
    if not isinstance(outcomes, Mapping) or set(outcomes) - _OUTCOMES or not isinstance(outcomes.get("late") or {}, Mapping):
        raise DataError(f"The outcomes {outcomes!r} of the process definition cannot be read.", remedy=_REMEDY)
    for number in (said.get("ended_after_days"), (outcomes.get("late") or {}).get("within_days")):
        if number is not None and not (isinstance(number, int | float) and number > 0):
            raise DataError(f"{number!r} is no number of days.", remedy=_REMEDY)
    return said


def _attributes(log: "EventLog", chosen: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The attributes to learn from, those of text and those of numbers."""
    kinds = dict(zip(log.events.columns, log.events.types, strict=True))
    if missing := [name for name in chosen if name not in kinds]:
        raise DataError(
            f"The event log has no attribute {', '.join(missing)}.", remedy=f"It has: {', '.join(sorted(set(kinds) - CONTRACT))}."
        )
    usable = {name: kind for name, kind in kinds.items() if name not in CONTRACT and kind.startswith((*_TEXTS, *_NUMBERS))}
    told = [name for name in usable if name in chosen or name in _told_by_event(log, [n for n in usable if n not in chosen])]
    texts = tuple(name for name in told if usable[name].startswith(_TEXTS))
    return texts, tuple(name for name in told if name not in texts)


def _told_by_event(log: "EventLog", names: Sequence[str]) -> set[str]:
    """The attributes that change within enough cases and are no mere identities."""
    if not names:
        return set()
    columns = ", ".join(
        f"count(*) filter (v{n} > 1) >= {CHANGING} * count(*), approx_count_distinct(any_{n})" for n, _ in enumerate(names)
    )
    per_case = ", ".join(
        f"count(distinct {quote(name)}) as v{n}, any_value({quote(name)}) as any_{n}" for n, name in enumerate(names)
    )
    row = log.connection.execute(
        f"select count(*), {columns} from (select case_id, {per_case} from ({log.rows_sql()}) as e group by case_id)"
    ).fetchone() or (0,)
    cases, changes, distinct = row[0], row[1::2], row[2::2]
    return {name for name, varies, values in zip(names, changes, distinct, strict=True) if varies and values < max(2, 0.5 * cases)}
