"""The Data quality page's suites, scores and desk: what they say, and that a decision needs a reason and a confirmation."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import lake
from connectors.dead_letters import dead_letters
from lake.journal import CheckResult, insert_rows, record_checks, record_scores
from lake.registry import register_process
from tests.apps.test_pages_run import page, words


def fill(connection: Any) -> None:
    register_process(connection, "shop", title="Shop", origin="file")
    failed = CheckResult("event_logs", "shop", "no event is there twice", False, "warning", False, 9, 2, "2 of 9. See the joins.")
    record_checks(connection, [failed, CheckResult("products", "orders", "id is a key", True)], snapshot_id=1)
    for value in (80.0, 95.5):
        record_scores(connection, [("event_logs", "shop", value, 12, 1)], snapshot_id=1)
    flagged = [
        (datetime.now(UTC), "event_logs", "shop", key, "no event is there twice", "2 of 9", '{"note": "<b>no</b>"}', "1", None,
         "flagged", None, None, None)
        for key in ("c1", "c2")
    ]  # fmt: skip
    insert_rows(connection, "quarantine.rows", flagged)


@pytest.fixture
def quality(grimoire_home: Path) -> AppTest:
    lake.in_transaction(fill)
    return page("data_quality")


def test_scores_and_suites_say_how_good_a_log_is_and_what_offends_it(quality: AppTest) -> None:
    said = words(quality)
    assert "95.5" in said
    assert "1 of 12 checks failed" in said
    assert quality.selectbox(key="suite_of").value == ("event_logs", "shop"), "what failed comes first"
    assert "See the joins" in said
    assert "&lt;b&gt;no&lt;/b&gt;" in said, "a row's words stay words"


def test_a_row_is_waived_only_with_a_reason_and_a_confirmation(quality: AppTest) -> None:
    first = dead_letters("event_logs", kind="flagged")[0]
    quality.multiselect(key="chosen").set_value([first.id]).run()
    assert quality.radio(key="waive_how").options == ["Accept as it is"], "what is in a log cannot be dropped"
    assert quality.button(key="waive").disabled
    quality.text_input(key="waive_note").set_value("entered twice on purpose").run()
    assert quality.button(key="waive").disabled
    quality.checkbox(key="waive_sure").check().run()
    quality.button(key="waive").click().run()
    assert not quality.exception
    (kept,) = dead_letters("event_logs", kind="flagged", is_open=False)
    assert (kept.id, kept.resolution, kept.note) == (first.id, "accepted", "entered twice on purpose")
    assert first.id not in quality.multiselect(key="chosen").options
