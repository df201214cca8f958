"""The eventually-follows graph: against a naive count, and pm4py's on public logs."""

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from mining import Variants

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*", "ignore:The inplace")
TRACES = some.lists(some.lists(some.sampled_from(["a", "b", "ç 'd'", 'e"f']), min_size=1, max_size=9), min_size=1, max_size=8)
SETTINGS = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def events_of(traces):
    return [(f"case {number}", name, place) for number, names in enumerate(traces) for place, name in enumerate(names)]


def counted(traces):
    pairs, cases = Counter(), Counter()
    for names in traces:
        found = Counter(combinations(names, 2))
        pairs.update(found)
        cases.update(found.keys())
    return {(*pair, pairs[pair], cases[pair]) for pair in pairs}


@SETTINGS
@given(traces=TRACES)
def test_every_pair_of_events_counts_once(log_of, traces):
    assert set(log_of(events_of(traces)).eventually_follows().fetchall()) == counted(traces)


def test_filters_apply(log_of):
    log = log_of(events_of(["abc", "abc", "cb"])).filter(Variants(activities=[["a", "b", "c"]]))

    assert set(log.eventually_follows().fetchall()) == {("a", "b", 2, 2), ("a", "c", 2, 2), ("b", "c", 2, 2)}


def test_a_case_of_3000_events_of_one_activity_has_its_four_million_pairs(log_of):
    log = log_of([("NA", "x", 0)] * 3000)  # all at one time: the recorded order decides

    assert log.eventually_follows().fetchall() == [("x", "x", 3000 * 2999 // 2, 1)]


def test_a_log_of_one_event_has_no_pair(log_of):
    assert log_of([("1", "a", 0)]).eventually_follows().fetchall() == []


@pytest.mark.parametrize("file", ["Sepsis.xes.gz", "receipt.xes.gz"])
def test_it_is_that_of_pm4py(public_log, file):
    from pm4py.algo.discovery.inductive.dtypes.im_ds import IMDataStructureUVCL
    from pm4py.statistics.eventually_follows.uvcl import get

    with public_log(file) as log:
        theirs = get.apply(IMDataStructureUVCL(Counter({names: cases for _, names, cases in log.variant_multiset()})))
        assert {row[:2]: row[2] for row in log.eventually_follows().fetchall()} == theirs
