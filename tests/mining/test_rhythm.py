"""Events by weekday and hour, by the clock on the wall."""

from mining.rhythm import weekday_hours


def test_events_are_counted_by_the_weekday_and_hour_of_the_time_zone(log_of):
    log = log_of([("1", "a", 0), ("1", "b", 30), ("2", "a", 0), ("2", "a", 60 * 15.5)])  # from Monday 2024-01-01 08:00 UTC
    assert weekday_hours(log).fetchall() == [(1, 8, 3, 2), (1, 23, 1, 1)]
    assert weekday_hours(log, time_zone="Europe/Berlin").fetchall() == [(1, 9, 3, 2), (2, 0, 1, 1)]


def test_the_summer_time_of_the_zone_is_heeded(log_of):
    log = log_of([("1", "a", 60 * 24 * 182)])  # Monday 2024-07-01 08:00 UTC
    assert weekday_hours(log, time_zone="Europe/Berlin").fetchall() == [(1, 10, 1, 1)]


def test_one_activity_alone_can_be_asked_for(log_of):
    log = log_of([("1", "a's", 0), ("1", "b", 60)])
    assert weekday_hours(log, activity="a's").fetchall() == [(1, 8, 1, 1)]
    assert weekday_hours(log, activity="none").fetchall() == []
