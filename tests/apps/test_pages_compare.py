"""Two groups of cases: how they are made, what is said of them, and what cannot be compared."""

from datetime import UTC, date, datetime

import pytest
from streamlit.testing.v1 import AppTest

from apps.streamlit import cohorts, mined
from apps.streamlit.cohorts import against_rest, of_periods, of_values, whole_days
from apps.streamlit.stack import Stack
from mining.comparison import ComparedMeasure
from mining.filters import Attribute, Duration, Length, Trim, Variants
from tests.apps.test_pages_run import APP, page, words

CANCELLED = Attribute("activity", ("Cancel order",))


def sizes(pair) -> tuple[int, int]:
    first, second = (mined.kept("order_to_cash", tuple(cohort.stack))[0] for cohort in pair)
    return first, second


@pytest.mark.parametrize("parts", [(CANCELLED,), (Length(minimum=6), Variants(top=1)), (Duration(maximum=86400.0 * 3),)])
def test_filters_and_all_others_are_the_whole_log_and_share_no_case(filled_home, parts):
    pair = against_rest(Stack(parts, process="order_to_cash"))
    assert sum(sizes(pair)) == 300 and all(sizes(pair))
    assert cohorts.compared(pair[0].stack, pair[1].stack, {}).shared_cases == 0


def test_filters_of_events_cut_both_groups(filled_home):
    trim = Trim(("Create order",), ("Ship goods",), "first")
    pair = against_rest(Stack((trim, Length(maximum=3)), process="order_to_cash"))
    assert pair[1].stack[0] == trim and sum(sizes(pair)) == mined.kept("order_to_cash", (trim,))[0]


def test_values_and_periods_make_groups(filled_home):
    whole = Stack(process="order_to_cash")
    one, other = sizes(of_values(whole, "resource", "user 1", None))
    assert one == other / 4 * 1 == 60
    assert sizes(of_values(whole, "resource", "user 1", "user 2")) == (60, 60)
    log = mined.mined_log("order_to_cash")
    middle = date(2024, 6, 30)
    pair = of_periods(whole, whole_days(log.first_event, middle), whole_days(date(2024, 7, 1), log.last_event))
    assert sum(sizes(pair)) == 300
    assert whole_days(middle, middle)[1] == datetime(2024, 6, 30, 23, 59, 59, 999999, tzinfo=UTC)


def test_what_differs_is_said_with_its_size_and_whether_it_may_be_chance(filled_home):
    pair = against_rest(Stack((CANCELLED,), process="order_to_cash"))
    told = cohorts.summary(cohorts.compared(pair[0].stack, pair[1].stack, {}))
    assert told[0].startswith("Cases take less time: ") and "large difference, p < 0.001" in told[0]
    assert any(sentence.startswith("Cancel order happens in more cases: 100 % against 0 %") for sentence in told)
    same = of_values(Stack(process="order_to_cash"), "resource", "user 1", "user 2")
    assert "may be chance" in cohorts.summary(cohorts.compared(same[0].stack, same[1].stack, {}))[0]


def test_cases_in_both_groups_and_few_cases_are_warned_of(filled_home):
    whole = Stack(process="order_to_cash")
    found = cohorts.compared(whole, whole.changed((CANCELLED,)), {})
    assert [warning.split(":")[0] for warning in cohorts.warnings(found)] == [
        "30 cases stand in both groups, so the tests do not hold."
    ]
    few = against_rest(Stack((CANCELLED, Variants(top=1), Duration(minimum=86400.0)), process="order_to_cash"))
    compared = cohorts.compared(few[0].stack, few[1].stack, {})
    assert any("The smaller group has" in warning for warning in cohorts.warnings(compared))


@pytest.mark.parametrize(
    ("one", "difference", "value", "chance"),
    [
        (ComparedMeasure("case seconds", None, None, 86400.0, 43200.0, 9, 9), "+100.0 %", "1.0 d", "not tested"),
        (ComparedMeasure("case seconds", None, None, 5.0, 0.0, 9, 9), "from nothing", "5.0 s", "not tested"),
        (ComparedMeasure("case seconds", None, None, None, 1.0, 0, 9), "–", "–", "not tested"),
        (ComparedMeasure("cases with edge", "a", "b", 0.5, 0.25, 9, 9, "Fisher", None, 0.5, 0.2, 0.6, False),
         "+25.0 points", "50 %", "may be chance, p = 0.600"),
        (ComparedMeasure("cases with edge", "a", "b", 0.5, 0.50001, 9, 9, "Fisher", None, 0.0, 1.0, 1.0, False),
         "0.0 points", "50 %", "may be chance, p = 1"),
        (ComparedMeasure("events per case", None, None, 4.0, 4.0, 9, 9, "Mann-Whitney", 1.0, 0.1, 1e-9, 1e-8, True),
         "the same", "4", "p < 0.001"),
        (ComparedMeasure("edge seconds", "a", "b", 3600.0, 60.0, 9, 9), "× 60", "1.0 h", "not tested"),
    ],
)  # fmt: skip
def test_measures_are_told_in_their_units(one, difference, value, chance):
    assert (cohorts.difference(one), cohorts.value(one, one.a), cohorts.chance(one)) == (difference, value, chance)


def test_untested_measures_stand_last():
    untested = ComparedMeasure("edge seconds", "a", "b", 1.0, None, 9, 0)
    tested = ComparedMeasure("edge seconds", "c", "d", 1.0, 2.0, 9, 9, "Mann-Whitney", 1.0, 0.1, 0.9, 1.0, False)
    assert cohorts.by_certainty([untested, tested]) == [tested, untested]


@pytest.mark.parametrize(
    ("choice", "process", "says"),
    [
        ("Two periods", "order_to_cash", "How A differs"),
        ("Two values of an attribute", "order_to_cash", "How A differs"),
        ("Two values of an attribute", "wide", "How A differs"),
        ("These filters and all others", "order_to_cash", "No filter is in force"),
        ("A saved view", "bestellung", "No view of this process is saved"),
    ],
)
def test_every_way_to_choose_groups_compares_or_says_what_is_missing(filled_home, choice, process, says):
    app = page("compare", process=process)
    app.segmented_control(key=f"compare_by_{process}").set_value(choice).run()
    assert not app.exception and "nobody foresaw" not in words(app), words(app)
    assert says in words(app)


def test_a_saved_view_is_a_group(filled_home):
    from lake.saved_views import delete_view, save_view

    packed = Stack((CANCELLED,)).packed()
    save_view("Cancelled ones", page="cases", query=f"process=order_to_cash&filters={packed}")
    save_view("Broken", page="cases", query="process=order_to_cash&filters=nonsense")
    try:
        found = cohorts.saved_stacks("order_to_cash", None)
        assert found == {"Cancelled ones": (CANCELLED,)}
        assert cohorts.saved_stacks("wide", None) == {}
    finally:
        for name in ("Cancelled ones", "Broken"):
            delete_view(name)


def test_an_address_brings_the_choice_of_the_two_groups_along(filled_home):
    groups = {
        "compare_by_order_to_cash": "Two values of an attribute",
        "by_order_to_cash": "resource",
        "one_resource_order_to_cash": "user 2",
        "other_resource_order_to_cash": "user 3",
    }
    app = AppTest.from_file(str(APP), default_timeout=60)
    for key, value in {"process": "order_to_cash", **groups}.items():
        app.query_params[key] = value
    app.switch_page("app_pages/compare.py").run()
    assert not app.exception
    assert app.selectbox(key="by_order_to_cash").value == "resource"
    assert "user 2" in words(app) and "user 3" in words(app), words(app)[-2000:]
