"""Rules: each kind against a naive Python reading of what it means, and the ways they are written."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake.errors import ProcessFileError
from lake.process_rules import KINDS, Condition, Threshold, read_rule, rules_of
from mining import EventLog, Length
from mining.rules import check_rules, violating_cases

START = datetime(2024, 1, 1, tzinfo=UTC)
NAMES = ["a", "b's", "ü"]
events = st.tuples(
    st.sampled_from(NAMES), st.sampled_from([None, " ", "ann", "bob"]), st.integers(0, 5), st.sampled_from([None, 0, 1, 2, 3])
)
cases = st.lists(st.lists(events, min_size=1, max_size=6), min_size=1, max_size=5)


def log_from(cases):
    """A log of cases, each a list of activity, person, hour and amount."""
    rows = [(f"NA{number}", *event) for number, case in enumerate(cases) for event in case]
    columns = list(zip(*rows, strict=True))
    return EventLog.from_frame(
        pyarrow.table(
            {
                "case_id": list(columns[0]),
                "activity": list(columns[1]),
                "resource": pyarrow.array(columns[2], pyarrow.string()),
                "occurred_at": pyarrow.array(
                    [START + timedelta(hours=hour) for hour in columns[3]], pyarrow.timestamp("us", "UTC")
                ),
                "amount": pyarrow.array(columns[4], pyarrow.int64()),
            }
        )
    )


def in_order(case):
    return sorted(case, key=lambda event: event[2])  # stable: the recorded order decides between equal times


def judge(kind, case, mode, times):
    """Violations of `a` and `b's` in one case as the documentation words them, or None where the rule is not about it."""
    trace = [name for name, *_ in case]
    a, b = "a", "b's"
    if kind in ("precedes", "succession"):
        early = sum(not preceded(trace, at, a, b, mode) for at, name in enumerate(trace) if name == b)
    if kind in ("responds", "succession"):
        mirrored = trace[::-1]
        unanswered = sum(not preceded(mirrored, at, b, a, mode) for at, name in enumerate(mirrored) if name == a)
    firsts = {who for name, who, *_ in case if name == a and who and who.strip()}
    thens = {who for name, who, *_ in case if name == b and who and who.strip()}
    match kind:
        case "precedes":
            return early if b in trace else None
        case "responds":
            return unanswered if a in trace else None
        case "succession":
            return early + unanswered if a in trace or b in trace else None
        case "never_after":
            if a not in trace:
                return None
            if mode == "directly":
                return sum(pair == (a, b) for pair in pairwise(trace))
            return trace[trace.index(a) :].count(b)
        case "not_together":
            return int(a in trace and b in trace) if a in trace or b in trace else None
        case "starts_with":
            return int(trace[0] != a)
        case "ends_with":
            return int(trace[-1] != a)
        case "never":
            return trace.count(a)
        case "exactly":
            return abs(trace.count(a) - times)
        case "at_most":
            return max(trace.count(a) - times, 0)
        case "at_least":
            return max(times - trace.count(a), 0)
        case "four_eyes":
            return len(firsts & thens) if firsts and thens else None
        case "same_person":
            return len(firsts | thens) - 1 if firsts and thens else None
        case "only_by":
            named = [who for name, who, *_ in case if name == a and who and who.strip()]
            return sum(who != "ann" for who in named) if named else None
        case "holds":
            amounts = [amount for name, *_, amount in case if name == a and amount is not None]
            return sum(amount > times for amount in amounts) if amounts else None
        case "within_hours":
            waits = [
                next((then[2] - hour for then in case[at + 1 :] if then[0] == b), None)
                for at, (name, _, hour, _) in enumerate(case)
                if name == a
            ]
            waits = [wait for wait in waits if wait is not None]
            return sum(wait > times for wait in waits) if waits else None


def preceded(trace, at, cause, effect, mode):
    """Whether the effect at a place has a cause before it: anywhere, right there, or one since the effect before."""
    before = trace[:at]
    if mode == "directly":
        return before[-1:] == [cause]
    if mode == "alternately":
        last = max((n for n, name in enumerate(before) if name == effect), default=-1)
        return cause in before[last + 1 :]
    return cause in before


def fields_of(kind, mode, times):
    names = {"activity": "a", "first": "a", "then": "b's", "times": times, "hours": times, "condition": f"amount <= {times}"}
    said = {name: names[name] for name in KINDS[kind]}
    more = {"persons": ["ann"]} if kind == "only_by" else {}
    allowed = mode if kind in ("precedes", "responds", "succession", "never_after") else "eventually"
    return {"kind": kind, **said, **more, "mode": "eventually" if (kind, mode) == ("never_after", "alternately") else allowed}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases=cases, mode=st.sampled_from(["eventually", "directly", "alternately"]), times=st.integers(0, 3), when=st.booleans())
def test_every_kind_means_what_its_naive_reading_means(kind, cases, mode, times, when):
    said = fields_of(kind, mode, times) | ({"when": "amount > 1"} if when else {})
    expected = {
        f"NA{number}": found
        for number, case in enumerate(cases)
        if (found := judge(kind, in_order(case), said["mode"], times)) is not None
        and (not when or any((amount or 0) > 1 for *_, amount in case))
    }
    with log_from(cases) as log:
        (result,) = check_rules(log, [said])
        broken = dict(violating_cases(log, said).fetchall())

    assert broken == {case: found for case, found in expected.items() if found}
    assert (result.cases_checked, result.cases_violating, result.violations) == (
        len(expected),
        len(broken),
        sum(broken.values()),
    )
    assert result.sample_cases == tuple(sorted(broken)[:5])


def test_an_activity_and_itself():
    with log_from(
        [[("a", "ann", 0, 0), ("a", "ann", 2, 0)], [("a", "ann", 0, 0), ("a", "bob", 1, 0)], [("a", "ann", 0, 0)]]
    ) as log:
        same, others, late = check_rules(
            log,
            [
                {"kind": "same_person", "first": "a", "then": "a"},
                {"kind": "four_eyes", "first": "a", "then": "a"},
                {"kind": "within_hours", "first": "a", "then": "a", "hours": 1},
            ],
        )

    assert [(one.cases_checked, one.sample_cases) for one in (same, others, late)] == [(2, ("NA1",)), (2, ("NA0",)), (2, ("NA0",))]


@pytest.mark.parametrize(
    ("sentence", "fields"),
    [
        ("Goods receipt precedes payment", {"kind": "precedes", "first": "Goods receipt", "then": "payment"}),
        ("a directly precedes b", {"kind": "precedes", "first": "a", "then": "b", "mode": "directly"}),
        ("a is always followed by b.", {"kind": "responds", "first": "a", "then": "b"}),
        ("a is alternately followed by b", {"kind": "responds", "first": "a", "then": "b", "mode": "alternately"}),
        ("a precedes and is followed by b", {"kind": "succession", "first": "a", "then": "b"}),
        ("Ship never follows Cancel", {"kind": "never_after", "first": "Cancel", "then": "Ship"}),
        ("Ship never directly follows Cancel", {"kind": "never_after", "first": "Cancel", "then": "Ship", "mode": "directly"}),
        ("after Cancel never Ship", {"kind": "never_after", "first": "Cancel", "then": "Ship"}),
        ("Win and Lose never occur together", {"kind": "not_together", "first": "Win", "then": "Lose"}),
        ("Ask and Approve are done by different people", {"kind": "four_eyes", "first": "Ask", "then": "Approve"}),
        ("Pick and Pack are done by the same person", {"kind": "same_person", "first": "Pick", "then": "Pack"}),
        ("Ship follows Confirm within 2 days", {"kind": "within_hours", "first": "Confirm", "then": "Ship", "hours": 48.0}),
        (
            "Ship follows Confirm within 8 working hours",
            {"kind": "within_hours", "first": "Confirm", "then": "Ship", "hours": 8.0, "working_time": True},
        ),
        ("Cases start with Order", {"kind": "starts_with", "activity": "Order"}),
        ("cases end with Pay", {"kind": "ends_with", "activity": "Pay"}),
        ("Reject never happens", {"kind": "never", "activity": "Reject"}),
        ("Pay happens at most once", {"kind": "at_most", "activity": "Pay", "times": 1}),
        ("Pay happens exactly 2 times", {"kind": "exactly", "activity": "Pay", "times": 2}),
        ("Pay is done only by ann, bob or cy", {"kind": "only_by", "activity": "Pay", "persons": ["ann", "bob", "cy"]}),
        ("Pay is done only by team Treasury", {"kind": "only_by", "activity": "Pay", "teams": ["Treasury"]}),
        ('"a precedes" precedes "b when c"', {"kind": "precedes", "first": "a precedes", "then": "b when c"}),
        ("a precedes b when amount >= 1.5", {"kind": "precedes", "first": "a", "then": "b", "when": "amount >= 1.5"}),
        ("amount <= 1000 whenever Pay happens", {"kind": "holds", "activity": "Pay", "condition": "amount <= 1000"}),
        ("a precedes b when Hold", {"kind": "precedes", "first": "a", "then": "b", "when": {"activity": "Hold"}}),
    ],
)
def test_a_sentence_and_its_fields_are_one_rule(sentence, fields):
    assert read_rule(sentence) == read_rule({**fields, "text": sentence})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"kind": "precede", "first": "a", "then": "b"}, "there is no kind `precede`"),
        ({"kind": "precedes", "first": "a"}, "precedes needs then"),
        ({"kind": "precedes", "first": "a", "then": "a"}, "two different activities"),
        ({"kind": "precedes", "first": "a", "then": "b", "mood": 1}, "precedes has no mood"),
        ({"kind": "precedes", "first": "a", "then": "b", "mode": "often"}, "no mode `often`"),
        ({"kind": "precedes", "first": "a", "then": "b", "threshold": "some"}, "neither a share"),
        ({"kind": "precedes", "first": "a", "then": "b", "threshold": 1.5}, "neither a share"),
        ({"kind": "precedes", "first": "a", "then": "b", "severity": "bad"}, "neither error nor warning"),
        ({"kind": "at_most", "activity": "a", "times": 1.5}, "not a whole number"),
        ({"kind": "only_by", "activity": "a"}, "persons or teams"),
        ({"kind": "holds", "activity": "a", "condition": "b"}, "none of a column"),
        ({"kind": "precedes", "first": "a", "then": "b", "when": {"column": "x"}}, "`when` is an activity"),
        ("a is nice", "no such sentence"),
        ("b follows a within 2 working days", "Say it in working hours"),
        (7, "neither a sentence nor a mapping"),
    ],
)
def test_a_rule_that_cannot_be_read_says_where_and_why(said, why):
    with pytest.raises(ProcessFileError) as error:
        rules_of({"rules": ["a precedes b", said]}, where="shop.process.yaml")
    assert why in error.value.problem
    assert error.value.problem.startswith("shop.process.yaml: rules 2 (")
    assert "Kinds are starts_with" in error.value.remedy


def test_service_levels_are_rules_of_time_and_thresholds_are_shares_or_numbers():
    slas = [{"name": "n", "text": "quick", "from": "a", "to": "b", "within_hours": 24, "threshold": "5 %", "severity": "warn"}]
    (sla,) = rules_of({"slas": slas})
    assert (sla.kind, sla.hours, sla.is_sla, sla.threshold, sla.text) == ("within_hours", 24, True, Threshold(0.05, True), "quick")
    for said, meant in ((0, (0, True)), (0.1, (0.1, True)), (3, (3, False)), ("7 cases", (7, False)), ("100%", (1, True))):
        rule = read_rule({"kind": "never", "activity": "a", "threshold": said})
        assert rule.threshold == Threshold(*meant)
    with pytest.raises(ProcessFileError, match=r"slas 1 .* does not say to"):
        rules_of({"slas": [{"from": "a", "within_hours": 1}]}, where="x")
    assert read_rule("a precedes b when kind = 'x y'").when == Condition(None, "kind", "=", "x y")


def test_what_the_log_has_not_is_said_and_breaks_nothing():
    with log_from([[("a", None, 0, 0), ("b's", None, 1, 0)]]) as log:
        unknown, column, case = check_rules(
            log, ["Z precedes Y", {"kind": "never", "activity": "a", "when": "prize > 3"}, "A precedes B'S"]
        )

    assert (unknown.cases_checked, unknown.share, unknown.remark) == (0, None, "The log has no activity Z, Y.")
    assert (column.cases_checked, column.remark) == (0, "Not judged: The event log has no column `prize`.")
    assert (case.cases_checked, case.cases_violating, case.remark) == (1, 0, ""), "names differ in upper and lower case only"


def test_filters_of_the_log_apply_and_thresholds_decide():
    cases = [[("a", "ann", 0, 0)], [("b's", "ann", 0, 0), ("a", "ann", 1, 0)], [("b's", "ann", 0, 0)]]
    said = {"kind": "precedes", "first": "a", "then": "b's", "threshold": 1}
    with log_from(cases) as log:
        (whole,), (cut,) = check_rules(log, [said]), check_rules(log.filter(Length(minimum=2)), [said])
        (people,) = check_rules(log.filter(Length(maximum=1)), [{"kind": "only_by", "activity": "a", "persons": "bob"}])

    assert (whole.cases_violating, whole.is_passed, whole.share) == (2, False, 1.0)
    assert (cut.cases_violating, cut.is_passed) == (1, True)
    assert people.sample_cases == ("NA0",)


def test_hours_may_be_those_of_the_working_calendar():
    """Friday 16:00 to Monday 9:00 is 65 hours by the clock and 2 of work."""
    friday, monday = datetime(2024, 1, 5, 16, tzinfo=UTC), datetime(2024, 1, 8, 9, tzinfo=UTC)
    moments = pyarrow.array([friday, monday], pyarrow.timestamp("us", "UTC"))
    calendar = {"time_zone": "UTC", "weekdays": ["monday", "friday"], "from": "08:00", "to": "17:00"}
    with EventLog.from_frame(pyarrow.table({"case_id": ["1", "1"], "activity": ["a", "b"], "occurred_at": moments})) as log:
        found = check_rules(
            log,
            ["b follows a within 3 hours", "b follows a within 3 working hours", "b follows a within 1 working hour"],
            definition={"working_calendar": calendar},
        )

    assert [one.cases_violating for one in found] == [1, 0, 1]


def test_rules_agree_with_counting_by_hand_on_a_public_log(public_log):
    with public_log("receipt.xes.gz") as log:
        traces = Counter({names: cases for _, names, cases in log.variant_multiset()})
        first, then = "T02 Check confirmation of receipt", "T06 Determine necessity of stop advice"
        (found,) = check_rules(log, [{"kind": "precedes", "first": first, "then": then}])

    about = {names: n for names, n in traces.items() if then in names}
    broken = sum(n for names, n in about.items() if first not in names[: names.index(then)])
    assert (found.cases_checked, found.cases_violating) == (sum(about.values()), broken)
    assert 0 < broken < found.cases_checked
