"""The temporal profile: against plain Python, pm4py on public logs, and who deviates from it."""

from collections import Counter

import pytest
from pytest import approx

from lake.errors import ModelError
from mining import Endpoints, TemporalProfile

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*", "ignore:The inplace")


def test_mean_and_deviation_are_of_all_pairs_of_a_case(log_of):
    log = log_of([("1", "a", 0), ("1", "b", 1), ("1", "b", 3), ("NA", "a", 0), ("NA", "b", 2)])

    assert log.temporal_profile().fetchall() == [("a", "b", 3, 120.0, 60.0), ("b", "b", 1, 120.0, 0.0)]


def test_events_at_one_time_keep_their_recorded_order(log_of):
    assert log_of([("1", "b", 0), ("1", "a", 0)]).temporal_profile().fetchall() == [("b", "a", 1, 0.0, 0.0)]


def test_deviations_name_the_case_and_how_far_it_is_off(log_of):
    usual = log_of([(str(case), name, at) for case in range(9) for name, at in (("a", 0), ("b", 10 + case % 3))])
    profile = TemporalProfile.of(usual)
    log = log_of([("late", "a", 0), ("late", "b", 60), ("usual", "a", 0), ("usual", "b", 11), ("other", "x", 0), ("other", "b", 1)])

    ((case, source, target, seconds, mean, deviation, zeta),) = profile.deviations(log, zeta=3).fetchall()
    assert (case, source, target, seconds, mean) == ("late", "a", "b", 3600, 660)
    assert zeta == approx((seconds - mean) / deviation)
    assert profile.deviations(log.filter(Endpoints(starts="x"))).fetchall() == []


def test_where_the_profile_knows_no_deviation_any_other_time_is_infinitely_far_off(log_of):
    profile = TemporalProfile.of(log_of([("1", "a", 0), ("1", "b", 1)]))

    assert profile.deviations(log_of([("2", "a", 0), ("2", "b", 1)])).fetchall() == []
    assert profile.deviations(log_of([("2", "a", 0), ("2", "b", 2)])).fetchone()[-1] == float("inf")


def test_a_negative_zeta_is_refused(log_of):
    log = log_of([("1", "a", 0)])
    with pytest.raises(ModelError, match="zeta of -1"):
        TemporalProfile.of(log).deviations(log, zeta=-1)


@pytest.mark.parametrize("file", ["Sepsis.xes.gz", "receipt.xes.gz"])
def test_profile_and_deviations_are_those_of_pm4py(public_log, file):
    from pm4py.algo.conformance.temporal_profile.variants import dataframe as conformance
    from pm4py.algo.discovery.temporal_profile.variants import dataframe as discovery

    with public_log(file) as log:
        profile = TemporalProfile.of(log)
        ours = {row[:2]: row[3:] for row in log.temporal_profile().fetchall()}
        found = Counter(row[1:3] for row in profile.deviations(log, zeta=2).fetchall())
        names = {"case_id": "case:concept:name", "activity": "concept:name", "occurred_at": "time:timestamp"}
        frame = log.connection.sql(f"select {', '.join(names)} from ({log.events.sql}) order by source_row").df()

    frame = frame.rename(columns=names)
    theirs = discovery.apply(frame)
    assert ours == {pair: approx(times, rel=1e-9, abs=1e-6) for pair, times in theirs.items()}
    deviations = conformance.apply(frame, theirs, {"zeta": 2})
    assert found == Counter(one[:2] for case in deviations for one in case)
    assert found.total() > 500
