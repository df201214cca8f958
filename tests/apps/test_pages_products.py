"""The page Data products and the evidence below figures: what they say, what they hide, and what costs nothing until asked."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from apps.streamlit import catalogue, evidence, lineage
from apps.streamlit.reading import Asked, literal, noted, rows
from lake.catalog import Catalog, Column, Reader, Table

APP = Path(__file__).resolve().parents[2] / "apps" / "streamlit" / "frame.py"
PARTS = ("Columns", "Lineage", "Checks", "Rows", "SQL")


def sheet(product: str, part: str = "Columns") -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.run()
    app.switch_page("app_pages/data_products.py")
    app.query_params["product"], app.query_params["part"] = product, part
    app.run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    kinds = ("html", "markdown", "caption", "subheader", "code")
    return "\n".join(str(element.proto) if kind == "html" else str(element.value) for kind in kinds for element in app.get(kind))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("product", ["kpis__daily", "order_to_cash", "raw_erp.sale_orders", "platform.loads", "sales__orders"])
def test_every_part_of_a_sheet_is_shown_for_every_kind_of_table(filled_home, product, part):
    assert product.rpartition(".")[2] in words(sheet(product, part))


def test_a_sheet_says_owner_contract_and_columns(filled_home):
    said = words(sheet("kpis__daily"))
    assert "Controlling" in said and "contract enforced" in said and "higher_is_better" in said


def test_an_address_that_names_no_product_is_met_with_the_list(filled_home):
    app = sheet("sales_order")
    assert "sales__orders" in words(app)
    assert app.button(key="back").label == "All data products"


def test_the_search_finds_columns_and_says_which(filled_home):
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.run()
    app.switch_page("app_pages/data_products.py").run()
    app.text_input(key="find_product").set_value("higher better").run()
    shown = app.dataframe[0].value
    assert set(shown["Name"]) == {"kpis__daily", "kpis__weekly", "kpis__series"}
    assert set(shown["Found in"]) == {"higher_is_better"}


def test_sensitive_columns_are_masked_in_a_sample_whether_classified_or_only_looking_it():
    columns = (
        Column("salesperson", "varchar", classification="public"),  # a person's word counts
        Column("contact", "varchar"),
        Column("first_name", "varchar"),
        Column("code", "varchar", classification="sensitive"),
        Column("state", "varchar"),
    )
    row = {"salesperson": "Ann", "first_name": "Ann", "code": "x", "state": "open"}
    found = [{**row, "contact": f"a{n}@example.com"} for n in "bc"]
    assert catalogue.hidden_columns(Table("products", "t", "products", columns=columns), found) == ["contact", "first_name", "code"]


def company() -> Catalog:
    tables = [
        Table("raw_erp", "orders", "raw", domain="erp", downstream=("staging.orders",)),
        Table("staging", "orders", "staging", upstream=("raw_erp.orders",), downstream=("products.orders",)),
        Table(
            "products", "orders", "products", upstream=("staging.orders",), downstream=("event_logs.log",),
            readers=(Reader("sql", "SQL"), Reader("map", "Map")),
        ),
        Table("event_logs", "log", "event_logs", upstream=("products.orders",), readers=(Reader("map", "Map"),)),
    ]  # fmt: skip
    return Catalog({table.key: table for table in tables})


def test_the_lineage_picture_runs_from_the_system_to_the_pages_and_a_page_stands_behind_the_last_table_it_reads():
    known = company()
    shown = lineage.lineage(known, known.find("products.orders"))
    assert ("system:erp", "raw_erp.orders") in shown.edges
    assert {edge for edge in shown.edges if edge[1].startswith("page:")} == {
        ("products.orders", "page:sql"),
        ("event_logs.log", "page:map"),
    }
    drawn = lineage.picture(shown, known, of="products.orders")
    x = {node["id"]: node["x"] for node in drawn["nodes"]}
    assert x["system:erp"] < x["raw_erp.orders"] < x["staging.orders"] < x["products.orders"] < x["event_logs.log"] < x["page:map"]


def test_a_followed_column_stands_in_its_boxes_and_the_others_are_faint():
    known = company()
    shown = lineage.lineage(known, known.find("products.orders"))
    way = {"staging.orders": {"amount"}, "products.orders": {"total"}}
    drawn = lineage.picture(shown, known, of="products.orders", columns=way)
    notes = {node["id"]: node["note"] for node in drawn["nodes"]}
    assert notes["staging.orders"] == "amount" and notes["products.orders"] == "total"
    widths = {edge["id"]: edge["width"] for edge in drawn["edges"]}
    assert widths["staging.orders\x1fproducts.orders"] > widths["products.orders\x1fevent_logs.log"]


def test_a_picture_of_very_many_tables_leaves_out_what_is_far_away():
    parents = {f"staging.s{n}": Table("staging", f"s{n}", "staging", downstream=("products.p",)) for n in range(90)}
    known = Catalog({**parents, "products.p": Table("products", "p", "products", upstream=tuple(parents))})
    shown = lineage.lineage(known, known.find("p"))
    assert len(shown.boxes) == lineage.MOST_BOXES and shown.left_out == 91 - lineage.MOST_BOXES


def test_what_is_asked_is_noted_even_when_the_answer_was_kept(filled_home):
    for _ in range(2):
        with noted() as asked:
            rows("select kpi from products.kpis__daily where kpi = ? limit 1", "orders", needs=("products.kpis__daily",))
        assert [one.statement() for one in asked] == ["select kpi from products.kpis__daily where kpi = 'orders' limit 1"]


def test_values_stand_in_their_places_as_sql():
    asked = Asked("select $2, $1\n           from t", ("it's", 3))
    assert asked.statement() == "select 3, 'it''s'\nfrom t"
    assert [literal(value) for value in (None, True, 1.5, ["a"])] == ["null", "true", "1.5", "['a']"]


def test_the_tables_of_a_figure_are_those_named_and_those_its_sql_mentions():
    asked = [Asked("select * from mining.dfg join products.orders_old using (n)", (), ("event_logs.log",))]
    known = {"mining.dfg", "products.orders", "products.orders_old", "event_logs.log"}
    assert evidence.tables_of(asked, known) == ["event_logs.log", "products.orders_old", "mining.dfg"]


@pytest.mark.parametrize("name", ["overview", "process_map", "variants", "forecasts", "data_quality"])
def test_every_page_of_figures_offers_its_evidence_and_computes_none_of_it_unasked(filled_home, name, monkeypatch):
    monkeypatch.setattr(evidence, "_contents", lambda *_: pytest.fail("evidence was looked up before anybody asked"))
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.run()
    app.switch_page(f"app_pages/{name}.py").run()
    assert not app.exception, app.exception
