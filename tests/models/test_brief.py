"""The morning brief over real tables: a line stands only where its threshold is passed, the heaviest first, with its evidence."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from models.brief import SECTIONS, Watch, brief, brief_of
from models.brief_changes import CHANGES
from models.brief_decisions import DECISIONS
from models.brief_risks import RISKS

NOW = datetime(2025, 7, 1, 8, tzinfo=UTC)
MONDAY = date(2025, 6, 23)


@pytest.fixture
def lake_like() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database that stands where the lake does."""
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as lake; use lake")
    for schema in ("products", "mining", "platform", "forecasts", "quarantine", "layouts"):
        connection.execute(f"create schema {schema}")
    yield connection
    connection.close()


def weeks(connection: duckdb.DuckDBPyConnection, last: float, *, before: float = 100.0) -> None:
    """A year of a key figure that swings between 95 and 105, and its last week."""
    connection.execute(
        """create or replace table products.kpis__weekly (kpi varchar, title varchar, unit varchar, domain varchar,
               higher_is_better boolean, period date, value double)"""
    )
    for age in range(1, 54):
        connection.execute(
            "insert into products.kpis__weekly values ('revenue', 'Revenue', 'EUR', 'sales', true, ?, ?)",
            [MONDAY - timedelta(weeks=age), before + (5 if age % 2 else -5)],
        )
    connection.execute(
        "insert into products.kpis__weekly values ('revenue', 'Revenue', 'EUR', 'sales', true, ?, ?)", [MONDAY, last]
    )
    connection.execute(
        "create or replace table products.shared__currencies as select 'EUR' as currency_code, true as is_reporting_currency"
    )


def receivables(connection: duckdb.DuckDBPyConnection, *invoices: tuple[str, float, int]) -> None:
    """Open invoices: customer, amount, days overdue."""
    connection.execute(
        """create or replace table products.finance__receivables (customer_name varchar, open_reporting_amount decimal(18, 2),
               days_overdue integer, is_overdue boolean, reminder_count integer, as_of date, due_date date)"""
    )
    for customer, amount, late in invoices:
        connection.execute(
            "insert into products.finance__receivables values (?, ?, ?, ?, 1, date '2025-07-01', date '2025-07-01' - ?)",
            [customer, amount, late, late > 0, late],
        )


def of(watches: tuple[Watch, ...], about: str) -> Watch:
    return next(watch for watch in watches if watch.about == about)


def test_a_lake_without_tables_is_no_error_and_says_what_each_watch_lacks(lake_like):
    found = brief(lake_like, now=NOW)
    assert found.lines == () and found.quiet == ()
    assert len(found.blind) == len(CHANGES) + len(RISKS) + len(DECISIONS)
    assert all(one.missing and one.remedy.startswith("grimoire ") for one in found.blind)


def test_every_watch_says_its_threshold_and_stands_in_its_section():
    for section, watches in zip(SECTIONS, (CHANGES, RISKS, DECISIONS), strict=True):
        assert {watch.section for watch in watches} == {section}
        assert all(watch.threshold and watch.needs and "{" in watch.words for watch in watches)


@pytest.mark.parametrize(("last", "says"), [(104.0, 0), (85.0, 1), (160.0, 1)])
def test_a_key_figure_stands_in_the_brief_only_when_it_moves_more_than_it_does(lake_like, last, says):
    # the week before is 105: 104 moves by 1 %, 85 by 19 %, 160 by 52 %; usual weeks move by about 10 %
    weeks(lake_like, last)
    found = brief_of(lake_like, [of(CHANGES, "Key figures against the week before")], now=NOW)
    assert len(found.lines) == says and len(found.quiet) == 1 - says
    if says:
        line = found.lines[0]
        assert line.money == abs(last - 105)
        assert ("for the better" if last > 105 else "for the worse") in line.text
        assert "The same week a year before:" in line.text


def test_the_forecast_band_is_that_which_was_made_before_the_week(lake_like):
    weeks(lake_like, 130.0)
    lake_like.execute(
        """create table forecasts.forecasts as select 'revenue' as series, 'Revenue' as title, 'EUR' as unit, 'weekly' as grain,
           date '2025-06-23' as period, 100.0 as value, 90.0 as lower_80, 110.0 as upper_80,
           timestamptz '2025-06-20' as computed_at"""
    )
    watch = of(CHANGES, "Key figures against their forecast")
    found = brief_of(lake_like, [watch], now=NOW)
    assert found.lines[0].text.startswith("Revenue came out above its forecast") and found.lines[0].money == 30.0
    lake_like.execute("update forecasts.forecasts set upper_80 = 131")
    assert brief_of(lake_like, [watch], now=NOW).lines == ()


def test_overdue_money_is_summed_ranked_and_left_out_below_its_threshold(lake_like):
    receivables(lake_like, ("Acme", 900, 0), ("Acme", 60, 10), ("Bolt & Söhne", 40, 120))
    lake_like.execute("create table products.shared__currencies as select 'EUR' as currency_code, true as is_reporting_currency")
    watches = [of(RISKS, "Overdue receivables"), of(DECISIONS, "Customers that owe most")]
    found = brief_of(lake_like, watches, now=NOW)
    assert [line.money for line in found.lines] == [100.0, 60.0, 40.0]
    assert "100 EUR of receivables are overdue, 10% of what customers owe, in 2 invoices; 40 EUR" in found.lines[0].text
    assert "Bolt & Söhne owes 40 EUR overdue, 40% of all, in 1 invoice, the oldest 120 days late" in found.lines[2].text
    receivables(lake_like, ("Acme", 9_900, 0), ("Acme", 100, 1))
    assert brief_of(lake_like, watches[:1], now=NOW).lines == ()


def test_the_sql_of_a_line_can_be_run_again_and_gives_its_figures(lake_like):
    receivables(lake_like, ("Acme", 100, 5))
    line = brief_of(lake_like, [of(RISKS, "Overdue receivables")], now=NOW).lines[0]
    answer = lake_like.execute(line.sql)
    row = dict(zip([column[0] for column in answer.description], answer.fetchone(), strict=True))
    assert float(row["money"]) == line.money == 100.0 and row["cases"] == line.cases == 1
    assert line.tables == ("products.finance__receivables",)


def test_one_is_not_written_as_many(lake_like):
    lake_like.execute("create table products.service__tickets as select true as is_open, 'breached' as sla_status")
    line = brief_of(lake_like, [of(RISKS, "Tickets")], now=NOW).lines[0]
    assert line.text == "1 open ticket is past the target, 0 are about to be."


def test_age_is_counted_to_the_moment_the_brief_is_made_for(lake_like):
    lake_like.execute("create table platform.loads as select 'erp' as source, timestamptz '2025-06-30 08:00:00+00' as finished_at")
    watch = of(RISKS, "Age of the data")
    assert brief_of(lake_like, [watch], now=NOW).lines == ()  # 24 hours
    later = brief_of(lake_like, [watch], now=NOW + timedelta(hours=6)).lines
    assert later[0].text.startswith("erp was last loaded 30 hours ago")


def test_a_case_that_still_runs_is_no_new_deviation(lake_like):
    lake_like.execute(
        """create table platform.processes as select 'p' as process, 'Process' as title,
            '{"end_activities": ["End"]}' as definition;
        create table mining.logs as select 'p' as process, timestamptz '2025-06-30' as last_event;
        create table mining.deviations as select 'p' as process, 'skipped' as kind, 'Check' as activity, 'Start' as after_activity,
            [1, 2] as variant_ids, false as is_accepted;
        create table mining.variants as
            from (values ('p', 1, ['Start', 'End']), ('p', 2, ['Start'])) v(process, variant_id, activities);
        create table layouts."p__cases" as from (values (2, timestamptz '2025-06-20'), (2, timestamptz '2025-06-21'))
            c(variant_id, started_at)"""
    )
    watch = of(CHANGES, "New deviations from the model")
    assert brief_of(lake_like, [watch], now=NOW).lines == ()
    lake_like.execute("insert into layouts.p__cases values (1, timestamptz '2025-06-22'), (1, timestamptz '2025-06-23')")
    line = brief_of(lake_like, [watch], now=NOW).lines[0]
    assert line.cases == 2 and line.query == {"process": "p"} and "since 2025-06-22: Check skipped after Start" in line.text
    lake_like.execute("insert into layouts.p__cases values (1, timestamptz '2025-01-01')")  # so it is not new
    assert brief_of(lake_like, [watch], now=NOW).lines == ()


def test_no_watch_says_more_than_it_may(lake_like):
    receivables(lake_like, *((f"Customer {i}", 100 + i, 3) for i in range(10)))
    watch = of(DECISIONS, "Customers that owe most")
    lines = brief_of(lake_like, [watch], now=NOW).lines
    assert [line.money for line in lines] == [109.0, 108.0, 107.0] and len(lines) == watch.most


def test_text_with_braces_and_quotes_stays_text(lake_like):
    receivables(lake_like, ("{customer} O'Neill; drop", 100, 5))
    line = brief_of(lake_like, [of(DECISIONS, "Customers that owe most")], now=NOW).lines[0]
    assert line.text.startswith("{customer} O'Neill; drop owes 100")
