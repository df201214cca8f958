"""Cases are found, sorted and paged; one of them is shown with its objects, alignment and source rows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import lake
from apps.streamlit import case_figures, case_timeline, worth_a_look
from apps.streamlit.case_figures import DOWN, UP, Search
from apps.streamlit.stack import Stack
from lake.journal import ensure_platform_tables
from lake.registry import register_process
from mining.filters import Cases, Length
from tests.apps.test_pages_run import page, words

pytestmark = pytest.mark.slow  # a log is mined for real

EVIL = "<script>alert(1)</script>"
DEFINITION = {
    "happy_path": ["Order", "Ship", "Pay"],
    "end_activities": ["Pay"],
    "case_attributes": ["country"],
    "slas": [{"name": "shipping", "text": "Goods leave in a day", "from": "Order", "to": "Ship", "within_hours": 24}],
}
# case, activities, hours between them, country; a case called NA, one of a single event, one with unicode and markup
TOLD = (
    *((f"C{number:02}", ("Order", "Ship", "Pay"), 10 + number, "DE") for number in range(40)),
    *((f"D{number:02}", ("Order", "Check", "Check", "Ship", "Pay"), 40, "FR") for number in range(8)),
    ("NA", ("Order", "Pay"), 5, "NA"),
    ("one", ("Order",), 0, None),
    (EVIL, ("Order", "受注 · größe", "Pay"), 3, "<b>x</b>"),
)


@pytest.fixture(scope="module")
def told_home(module_home: Path) -> Iterator[Path]:
    """A lake with one mined log whose cases share objects."""

    def fill(connection):
        ensure_platform_tables(connection)
        connection.execute("create schema event_logs; create schema raw_files")
        connection.execute("create temp table told (case_id text, activities text[], hours integer, country text)")
        connection.executemany("insert into told values (?, ?, ?, ?)", [(c, list(a), h, x) for c, a, h, x in TOLD])
        connection.execute(
            """create table event_logs.told as
               select case_id, activity, timestamptz '2024-03-04 08:00:00+00' + to_hours((hours * (n - 1))::integer) as occurred_at,
                   null::timestamptz as started_at, 'user ' || n as resource, row_number() over (order by case_id, n) as source_row,
                   'file:' || row_number() over (order by case_id, n) as event_id, country, n as position
               from told, unnest(activities) with ordinality as u(activity, n)"""
        )
        connection.execute("create table raw_files.told as select * exclude (event_id) from event_logs.told")
        connection.execute(
            """create table event_logs.told__objects as
               select 'order:' || case_id as object_id, 'order' as object_type from told union all select 'truck:1', 'truck'"""
        )
        connection.execute(
            """create table event_logs.told__event_objects as
               select event_id, 'order:' || case_id as object_id, 'of' as qualifier from event_logs.told
               union all select event_id, 'truck:1', 'on' from event_logs.told where activity = 'Ship'"""
        )
        register_process(connection, "told", title="Told", origin="file", definition=DEFINITION)

    lake.in_transaction(fill)
    from mining import mine

    mine("told")
    yield module_home


def ids(search: Search, stack=(), **how) -> list[str]:
    return [row["case_id"] for row in case_figures.page("told", stack, search, limit=how.pop("limit", 100), **how)]


def test_cases_are_found_by_a_part_of_their_id_or_of_an_attribute(told_home):
    assert ids(Search("d0")) == [f"D0{number}" for number in range(8)]
    assert case_figures.found("told", (), Search("d0")) == 8
    assert ids(Search("NA")) == ["NA"] == ids(Search("na", column="country"))
    assert ids(Search("<b>", column="country")) == [EVIL]
    assert ids(Search("%")) == [] == ids(Search("'; drop table x; --"))


def test_cases_are_sorted_and_cut_to_pages_of_which_none_is_left_out(told_home):
    whole = ids(Search(sort="By case id"))
    assert whole == sorted(case for case, *_ in TOLD)
    pages = [case for offset in range(0, 51, 7) for case in ids(Search(sort="By case id"), limit=7, offset=offset)]
    assert pages == whole and case_figures.found("told", (), Search()) == len(TOLD) == 51
    assert ids(Search(sort="Shortest first"))[:3] == ["one", "NA", EVIL]
    assert ids(Search(sort="Most events first"))[0] == "D00"
    assert ids(Search(sort=f"country {UP}"))[0] == EVIL, "< comes before letters"
    assert ids(Search(sort=f"country {DOWN}"))[-1] == "one", "what has no value comes last"


def test_a_list_heeds_the_filters_and_carries_the_attributes_asked_for(told_home):
    few = (Length(minimum=5),)
    found = case_figures.page("told", few, Search(), ["country", "resource"], limit=50)
    assert {row["case_id"] for row in found} == {f"D0{number}" for number in range(8)}
    assert {(row["country"], row["resource"]) for row in found} == {("FR", "user 1")}, "an attribute is the first known value"


def test_a_case_knows_its_variant_objects_gaps_and_whether_filters_keep_it(told_home):
    case = case_figures.case("told", "D03", (Cases(("C01",)),))
    assert case.path == ["Order", "Check", "Check", "Ship", "Pay"]
    assert case.gaps == [None, *[40 * 3600.0] * 4] and case.seconds == 160 * 3600
    assert (case.rank, case.variant_cases, case.is_kept) == (2, 8, False)
    assert {link["object_id"] for link in case.objects} == {"order:D03", "truck:1"}
    assert case.constant == {"country": "FR"}
    assert case_figures.case("told", "nobody") is None
    assert case_figures.case("told", "NA").path == ["Order", "Pay"]


def test_the_alignment_of_a_case_holds_its_events_in_their_order(told_home):
    for name in ("C00", "D00", EVIL):
        case = case_figures.case("told", name)
        moves = zip(case.alignment["move_kinds"], case.alignment["move_activities"], strict=True)
        assert [activity for kind, activity in moves if kind != "model"] == case.path


def test_the_landed_rows_of_a_case_are_found_by_their_numbers(told_home):
    case = case_figures.case("told", "D03")
    ((table, found, _),) = case_figures.source_rows("told", case.events)
    assert table.key == "raw_files.told"
    assert [row["source_row"] for row in found] == [event["source_row"] for event in case.events]


def test_a_timeline_has_a_lane_for_each_object_and_says_the_longest_waits(told_home):
    points, left_out = case_timeline.rows_of(case_figures.case("told", "D03"), {"Ship": "#123456"}, "#000000")
    lanes = {point["lane"] for point in points}
    assert lanes == {case_timeline.LANE, "order D03", "truck 1"} and left_out == 0
    on_truck = [point for point in points if point["lane"] == "truck 1" and point["kind"] == "event"]
    assert [(point["activity"], point["colour"]) for point in on_truck] == [("Ship", "#123456")]
    assert [point["label"] for point in points if point["kind"] == "gap"] == ["1.7 d"] * 4
    single, _ = case_timeline.rows_of(case_figures.case("told", "one"), {}, "#000000")
    assert [point["kind"] for point in single if point["lane"] == case_timeline.LANE] == ["lane", "event"]


def test_chevrons_hold_text_as_text():
    drawn = case_timeline.chevrons([("both", EVIL), ("model", "skip"), ("log", "more"), ("model", "")])
    assert "<script>" not in drawn and "&lt;script&gt;" in drawn
    assert drawn.count("gr-step ") == 3


def test_what_is_worth_a_look_is_said_with_its_figures(told_home):
    from apps.streamlit import mined
    from apps.streamlit.mined import mined_log

    log, stack = mined_log("told"), Stack(process="told")
    slas = worth_a_look.agreements("told", stack, DEFINITION)
    assert [(row["cases"], row["met"], row["breached"]) for row in slas] == [(51, 15, 33)]
    found = {finding.kind: finding for finding in worth_a_look.findings(log, stack, slas)}
    assert "Goods leave in a day" in found["Broken agreement"].sentence and " → " in found["Bottleneck"].sentence
    assert all(finding.entry.path.startswith("app_pages/") for finding in found.values())
    few = Stack((Length(minimum=5),), process="told")
    slower = worth_a_look.findings(mined.summary(log, few), few, worth_a_look.agreements("told", few, DEFINITION))
    broken = next(finding for finding in slower if finding.kind == "Broken agreement")
    assert broken.sentence == "Goods leave in a day: 100 %, 8 cases."


@pytest.mark.parametrize("case", ["C00", "NA", "one", EVIL, "nobody"])
def test_the_page_shows_any_case_or_says_there_is_none(told_home, case):
    from streamlit.testing.v1 import AppTest

    from tests.apps.test_pages_run import APP

    app = AppTest.from_file(str(APP), default_timeout=60)
    app.query_params["process"] = "told"
    app.run()
    app.switch_page("app_pages/cases.py")
    app.query_params["case_told"] = case
    app.run()
    assert not app.exception and "nobody foresaw" not in words(app), words(app)
    assert "There is no such case" in words(app) if case == "nobody" else "Time is to scale" in words(app)
    assert "<script>" not in words(app)


def test_the_overview_and_the_variants_tell_agreements_and_the_happy_path(told_home):
    assert "Goods leave in a day" in words(page("overview", process="told"))
    assert "run exactly along the happy path" in words(page("variants", process="told"))


def test_a_column_of_the_contract_without_a_value_is_no_attribute(told_home):
    assert case_figures.attributes("told") == ["resource", "event_id", "country", "position"]  # and not started_at
