"""Filters: each against a naive reading of its definition, in stacks, as JSON and as SQL."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake.errors import DataError
from mining import Attribute, Duration, Endpoints, Follows, Length, Timeframe, Variants, filters_from_json, filters_to_json

START = datetime(2024, 1, 1, 8, tzinfo=UTC)
EVENTS = [
    ("early", "a", 0),
    ("early", "b", 1),
    ("long", "a", 0),
    ("long", "c", 5),
    ("long", "b", 9),
    ("late", "b", 6),
    ("late", "a", 7),
    ("late", "a", 8),
]
activities = st.sets(st.sampled_from("abc"), min_size=1, max_size=2).map(lambda names: tuple(sorted(names)))
minutes = st.one_of(st.none(), st.integers(0, 5))
filters = st.one_of(
    st.builds(
        Timeframe,
        start=minutes.map(lambda m: None if m is None else START + timedelta(minutes=m)),
        end=minutes.map(lambda m: None if m is None else START + timedelta(minutes=m)),
        mode=st.sampled_from(["contained", "intersecting", "started", "completed", "trim"]),
    ),
    st.builds(Variants, top=st.integers(0, 3), keep=st.booleans()),
    st.builds(Variants, coverage=st.sampled_from([0.1, 0.5, 0.75, 1.0]), keep=st.booleans()),
    st.builds(
        Variants, activities=st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3), max_size=3), keep=st.booleans()
    ),
    st.builds(Endpoints, starts=st.one_of(st.none(), activities), ends=st.one_of(st.none(), activities), keep=st.booleans()),
    st.builds(
        Attribute,
        column=st.just("amount"),
        values=st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=2),
        mode=st.sampled_from(["keep", "mandatory", "forbidden"]),
        minimum=st.one_of(st.none(), st.integers(0, 3)),
    ),
    st.builds(Attribute, column=st.just("activity"), values=activities, mode=st.sampled_from(["keep", "mandatory", "forbidden"])),
    st.builds(Follows, source=activities, target=activities, mode=st.sampled_from(["directly", "eventually", "never"])),
    st.builds(Duration, minimum=minutes.map(lambda m: None if m is None else m * 60), maximum=st.one_of(st.none(), st.just(180))),
    st.builds(Length, minimum=st.one_of(st.none(), st.integers(0, 3)), maximum=st.one_of(st.none(), st.integers(0, 4))),
)
rows = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3", "4"]), st.sampled_from("abc"), st.integers(0, 5), st.one_of(st.none(), st.integers(0, 3))
    ),
    min_size=1,
    max_size=20,
)


class Naive:
    """The definitions once more, in plain Python: cases as lists of (minutes, activity, amount)."""

    def __init__(self, cases):
        self.cases = cases

    @classmethod
    def of(cls, events):
        cases = {}
        for position, (case, activity, moment, amount) in enumerate(events):
            cases.setdefault(case, []).append((moment, position, activity, amount))
        ordered = {case: sorted(rows, key=lambda row: row[:2]) for case, rows in cases.items()}
        return cls({case: [(moment, activity, amount) for moment, _, activity, amount in rows] for case, rows in ordered.items()})

    def filter(self, part):
        if getattr(part, "mode", "") in ("trim", "keep"):
            cut = {case: [event for event in events if self.event_meets(part, event)] for case, events in self.cases.items()}
            return Naive({case: events for case, events in cut.items() if events})
        return Naive({case: events for case, events in self.cases.items() if self.case_meets(part, events)})

    def event_meets(self, part, event):
        if isinstance(part, Timeframe):
            return self.within(part, event[0])
        value = event[1] if part.column == "activity" else event[2]
        if not part.values and part.minimum is None:
            return False
        return (not part.values or value in part.values) and (part.minimum is None or (value is not None and value >= part.minimum))

    @staticmethod
    def within(part, moment, *, after=True, before=True):
        time = START + timedelta(minutes=moment)
        return not (after and part.start and time < part.start) and not (before and part.end and time > part.end)

    def case_meets(self, part, events):
        names, first, last = [event[1] for event in events], events[0][0], events[-1][0]
        match part:
            case Timeframe(mode="contained"):
                return self.within(part, first, before=False) and self.within(part, last, after=False)
            case Timeframe(mode="intersecting"):
                return self.within(part, last, before=False) and self.within(part, first, after=False)
            case Timeframe(mode="started"):
                return self.within(part, first)
            case Timeframe(mode="completed"):
                return self.within(part, last)
            case Variants():
                return (tuple(names) in self.chosen(part)) == part.keep
            case Endpoints():
                met = (part.starts is None or names[0] in part.starts) and (part.ends is None or names[-1] in part.ends)
                return met == part.keep
            case Attribute():
                return any(self.event_meets(part, event) for event in events) == (part.mode == "mandatory")
            case Follows(mode="directly"):
                return any(a in part.source and b in part.target for a, b in pairwise(names))
            case Follows():
                later = any(a in part.source and b in part.target for i, a in enumerate(names) for b in names[i + 1 :])
                return later == (part.mode == "eventually")
            case Duration():
                took = (last - first) * 60
                return (part.minimum is None or took >= part.minimum) and (part.maximum is None or took <= part.maximum)
            case Length():
                return (part.minimum is None or len(names) >= part.minimum) and (part.maximum is None or len(names) <= part.maximum)
        raise AssertionError(part)

    def chosen(self, part):
        if part.activities is not None:
            return set(part.activities)
        counts = Counter(tuple(event[1] for event in events) for events in self.cases.values())
        ordered = sorted(counts.items(), key=lambda item: (-item[1], self.tie(item[0])))
        if part.top is not None:
            return {names for names, _ in ordered[: part.top]}
        chosen, covered = set(), 0
        for names, cases in ordered:
            if covered / sum(counts.values()) < part.coverage:
                chosen.add(names)
            covered += cases
        return chosen

    def tie(self, names):
        return self.order.index(names)

    def ordered_like(self, log):
        """Ties between equally frequent variants are the layout's to decide; the naive reading asks it for the order."""
        self.order = [tuple(names) for _, names, _ in sorted(log.variant_multiset())]
        return self


def kept(log):
    return {case for (case,) in log.connection.sql(log.cases_sql()).fetchall()}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, st.lists(filters, min_size=1, max_size=3))
def test_every_stack_keeps_what_a_naive_reading_keeps(log_of, events, stack):
    log = log_of([row[:3] for row in events], amount=[row[3] for row in events])
    naive = Naive.of(events)
    for part in stack:
        naive = naive.ordered_like(log).filter(part)
        log = log.filter(part)
        assert kept(log) == set(naive.cases)
        counts = Counter(tuple(event[1] for event in events) for events in naive.cases.values())
        assert {names: cases for _, names, cases in log.variant_multiset()} == counts
        assert log.summary()["events"] == sum(map(len, naive.cases.values()))
        assert log.dfg().aggregate("coalesce(sum(frequency), 0)").fetchone() == (sum(len(e) - 1 for e in naive.cases.values()),)


@settings(max_examples=100, deadline=None)
@given(st.lists(filters, max_size=4))
def test_a_stack_survives_its_json_form(stack):
    assert filters_from_json(json.loads(json.dumps(filters_to_json(stack)))) == stack


def test_filters_leave_the_log_they_came_from_as_it_was(log_of):
    log = log_of(EVENTS)
    filtered = log.filter(Follows("a", "b"), Length(minimum=3))

    assert kept(filtered) == {"long"}
    assert kept(log) == {"early", "long", "late"}
    assert filtered.filters == (Follows("a", "b"), Length(minimum=3))


def test_the_order_of_filters_decides(log_of):
    log = log_of(EVENTS)
    window = Timeframe(START, START + timedelta(minutes=6), mode="trim")

    assert kept(log.filter(window, Endpoints(ends=("b",)))) == {"early", "late"}
    assert kept(log.filter(Endpoints(ends=("b",)), window)) == {"early", "long"}


@pytest.mark.parametrize("part", [Length(minimum=99), Timeframe(end=START - timedelta(days=1), mode="trim")])
def test_filters_that_leave_nothing_give_empty_answers(log_of, part):
    log = log_of(EVENTS).filter(part)

    assert log.summary()["cases"] == 0
    assert log.dfg().fetchall() == log.variants().fetchall() == log.throughput().fetchall() == []


def test_the_predicate_of_a_filter_can_be_read(log_of):
    text = log_of(EVENTS).filter(Duration(minimum=60), Timeframe(end=START, mode="started")).cases_sql()

    assert "/ 1e6) >= 60" in text
    assert "c.started_at <= timestamptz '2024-01-01T08:00:00+00:00'" in text


def test_names_that_look_like_sql_are_only_names(log_of):
    log = log_of([("1", "it's", 0), ("1", "b'); drop table x; --", 1)])

    assert kept(log.filter(Follows("it's", "b'); drop table x; --"))) == {"1"}
    assert kept(log.filter(Variants(activities=(("it's", "b'); drop table x; --"),)))) == {"1"}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"filter": "sometimes"}, "There is no filter 'sometimes'"),
        ({"filter": "length", "most": 3}, "Its settings are minimum, maximum"),
        ({"filter": "timeframe", "start": "yesterday"}, "'yesterday' is no time"),
        ({"filter": "timeframe", "mode": "around"}, "no mode 'around'"),
        ({"filter": "follows", "source": [1], "target": ["b"]}, "must be activities"),
        ({"filter": "variants"}, "one of top, coverage and activities"),
    ],
)
def test_a_stack_that_cannot_be_read_says_why(wrong, told):
    with pytest.raises(DataError, match=told):
        filters_from_json([wrong])


def test_an_attribute_the_log_has_not_is_refused_with_those_it_has(log_of):
    with pytest.raises(DataError, match="case_id, activity, occurred_at, source_row, amount"):
        kept(log_of(EVENTS, amount=[1] * 8).filter(Attribute("colour", ("red",))))
