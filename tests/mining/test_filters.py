"""Filters: each against a naive reading of its definition, in stacks, as JSON and as SQL."""

import hashlib
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import combinations, pairwise

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake.errors import DataError
from mining import (
    AllBut,
    AnyOf,
    Attribute,
    Cases,
    Duration,
    Endpoints,
    EventLog,
    Follows,
    FourEyes,
    Length,
    Path,
    Performance,
    Rework,
    Sample,
    State,
    Timeframe,
    Trim,
    Variants,
    filters_from_json,
    filters_to_json,
)

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
NAMES = ("a", "b", "Prüfung 'x'")
PEOPLE = ("Ann", "Бен", "O'Neill")
activities = st.sets(st.sampled_from([*NAMES, "unknown"]), min_size=1, max_size=2).map(lambda names: tuple(sorted(names)))
some = st.one_of(st.none(), activities)
minutes = st.one_of(st.none(), st.integers(0, 5))
moments = minutes.map(lambda m: None if m is None else START + timedelta(minutes=m))
seconds = st.one_of(st.none(), st.sampled_from([0, 30, 60, 120, 90.5, 240]))
flags = st.booleans()
filters_of_events = st.one_of(
    st.builds(Timeframe, start=moments, end=moments, mode=st.just("trim")),
    st.builds(
        Attribute,
        column=st.just("amount"),
        values=st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=2),
        mode=st.sampled_from(["keep", "drop"]),
        minimum=st.one_of(st.none(), st.integers(0, 3)),
        maximum=st.one_of(st.none(), st.integers(0, 3)),
    ),
    st.builds(Attribute, column=st.just("activity"), values=activities, mode=st.sampled_from(["keep", "drop"])),
    st.builds(Trim, source=some, target=some, mode=st.sampled_from(["longest", "first"])),
)
filters_of_cases = st.one_of(
    st.builds(Timeframe, start=moments, end=moments, mode=st.sampled_from(["contained", "intersecting", "started", "completed"])),
    st.builds(Variants, top=st.integers(0, 3), keep=flags),
    st.builds(Variants, minimum=st.integers(0, 2), maximum=st.one_of(st.none(), st.integers(0, 2)), keep=flags),
    st.builds(Variants, coverage=st.sampled_from([0.1, 0.5, 0.75, 1.0]), keep=flags),
    st.builds(Variants, activities=st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), max_size=3), keep=flags),
    st.builds(Endpoints, starts=some, ends=some, keep=flags),
    st.builds(
        Attribute,
        column=st.just("amount"),
        values=st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=2),
        mode=st.sampled_from(["mandatory", "forbidden", "every", "first", "last"]),
        minimum=st.one_of(st.none(), st.integers(0, 3)),
    ),
    st.builds(
        Attribute,
        column=st.just("activity"),
        values=activities,
        mode=st.sampled_from(["mandatory", "forbidden", "every", "first", "last"]),
    ),
    st.builds(
        Attribute,
        column=st.just("resource"),
        values=st.lists(st.one_of(st.none(), st.sampled_from(PEOPLE)), max_size=2),
        mode=st.sampled_from(["mandatory", "forbidden", "every", "first", "last"]),
    ),
    st.builds(FourEyes, first=activities, second=activities, mode=st.sampled_from(["different", "same"]), keep=flags),
    *(
        st.builds(
            Follows,
            source=activities,
            target=activities,
            mode=st.sampled_from(["directly", "eventually", "never"]),
            minimum=seconds,
            maximum=seconds,
            keep=flags,
            **compared,
        )
        for compared in ({}, {"same": st.just("resource")}, {"different": st.sampled_from(["resource", "amount"])})
    ),
    st.builds(
        Path,
        steps=st.lists(st.one_of(st.none(), st.sampled_from(NAMES), activities), min_size=2, max_size=3),
        mode=st.sampled_from(["directly", "eventually"]),
        from_start=flags,
        to_end=flags,
        keep=flags,
    ),
    st.builds(
        Performance,
        source=some,
        target=some,
        minimum=seconds,
        maximum=seconds,
        source_at=st.sampled_from(["first", "last"]),
        target_at=st.sampled_from(["first", "last"]),
    ),
    st.builds(
        Rework,
        activities=some,
        minimum=st.integers(1, 3),
        maximum=st.one_of(st.none(), st.integers(1, 3)),
        kind=st.sampled_from(["any", "self_loop", "return"]),
        keep=flags,
    ),
    st.builds(State, activities=activities, at=moments, keep=flags),
    st.builds(Cases, ids=st.lists(st.sampled_from(["1", "2", "NA", "ö'"]), max_size=2), keep=flags),
    st.builds(Sample, share=st.sampled_from([0.01, 0.5, 1.0]), seed=st.integers(0, 9)),
    st.builds(Sample, cases=st.integers(0, 3), seed=st.integers(0, 9)),
    st.builds(Duration, minimum=minutes.map(lambda m: None if m is None else m * 60), maximum=st.one_of(st.none(), st.just(180))),
    st.builds(Length, minimum=st.one_of(st.none(), st.integers(0, 3)), maximum=st.one_of(st.none(), st.integers(0, 4))),
)
either = st.lists(filters_of_cases, min_size=1, max_size=2).map(lambda parts: AnyOf(tuple(parts)))
rest = filters_of_cases.map(lambda part: AllBut((part,)))
filters = st.one_of(filters_of_cases, filters_of_events, either, rest)
rows = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "NA", "ö'"]),
        st.sampled_from(NAMES),
        st.integers(0, 5),
        st.one_of(st.none(), st.integers(0, 3)),
        st.one_of(st.none(), st.sampled_from(PEOPLE)),
    ),
    min_size=1,
    max_size=20,
)


class Naive:
    """The definitions once more, in plain Python: cases as lists of (minutes, activity, amount, resource)."""

    def __init__(self, cases):
        self.cases = cases

    @classmethod
    def of(cls, events):
        cases = {}
        for position, (case, activity, moment, *attributes) in enumerate(events):
            cases.setdefault(case, []).append((moment, position, activity, *attributes))
        ordered = {case: sorted(rows, key=lambda row: row[:2]) for case, rows in cases.items()}
        return cls({case: [(moment, *rest) for moment, _, *rest in rows] for case, rows in ordered.items()})

    def filter(self, part):
        if part.is_of_events:
            cut = {case: self.events_left(part, events) for case, events in self.cases.items()}
            return Naive({case: events for case, events in cut.items() if events})
        return Naive({case: events for case, events in self.cases.items() if self.case_meets(part, case, events)})

    def events_left(self, part, events):
        if isinstance(part, Trim):
            return self.trimmed(part, events)
        return [event for event in events if self.event_meets(part, event) != (getattr(part, "mode", "") == "drop")]

    @staticmethod
    def trimmed(part, events):
        sources = [i for i, event in enumerate(events) if part.source is None or event[1] in part.source]
        if not sources:
            return []
        targets = [i for i, event in enumerate(events) if i > sources[0] and (part.target is None or event[1] in part.target)]
        if part.target is None:
            return events[sources[0] :]
        if not targets:
            return []
        return events[sources[0] : (targets[0] if part.mode == "first" else targets[-1]) + 1]

    def event_meets(self, part, event):
        if isinstance(part, Timeframe):
            return self.within(part, event[0])
        value = value_of(event, part.column)
        low, high = part.minimum, part.maximum
        if not part.values and low is None and high is None:
            return False
        inside = (low is None or (value is not None and value >= low)) and (high is None or (value is not None and value <= high))
        return (not part.values or value in part.values) and inside

    @staticmethod
    def within(part, moment, *, after=True, before=True):
        time = START + timedelta(minutes=moment)
        return not (after and part.start and time < part.start) and not (before and part.end and time > part.end)

    def case_meets(self, part, case, events):
        names, first, last = [event[1] for event in events], events[0][0], events[-1][0]
        match part:
            case AllBut():
                return not self.case_meets(part.filters[0], case, events)
            case AnyOf():
                return any(self.case_meets(one, case, events) for one in part.filters)
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
                met = [self.event_meets(part, event) for event in events]
                modes = {"mandatory": any(met), "forbidden": not any(met), "every": all(met), "first": met[0], "last": met[-1]}
                return modes[part.mode]
            case FourEyes():
                one, other = (
                    {event[3] for event in events if event[1] in group and event[3] is not None}
                    for group in (part.first, part.second)
                )
                met = bool(one & other) if part.mode == "same" else bool(one and other and not one & other)
                return met == part.keep
            case Follows():
                pairs = pairwise(events) if part.mode == "directly" else combinations(events, 2)
                return any(self.pair_meets(part, a, b) for a, b in pairs) == ((part.mode != "never") == part.keep)
            case Path():
                return self.has_path(part, names) == part.keep
            case Performance():
                return self.performs(part, events)
            case Rework():
                times = {name: self.times(part.kind, names, name) for name in set(names)}
                asked = times if part.activities is None else {name: times.get(name, 0) for name in part.activities}
                return any(inside(often, part.minimum, part.maximum) for often in asked.values()) == part.keep
            case State():
                done = [event[1] for event in events if part.at is None or START + timedelta(minutes=event[0]) <= part.at]
                return bool(done) and (done[-1] in part.activities) == part.keep
            case Cases():
                return (case in part.ids) == part.keep
            case Sample():
                return self.lot(part, case) <= part.share * 2**64 if part.share else case in self.drawn(part)
            case Duration():
                return inside((last - first) * 60, part.minimum, part.maximum)
            case Length():
                return inside(len(names), part.minimum, part.maximum)
        raise AssertionError(part)

    @staticmethod
    def pair_meets(part, a, b):
        if a[1] not in part.source or b[1] not in part.target or not inside((b[0] - a[0]) * 60, part.minimum, part.maximum):
            return False
        column = part.same or part.different
        values = [value_of(event, column) for event in (a, b)] if column else [0, 0]
        return None not in values and (values[0] == values[1]) == (part.different is None)

    @staticmethod
    def has_path(part, names):
        count = len(part.steps)
        for places in combinations(range(len(names)), count):
            together = part.mode == "eventually" or places[-1] - places[0] == count - 1
            ends = (not part.from_start or places[0] == 0) and (not part.to_end or places[-1] == len(names) - 1)
            if together and ends and all(step_meets(step, names[place]) for step, place in zip(part.steps, places, strict=True)):
                return True
        return False

    @staticmethod
    def performs(part, events):
        starts, ends = (
            [event[0] for event in events if names is None or event[1] in names] for names in (part.source, part.target)
        )
        if not starts or not ends:
            return False
        start = min(starts) if part.source is None or part.source_at == "first" else max(starts)
        end = max(ends) if part.target is None or part.target_at == "last" else min(ends)
        return end >= start and inside((end - start) * 60, part.minimum, part.maximum)

    @staticmethod
    def times(kind, names, name):
        loops = sum(a == b == name for a, b in pairwise(names))
        return {"any": names.count(name), "self_loop": loops + 1, "return": names.count(name) - loops}[kind]

    @staticmethod
    def lot(part, case):
        return int.from_bytes(hashlib.md5(f"{part.seed}:{case}".encode()).digest()[8:], "little")

    def drawn(self, part):
        return sorted(self.cases, key=lambda case: (self.lot(part, case), case))[: part.cases]

    def chosen(self, part):
        if part.activities is not None:
            return set(part.activities)
        counts = Counter(tuple(event[1] for event in events) for events in self.cases.values())
        if part.minimum is not None or part.maximum is not None:
            return {names for names, cases in counts.items() if inside(cases, part.minimum, part.maximum)}
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


def inside(value, minimum, maximum):
    return (minimum is None or value >= minimum) and (maximum is None or value <= maximum)


def step_meets(step, name):
    return step is None or name == step or (isinstance(step, tuple) and name in step)


def value_of(event, column):
    return event[("occurred_at", "activity", "amount", "resource").index(column)]


def kept(log):
    return {case for (case,) in log.connection.sql(log.cases_sql()).fetchall()}


def attributed(log_of, events):
    import pyarrow

    numbers, texts = pyarrow.array([row[3] for row in events], pyarrow.int32()), [row[4] for row in events]
    return log_of([row[:3] for row in events], amount=numbers, resource=pyarrow.array(texts, pyarrow.string()))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, st.lists(filters, min_size=1, max_size=3))
def test_every_stack_keeps_what_a_naive_reading_keeps(log_of, events, stack):
    log = attributed(log_of, events)
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
        ({"filter": "variants"}, "one of top, coverage, activities"),
        ({"filter": "variants", "top": 3, "minimum": 2}, "one of top, coverage, activities"),
        ({"filter": "length", "minimum": "three"}, "minimum of the filter length must be a number, not 'three'"),
        ({"filter": "rework", "minimum": 0}, "minimum of the filter rework is 0"),
        ({"filter": "follows", "source": "a", "target": []}, "names no target"),
        ({"filter": "follows", "source": "a", "target": "b", "same": "x", "different": "y"}, "both same and different"),
        ({"filter": "path", "steps": ["a"]}, "at least two steps"),
        ({"filter": "sample"}, "share above 0"),
        ({"filter": "sample", "share": 2}, "share above 0"),
        ({"filter": "endpoints", "keep": "no"}, "use true or false|Use true or false"),
        ({"filter": "any_of", "filters": []}, "needs filters"),
        ({"filter": "all_but", "filters": []}, "needs filters"),
        ({"filter": "all_but", "filters": [{"filter": "trim", "source": "a"}]}, "only such as keep whole cases"),
        ({"filter": "any_of", "filters": [{"filter": "trim", "source": "a"}]}, "only such as keep whole cases"),
        ({"filter": "any_of", "filters": [{"filter": "nothing"}]}, "no filter 'nothing'"),
        ({}, "There is no filter None"),
    ],
)
def test_a_stack_that_cannot_be_read_says_why(wrong, told):
    with pytest.raises(DataError, match=told):
        filters_from_json([wrong])


@pytest.mark.parametrize("wrong", ["endpoints", {"filter": "endpoints"}, [["endpoints"]]])
def test_a_stack_is_a_list_of_objects(wrong):
    with pytest.raises(DataError, match="list of objects"):
        filters_from_json(wrong)


def test_values_are_compared_as_the_column_holds_them(log_of):
    import pyarrow

    days = pyarrow.array([date(2024, 1, day) for day in range(1, 9)])
    log = log_of(EVENTS, number=["1", "2", "x", "3", "10", None, "5", "7"], day=days, due=[True, False] * 4)

    assert kept(log.filter(Attribute("number", minimum=5, maximum=9))) == {"late"}, "texts that are numbers, as numbers"
    assert kept(log.filter(Attribute("number", (10,)))) == {"long"}
    assert kept(log.filter(Attribute("number", ("10",)))) == {"long"}
    assert kept(log.filter(Attribute("day", maximum=date(2024, 1, 2)))) == {"early"}
    assert kept(log.filter(Attribute("occurred_at", minimum=START + timedelta(minutes=9)))) == {"long"}
    assert kept(log.filter(Attribute("due", (False,), mode="first"))) == {"late"}
    stack = [Attribute("day", (date(2024, 1, 1), Decimal("2.5"))), Timeframe(date(2024, 1, 1))]
    assert filters_from_json(json.loads(json.dumps(filters_to_json(stack)))) == stack
    for column, value in (("due", "yes"), ("day", 5), ("source_row", "first")):
        with pytest.raises(DataError, match="cannot be compared with"):
            kept(log.filter(Attribute(column, (value,))))


def test_a_sample_grows_with_its_share_and_stays_when_cases_are_added(log_of):
    few, many = (log_of([(str(case), "a", case) for case in range(count)]) for count in (200, 400))
    half = kept(few.filter(Sample(share=0.5)))

    assert 70 < len(half) < 130
    assert kept(few.filter(Sample(share=0.25))) < half == kept(many.filter(Sample(share=0.5))) & kept(few)
    assert kept(few.filter(Sample(share=0.5, seed=1))) != half
    assert len(kept(few.filter(Sample(cases=17)))) == 17


def test_trimming_to_the_end_keeps_a_source_that_is_the_last_event(log_of):
    # the end was looked for after the source only
    log = log_of(EVENTS)

    assert log.filter(Trim("c"), Trim("b")).summary()["events"] == 1
    assert log.filter(Trim(None, "a")).summary()["events"] == 3, "from the second event on there is an `a` in one case"


def test_long_cases_and_many_activities_are_filtered_like_others(log_of):
    log = log_of([("long", f"step {n % 600}", n) for n in range(3000)] + [("short", "step 1", 0)])
    within = Follows("step 1", "step 599", maximum=598 * 60)

    assert kept(log.filter(within)) == {"long"}
    assert kept(log.filter(Follows("step 1", "step 599", maximum=597 * 60))) == set()
    assert kept(log.filter(Rework(minimum=5))) == {"long"}
    assert kept(log.filter(Path((("step 1", "step 2"), None, "step 599"), mode="eventually"))) == {"long"}
    assert log.filter(Trim("step 5", "step 10", mode="first")).summary()["events"] == 6


def test_an_attribute_the_log_has_not_is_refused_with_those_it_has(log_of):
    with pytest.raises(DataError, match="case_id, activity, occurred_at, source_row, amount"):
        kept(log_of(EVENTS, amount=[1] * 8).filter(Attribute("colour", ("red",))))


@pytest.mark.parametrize(
    "parts",
    [
        (Duration(minimum=60.0), Variants(top=1)),
        (Variants(top=1), Sample(cases=2)),
        (Length(minimum=2), Endpoints(ends=("C",)), Rework()),
    ],
)
def test_what_filters_keep_and_all_but_it_are_the_whole_log(parts):
    rows = [
        {"case_id": f"{case}", "activity": name, "occurred_at": START + timedelta(minutes=3 * case + n * (case % 4 + 1))}
        for case in range(12)
        for n, name in enumerate(("ABC", "AB", "AABC")[case % 3])
    ]
    log = EventLog.from_frame(pyarrow.Table.from_pylist(rows))
    kept, rest = (
        {case for (case,) in log.filter(*stack).ask("select case_id from kept").fetchall()} for stack in (parts, (AllBut(parts),))
    )
    assert kept and rest and not kept & rest
    assert kept | rest == {str(case) for case in range(12)}


def test_a_stack_that_is_still_text_is_refused_with_how_to_read_it():
    with pytest.raises(DataError, match="no list of objects") as refused:
        filters_from_json('[{"filter": "endpoints", "ends": ["Ship"]}]')
    assert "json.loads" in refused.value.remedy
