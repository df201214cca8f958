"""Working time: against a clock read minute by minute, over changes of the clock, nights, holidays and bad settings."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake.errors import DataError
from mining import WorkingCalendar
from mining.calendars import WEEKDAYS
from mining.sql_text import literal

OFFICE = {"time_zone": "Europe/Berlin", "holidays": "DE-NW", "weekdays": list(WEEKDAYS[:5]), "from": "08:00", "to": "17:00"}


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


def of(**settings_):
    return WorkingCalendar.from_definition({"working_calendar": settings_})


def counted(connection, calendar, start, end):
    time = calendar.on(connection, min(start, end).date(), max(start, end).date())
    return connection.execute(f"select {time.seconds_sql(literal(start), literal(end))}").fetchone()[0]


def clock_time(minute):
    return f"{minute // 60:02d}:{minute % 60:02d}"


spans = st.tuples(st.integers(0, 1439), st.integers(0, 1440)).filter(lambda span: span[0] != span[1] and span != (0, 1440))
zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia"]
)
hours = st.dictionaries(st.sampled_from(WEEKDAYS), st.lists(spans, min_size=1, max_size=2), min_size=1, max_size=7)
closed = st.lists(st.sampled_from(["03-31", "10-27", "2024-03-10", "2024-11-04", "12-25"]), max_size=3)
# around the days on which one of the zones changes its clock, or skips a day
days = st.sampled_from(
    ["2024-03-09", "2024-03-30", "2024-04-06", "2024-10-05", "2024-10-26", "2024-11-02", "2024-12-24", "2011-12-29"]
)


def is_working(moment, zone, hours, closed):
    """The definition: what the clock on the wall shows then."""
    wall = moment.astimezone(zone)
    minute = wall.hour * 60 + wall.minute
    for back in (0, 1):  # a shift may have begun the day before
        day = wall.date() - timedelta(days=back)
        if f"{day:%m-%d}" in closed or day.isoformat() in closed:
            continue
        for begin, end in hours.get(WEEKDAYS[day.weekday()], []):
            until = end if end > begin else end + 1440
            if begin <= minute + 1440 * back < until:
                return True
    return False


@settings(max_examples=60, deadline=None)
@given(zones, hours, closed, days, st.integers(0, 2000), st.integers(0, 4000))
def test_working_time_is_what_a_clock_shows_minute_by_minute(connection, zone, hours, closed, day, offset, length):
    spoken = {name: [f"{clock_time(begin)}-{clock_time(end)}" for begin, end in several] for name, several in hours.items()}
    calendar = of(time_zone=zone, hours=spoken, closed=closed)
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=offset)
    minutes = (start + timedelta(minutes=number) for number in range(length))
    expected = 60 * sum(is_working(minute, ZoneInfo(zone), hours, closed) for minute in minutes)

    assert counted(connection, calendar, start, start + timedelta(minutes=length)) == expected


def test_office_hours_leave_out_nights_weekends_and_holidays(connection):
    calendar = of(**OFFICE)
    friday = datetime(2024, 5, 17, 16, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    tuesday = datetime(2024, 5, 21, 8, 15, 0, 250_000, tzinfo=ZoneInfo("Europe/Berlin"))  # after Whit Monday

    assert counted(connection, calendar, friday, tuesday) == 45 * 60 + 0.25
    assert counted(connection, calendar, tuesday, friday) == -(45 * 60 + 0.25)
    assert counted(connection, of(**{**OFFICE, "holidays": None}), friday, tuesday) == 9 * 3600 + 45 * 60 + 0.25


def test_a_part_of_a_country_has_holidays_of_its_own(connection):
    begin, end = (datetime(2024, 5, 30, hour, tzinfo=UTC) for hour in (0, 23))  # Corpus Christi

    assert counted(connection, of(**OFFICE), begin, end) == 0
    assert counted(connection, of(**{**OFFICE, "holidays": "DE-BE"}), begin, end) == 9 * 3600


@pytest.mark.parametrize(("day", "hours"), [("2024-03-30", 7), ("2024-10-26", 9)])
def test_a_night_in_which_the_clock_is_changed_is_an_hour_shorter_or_longer(connection, day, hours):
    calendar = of(time_zone="Europe/Berlin", weekdays=["saturday"], **{"from": "22:00", "to": "06:00"})
    begin = datetime.fromisoformat(f"{day}T12:00:00+00:00")

    assert counted(connection, calendar, begin, begin + timedelta(days=1)) == hours * 3600


def test_without_a_calendar_every_moment_counts(connection):
    begin, end = datetime(2024, 3, 30, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC)

    for definition in ({}, {"working_calendar": None}, {"working_calendar": {"time_zone": "Europe/Berlin"}}):
        calendar = WorkingCalendar.from_definition(definition)
        assert calendar.is_always
        assert counted(connection, calendar, begin, end) == 2 * 86_400


def test_moments_without_an_answer_give_none(connection):
    time = of(**OFFICE).on(connection, date(2024, 1, 1), date(2024, 12, 31))
    ask = "select " + ", ".join(
        time.seconds_sql("timestamptz '2024-02-01'", end)
        for end in ("null::timestamptz", "timestamptz '1950-01-01'", "timestamptz '2090-01-01'", "timestamptz '2024-02-02'")
    )

    assert connection.execute(ask).fetchone() == (None, None, None, 9 * 3600.0)


def test_a_log_from_the_first_to_the_last_year_there_is_has_a_calendar(connection):
    time = of(**OFFICE).on(connection, date(1, 1, 1), date(9999, 12, 31))

    assert (time.first.year, time.last.year) == (1970, 2100)


def test_a_log_registers_its_calendar_once(log_of):
    log = log_of([("1", "a", 0), ("1", "b", 60 * 24), ("2", "a", 5)])  # from Monday, a holiday, to Tuesday, 8 o'clock UTC
    time = of(**OFFICE).on_log(log)

    assert of(**OFFICE).on_log(log) == time
    seconds = time.seconds_sql("started_at", "ended_at")
    assert log.ask(f"select case_id, {seconds} from kept order by 1").fetchall() == [("1", 3600.0), ("2", 0.0)]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"zone": "Europe/Berlin"}, "has no zone"),
        ({"time_zone": "Europe/Nowhere"}, "no time zone 'Europe/Nowhere'"),
        ({"holidays": "XX"}, "holidays of 'XX'"),
        ({"holidays": "DE-QQ"}, "holidays of 'DE-QQ'"),
        ({"weekdays": ["moonday"]}, "no weekday 'moonday'"),
        ({"from": "8"}, "'8' is no time of day"),
        ({"from": "08:00", "to": "25:00"}, "'25:00' is no time of day"),
        ({"from": "08:00", "to": "08:00"}, "no span of working hours"),
        ({"weekdays": []}, "no working hours"),
        ({"hours": ["08:00-12:00"]}, "name no weekdays"),
        ({"closed": ["Christmas"]}, "'Christmas' is no day off"),
    ],
)
def test_a_calendar_that_cannot_be_read_says_why(wrong, told):
    with pytest.raises(DataError, match=told):
        of(**wrong)
    with pytest.raises(DataError, match="has no settings"):
        WorkingCalendar.from_definition({"working_calendar": "always"})
