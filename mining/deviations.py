"""What deviates from the model: which activity is skipped, inserted or out of place, in how many cases, and what that costs.

What belongs here: reading deviations off alignments, their cost in time and money, and which of them are accepted. What does not:
the alignments (`mining.alignments`) and rules (`mining.rules`).

A *skipped* activity is a move of the model alone, an *inserted* one a move of the log alone. Where a case has one of each of the
same activity, it is *out of place*: the two count as one deviation, told by where the activity was done. The context is the event
of the case before it. An alignment is one of the cheapest ways to make case and model agree; where several are equally cheap, which
of them is told is r4pm's choice, and the same for the same variant and model.

The cost in time is a comparison of cases with the deviation and cases without; it does not say what causes what.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lake.errors import DataError
from lake.own_tables import ensure_table
from mining.alignments import Move
from mining.conformance import Conformance, VariantFitness, weighted
from mining.result_rows import arrow_table
from mining.sql_text import literal, literals
from mining.temporary import temporary_table

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from mining.event_log import EventLog
    from mining.sections import Mined

Kind = Literal["skipped", "inserted", "out of place"]
KINDS: tuple[Kind, ...] = ("skipped", "inserted", "out of place")
MOVES = {"skipped": 1, "inserted": 1, "out of place": 2}  # what each adds to the cost of an alignment
TIMED_ROWS = 20_000_000  # cases times deviations whose times are compared: a second or two; beyond it the rarest go without
TABLES = {
    "deviations": "kind varchar, activity varchar, after_activity varchar, cases bigint, share double, events bigint, "
    "mean_seconds_with double, mean_seconds_without double, median_seconds_with double, median_seconds_without double, "
    "cost double, is_accepted boolean, variant_ids integer[]",
    "conformance": "model_id varchar, average_fitness double, perfectly_fitting double, fitness_after_accepted double, "
    "fitting_after_accepted double, cases bigint, cases_unfinished bigint, variants_unfinished bigint, deviations bigint, "
    "deviations_accepted bigint",
}
ACCEPTED = "process varchar, kind varchar, activity varchar, after_activity varchar, note varchar, accepted_at timestamptz"
_WORDS = re.compile(r"(skipped|inserted|out of place):? (.+?)(?: after (.+))?")
_REMEDY = "Write it like `skipped Approve Order`, `inserted Change Price after Send Offer` or `out of place Receive Goods`."


@dataclass(frozen=True)
class Accepted:
    """A deviation that a person accepts; without `after`, wherever it occurs."""

    kind: str
    activity: str
    after: str | None = None
    note: str = ""

    def covers(self, kind: str, activity: str, after: str | None) -> bool:
        """Whether it accepts such a deviation."""
        return (self.kind, self.activity) == (kind, activity) and self.after in (None, after)

    @classmethod
    def read(cls, said: Any) -> "Accepted":
        """What is accepted, from words (`skipped Approve Order after Create Order`) or from kind, activity and after.

        Raises:
            DataError: It cannot be read.
        """
        if isinstance(said, str) and (match := _WORDS.fullmatch(said.strip())):
            return cls(*match.groups())
        fields = {"kind", "activity", "after", "note"}
        if isinstance(said, Mapping) and set(said) <= fields and said.get("kind") in KINDS and said.get("activity"):
            after = said.get("after")
            return cls(said["kind"], str(said["activity"]), None if after is None else str(after), str(said.get("note", "")))
        raise DataError(f"{said!r} names no deviation.", remedy=_REMEDY)

    def __str__(self) -> str:
        """The words that `read` reads."""
        return f"{self.kind} {self.activity}" + (f" after {self.after}" if self.after else "")


@dataclass(frozen=True)
class Deviation:
    """One deviation of a log from a model.

    Attributes:
        kind: `skipped`, `inserted` or `out of place`.
        activity: The activity.
        after: The event of the case before it; None: at its beginning.
        cases: Cases that have it.
        share: Of the cases whose alignment is finished.
        events: How often it occurs in them.
        variant_ids: The variants that have it.
        seconds: Mean duration of the cases with it and of those without, then the medians; None where there is no such case or
            the comparison was left out (`TIMED_ROWS`).
        cost: Money by the definition's `costs`: of activities done besides the model, less that of activities left out. None
            where the definition says no cost of the activity.
        is_accepted: Whether it is on the accept-list.
    """

    kind: Kind
    activity: str
    after: str | None
    cases: int
    share: float
    events: int
    variant_ids: tuple[int, ...] = field(repr=False)
    seconds: tuple[float | None, float | None, float | None, float | None] = (None,) * 4
    cost: float | None = None
    is_accepted: bool = False


@dataclass(frozen=True)
class Deviations:
    """All deviations of a log, the most frequent first, and the fitness once the accepted ones do not count."""

    found: tuple[Deviation, ...]
    fitness_after_accepted: float | None
    fitting_after_accepted: float | None


def find_deviations(
    log: "EventLog",
    conformance: Conformance,
    *,
    definition: Mapping[str, Any] | None = None,
    accepted: Sequence[Accepted] = (),
) -> Deviations:
    """The deviations of a log that has been aligned.

    Args:
        log: The log; it must be the one that was aligned, with its filters.
        conformance: Its alignments. Variants that are not finished have no deviations.
        definition: The process's definition: `accepted_deviations` and `costs` are looked at.
        accepted: More deviations that are accepted.

    Raises:
        DataError: An accepted deviation or a cost of the definition cannot be read.
    """
    definition = definition or {}
    accepted = (*(Accepted.read(said) for said in definition.get("accepted_deviations") or []), *accepted)
    finished = [variant for variant in conformance.variants if variant.cost is not None]
    by_variant = {variant.variant_id: Counter(deviations_of(variant.moves)) for variant in finished}
    whole = sum(variant.cases for variant in finished)
    ranked = sorted(_collected(finished, by_variant).items(), key=lambda item: (-item[1][0], str(item[0])))
    times = _times(log, [numbers for _, (_, _, numbers) in ranked], finished, whole)
    costs = activity_costs(log, definition)
    found = tuple(
        Deviation(
            *key,
            cases,
            cases / whole,
            events,
            numbers,
            times[at] if at < len(times) else (None,) * 4,
            _money(key, events, costs),
            any(one.covers(*key) for one in accepted),
        )
        for at, (key, (cases, events, numbers)) in enumerate(ranked)
    )
    return Deviations(found, *_after(finished, by_variant, accepted, conformance.shortest_run))


def deviations_of(moves: Iterable[Move]) -> Iterator[tuple[Kind, str, str | None]]:
    """The deviations of one alignment: kind, activity and the event before it."""
    alone: dict[str, dict[str, list[str | None]]] = {"log": {}, "model": {}}
    before: str | None = None
    for who, activity in moves:
        if who != "both":
            alone[who].setdefault(activity, []).append(before)
        if who != "model":
            before = activity
    for activity in {**alone["log"], **alone["model"]}:
        inserted, skipped = alone["log"].get(activity, []), alone["model"].get(activity, [])
        pairs = min(len(inserted), len(skipped))
        yield from (("out of place", activity, after) for after in inserted[:pairs])
        yield from (("inserted", activity, after) for after in inserted[pairs:])
        yield from (("skipped", activity, after) for after in skipped[pairs:])


def deviating_cases(log: "EventLog", deviation: Deviation) -> "duckdb.DuckDBPyRelation":
    """The cases that have a deviation: case_id, started_at, ended_at, events; in the order of their starts."""
    return log.ask(
        f"select case_id, started_at, ended_at, events from kept where variant_id in ({literals(deviation.variant_ids)}) "
        "order by case_no"
    )


def accept_deviation(process: str, deviation: Accepted) -> None:
    """Puts a deviation on the process's accept-list in the lake; the next mining heeds it.

    To say it in the definition instead is the way for what belongs to the process and is under version control.

    Raises:
        UnknownProcessError: No such event log.
    """
    from lake.transactions import in_transaction
    from mining.layout import require_log

    def work(connection: "duckdb.DuckDBPyConnection") -> None:
        require_log(connection, process)
        _take_off(connection, process, deviation)
        row = literals([process, deviation.kind, deviation.activity, deviation.after, deviation.note])
        connection.execute(f"insert into mining.accepted_deviations values ({row}, now())")

    in_transaction(work)


def refuse_deviation(process: str, deviation: Accepted) -> None:
    """Takes a deviation off the process's accept-list in the lake; the next mining heeds it.

    Raises:
        UnknownProcessError: No such event log.
        DataError: It is not on that list; the message says what is. What the definition accepts is taken out there.
    """
    from lake.transactions import in_transaction
    from mining.layout import require_log

    def work(connection: "duckdb.DuckDBPyConnection") -> None:
        require_log(connection, process)
        if not _take_off(connection, process, deviation):
            said = ", ".join(f"`{one}`" for one in accepted_deviations(connection, process)) or "nothing"
            raise DataError(
                f"The accept-list of `{process}` in the lake has no `{deviation}`.",
                remedy=f"On it: {said}. What the process's definition accepts is taken out there.",
                process=process,
            )

    in_transaction(work)


def _take_off(connection: "duckdb.DuckDBPyConnection", process: str, deviation: Accepted) -> bool:
    """Deletes it from the accept-list, which is made if it is not there; whether it was on it."""
    ensure_table(connection, "mining.accepted_deviations", ACCEPTED)
    gone = connection.execute(
        f"delete from mining.accepted_deviations where process = {literal(process)} and kind = {literal(deviation.kind)} "
        f"and activity = {literal(deviation.activity)} and after_activity is not distinct from {literal(deviation.after)}"
    ).fetchone()
    return bool(gone and gone[0])


def accepted_deviations(connection: "duckdb.DuckDBPyConnection", process: str) -> list[Accepted]:
    """The process's accept-list in the lake."""
    import duckdb

    asked = (
        "select kind, activity, after_activity, note from mining.accepted_deviations "
        f"where process = {literal(process)} order by all"
    )
    try:
        return [Accepted(*row) for row in connection.execute(asked).fetchall()]
    except duckdb.CatalogException:  # nothing was ever accepted
        return []


def tables(mined: "Mined") -> dict[str, "pyarrow.Table"]:
    """The deviations from the process's model, and the fitness with and without the accepted ones."""
    accepted = accepted_deviations(mined.log.connection, mined.process)
    result = find_deviations(mined.log, mined.conformance, definition=mined.definition, accepted=accepted)
    rows = [
        {
            **{name: getattr(one, name) for name in ("kind", "activity", "cases", "share", "events", "cost", "is_accepted")},
            "after_activity": one.after,
            "variant_ids": list(one.variant_ids),
            **dict(zip(_TIMES, one.seconds, strict=True)),
        }
        for one in result.found
    ]
    return {
        "deviations": arrow_table(rows, TABLES["deviations"]),
        "conformance": arrow_table([_figures(mined.conformance, result)], TABLES["conformance"]),
    }


_TIMES = ("mean_seconds_with", "mean_seconds_without", "median_seconds_with", "median_seconds_without")


def _figures(conformance: Conformance, result: Deviations) -> dict[str, Any]:
    return {
        "model_id": conformance.model_id,
        "average_fitness": conformance.average_fitness,
        "perfectly_fitting": conformance.perfectly_fitting,
        "fitness_after_accepted": result.fitness_after_accepted,
        "fitting_after_accepted": result.fitting_after_accepted,
        "cases": sum(variant.cases for variant in conformance.variants),
        "cases_unfinished": conformance.cases_unfinished,
        "variants_unfinished": conformance.variants_unfinished,
        "deviations": len(result.found),
        "deviations_accepted": sum(one.is_accepted for one in result.found),
    }


_Key = tuple[Kind, str, str | None]
_ByVariant = Mapping[int, Counter[_Key]]


def _collected(finished: Sequence[VariantFitness], by_variant: _ByVariant) -> dict[_Key, tuple[int, int, tuple[int, ...]]]:
    """Cases, events and variants of each deviation."""
    having: dict[_Key, list[tuple[int, int, int]]] = {}
    for variant in finished:
        for key, times in by_variant[variant.variant_id].items():
            having.setdefault(key, []).append((variant.cases, times * variant.cases, variant.variant_id))
    return {
        key: (sum(cases for cases, _, _ in rows), sum(events for _, events, _ in rows), tuple(number for _, _, number in rows))
        for key, rows in having.items()
    }


def _after(
    finished: Sequence[VariantFitness], by_variant: _ByVariant, accepted: Sequence[Accepted], shortest: int
) -> tuple[float | None, float | None]:
    """Average fitness and share of fitting cases where the moves of accepted deviations cost nothing."""
    borne = {
        number: sum(
            MOVES[kind] * times
            for (kind, activity, after), times in found.items()
            if any(one.covers(kind, activity, after) for one in accepted)
        )
        for number, found in by_variant.items()
    }
    return weighted([(one.cases, (one.cost or 0) - borne[one.variant_id], one.length) for one in finished], shortest)


def _times(
    log: "EventLog", having: Sequence[tuple[int, ...]], finished: Sequence[VariantFitness], cases: int
) -> list[tuple[float | None, float | None, float | None, float | None]]:
    """Durations with and without each deviation, for as many as the bound allows, the most frequent first."""
    import pyarrow

    having = having[: max(TIMED_ROWS // max(cases, 1), 1)]
    if not having:
        return []
    pairs = [(number, variant) for number, variants in enumerate(having) for variant in variants]
    numbers, variants = (pyarrow.array(column, pyarrow.int32()) for column in zip(*pairs, strict=True))
    known = pyarrow.array([one.variant_id for one in finished], pyarrow.int32())
    deviating = temporary_table(log.connection, pyarrow.table({"number": numbers, "variant_id": variants}))
    aligned = temporary_table(log.connection, pyarrow.table({"variant_id": known}))
    rows = log.ask(_TIMES_SQL.format(count=len(having), deviating=deviating, aligned=aligned)).fetchall()
    return [tuple(row[1:]) for row in rows]


_TIMES_SQL = """with durations as (
    select k.variant_id, (epoch_us(k.ended_at) - epoch_us(k.started_at)) / 1e6 as seconds
    from kept as k semi join {aligned} using (variant_id)
), judged as (
    select n.number, d.seconds, p.variant_id is not null as has_it
    from (select unnest(range({count}))::integer as number) as n cross join durations as d
    left join {deviating} as p on p.number = n.number and p.variant_id = d.variant_id
)
select number, avg(seconds) filter (has_it), avg(seconds) filter (not has_it), median(seconds) filter (has_it),
    median(seconds) filter (not has_it)
from judged group by number order by number"""


def activity_costs(log: "EventLog", definition: Mapping[str, Any]) -> Mapping[str, float]:
    """Cost of one event by activity: what the definition says of the activity, and its mean hours by the price of who does it."""
    said = definition.get("costs") or {}
    known = isinstance(said, Mapping) and set(said) <= {"activities", "resource_hours", "currency"}
    activities: Any = said.get("activities") or {} if known else None
    rates: Any = said.get("resource_hours") or {} if known else None
    for part in (activities, rates):
        if not isinstance(part, Mapping) or not all(isinstance(cost, int | float) for cost in part.values()):
            raise DataError(
                f"The costs {said!r} cannot be read.",
                remedy="Write `costs: {activities: {Ship Goods: 12.5}, resource_hours: {Anna: 55, other: 40}}` in the definition.",
            )
    worked = _of_hours(log, rates) if rates else {}
    return {name: activities.get(name, 0) + worked.get(name, 0) for name in (*activities, *worked)}


def _of_hours(log: "EventLog", rates: Mapping[str, float]) -> dict[str, float]:
    """Mean cost of an event's hours by activity, of those that say when they were begun; `other` is the rate of those not named."""
    if not {"started_at", "resource"} <= set(log.events.columns):
        return {}
    whens = " ".join(f"when {literal(name)} then {float(rate)!r}" for name, rate in rates.items() if name != "other")
    rate = f"case resource {whens} else {float(rates.get('other', 0))!r} end" if whens else repr(float(rates.get("other", 0)))
    return dict(
        log.connection.execute(
            f"select activity, avg((epoch_us(occurred_at) - epoch_us(started_at)) / 3.6e9 * ({rate})::double) "
            f"from ({log.events.sql}) where started_at is not null group by activity"
        ).fetchall()
    )


def _money(key: _Key, events: int, costs: Mapping[str, float]) -> float | None:
    """Inserted work costs, skipped work saves, and what is done in another place costs what it would have anyway."""
    kind, activity, _ = key
    if activity not in costs:
        return None
    return {"inserted": 1, "skipped": -1, "out of place": 0}[kind] * events * costs[activity]
