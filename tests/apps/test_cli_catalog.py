"""`grimoire catalog` and `grimoire classify` over the small lake of the pages: what a script reads and what a person is told."""

import json

import pytest
from typer.testing import CliRunner

from apps.cli.main import app
from lake.errors import UnknownTableError


def ask(*words: str) -> str:
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_list_holds_what_is_there_and_what_is_planned(filled_home):
    found = {row["table"]: row for row in json.loads(ask("catalog", "list", "--json"))}
    assert found["products.kpis__daily"]["kind"] == "table" and found["products.kpis__daily"]["rows"] == 2924
    assert found["products.sales__orders"]["kind"] == "not built"
    assert found["raw_erp.sale_orders"]["failed"] == 0  # described, not landed here
    assert "products.kpis__daily" in ask("catalog", "list")


def test_one_table_is_shown_in_words_and_whole_as_json(filled_home):
    assert "Controlling" in ask("catalog", "show", "kpis__daily")
    shown = json.loads(ask("catalog", "show", "kpis__daily", "--json"))
    assert shown["owner"] == "Controlling" and shown["columns"][0]["name"] == "kpi"


def test_lineage_names_the_source_tables_and_the_pages(filled_home):
    found = json.loads(ask("catalog", "lineage", "sales__orders", "--json"))
    assert "source.erp.sale_orders" in found["sources"]
    assert "staging.stg_erp__sale_orders" in found["upstream"]
    assert "Overview" in found["read_by"]


def test_a_column_that_is_not_there_is_an_error_that_names_those_there_are(filled_home):
    with pytest.raises(UnknownTableError, match="higher_is_better"):
        ask("catalog", "lineage", "kpis__daily", "--column", "heigher")


def test_what_is_not_made_by_sql_has_no_resolved_columns(filled_home):
    found = json.loads(ask("catalog", "lineage", "mining.dfg", "--column", "source", "--json"))
    assert (found["upstream"], found["unresolved"]) == ([], ["mining.dfg.source"])


def test_classify_lists_a_proposal_with_its_reason_and_writes_nothing_unasked(filled_home):
    found = json.loads(ask("classify", "customers__tickets", "--all", "--json"))
    assert found["written"] == {}
    proposals = {row["column"]: (row["proposal"], row["rule"]) for row in found["columns"]}
    assert proposals["assignee"] == ("sensitive", "named like a person")
    assert proposals["ticket_id"][0] == "public"
