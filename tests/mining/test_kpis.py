"""KPIs: their functions against a naive reading, put together, grouped, by the definition, with bad expressions, as a table."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake.errors import DataError
from mining import EventLog, Follows, Timeframe
from mining.kpis import kpi_sql, measures_of, tables
from mining.sections import Mined

START = datetime(2024, 1, 1, 8, tzinfo=UTC)  # a Monday
NAMES = ("a", "b", "Prüfung 'x'")
rows = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "NA"]),
        st.sampled_from(NAMES),
        st.integers(0, 6),
        st.one_of(st.none(), st.integers(0, 3)),
    ),
    min_size=1,
    max_size=16,
)


def quoted(name):
    return "'" + name.replace("'", "''") + "'"


def at(minute):
    return None if minute is None else START + timedelta(minutes=minute)


def took(events, source, target):
    """From the first source to the last target, as `throughput` has it."""
    starts, ends = ([event[0] for event in events if event[1] == name] for name in (source, target))
    return (max(ends) - min(starts)) * 60 if starts and ends and max(ends) >= min(starts) else None


def pairs(events):
    return list(zip([event[1] for event in events], [event[1] for event in events[1:]], strict=False))


def of_amount(reduce):
    def read(events, name, _):
        known = [event[2] for event in events if event[1] == name and event[2] is not None]
        return reduce(known) if known else None

    return read


# Each function on a case's events (minute, activity, amount) in their order, for two activities.
FUNCTIONS = {
    "first_at({a})": lambda e, a, b: at(min((m for m, n, _ in e if n == a), default=None)),
    "last_at({a}, {b})": lambda e, a, b: at(max((m for m, n, _ in e if n in (a, b)), default=None)),
    "next_at({a}, first_at({b}))": lambda e, a, b: at(
        min((m for m, n, _ in e if n == a and any(n2 == b and m2 <= m for m2, n2, _ in e)), default=None)
    ),
    "throughput(first_at({a}), last_at({b}))": took,
    "working(first_at({a}), last_at({b}))": took,  # without a calendar every moment is working time
    "occurrences({a}, {b})": lambda e, a, b: sum(n in (a, b) for _, n, _ in e),
    "rework()": lambda e, a, b: len(e) - len({n for _, n, _ in e}),
    "rework({a}, {b})": lambda e, a, b: sum(max(sum(n == x for _, n, _ in e) - 1, 0) for x in (a, b)),
    "self_loops()": lambda e, a, b: sum(x == y for x, y in pairs(e)),
    "self_loops({a})": lambda e, a, b: sum(x == y == a for x, y in pairs(e)),
    "start_activity()": lambda e, a, b: e[0][1],
    "end_activity()": lambda e, a, b: e[-1][1],
    "variant()": lambda e, a, b: " → ".join(n for _, n, _ in e),
    "amount": lambda e, a, b: next((v for _, _, v in e if v is not None), None),
    "last_of(amount)": lambda e, a, b: next((v for _, _, v in reversed(e) if v is not None), None),
    "sum_of(amount, {a})": of_amount(sum),
    "avg_of(amount, {a})": of_amount(lambda known: sum(known) / len(known)),
    "min_of(amount, {a})": of_amount(min),
    "max_of(amount, {a})": of_amount(max),
    "count_of(amount)": lambda e, a, b: sum(v is not None for _, _, v in e),
    "distinct_of(amount)": lambda e, a, b: len({v for _, _, v in e} - {None}),
    "follows({a}, {b})": lambda e, a, b: any(x == a and b in [n for _, n, _ in e[i + 1 :]] for i, (_, x, _) in enumerate(e)),
    "directly_follows({a}, {b})": lambda e, a, b: (a, b) in pairs(e),
    "path({a}, {b})": lambda e, a, b: (a, b) in pairs(e),
    "is_happy()": lambda e, a, b: [n for _, n, _ in e] == ["a", "b"],
    "duration": lambda e, a, b: (e[-1][0] - e[0][0]) * 60,
    "events": lambda e, a, b: len(e),
    "hours(duration)": lambda e, a, b: (e[-1][0] - e[0][0]) / 60,
    "days(duration)": lambda e, a, b: (e[-1][0] - e[0][0]) / 1440,
}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, st.sampled_from(sorted(FUNCTIONS)), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_every_function_means_what_a_naive_reading_of_it_does(log_of, events, function, a, b):
    import pyarrow

    log = log_of([row[:3] for row in events], amount=pyarrow.array([row[3] for row in events], pyarrow.int32()))
    cases = {}
    for case, name, minute, amount in events:
        cases.setdefault(case, []).append((minute, name, amount))
    expected = {case: FUNCTIONS[function](sorted(rows, key=lambda row: row[0]), a, b) for case, rows in cases.items()}
    expression = f"any_value({function.format(a=quoted(a), b=quoted(b))})"

    found = dict(log.kpi(expression, by="case_id", definition={"happy_path": ["a", "b"]}).fetchall())
    assert set(found) == set(expected)
    assert all(
        found[case] == pytest.approx(value) if isinstance(value, float) else found[case] == value
        for case, value in expected.items()
    )


DEFINITION = {
    "happy_path": ["Order", "Ship"],
    "slas": [{"name": "shipment", "from": "Order", "to": "Ship", "within_hours": 24}],
    "working_calendar": {"time_zone": "Europe/Berlin", "weekdays": ["monday", "tuesday"], "from": "08:00", "to": "17:00"},
    "automation": {"resources": ["EDI"]},
    "costs": {"activities": {"Order": 5, "Ship": 1.5}, "currency": "EUR"},
    "measures": [
        {
            "name": "lead_time",
            "expression": "avg(hours(throughput(first_at('Order'), last_at('Ship'))))",
            "unit": "h",
            "by": "country",
        },
        {"name": "lead_days", "expression": "lead_time / 24", "unit": "days", "by": ["month", "country"]},
        {"name": "wrong", "expression": "avg(colour)"},
        {"name": "no_number", "expression": "max(started_at)"},
    ],
}
DAY = 24 * 60
EVENTS = [
    *[("in time", name, minute) for name, minute in (("Order", 0), ("Ship", 60))],
    *[("late", name, minute) for name, minute in (("Order", 0), ("Order", 5), ("Ship", 2 * DAY))],
    ("overdue", "Order", 0),
    ("open", "Order", 40 * DAY),
    ("other", "Call", 40 * DAY),
]
RESOURCES = ["Ann", "EDI", None, "Bob", "Bob", "Ann", "EDI", "Ann"]
COUNTRIES = ["DE", "DE", "FR", "FR", "FR", None, "DE", "DE"]


@pytest.fixture
def log(log_of):
    return log_of(EVENTS, resource=RESOURCES, country=COUNTRIES)


def value(log, expression, **options):
    return log.kpi(expression, definition=DEFINITION, **options).fetchone()[0]


def test_an_sla_is_kept_breached_overdue_or_open(log):
    found = dict(log.kpi("any_value(sla_breached('shipment'))", by="case_id", definition=DEFINITION).fetchall())

    assert found == {"in time": False, "late": True, "overdue": True, "open": None, "other": None}
    assert value(log, "shipment_breach_share") == pytest.approx(2 / 3)
    assert value(log, "max(sla_seconds('shipment'))") == 2 * 86_400


def test_the_definition_gives_cost_happy_path_automation_and_working_time(log):
    assert value(log, "sum(cost())") == 5 * 5 + 2 * 1.5
    assert value(log, "happy_path_share") == 1 / 5
    assert value(log, "automation_rate") == 3 / 8, "two of EDI, one of nobody"
    hours = dict(log.kpi("sum(hours(working(started_at, ended_at)))", by="case_id", definition=DEFINITION).fetchall())
    assert hours["in time"] == 1.0
    assert hours["late"] == 17.0, "Monday from 9, all of Tuesday, Wednesday is free"


def test_people_cost_what_their_hours_do(log_of):
    import pyarrow

    begun = pyarrow.array([START, START - timedelta(minutes=30), None], pyarrow.timestamp("us", tz="UTC"))
    log = log_of([("1", "a", 60), ("1", "b", 60), ("2", "a", 0)], resource=["Ann", "Bob", "Ann"], started_at=begun)
    costs = {"costs": {"resource_hours": {"Ann": 50, "other": 20}, "activities": {"a": 1}}}

    found = log.kpi("any_value(cost())", by="case_id", definition=costs).fetchall()
    assert found == [("1", 50 * 1 + 20 * 1.5 + 1), ("2", 1)]


def test_a_log_that_names_nobody_has_no_automation_rate(log_of):
    assert log_of(EVENTS).kpi("cases()").fetchone() == (5,)
    with pytest.raises(DataError, match="no attribute `resource`"):
        log_of(EVENTS).kpi("sum(automated_events())")
    assert log_of(EVENTS, resource=[""] * 8).kpi("sum(automated_events())").fetchone() == (0,)
    import pyarrow

    nobody = pyarrow.array([None] * 8, pyarrow.string())
    assert log_of(EVENTS, resource=nobody).kpi("sum(automated_events())").fetchone() == (None,)


def test_columns_may_be_called_anything_and_activities_be_unknown(log_of):
    log = log_of([("1", "a", 0), ("1", "b", 5), ("NA", "a", 1)], **{'Amount "€"': [1.5, 2.5, None], "order": ["x", None, "y"]})

    assert log.kpi('sum("Amount ""€""")').fetchone() == (1.5,)
    assert log.kpi('max(sum_of("Amount ""€"""))').fetchone() == (4.0,)
    assert log.kpi("cases()", by='"order"').fetchall() == [("x", 1), ("y", 1)]
    assert log.kpi("share(is_happy())", definition={"happy_path": ["a", "nothing"]}).fetchone() == (0.0,)
    assert log.kpi("max(occurrences('nothing'))").fetchone() == (0,)


def test_people_may_be_numbers(log_of):
    log = log_of([("1", "a", 0), ("1", "b", 5)], resource=[7, 8])

    assert log.kpi("sum(automated_events())", definition={"automation": {"resources": [7, "EDI"]}}).fetchone() == (1,)


def test_measures_are_put_together_grouped_and_filtered(log):
    assert log.kpi("lead_time", by="country", definition=DEFINITION).fetchall() == [("DE", 1.0), ("FR", 48.0), (None, None)]
    assert value(log, "lead_days * 24 - lead_time") == 0
    assert value(log.filter(Timeframe(end=START + timedelta(hours=2))), "lead_time") == 1.0
    months = log.kpi("cases()", by="month", definition=DEFINITION).fetchall()
    assert months == [(date(2024, 1, 1), 3), (date(2024, 2, 1), 2)]
    assert log.kpi("cases()", by="events > 1").fetchall() == [(False, 3), (True, 2)]


def test_filters_and_duckdbs_own_functions_may_stand_in_an_expression(log):
    assert value(log, """share(meets('[{"filter": "rework", "activities": ["Order"]}]'))""") == 1 / 5
    assert value(log, "count(*) filter (where not follows('Order', 'Ship'))") == 3
    assert value(log, "quantile_cont(events, 0.75)") == 2
    assert value(log, "max(len(list_filter([1, 2, 3], lambda n: n <= events)))") == 3
    assert value(log, "max(case when upper(country) = 'FR' then duration end)") == 2 * 86_400


def test_a_period_begins_in_the_calendars_time_zone(log_of):
    log = log_of([("1", "a", 16 * 60 - 30)])  # 23:30 UTC is Tuesday in Berlin

    assert log.kpi("cases()", by="day").fetchone()[0] == date(2024, 1, 1)
    assert log.kpi("cases()", by="day", definition=DEFINITION).fetchone()[0] == date(2024, 1, 2)


def test_a_log_of_no_cases_has_no_values(log):
    empty = log.filter(Follows("Ship", "Order"))

    assert empty.kpi("cases()").fetchall() == [(0,)]
    assert empty.kpi("rework_share").fetchall() == [(None,)]
    assert empty.kpi("cases()", by="country").fetchall() == []


def test_the_sql_of_a_kpi_runs_as_it_is_shown(log):
    sql = kpi_sql(log.filter(Follows("Order", "Ship")), "median_working_hours", by="month", definition=DEFINITION)

    assert log.connection.sql(sql).fetchall() == [(date(2024, 1, 1), 9.0)]
    assert "working_us_" in sql and "kept_1" in sql


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("duration", "has a value per case"),
        ("avg(duration", "cannot be read"),
        ("avg(colour)", "There is no 'colour'"),
        ('avg("Order")', "Activities stand in quotes"),
        ("avg(throughput(first_at('Order')))", r"Call it throughput\(start, end\)"),
        ("avg(throughput('Order', 'Ship'))", "cannot be computed"),
        ("max(first_at(country))", "names in single quotes"),
        ("max(sum_of(colour))", "no attribute `colour`"),
        ("share(sla_breached('nothing'))", "It has: shipment"),
        ("max(first_at())", r"first_at\(\) cannot be called so"),
        ("max(occurrences())", "cannot be called so"),
        ("share(meets('[]'))", "list of objects"),
        ("avg(nonsense(duration))", "cannot be computed"),
        ("(select 1)", "is a query"),
        ("avg(t.duration)", "names a table"),
        ("share(meets('nonsense'))", "no JSON"),
        ('share(meets(\'{"filter": "trim"}\'))', "keeps events"),
        ("avg(country::integer)", "cannot be computed"),
        ("", "cannot be read"),
    ],
)
def test_an_expression_that_cannot_be_computed_says_why(log, expression, told):
    with pytest.raises(DataError, match=told):
        log.kpi(expression, definition=DEFINITION)


def test_what_the_definition_lacks_is_said(log):
    for expression in ("share(is_happy())", "avg(cost())", "share(sla_breached('x'))"):
        with pytest.raises(DataError, match=r"has no"):
            log.kpi(expression)
    for costs in ({"costs": "much"}, {"costs": {"activities": {"Order": "much"}}}):
        with pytest.raises(DataError, match=r"has no settings|is no number"):
            log.kpi("avg(cost())", definition=costs)
    with pytest.raises(DataError, match="no happy path"):
        log.kpi("share(is_happy())", definition={"happy_path": "Order"})
    with pytest.raises(DataError, match="SLA 'shipment' has no settings"):
        log.kpi("cases()", definition={"slas": ["shipment"]})
    circle = {"measures": [{"name": "x", "expression": "y + 1"}, {"name": "y", "expression": "x + 1"}]}
    with pytest.raises(DataError, match="made of each other"):
        log.kpi("x", definition=circle)
    with pytest.raises(DataError, match="lacks a name or an expression"):
        measures_of({"measures": [{"name": "x"}]})
    with pytest.raises(DataError, match="no value per case"):
        log.kpi("cases()", by="sum(events)")


def test_the_table_holds_every_measure_and_says_why_one_has_no_value(log):
    found = tables(Mined(log, "orders", DEFINITION, None, None))["kpis"].to_pylist()
    by_key = {(row["name"], row["grouped_by"], row["group_value"]): (row["value"], row["unit"]) for row in found}

    assert by_key["cases", None, None] == (5, "cases")
    assert by_key["lead_time", "country", "FR"] == (48.0, "h")
    assert by_key["lead_time", None, None] == (24.5, "h")
    assert by_key["lead_days", "month", "2024-01-01"] == (pytest.approx(24.5 / 24), "days")
    assert by_key["mean_cost", None, None] == (28 / 5, "EUR")
    problems = {row["name"]: row["problem"] for row in found if row["problem"]}
    assert set(problems) == {"wrong", "no_number"}
    assert "There is no 'colour'" in problems["wrong"]
    (row,) = tables(Mined(log, "orders", {"measures": ["cases"]}, None, None))["kpis"].to_pylist()
    assert row["name"] == "measures" and "lacks a name" in row["problem"]


def test_every_process_has_measures_whatever_its_definition_says(log_of):
    with EventLog.from_frame(
        log_of([("1", "a", 0)]).ask("select case_id, 'a' as activity, started_at as occurred_at from kept").to_arrow_table()
    ) as log:
        found = tables(Mined(log, "bare", {}, None, None))["kpis"].to_pylist()

    assert {row["name"]: row["value"] for row in found} == {"cases": 1, "events": 1, "median_case_days": 0, "rework_share": 0}
