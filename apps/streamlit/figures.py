"""The overview's key figures: of a process from its throughput, of its domains from the products' key figures.

What belongs here: reading queries over `products.kpis__*`, `forecasts.*` and the sums that make a card. What does not: HTML.
"""

from collections.abc import Sequence
from typing import Any

from apps.streamlit.asking import ask
from apps.streamlit.cards import Band, Card
from apps.streamlit.mined import Filters, MinedLog, model, throughput
from apps.streamlit.reading import Rows, rows
from apps.streamlit.wording import DAY, count, duration, number, share
from lake.registry import Process

WEEKS, DAYS = 4, 28
TREND_WEEKS, OUTLOOK_WEEKS = 26, 8


def process_cards(log: MinedLog, stack: Filters = (), *, ends: Sequence[str] = (), as_of: int | None = None) -> list[Card]:
    """Cases started, completed and open over the last four weeks of the log, its times and its fitness.

    Args:
        log: The size of what the filters keep.
        stack: The filters; fitness is the whole log's and is left out under any.
        ends: Activities that end a case. Where they are not known, no duration of late is told: what the log's end cuts off
            would pass for an improvement.
        as_of: Snapshot to read the lake as of; None: the newest.
    """
    weeks = throughput(log.process, stack, as_of=as_of)
    full = weeks[1:-1] if len(weeks) > 2 * WEEKS + 2 else weeks  # the first and last week of a log are seldom whole
    found = [
        _weekly_card("Cases started", [week["started"] for week in full], None),
        _weekly_card("Cases completed", [week["completed"] for week in full], None),
        _level_card("Open cases", [week["open_cases"] for week in full]),
    ]
    if ends:
        found.append(_late_card(*medians(log.process, list(ends), stack, as_of=as_of)))
    times = f"mean {duration(log.mean_case_seconds)} · 90 % within {duration(log.p90_case_seconds)}"
    found.append(Card("Median case duration", duration(log.median_case_seconds), against=times))
    size = f"{count(log.events)} events · {count(log.activities)} activities · {count(log.variants)} variants"
    found.append(Card("Cases in the log", count(log.cases), against=size))
    net = None if stack else model(log.process, as_of=as_of)
    if net:
        words = f"average fitness {share(net['average_fitness'])} · {net['miner']} miner, noise {net['noise']:g}"
        found.append(Card("Perfectly fitting cases", share(net["perfectly_fitting"]), against=words))
    return found


def medians(process: str, ends: list[str], stack: Filters = (), *, as_of: int | None = None) -> tuple[float | None, float | None]:
    """Median seconds of the cases that came to an end in the last four weeks of the log, and in the four weeks before."""
    question = f"""with over as (
            select k.ended_at, epoch(k.ended_at - k.started_at) as seconds from kept as k join variants as v using (variant_id)
            join activities as a on a.activity_id = v.activity_ids[-1] where list_contains($1::varchar[], a.activity)
        ), placed as (
            select seconds, floor(epoch((select max(ended_at) from kept) - ended_at) / {WEEKS * 7 * DAY})::bigint as period
            from over)
        select median(seconds) filter (period = 0) as now, median(seconds) filter (period = 1) as before from placed"""
    found = ask(process, stack, question, ends, as_of=as_of)
    return (found[0]["now"], found[0]["before"]) if found else (None, None)


def _late_card(now: float | None, before: float | None) -> Card:
    against = f"vs the {WEEKS} weeks before" if before else f"none in the {WEEKS} weeks before"
    foot = f"median of the cases that ended in the last {WEEKS} weeks"
    return Card("Case duration of late", duration(now), "", _relative(now, before), False, against, foot=foot)


def domain_cards(process: Process, *, as_of: int | None = None) -> list[Card]:
    """The key figures the process's definition names, or all of them where it names none; none for an imported log."""
    return _kpi_cards(kpis_of(process, as_of=as_of), as_of)


def cards_of_domains(domains: Sequence[str], *, as_of: int | None = None) -> list[Card]:
    """The key figures of these domains."""
    return _kpi_cards([kpi for kpi in _known_kpis(as_of) if kpi["domain"] in domains], as_of)


def _kpi_cards(kpis: Rows, as_of: int | None) -> list[Card]:
    if not kpis:
        return []
    days, weeks, ahead = _days(as_of), _weeks(as_of), _outlooks(as_of)
    return [_kpi_card(kpi, days.get(kpi["kpi"], []), weeks.get(kpi["kpi"], []), ahead.get(kpi["kpi"], [])) for kpi in kpis]


def kpis_of(process: Process, *, as_of: int | None = None) -> Rows:
    """The key figures of a process: kpi, title, unit, domain, higher_is_better."""
    if process.origin != "product":
        return []
    known = _known_kpis(as_of)
    named = kpi_names(process.definition)
    return [kpi for kpi in known if kpi["kpi"] in named] or known


def _known_kpis(as_of: int | None) -> Rows:
    return rows(
        """select kpi, any_value(title) as title, any_value(unit) as unit, any_value(domain) as domain,
                  any_value(higher_is_better) as higher_is_better
           from products.kpis__daily group by kpi order by domain, kpi""",
        needs=("products.kpis__daily",),
        as_of=as_of,
    )


def kpi_names(definition: dict[str, Any]) -> set[str]:
    """Names of the key figures in a process definition, whether listed as words or as tables with a name."""
    listed = definition.get("kpis") or []
    if isinstance(listed, dict):
        return set(listed)
    return {str(kpi.get("kpi") or kpi.get("name")) if isinstance(kpi, dict) else str(kpi) for kpi in listed}


def kpi_period(*, as_of: int | None = None) -> Rows:
    """First and last day the daily key figures cover."""
    table = "products.kpis__daily"
    return rows(f"select min(period) as first, max(period) as last from {table}", needs=(table,), as_of=as_of)


def _kpi_card(kpi: dict[str, Any], values: list[float], trend: list[float], outlook: list[Band]) -> Card:
    now, before = _periods(kpi, values)
    return Card(
        title=kpi["title"],
        value=number(now),
        unit=kpi["unit"] or "",
        change=_relative(now, before),
        higher_is_better=kpi["higher_is_better"],
        against=f"vs the {DAYS} days before" if before is not None else "",
        trend=trend,
        outlook=outlook,
        foot=f"{_how(kpi)} · {TREND_WEEKS} weeks",
    )


def _is_level(kpi: dict[str, Any]) -> bool:
    return str(kpi["kpi"]).startswith("open_")


def _is_mean(kpi: dict[str, Any]) -> bool:
    return str(kpi["unit"]) in {"days", "hours", "seconds", "%", "share"}


def _how(kpi: dict[str, Any]) -> str:
    return "last day" if _is_level(kpi) else f"mean of {DAYS} days" if _is_mean(kpi) else f"sum of {DAYS} days"


def _periods(kpi: dict[str, Any], newest_first: list[float]) -> tuple[float | None, float | None]:
    now, before = newest_first[:DAYS], newest_first[DAYS : 2 * DAYS]
    if not now:
        return None, None
    if _is_level(kpi):
        return now[0], before[0] if before else None
    if _is_mean(kpi):
        return sum(now) / len(now), sum(before) / len(before) if before else None
    return sum(now), sum(before) if len(before) == DAYS else None


def _days(as_of: int | None) -> dict[str, list[float]]:
    """Per key figure the values of the last two periods of days, the newest first."""
    return _lists(
        """select kpi, list(value order by period desc) as found from (
               select kpi, period, value from products.kpis__daily where value is not null
               qualify row_number() over (partition by kpi order by period desc) <= ?) group by kpi""",
        2 * DAYS,
        needs="products.kpis__daily",
        as_of=as_of,
    )


def _weeks(as_of: int | None) -> dict[str, list[float]]:
    """Per key figure the values of the last half year of weeks, the oldest first."""
    return _lists(
        """select kpi, list(value order by period) as found from (
               select kpi, period, value from products.kpis__weekly where value is not null
               qualify row_number() over (partition by kpi order by period desc) <= ?) group by kpi""",
        TREND_WEEKS,
        needs="products.kpis__weekly",
        as_of=as_of,
    )


def _outlooks(as_of: int | None) -> dict[str, list[Band]]:
    """Per key figure its newest weekly forecast with the 80 % band."""
    found = _lists(
        """select series as kpi, list([value, lower_80, upper_80] order by period) as found from (
               select * from forecasts.forecasts where grain = 'weekly'
               qualify computed_at = max(computed_at) over (partition by series)
                   and row_number() over (partition by series order by computed_at desc, period) <= ?) group by series""",
        OUTLOOK_WEEKS,
        needs="forecasts.forecasts",
        as_of=as_of,
    )
    return {kpi: [(value, lower, upper) for value, lower, upper in bands] for kpi, bands in found.items()}


def _lists(sql: str, limit: int, *, needs: str, as_of: int | None) -> dict[str, list[Any]]:
    return {row["kpi"]: row["found"] for row in rows(sql, limit, needs=(needs,), as_of=as_of)}


def _weekly_card(title: str, values: Sequence[int], higher_is_better: bool | None) -> Card:
    now, before = sum(values[-WEEKS:]), sum(values[-2 * WEEKS : -WEEKS])
    enough = len(values) >= 2 * WEEKS
    return Card(
        title=title,
        value=count(now) if values else "–",
        change=_relative(now, before) if enough else None,
        higher_is_better=higher_is_better,
        against=(f"vs the {WEEKS} weeks before" if before else f"none in the {WEEKS} weeks before") if enough else "",
        trend=[float(value) for value in values[-52:]],
        foot=f"last {min(WEEKS, len(values))} full weeks of the log" if values else "",
    )


def _level_card(title: str, values: Sequence[int]) -> Card:
    """No change is said: what the log's end cuts off would pass for an improvement."""
    return Card(
        title=title,
        value=count(values[-1]) if values else "–",
        against=f"highest {count(max(values))}" if values else "",
        trend=[float(value) for value in values[-52:]],
        foot="at the end of the last full week" if values else "",
    )


def _relative(now: float | None, before: float | None) -> float | None:
    return None if now is None or not before else now / before - 1
