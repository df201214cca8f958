"""Search leads to pages, processes, key figures, products and cases; what goes wrong on a page gets a number and no trace."""

import pytest

from apps.streamlit import contents
from apps.streamlit.search import find


def hits(words: str, process: str = "order_to_cash") -> dict[str, list[str]]:
    from apps.streamlit.choices import known_processes

    found: dict[str, list[str]] = {}
    for hit in find(words, next((one for one in known_processes() if one.name == process), None)):
        found.setdefault(hit.kind, []).append(hit.title)
    return found


def test_everything_a_person_may_look_for_is_found(filled_home):
    assert hits("variant") == {"Page": ["Variants"]}
    assert "Order to cash" in hits("ORDER cash")["Process"]
    assert hits("cycle time")["Key figure"] == ["Order cycle time"]
    assert "products.kpis__weekly" in hits("kpis__weekly")["Data product"]
    assert hits("case 29")["Case"][0] == "case 29 of Order to cash"


@pytest.mark.parametrize("words", ["", "   ", "no such thing", "'; drop table x; --", "$1 no"])
def test_what_is_not_there_is_not_found(filled_home, words):
    assert hits(words) == {}


def test_a_case_leads_to_its_timeline(filled_home):
    from apps.streamlit.choices import known_processes

    process = next(one for one in known_processes() if one.name == "order_to_cash")
    hit = next(hit for hit in find("case 299", process) if hit.kind == "Case")
    assert hit.query == {"process": "order_to_cash", "case_order_to_cash": "case 299"}
    assert contents.entry(hit.page).title == "Cases"


def test_every_page_has_a_place_in_the_contents():
    from pathlib import Path

    folder = Path(__file__).resolve().parents[2] / "apps" / "streamlit" / "app_pages"
    assert {page.name for page in contents.PAGES} == {path.stem for path in folder.glob("*.py")}


def test_an_unforeseen_error_is_written_to_the_log_with_its_number(grimoire_home):
    from apps.streamlit.mishaps import log_file, record

    def fail() -> None:
        raise ValueError("nobody foresaw this")

    try:
        fail()
    except ValueError as error:
        number, where = record(error)
    text = log_file().read_text(encoding="utf-8")
    assert number in text and "nobody foresaw this" in text and "Traceback" in text
    assert log_file().name in where


def mishap_app() -> None:
    from apps.streamlit.mishaps import guarded

    with guarded():
        raise ZeroDivisionError("secret detail")


def test_a_page_shows_a_number_and_no_trace(grimoire_home):
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_function(mishap_app).run()
    said = "".join(str(html.proto) for html in app.get("html"))
    assert not app.exception
    assert "Its number is" in said and "grimoires-errors.log" in said
    assert "secret detail" not in said and "Traceback" not in said
