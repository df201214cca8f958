"""Deviations: what alignments tell of skipped, inserted and displaced activities, what they cost, and which are accepted."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake.errors import DataError
from mining import Accepted, PetriNet, align, deviating_cases, discover, find_deviations, token_replay
from mining.deviations import deviations_of
from mining.petri_net import Transition

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")


def sequence_net(*labels):
    places = tuple(f"p{number}" for number in range(len(labels) + 1))
    transitions = tuple(Transition(f"t{number}", label) for number, label in enumerate(labels))
    arcs = [arc for number in range(len(labels)) for arc in pairwise((f"p{number}", f"t{number}", f"p{number + 1}"))]
    return PetriNet(places, transitions, tuple(arcs), {places[0]: 1}, {places[-1]: 1})


@pytest.fixture
def log(log_of):
    """Four cases as the model wants them, one without `b`, one with an `x`, one with `b` too late."""
    cases = {"f1": "abc", "f2": "abc", "f3": "abc", "NA": "abc", "skips": "ac", "inserts": "axbc", "moves": "acb"}
    hours = {"skips": 10, "inserts": 20, "moves": 2, "NA": 3}
    return log_of(
        [
            (case, name, at * 60 * hours.get(case, 1) / (len(names) - 1))
            for case, names in cases.items()
            for at, name in enumerate(names)
        ]
    )


NET = sequence_net("a", "b", "c")


def told(deviations):
    return {(one.kind, one.activity, one.after): (one.cases, one.events, one.is_accepted) for one in deviations.found}


def test_each_kind_is_told_with_its_context_its_cases_and_its_share(log):
    found = find_deviations(log, align(log, NET))

    moved = [one for one in found.found if one.kind == "out of place"]
    assert len(moved) == 1 and (moved[0].activity, moved[0].after) in {("b", "c"), ("c", "a")}, "either way is cheapest"
    assert told(found) == {
        ("skipped", "b", "a"): (1, 1, False),
        ("inserted", "x", "a"): (1, 1, False),
        ("out of place", moved[0].activity, moved[0].after): (1, 1, False),
    }
    assert {one.share for one in found.found} == {1 / 7}
    inserted = next(one for one in found.found if one.kind == "inserted")
    assert [row[0] for row in deviating_cases(log, inserted).fetchall()] == ["inserts"]


def test_the_cost_in_time_compares_cases_with_and_without(log):
    inserted = next(one for one in find_deviations(log, align(log, NET)).found if one.kind == "inserted")
    others = [3600.0, 3600.0, 3600.0, 3 * 3600.0, 10 * 3600.0, 2 * 3600.0]

    assert inserted.seconds == (20 * 3600, sum(others) / 6, 20 * 3600, 1.5 * 3600)


def test_the_cost_in_money_is_that_of_the_definition(log):
    conformance = align(log, NET)
    costs = {"costs": {"activities": {"x": 12.5, "b": 4}}}
    money = {(one.kind, one.activity): one.cost for one in find_deviations(log, conformance, definition=costs).found}

    assert money[("inserted", "x")] == 12.5
    assert money[("skipped", "b")] == -4
    assert {one.cost for one in find_deviations(log, conformance).found} == {None}
    with pytest.raises(DataError, match="cannot be read"):
        find_deviations(log, conformance, definition={"costs": {"x": 1}})


def test_the_price_of_an_hour_serves_where_events_say_when_they_were_begun(log_of):
    import pyarrow

    begun = [datetime(2024, 1, 1, 8, tzinfo=UTC), datetime(2024, 1, 1, 8, 30, tzinfo=UTC), datetime(2024, 1, 1, 9, 30, tzinfo=UTC)]
    log = log_of(
        [("1", "a", 60), ("1", "x", 120), ("1", "x", 150)],
        started_at=pyarrow.array(begun, pyarrow.timestamp("us", "UTC")),
        resource=["o'Neil", "o'Neil", None],
    )
    conformance = align(log, sequence_net("a"))

    def cost(said):
        return sum(one.cost for one in find_deviations(log, conformance, definition={"costs": said}).found)

    assert cost({"resource_hours": {"o'Neil": 60, "other": 40}}) == pytest.approx(1.5 * 60 + 1 * 40)
    assert cost({"resource_hours": {"other": 40}, "activities": {"x": 5}}) == pytest.approx(2.5 * 40 + 2 * 5)


def test_accepted_deviations_do_not_count_and_stay_visible(log):
    conformance = align(log, NET)
    plain = find_deviations(log, conformance)
    definition = {"accepted_deviations": ["skipped b", {"kind": "inserted", "activity": "x", "after": "c"}]}
    here = find_deviations(log, conformance, definition=definition, accepted=[Accepted("inserted", "x", "a")])

    assert (plain.fitness_after_accepted, plain.fitting_after_accepted) == (
        conformance.average_fitness,
        conformance.perfectly_fitting,
    )
    assert {one.kind for one in here.found if one.is_accepted} == {"skipped", "inserted"}
    assert here.fitting_after_accepted == pytest.approx(6 / 7)
    assert here.fitness_after_accepted == pytest.approx(1 - (2 / 6) / 7), "only the displaced one costs: two of six moves"
    elsewhere = find_deviations(log, conformance, definition={"accepted_deviations": ["inserted x after c"]})
    assert elsewhere.fitting_after_accepted == conformance.perfectly_fitting, "the context is another"


@pytest.mark.parametrize("said", ["skip b", {"kind": "gone", "activity": "b"}, {"kind": "skipped"}, 3])
def test_an_accepted_deviation_that_cannot_be_read_is_refused(said):
    with pytest.raises(DataError, match="names no deviation"):
        Accepted.read(said)


moves = st.lists(st.tuples(st.sampled_from(["both", "log", "model"]), st.sampled_from("abc")), max_size=12)


@given(moves)
def test_every_move_alone_is_in_exactly_one_deviation(moves):
    found = list(deviations_of(moves))
    alone = {(who, name): moves.count((who, name)) for who in ("log", "model") for name in "abc"}

    for name in "abc":
        kinds = [kind for kind, activity, _ in found if activity == name]
        pairs = kinds.count("out of place")
        assert pairs == min(alone["log", name], alone["model", name])
        assert kinds.count("inserted") == alone["log", name] - pairs
        assert kinds.count("skipped") == alone["model", name] - pairs
    assert sum(2 if kind == "out of place" else 1 for kind, *_ in found) == sum(alone.values())


def test_nothing_deviates_where_nothing_was_finished_or_everything_fits(log):
    nothing = find_deviations(log, align(log, NET, seconds=0))
    assert (nothing.found, nothing.fitness_after_accepted) == ((), None)
    fitting = find_deviations(log, align(log, discover(log, noise=0)))
    assert (fitting.found, fitting.fitness_after_accepted) == ((), 1.0)


def test_times_of_the_rarest_deviations_are_left_out_where_there_would_be_too_many(log, monkeypatch):
    monkeypatch.setattr("mining.deviations.TIMED_ROWS", 8)
    found = find_deviations(log, align(log, NET)).found

    assert [one.seconds[0] is None for one in found] == [False, True, True]


def test_deviations_of_a_public_log_add_up_to_its_costs(public_log):
    with public_log("Sepsis.xes.gz") as log:
        conformance = align(log, discover(log))
        found = find_deviations(log, conformance)
        largest = found.found[0]
        cases = deviating_cases(log, largest).aggregate("count(*)").fetchone()

    moves = sum(one.events * (2 if one.kind == "out of place" else 1) for one in found.found)
    assert moves == sum(variant.cases * (variant.cost or 0) for variant in conformance.variants)
    assert cases == (largest.cases,)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(traces=st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=5))
def test_token_replay_over_variants_is_that_over_all_cases(log_of, traces):
    import pm4py

    log = log_of([(f"{number}", name, minute) for number, trace in enumerate(traces) for minute, name in enumerate(trace)])
    net = sequence_net("a", None, "b", "c")
    estimate = token_replay(log, net)
    frame = log.connection.sql(
        'select case_id as "case:concept:name", activity as "concept:name", occurred_at as "time:timestamp" '
        f"from ({log.events.sql}) order by 1, 3"
    ).to_arrow_table()
    theirs = pm4py.fitness_token_based_replay(frame.to_pandas(), *net.to_pm4py())

    assert estimate.replayed_share == pytest.approx(theirs["log_fitness"])
    assert estimate.clean_share == pytest.approx(theirs["percentage_of_fitting_traces"] / 100)
    assert "estimate" in estimate.label


def test_token_replay_of_a_public_log_is_what_was_measured_before(public_log):
    """It calls 80 % of the cases fitting where alignments say 66.7 %."""
    with public_log("Sepsis.xes.gz") as log:
        estimate = token_replay(log, discover(log))

    assert (estimate.replayed_share, estimate.clean_share) == (pytest.approx(0.98724, abs=5e-6), pytest.approx(0.8038, abs=5e-5))
