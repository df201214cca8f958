"""A filter stack: in words, packed for the address and back, as SQL; and what a broken address gives."""

import base64
import json
import zlib
from datetime import UTC, datetime

import pytest

from apps.streamlit.filter_forms import _FORMS, TITLES
from apps.streamlit.stack import MOST_BYTES, Stack, unpacked
from lake.errors import DataError
from mining import filters as f

ALL = (
    f.Timeframe(datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC), "started"),
    f.Variants(top=5),
    f.Endpoints(starts=("Create order",), keep=False),
    f.Duration(minimum=3 * 86400.0),
    f.Length(2, 9),
    f.Cases(("case 1", "case <b>2</b>")),
    f.Sample(share=0.5),
    f.State(("Ship goods",)),
    f.AnyOf((f.Duration(maximum=60.0), f.Length(minimum=3))),
    f.AllBut((f.Duration(maximum=60.0), f.Length(minimum=3))),
    f.Attribute("resource", ("user 1", None), "forbidden"),
    f.FourEyes(("Check credit",), ("Confirm order",)),
    f.Follows(("Create order",), ("Cancel order",), "never"),
    f.Path(("Create order", None, ("Ship goods", "Cancel order")), from_start=True),
    f.Performance(("Create order",), None, maximum=7200.0),
    f.Rework(("Check credit",), 2),
    f.Trim(("Create order",), ("Ship goods",), "first"),
)
WORDS = (
    "Started in 2024-02-01 to 2024-02-29",
    "The 5 most frequent variants",
    "Not: cases that start with Create order",
    "Cases that take at least 3.0 d",
    "Cases of 2 to 9 events",
    "Case case 1 or case <b>2</b>",
    "50 % of cases by chance",
    "Last did Ship goods at the log's end",
    "Cases that take at most 1.0 min or Cases of at least 3 events",
    "All but: Cases that take at most 1.0 min; Cases of at least 3 events",
    "Never resource = user 1 or no value",
    "Check credit and Confirm order by different resource",
    "Create order never followed by Cancel order",
    "start → Create order → anything → Ship goods or Cancel order",
    "From Create order to the end: at most 2.0 h",
    "Check credit done at least 2 times",
    "Only events from Create order to the first Ship goods",
)


def packed(text: str) -> str:
    return base64.urlsafe_b64encode(zlib.compress(text.encode())).decode().rstrip("=")


def test_every_kind_of_filter_has_words_a_title_and_a_form():
    assert {type(part) for part in ALL} == set(f.KINDS.values())
    assert tuple(Stack(ALL).words()) == WORDS
    assert set(TITLES) == set(_FORMS) == set(f.KINDS)


def test_a_stack_survives_the_way_through_the_address():
    stack = Stack(ALL, process="order_to_cash")
    assert tuple(unpacked(stack.packed())) == ALL
    assert unpacked("") == () and Stack().packed() == ""
    assert set(stack.packed()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert stack.json == f.filters_to_json(ALL)
    assert hash(stack) == hash(Stack(ALL)), "it can key a cache"


@pytest.mark.parametrize(
    "words",
    [
        "no base64 !",
        "abcd",
        packed("no json"),
        packed('{"filter": "length"}'),
        packed('[{"filter": "nonsense"}]'),
        packed('[{"filter": "length", "minimum": "many"}]'),
        packed('[{"filter": "length", "depth": 3}]'),
        packed("[1]"),
        packed("[" * 5000),
        packed(json.dumps([{"filter": "cases", "ids": ["x" * MOST_BYTES]}])),
        packed("[]")[:-3],
    ],
)
def test_an_address_that_holds_no_stack_is_a_clear_error(words):
    with pytest.raises(DataError) as caught:
        unpacked(words)
    assert caught.value.remedy


def test_the_sql_of_a_stack_selects_the_events_it_keeps(filled_home):
    import lake
    from apps.streamlit import mined

    for parts in ((f.Length(minimum=7),), (ALL[-1], f.Length(minimum=2)), ()):
        stack = Stack(parts, process="order_to_cash")
        with lake.connect(read_only=True) as connection:
            if not any(part.is_of_events for part in parts):  # a cut log's layout lives as long as its own connection
                assert (
                    connection.execute(f"select count(*) from ({stack.sql()})").fetchone()[0]
                    == mined.kept("order_to_cash", stack)[1]
                )
        assert "event_logs" in stack.sql()


def test_two_filters_with_the_same_settings_are_not_taken_for_each_other(filled_home):
    # the cache once looked at a filter's settings alone, and Duration(3, None) has the same ones as Length(3, None)
    from apps.streamlit import mined

    assert mined.kept("order_to_cash", (f.Length(minimum=4),)) == (270, 1680)
    assert mined.kept("order_to_cash", (f.Duration(minimum=4),)) == (300, 1770)
