"""Two cohorts side by side: every test equal to SciPy's on the values themselves, and no finding where there is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lake.errors import DataError
from mining import EventLog, Length, Timeframe
from mining.comparison import compare
from mining.significance import adjusted, distributions, mann_whitney, proportions

VALUES = st.lists(st.integers(0, 6), min_size=1, max_size=30)


@given(VALUES, VALUES)
@settings(max_examples=100, deadline=None)
def test_mann_whitney_from_rank_sums_is_scipys(a, b):
    if len(set(a + b)) == 1:
        return  # no variance: SciPy warns and gives nan, we give 1
    ranks, counts = stats.rankdata(a + b), np.unique(a + b, return_counts=True)[1].astype(float)
    found = mann_whitney(len(a), len(b), ranks[: len(a)].sum(), float((counts**3 - counts).sum()))
    theirs = stats.mannwhitneyu(a, b, method="asymptotic")
    assert (found.statistic, found.p_value) == (theirs.statistic, pytest.approx(theirs.pvalue))
    assert found.effect == pytest.approx(np.sign(np.subtract.outer(a, b)).mean())


def test_values_that_are_all_equal_do_not_differ():
    assert mann_whitney(3, 4, 12.0, 7.0**3 - 7) == ("Mann-Whitney", 6.0, 1.0, 0.0)


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_shares_are_tested_exactly_where_few_are_expected(whole_a, whole_b, share_a, share_b):
    a, b = round(whole_a * share_a), round(whole_b * share_b)
    found = proportions(a, whole_a, b, whole_b)
    table = [[a, whole_a - a], [b, whole_b - b]]
    if a + b in (0, whole_a + whole_b):
        assert found.p_value == 1.0
    elif stats.contingency.expected_freq(table).min() < 5:
        assert (found.test, found.p_value) == ("Fisher", pytest.approx(stats.fisher_exact(table)[1]))
    else:
        assert (found.test, found.p_value) == ("chi-square", pytest.approx(stats.chi2_contingency(table, correction=False).pvalue))


def test_a_table_of_two_shares_is_tested_once():
    # logs with hundreds of activities have thousands of paths with the same few counts: a second of exact tests
    assert proportions(1, 600, 0, 599) is proportions(1, 600, 0, 599)


def test_rare_kinds_are_taken_together():
    found = distributions([(50, 40), (40, 55), *[(1, 0)] * 10])
    theirs = stats.chi2_contingency([[50, 40], [40, 55], [10, 0]], correction=False)
    assert (found.statistic, found.p_value) == (pytest.approx(theirs.statistic), pytest.approx(theirs.pvalue))
    assert distributions([(10, 10)]).p_value == 1.0
    assert distributions([(10, 0)]).p_value is None


@pytest.mark.parametrize(("ours", "theirs"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_corrections_are_those_of_statsmodels(ours, theirs):
    from statsmodels.stats.multitest import multipletests

    p_values = np.random.default_rng(1).uniform(0, 0.2, 30)
    assert adjusted(p_values, ours) == pytest.approx(multipletests(p_values, method=theirs)[1])
    holed = adjusted([np.nan, 0.01], ours)
    assert np.isnan(holed[0]) and holed[1] == 0.01
    assert list(adjusted([], ours)) == []


def test_every_figure_is_that_of_the_cohorts_themselves(public_log):
    with public_log("receipt.xes.gz") as log:
        a, b = (
            log.filter(Timeframe(end="2011-03-31", mode="started")),
            log.filter(Timeframe(start="2011-03-31T00:00:01", mode="started")),
        )
        found = compare(a, b)
        seconds = [np.array([row[4] for row in cohort.case_durations().fetchall()]) for cohort in (a, b)]
        lengths = [np.array([row[5] for row in cohort.case_durations().fetchall()]) for cohort in (a, b)]
        edges = [{row[:2]: row[2:] for row in cohort.dfg().fetchall()} for cohort in (a, b)]
        activities = [{row[0]: row[2] for row in cohort.activities().fetchall()} for cohort in (a, b)]
        variants = [len(cohort.variants().fetchall()) for cohort in (a, b)]
    cases = [len(one) for one in seconds]

    assert (found.shared_cases, sum(cases)) == (0, 1434)
    for name, values in (("case seconds", seconds), ("events per case", lengths)):
        measure, theirs = found.of(name), stats.mannwhitneyu(*values, method="asymptotic")
        assert (measure.a, measure.b) == pytest.approx([np.median(one) for one in values])
        assert (measure.statistic, measure.p_value) == (theirs.statistic, pytest.approx(theirs.pvalue))
    assert (found.of("variants").a, found.of("variants").b) == tuple(variants)
    shares = {one.source: (one.a, one.b) for one in found.measures if one.measure == "cases with activity"}
    assert shares == {
        name: tuple(pytest.approx(of.get(name, 0) / count) for of, count in zip(activities, cases, strict=True))
        for name in activities[0] | activities[1]
    }
    times = {(one.source, one.target): one for one in found.measures if one.measure == "edge seconds"}
    assert set(times) == set(edges[0] | edges[1])
    for edge, one in times.items():
        assert (one.n_a, one.n_b) == tuple(of.get(edge, (0,))[0] for of in edges)
        assert (one.a, one.b) == pytest.approx(tuple(of[edge][3] if edge in of else None for of in edges))


def test_cohorts_on_two_connections_compare_as_on_one(log_of):
    events = [(f"{n}", name, n * 7 % 50 * step) for n in range(80) for step, name in enumerate("abc")]
    one, other = log_of(events), log_of([(case, activity, minutes * 2) for case, activity, minutes in events])
    both = log_of([*events, *((f"x{case}", activity, minutes * 2) for case, activity, minutes in events)])
    from mining import Attribute

    of_both = [both.filter(Attribute("case_id", tuple(f"{prefix}{n}" for n in range(80)))) for prefix in ("", "x")]
    assert compare(one, other, steps=[("a", "c")]).measures == compare(*of_both, steps=[("a", "c")]).measures


def test_what_differs_is_found_and_nothing_else(log_of):
    slow = [(f"s{n}", name, moment + n % 40) for n in range(60) for name, moment in (("a", 0), ("b", 100 + n), ("c", 400 + n))]
    quick = [(f"q{n}", name, moment + n % 40) for n in range(60) for name, moment in (("a", 0), ("b", 10 + n), ("c", 310 + n))]
    sla = {"name": "first step", "from": "a", "to": "b", "within_hours": 1}
    found = compare(log_of(slow), log_of(quick), slas=[sla], happy_path="abc")
    assert {(one.measure, one.source, one.target) for one in found.significant} == {
        ("case seconds", None, None),
        ("edge seconds", "a", "b"),
        ("breaches of", "first step", None),
    }
    assert found.of("edge seconds", "a", "b").effect > 0.8
    assert (found.of("cases on the happy path").a, found.of("cases on the happy path").p_value) == (1.0, 1.0)
    assert found.to_arrow_table().num_rows == len(found.measures)
    with pytest.raises(KeyError):
        found.of("never")


def test_a_log_does_not_differ_from_itself_and_shared_cases_are_said(log_of):
    log = log_of([(f"{n}", name, n * step) for n in range(30) for step, name in enumerate("ab")])
    found = compare(log, log.filter(Length(maximum=9)))
    assert (found.shared_cases, found.significant) == (30, ())


def test_false_findings_are_bounded():
    """Halves of one simulated log: with Holm no more than 5 % of comparisons find anything."""
    import pyarrow

    chance = np.random.default_rng(3)
    found = 0
    for _ in range(20):
        events = [(f"{n}", f"{step}", chance.exponential() * 1e6) for n in range(100) for step in range(chance.integers(2, 6))]
        cases, activities, moments = zip(*events, strict=True)
        table = pyarrow.table(
            {"case_id": cases, "activity": activities, "occurred_at": pyarrow.array(np.array(moments).astype("M8[s]"))}
        )
        with EventLog.from_frame(table) as log:
            from mining import Attribute

            halves = [log.filter(Attribute("case_id", tuple(f"{n}" for n in range(*bounds)))) for bounds in ((0, 50), (50, 100))]
            found += bool(compare(*halves).significant)
    assert found <= 3  # of 20 at 5 %: more is a chance of 2 %


@pytest.mark.parametrize("events", [[("1", "a", 0)], [("NA", "it's", 0), ("NA", "日本", 0)]])
def test_one_case_against_one_is_no_finding(log_of, events):
    assert compare(log_of(events), log_of([("2", "z", 5)])).significant == ()


def test_a_cohort_without_cases_and_senseless_settings_are_refused(log_of):
    log = log_of([("1", "a", 0)])
    with pytest.raises(DataError, match="The second cohort has no cases"):
        compare(log, log.filter(Length(minimum=5)))
    with pytest.raises(DataError, match="makes no sense"):
        compare(log, log, correction="guess")
