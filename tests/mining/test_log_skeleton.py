"""The log skeleton: pm4py's on public logs, and what variants break of it."""

from collections import Counter, defaultdict

import pytest

from lake.errors import FileFormatError, ModelError
from mining import LogSkeleton, discover_log_skeleton
from mining.log_skeleton import RELATIONS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*", "ignore:The inplace")


def events_of(traces):
    return [(f"case {number}", name, place) for number, names in enumerate(traces) for place, name in enumerate(names)]


def pm4py_skeleton(variants, noise):
    from pm4py.algo.discovery.log_skeleton.variants import classic

    traces = Counter({names: cases for _, names, cases in variants})
    events = Counter()
    for names, cases in traces.items():
        events.update({name: cases * times for name, times in Counter(names).items()})
    found = {name: getattr(classic, name)(traces, events, noise_threshold=noise) for name in RELATIONS if name != "never_together"}
    found["never_together"] = classic.never_together(traces, events, events.total(), noise_threshold=noise)
    return found, classic.activ_freq(traces, events, events.total(), noise_threshold=0.0)


@pytest.mark.parametrize("file", ["Sepsis.xes.gz", "receipt.xes.gz"])
@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
def test_it_is_that_of_pm4py(public_log, file, noise):
    with public_log(file) as log:
        skeleton = discover_log_skeleton(log, noise=noise)
        relations, frequencies = pm4py_skeleton(log.variant_multiset(), noise)

    assert {name: getattr(skeleton, name) for name in RELATIONS} == relations
    if noise == 0:
        assert skeleton.activity_frequencies == frequencies


@pytest.mark.parametrize("file", ["receipt.xes.gz"])
def test_variants_break_of_it_what_they_break_in_pm4py(public_log, file):
    from pm4py.algo.conformance.log_skeleton.variants.classic import apply_actlist

    with public_log(file) as log:
        skeleton, variants = discover_log_skeleton(log, noise=0.3), log.variant_multiset()
        ours = defaultdict(set)
        for relation, source, target, variant, _cases, times in skeleton.check(log).fetchall():
            ours[variant].add((relation, source, target if times is None else times))

    model = {name: getattr(skeleton, name) for name in RELATIONS} | {"activ_freq": skeleton.activity_frequencies}
    assert sum(map(len, ours.values())) > 1000
    for variant, names, _ in variants:
        theirs = set()
        for relation, broken in apply_actlist(list(names), model)["deviations"]:
            theirs |= {("activity_frequencies", *broken)} if relation == "activ_freq" else {(relation, *pair) for pair in broken}
        assert ours[variant] == theirs


def test_a_log_keeps_its_own_skeleton(log_of):
    log = log_of(events_of(["abc", "acb", "abbd"]))

    assert log.log_skeleton().check(log).fetchall() == []


def test_unknown_missing_and_repeated_activities_break_it(log_of):
    skeleton = log_of(events_of(["ab", "ab"])).log_skeleton()
    broken = skeleton.check(log_of(events_of(["abb", "x"]))).filter("relation = 'activity_frequencies'")

    assert sorted(broken.project("source, times").fetchall()) == [("a", 0), ("b", 0), ("b", 2), ("x", 1)]


def test_the_commonest_counts_cover_what_the_noise_leaves_of_the_cases(log_of):
    log = log_of(events_of(["a"] * 8 + ["aa", "aaa"]))

    assert log.log_skeleton().activity_frequencies == {"a": {1, 2, 3}}
    assert log.log_skeleton(noise=0.2).activity_frequencies == {"a": {1}}


def test_a_skeleton_survives_json_and_other_json_is_refused(log_of):
    skeleton = log_of([("NA", "it's", 0), ("NA", "ö", 1)]).log_skeleton()

    assert LogSkeleton.from_json(skeleton.to_json()) == skeleton
    assert skeleton.check(log_of([("NA", "it's", 0), ("NA", "ö", 1)])).fetchall() == []
    with pytest.raises(FileFormatError, match="no log skeleton"):
        LogSkeleton.from_json("{}")


def test_a_noise_of_one_is_refused(log_of):
    with pytest.raises(ModelError, match="noise threshold of 1"):
        log_of(events_of(["ab"])).log_skeleton(noise=1)
