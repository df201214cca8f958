"""The filter bar: what is added narrows every page, can be moved, undone and removed, and the address carries it."""

from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from apps.streamlit.stack import Stack, unpacked
from mining import filters as f
from tests.apps.test_pages_run import APP, words

LONG, NO_CANCEL = f.Length(minimum=7), f.Attribute("activity", ("Cancel order",), "forbidden")


def visit(name: str = "variants", process: str = "order_to_cash", **query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.query_params["process"] = process
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    app.switch_page(f"app_pages/{name}.py").run()
    assert not app.exception and "nobody foresaw" not in words(app), words(app)
    return app


def stack_of(app: AppTest) -> tuple[f.Filter, ...]:
    said = app.query_params.get("filters", "")
    return tuple(unpacked(said[0] if isinstance(said, list) else said))


def click(app: AppTest, key_starts: str) -> None:
    next(button for button in app.button if (button.key or "").startswith(key_starts)).click().run()
    assert not app.exception, app.exception


@pytest.mark.parametrize(
    ("name", "says"), [("variants", "among <b>60</b> cases"), ("process_map", "Where the time goes"), ("overview", "60")]
)
def test_filters_in_the_address_narrow_every_page_of_the_process(filled_home, name, says):
    app = visit(name, filters=Stack((LONG,)).packed())
    assert says in words(app)
    assert "<b>60</b> of 300 cases (20 %)" in words(app)
    assert stack_of(app) == (LONG,)


def test_a_filter_is_moved_undone_removed_and_cleared(filled_home):
    app = visit(filters=Stack((LONG, NO_CANCEL)).packed())
    click(app, "later-0-")
    assert stack_of(app) == (NO_CANCEL, LONG)
    click(app, "undo-")
    assert stack_of(app) == (LONG, NO_CANCEL)
    click(app, "remove-0-")
    assert stack_of(app) == (NO_CANCEL,)
    click(app, "clear-")
    assert stack_of(app) == ()
    assert "All 300 cases" in words(app)
    click(app, "undo-")
    assert stack_of(app) == (NO_CANCEL,)


def test_a_process_keeps_its_own_filters(filled_home):
    app = visit(filters=Stack((LONG,)).packed())
    app.sidebar.selectbox(key="process").set_value("bestellung").run()
    assert "All 80 cases" in words(app)
    app.sidebar.selectbox(key="process").set_value("order_to_cash").run()
    assert stack_of(app) == (LONG,)


def test_filters_in_the_address_that_cannot_be_read_are_left_out_and_said(filled_home):
    app = visit("overview", filters="nonsense")
    said = words(app)
    assert "All 300 cases" in said
    broken = AppTest.from_file(str(APP), default_timeout=60)
    broken.query_params["filters"] = "nonsense"
    broken.run()
    assert "The filters in the address are left out" in words(broken)


def test_a_filter_the_log_cannot_bear_is_said_in_place_of_the_figures(filled_home):
    app = visit(filters=Stack((f.Attribute("colour", ("red",)),)).packed())
    assert "A filter cannot be applied" in words(app)
    assert "has no attribute `colour`" in words(app)
    click(app, "remove-0-")
    assert "All 300 cases" in words(app)


@pytest.mark.parametrize("name", ["overview", "process_map", "variants"])
def test_a_stack_that_no_case_passes_says_so(filled_home, name):
    app = visit(name, filters=Stack((f.Length(minimum=500),)).packed())
    assert "No case passes these filters" in words(app)


def test_days_of_a_timeframe_are_both_included(filled_home):
    from apps.streamlit.filter_forms import timeframe

    app = visit(filters=Stack((timeframe(date(2024, 2, 1), date(2024, 3, 1)),)).packed())
    assert "among <b>26</b> cases" in words(app)
    assert any("Active in 2024-02-01 to 2024-03-01" in str(html.proto) for html in app.get("html"))


FORMS = {
    "timeframe": f.Timeframe,
    "sample": f.Sample,
    "variants": f.Variants,
    "rework": f.Rework,
}


def form_app(kind: str, process: str) -> None:
    import streamlit as st

    from apps.streamlit.filter_forms import Offer, form
    from apps.streamlit.mined import mined_log
    from lake.errors import GrimoireError

    make = form(kind, Offer(mined_log(process)))
    try:
        st.session_state["made"] = make()
    except GrimoireError as error:
        st.session_state["made"] = error


@pytest.mark.parametrize("process", ["order_to_cash", "bestellung", "single"])
@pytest.mark.parametrize("kind", list(f.KINDS))
def test_every_form_makes_its_filter_or_says_what_is_missing(filled_home, kind, process):
    app = AppTest.from_function(form_app, args=(kind, process), default_timeout=60).run()
    assert not app.exception, app.exception
    made = app.session_state["made"]
    assert isinstance(made, FORMS[kind]) if kind in FORMS else made.remedy


@pytest.mark.parametrize(
    ("kind", "filled", "expected"),
    [
        ("attribute", {"form_Activities": ["Cancel order"]}, f.Attribute("activity", ("Cancel order",))),
        ("endpoints", {"form_Ends with": ["Cancel order"]}, f.Endpoints(None, ("Cancel order",))),
        ("duration", {"form_Time least": 2.0}, f.Duration(172800.0)),
        ("length", {"form_Events most": 6}, f.Length(None, 6)),
        ("follows", {"form_Activity": ["Create order"], "form_Follower": ["Ship goods"]},
         f.Follows(("Create order",), ("Ship goods",))),
        ("path", {"form_steps": ["Create order", "(any activity)"]}, f.Path(("Create order", None))),
        ("performance", {"form_From": ["Create order"], "form_Time most": 1.0},
         f.Performance(("Create order",), None, None, 86400.0)),
        ("four_eyes", {"form_One activity": ["Ship goods"], "form_The other": ["Send invoice"]},
         f.FourEyes(("Ship goods",), ("Send invoice",), "same")),
        ("state", {"form_What they did last": ["Cancel order"]}, f.State(("Cancel order",))),
        ("trim", {"form_From": ["Confirm order"]}, f.Trim(("Confirm order",))),
        ("any_of", {"form_Cases with any of": ["Cancel order"], "form_Time most": 1.0},
         f.AnyOf((f.Attribute("activity", ("Cancel order",)), f.Duration(None, 86400.0)))),
        ("all_but", {"form_All but the cases with": ["Cancel order"]}, f.AllBut((f.Attribute("activity", ("Cancel order",)),))),
    ],
)  # fmt: skip
def test_a_form_that_is_filled_in_makes_that_filter_and_the_log_answers_it(filled_home, kind, filled, expected):
    from apps.streamlit import mined

    app = AppTest.from_function(form_app, args=(kind, "order_to_cash"), default_timeout=60).run()
    for key, value in filled.items():
        widget = next(one for one in (*app.multiselect, *app.number_input) if one.key == key)
        widget.set_value(value)
    app.run()
    assert not app.exception, app.exception
    made = app.session_state["made"]
    assert made.to_json() == expected.to_json()
    assert mined.kept("order_to_cash", (made,))[0] <= 300


def test_bounds_that_are_swapped_are_refused(filled_home):
    app = AppTest.from_function(form_app, args=("length", "order_to_cash"), default_timeout=60).run()
    app.number_input(key="form_Events least").set_value(9)
    app.number_input(key="form_Events most").set_value(2).run()
    assert "more than the most" in app.session_state["made"].problem
