"""What the pages are made of: words, cards, key figures, health, forecasts in words, ad hoc SQL."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

import lake
from apps.streamlit import figures, health, outlooks, reading
from apps.streamlit.cards import Card, cards, sparkline
from apps.streamlit.mined import mined_log
from apps.streamlit.variant_list.component import MOST_CHEVRONS, variant_rows
from apps.streamlit.wording import age, amount, duration, number, plain, safe, share
from lake.registry import Process

EVIL = '"><script>alert(1)</script>'


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.25, "250 ms"),
        (59, "59.0 s"),
        (90, "1.5 min"),
        (5400, "1.5 h"),
        (86_400 * 3.21, "3.2 d"),
        (86_400 * 800, "2.2 y"),
        (365.25 * 86_400 * 24_146, "24,146 y"),  # what all cases together lose
        (-5400, "-1.5 h"),
    ],
)
def test_a_duration_is_said_in_its_largest_fitting_unit(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("part", "words"), [(None, "–"), (0, "0 %"), (1, "100 %"), (0.5, "50 %"), (0.99999, "> 99.9 %"), (0.00001, "< 0.1 %")]
)
def test_a_share_is_never_rounded_to_all_or_nothing(part, words):
    assert share(part) == words


def test_numbers_and_amounts_are_short_and_have_their_unit():
    assert [number(value) for value in (12, 1234.4, 123_456, 1_290_000, 2.5e9, None)] == [
        "12",
        "1,234",
        "123 k",
        "1.29 M",
        "2.50 G",
        "–",
    ]
    assert amount(12.5, "days") == "12.5 days"
    assert amount(12, "orders") == "12"


def test_an_age_is_said_from_now():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert age(now - timedelta(hours=3), now=now) == "3.0 h ago"
    assert age(None) == "never"


class Tags(HTMLParser):
    """Remembers every element of some HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)


def test_what_people_wrote_is_text_in_cards_and_in_markdown():
    tags = Tags()
    tags.feed(cards([Card(EVIL, EVIL, EVIL, 0.2, True, EVIL, (1, 2, 3), (), EVIL)]))
    assert set(tags.found) <= {"div", "span", "small", "img"}
    assert "<" not in safe(EVIL)
    assert plain("<b>*x*") == r"\<b\>\*x\*"


def test_a_sparkline_bears_flat_short_and_forecast_trends():
    assert sparkline([]) == sparkline([1]) == ""
    assert "nan" not in sparkline([5, 5, 5], [(5, 4, 6)])


def test_a_variant_of_a_thousand_events_is_shown_in_part_and_says_how_much_is_left():
    variant = {"rank": 1, "cases": 1, "share": 1.0, "cumulative_share": 1.0, "median_seconds": 1.0, "length": 1000, "fitness": None}
    (row,) = variant_rows([{**variant, "is_fitting": None, "activities": ["a"] * 1000}], {})
    assert (len(row["steps"]), row["more"], row["fitness"]) == (MOST_CHEVRONS, 1000 - MOST_CHEVRONS, "–")


def test_a_process_has_the_key_figures_its_definition_names_and_an_imported_one_has_none(filled_home):
    now = datetime.now(UTC)
    named = Process("order_to_cash", "Order to cash", "product", now, {"kpis": [{"kpi": "orders"}, "revenue"]})
    assert [kpi["kpi"] for kpi in figures.kpis_of(named)] == ["orders", "revenue"]
    assert len(figures.kpis_of(Process("x", "X", "product", now))) == 4
    assert figures.kpis_of(Process("x", "X", "file", now)) == []


def test_a_key_figure_is_summed_averaged_or_read_off_by_its_kind(filled_home):
    process = Process("order_to_cash", "Order to cash", "product", datetime.now(UTC))
    found = {card.title: card for card in figures.domain_cards(process)}
    assert found["Orders"].foot.startswith("sum of 28 days")
    assert found["Order cycle time"].foot.startswith("mean of 28 days")
    assert found["Open orders"].foot.startswith("last day")
    assert len(found["Orders"].outlook) == 8
    assert found["Open orders"].outlook == []
    assert found["Orders"].change == pytest.approx(found["Revenue"].change)


def test_a_mined_process_shows_its_pulse_and_its_fitness(filled_home):
    titles = [card.title for card in figures.process_cards(mined_log("order_to_cash"))]
    assert titles[:3] == ["Cases started", "Cases completed", "Open cases"]
    assert "Perfectly fitting cases" in titles


def test_health_counts_the_newest_result_of_each_check_and_the_age_of_each_source(filled_home):
    checks = health.latest_checks()
    assert health.tally(checks) == {"passed": 2, "warnings": 1, "errors": 0}
    assert [check["subject"] for check in health.of_process(checks, "order_to_cash")] == ["order_to_cash"]
    assert {row["source"]: health.status(row["loaded_at"]) for row in health.freshness()} == {"erp": "ok", "crm": "bad"}
    assert health.quarantine_reasons()[0]["rows"] == 10
    assert len(health.quarantined("crm")) == 0


def test_a_check_that_had_no_rows_stands_beside_the_last_one_that_had(filled_home):
    (check,) = [check for check in health.latest_checks() if check["check_name"] == "key is unique"]
    assert (check["rows_checked"], check["last_rows_checked"], check["last_rows_failed"]) == (0, 1000, 0)
    assert check["last_rows_at"] < check["checked_at"]


def test_imported_files_are_no_source_that_grows_stale(filled_home):
    assert "file" in {row["source"] for row in health.loads()}
    assert "file" not in {row["source"] for row in health.freshness()}


@pytest.mark.parametrize(
    ("model", "mase", "coverage", "words"),
    [
        ("m", 0.8, 0.78, "20 % below"),
        ("m", 0.97, 0.8, "hardly better"),
        ("m", 1.3, 0.8, "hardly better"),
        ("m", 0.8, 0.5, "too narrow"),
        ("seasonal_naive", None, None, "Nothing tried has done better"),
        ("other", None, None, "sketch"),
    ],
)
def test_the_note_on_a_forecast_is_honest(model, mase, coverage, words):
    naive = {"model": "seasonal_naive", "mase": 1.0, "coverage_80": 0.8}
    assert words in outlooks.honest_note([{"model": "m", "mase": mase, "coverage_80": coverage}, naive], model)


def test_the_pages_connection_is_renewed_after_many_questions_and_who_has_it_keeps_it(filled_home, monkeypatch):
    monkeypatch.setattr(reading, "RENEWED_AFTER", 5)
    reading._connection.clear()
    made, connect = [], lake.connect
    monkeypatch.setattr(lake, "connect", lambda **how: made.append(connect(**how)) or made[-1])

    def work(cursor):
        if len(made) == 1:  # the renewal comes while this question is being answered
            for _ in range(6):
                reading.with_connection(lambda other: other.execute("select 1").fetchone())
        return cursor.execute("select count(*) from event_logs.order_to_cash").fetchone()

    assert reading.with_connection(work) == reading.with_connection(work)
    assert len(made) in (2, 3)  # of eight questions one or two are a fifth one
    assert reading.with_connection(lambda cursor: cursor.execute("select 1").fetchone()) == (1,)
