"""Saved views: kept in the platform database, replaced by name, found again by another process, refused where nameless."""

import os
import subprocess
import sys

import pytest

from lake.errors import DataError
from lake.saved_views import delete_view, save_view, saved_view, saved_views

QUERY = "process=order_to_cash&filters=eJyL"


def test_a_view_is_saved_listed_replaced_and_deleted(grimoire_home):
    save_view("  Late   orders ", page="variants", query=QUERY)
    save_view("early", page="overview", query="")
    assert [view.name for view in saved_views()] == ["early", "Late orders"]
    save_view("Late orders", page="process_map", query=QUERY)
    found = saved_view("Late orders")
    assert found is not None and (found.page, found.query) == ("process_map", QUERY)
    assert len(saved_views()) == 2
    assert delete_view("Late orders") and not delete_view("Late orders")
    assert saved_view("Late orders") is None


def test_another_process_finds_a_saved_view(grimoire_home):
    save_view("Größe · 受注 %s '", page="variants", query=QUERY)
    code = "from lake.saved_views import saved_views; print([v.name for v in saved_views()])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True)
    assert "Größe · 受注 %s '" in answer.stdout


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "a\x00b"])
def test_a_view_without_a_usable_name_is_refused(grimoire_home, name):
    with pytest.raises(DataError, match="1 to 120"):
        save_view(name, page="variants", query=QUERY)


def test_an_address_that_is_too_long_is_refused(grimoire_home):
    with pytest.raises(DataError, match="too long"):
        save_view("long", page="variants", query="x" * 20_001)
