"""Mappings, views and event logs of a connection file: what is wrong is told with its field before anything runs."""

import re
from typing import Any

import pytest

from connectors.connection import Connection, connection_of
from connectors.dbt_files import check_declarations, dbt_files
from connectors.expressions import FaultyText, View, check_type, columns_of
from lake.errors import ConnectionFileError

SHOP: dict[str, Any] = {
    "name": "shop",
    "type": "sql",
    "address": "sqlite:///shop.sqlite",
    "resources": [{"name": "statuses", "key": "id"}, {"name": "orders", "key": "id"}],
}
COLUMNS = {
    "statuses": {"id": "bigint", "name": "varchar"},
    "orders": {"id": "bigint", "number": "varchar", "status_id": "bigint", "ordered_at": "timestamptz", "total": "decimal(14, 2)"},
}
LOG = {
    "name": "sales",
    "case": "order",
    "objects": {"order": {"from": "orders", "id": "id"}},
    "events": [{"activity": "Order", "from": "orders", "at": "ordered_at", "objects": {"order": "id"}}],
}


def shop(mapping: dict[str, Any] | None = None, **words: Any) -> Connection:
    orders = {"name": "orders", "key": "id", "mapping": mapping or {}}
    return connection_of({**SHOP, "resources": [SHOP["resources"][0], orders], **words}, origin="shop.yaml")


def log(**changed: Any) -> dict[str, Any]:
    return {"event_logs": [{**LOG, **changed}]}


def event(**changed: Any) -> dict[str, Any]:
    return log(events=[{**LOG["events"][0], **changed}])  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "text", ["a + 1", "list_transform(x, y -> y + 1)", "payload.user.id", "row_number() over (order by a)", "'--'"]
)
def test_one_expression_is_an_expression(text: str) -> None:
    assert columns_of(text) <= {"a", "x", "payload"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a; drop table b", "one expression"),
        ("1 from b", "one expression"),
        ("a, b", "one expression"),
        ("a) from (select 1", "no SQL expression"),
        ("", "one expression"),
        ("*", "name of its own"),
        ("a as b", "name of its own"),
        ("(select max(a) from b)", "holds a select"),
        ("a in (select a from b)", "holds a select"),
        ("exists (from b)", "holds a select"),
        ("sum(a)", "sums up several rows"),
        ("unnest(a)", "several rows"),
        ("columns(*)", "several rows"),
        ("a -- b", "comment"),
        ("a /* b */", "comment"),
        ("{{ env_var('SECRET') }}", "cannot stand"),
        ("case when", "no SQL expression"),
        ("at", "double quotes"),  # DuckDB's word, not sqlglot's
    ],
)
def test_whatever_is_no_single_expression_is_refused(text: str, words: str) -> None:
    with pytest.raises(FaultyText, match=re.escape(words)):
        columns_of(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("drop table a", "one select"),
        ("select 1; select 2", "one select"),
        ("select * from raw_shop.orders", "reads"),
        ("select * from orders", "{orders}"),
        ("select * from read_csv('/etc/passwd')", "read_csv"),
        ("select * from '/etc/passwd'", "reads"),
        ("select {% do x %} from {orders}", "cannot stand"),
        ("select from from", "no SQL"),
    ],
)
def test_a_view_is_one_select_over_resources_and_views(text: str, words: str) -> None:
    with pytest.raises(FaultyText, match=re.escape(words)):
        View(text)


def test_a_view_knows_what_it_reads_and_makes() -> None:
    view = View(
        "with a as (select 1 as n) select o.id, cast(o.total as double) as total from {orders} o join {lines} l on l.o = o.id, a"
    )
    assert (view.reads, view.columns(), view.types()) == (("orders", "lines"), ("id", "total"), {"total": "double"})
    assert view.columns_read() == {"orders": {"id", "total"}, "lines": {"o"}}
    assert View("select * from {orders}").columns() is None


@pytest.mark.parametrize("kind", ["decimal(14, 2)", "timestamptz", "varchar[]", "struct(a int)", "json"])
def test_types_of_duckdb_are_types(kind: str) -> None:
    check_type(kind)


@pytest.mark.parametrize("kind", ["moneyy", "date) as x, (b", "date; drop table a", ""])
def test_other_words_are_no_types(kind: str) -> None:
    with pytest.raises(FaultyText, match="no type"):
        check_type(kind)


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"rename": {"numbr": "order_number"}}, "orders.mapping.rename: there is no column `numbr`; do you mean `number`?"),
        ({"drop": "totl"}, "resources.orders.mapping.drop: there is no column `totl`; do you mean `total`?"),
        ({"cast": {"ordered_on": "date"}}, "mapping.cast: there is no staging column `ordered_on`; do you mean `ordered_at`?"),
        ({"cast": {"total": "dezimal"}}, "resources.orders.mapping.cast.total: `dezimal` is no type"),
        ({"expression": {"x": "upper(nmber)"}}, "mapping.expression.x: there is no column `nmber`; do you mean `number`?"),
        ({"expression": {"x": "upper(number"}}, "mapping.expression.x: `upper(number` is no SQL expression"),
        ({"where": "row_number() over () = 1"}, "mapping.where: `row_number() over () = 1` holds a window function"),
        (
            {"lookup": {"s": {"from": "states", "on": {"status_id": "id"}, "take": "name"}}},
            "there is no resource `states`; do you mean `statuses`?",
        ),
        ({"lookup": {"s": {"from": "statuses", "on": {"status": "id"}, "take": "name"}}}, "s.on: there is no column `status`"),
        ({"lookup": {"s": {"from": "statuses", "on": {"status_id": "id"}, "take": "nam"}}}, "s.take: there is no column `nam`"),
    ],
)  # fmt: skip
def test_a_fault_in_a_mapping_names_file_and_field(mapping: dict[str, Any], said: str) -> None:
    with pytest.raises(ConnectionFileError, match=r"shop\.yaml") as caught:
        check_declarations(shop(mapping), COLUMNS)
    assert said in caught.value.problem


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"rname": {}}, "resources.1.mapping.rname"),
        ({"rename": {"number": "x"}, "expression": {"x": "1"}}, "x is made twice"),
        ({"rename": {"number": "x"}, "drop": ["number"]}, "both renamed and dropped"),
        ({"lookup": {"s": {"from": "statuses", "take": "name"}}}, "resources.1.mapping.lookup.s.on"),
    ],
)
def test_a_mapping_of_another_form_is_refused_when_the_file_is_read(mapping: dict[str, Any], said: str) -> None:
    with pytest.raises(ConnectionFileError, match=re.escape(said)):
        shop(mapping)


def test_several_faults_are_told_at_once() -> None:
    with pytest.raises(ConnectionFileError) as caught:
        check_declarations(shop({"rename": {"a": "b"}, "drop": "c", "where": "d"}), COLUMNS)
    assert len(caught.value.data["faults"]) == 3  # type: ignore[arg-type]


def test_unknown_columns_are_no_fault_while_the_source_has_not_shown_its_columns() -> None:
    check_declarations(shop({"rename": {"a": "b"}, "expression": {"c": "d"}}, **event(at="later")))


def test_the_bare_word_on_is_yamls_true_and_still_means_on() -> None:
    import yaml

    words = yaml.safe_load("lookup: {s: {from: statuses, on: {status_id: id}, take: name}}")
    assert True in words["lookup"]["s"]
    assert shop(words).resource("orders").mapping.lookup["s"].on == {"status_id": "id"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (log(case="invoice"), "there is no object type invoice under `objects`"),
        (log(events=[{**LOG["events"][0], "objects": {"ordr": "id"}}]), "there is no object type ordr"),
        (log(objects={"order": None, "user": None}, case="user"), "no event concerns a user"),
        (log(objects={"order": {"from": "orders", "id": "id", "attributes": {"activity": "number"}}}), "attribute activity"),
        (event(activity={"name": "A", "expression": "b"}), "write a text, or {expression"),
        (log(process={"name": "x"}), "process.name is said elsewhere"),
        (log(process={"rules": [{"kind": "preceeds"}]}), "there is no kind `preceeds`"),
        (log(nmae="x"), "event_logs.0.nmae"),
    ],
)  # fmt: skip
def test_an_event_log_that_cannot_be_one_is_refused_when_the_file_is_read(words: dict[str, Any], said: str) -> None:
    with pytest.raises(ConnectionFileError, match=re.escape(said)):
        shop(**words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (event(**{"from": "order"}), "sales.events.0 (Order).from: there is no resource or view `order`; do you mean `orders`?"),
        (event(at="orderd_at"), "event_logs.sales.events.0 (Order).at: there is no column `orderd_at`; do you mean `ordered_at`?"),
        (event(where="(select true)"), "events.0 (Order).where: `(select true)` holds a select"),
        (event(objects={"order": "max(id)"}), "events.0 (Order).objects.order: `max(id)` sums up several rows"),
        (event(attributes={"t": {"expression": "total", "type": "mony"}}), "attributes.t.type: `mony` is no type"),
        (log(links=[{"from": "orders", "source": {"order": "idd"}, "target": {"order": "id"}, "qualifier": "is"}]),
         "links.0.source.order: there is no column `idd`; do you mean `id`?"),
        ({"views": {"v": "select nubmer from {orders}"}}, "views.v: there is no column of `orders` called `nubmer`; do you mean"),
        ({"views": {"v": "select 1 as a from {ordrs}"}}, "views.v: there is no resource or view `ordrs`; do you mean `orders`?"),
        ({"views": {"orders": "select 1 as a from {statuses}"}}, "views.orders: a resource has that name, too"),
        ({"views": {"a": "select x from {b}", "b": "select x from {a}"}}, "that is a circle"),
        ({"event_logs": [LOG, LOG]}, "event_logs.sales: is there twice"),
    ],
)  # fmt: skip
def test_a_fault_in_an_event_log_or_view_names_file_and_field(words: dict[str, Any], said: str) -> None:
    with pytest.raises(ConnectionFileError, match=r"shop\.yaml") as caught:
        check_declarations(shop(**words), COLUMNS)
    assert said in caught.value.problem


def test_attributes_have_the_type_they_say_show_or_are_known_to_have() -> None:
    attributes = {"a": "total", "b": "total::double", "c": {"expression": "upper(number)", "type": "varchar"}, "d": "upper(number)"}
    files = dbt_files(shop(**event(attributes=attributes)), COLUMNS)
    import yaml

    columns = yaml.safe_load(files["event_logs/shop_sales__events.yml"])["models"][0]["columns"]
    kinds = {column["name"]: column["data_type"] for column in columns}
    assert {name: kinds[name] for name in attributes} == {"a": "decimal(14, 2)", "b": "double", "c": "varchar", "d": "text"}


def test_a_rename_to_another_case_is_one_column() -> None:
    connection = shop({"rename": {"Number": "number"}}, event_logs=[LOG])
    staged = dbt_files(connection)["staging/shop/stg_shop__orders.sql"]
    assert 'exclude ("Number")' in staged
    assert staged.lower().count("'number'") == 1


def test_names_that_look_like_templates_are_names_to_dbt_too() -> None:
    import jinja2
    import yaml

    odd = "{{ 1 / 0 }}{% x #}{# y"
    columns = {**COLUMNS, "orders": {**COLUMNS["orders"], odd: "varchar", f"other {odd}": "varchar"}}
    connection = shop({"rename": {odd: f"new {odd}"}}, title=odd, **event(activity=f"Paid {odd}"))
    files = dbt_files(connection, columns)
    words = jinja2.Environment(autoescape=False)
    words.globals |= {name: lambda *given, at=name: f"{at}{given}" for name in ("landed", "source", "ref")}
    words.globals["target"] = {"database": "lake"}
    rendered = {path: words.from_string(text).render() for path, text in files.items() if path.endswith(".sql")}
    staged = rendered["staging/shop/stg_shop__orders.sql"]
    assert f'source."{odd}" as "new {odd}"' in staged
    assert f"'Paid {odd}' as \"activity\"" in rendered["intermediate/shop/int_shop__sales__event_rows.sql"]

    def read(value: Any) -> Any:
        """As dbt reads each text of a property file."""
        if isinstance(value, dict):
            return {name: read(each) for name, each in value.items()}
        if isinstance(value, list):
            return [read(each) for each in value]
        return words.from_string(value).render() if isinstance(value, str) else value

    properties = read(yaml.safe_load(files["staging/shop/stg_shop__orders.yml"]))["models"][0]
    assert {f"new {odd}", f"other {odd}"} < {column["name"] for column in properties["columns"]}
    assert odd in properties["description"]
    assert odd in read(yaml.safe_load(files["staging/shop/shop__sources.yml"]))["sources"][0]["description"]


def test_a_type_with_a_template_in_it_is_none() -> None:
    with pytest.raises(FaultyText, match="cannot stand"):
        check_type('struct("{{ env_var(1) }}" int)')
