"""KPI files: what they may say, and what is said of one that cannot be used."""

import re
from pathlib import Path

import duckdb
import pytest

from lake.errors import KpiFileError
from lake.kpi_files import Kpi, check_columns, compile_kpis, kpis, read_kpi

GOOD = """
kpi: late_orders
title: Late orders
unit: orders
domain: sales
higher_is_better: false
from: sales__orders
day: order_date
where: not is_on_time
aggregation: sum
grains: [daily, monthly]
dimensions: {team: team, region: {column: country, grains: [monthly], most_members: 3}}
missing: zero
calendar: {holidays: DE-NW}
"""


def written(folder: Path, words: str, name: str = "late_orders") -> Path:
    path = folder / f"{name}.kpi.yaml"
    path.write_text(words, encoding="utf-8")
    return path


def test_a_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    kpi = read_kpi(written(tmp_path, GOOD))
    assert (kpi.measure, kpi.kind, kpi.headline) == ("1", "sum", False)
    assert kpi.dimensions["team"].grains is None and kpi.dimensions["region"].grains == ("monthly",)
    assert kpi.calendar is not None and "saturday" not in kpi.calendar.weekdays


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("unit: orders\n", "", "unit: Field required"),
        ("missing: zero", "missing: nought", "missing: Input should be 'zero', 'carry', 'interpolate' or 'none'"),
        ("grains: [daily, monthly]", "grains: [daily, hourly]", "grains.1: Input should be 'daily'"),
        ("grains: [daily, monthly]", "grains: []", "grains: name each grain once, and one at least"),
        ("day: order_date", "day: order_date\nmoment: created_at", "say one of `day`, `moment` and `opens`, not day and moment"),
        ("day: order_date", "opens: created_at\ncloses: closed_at", "say `aggregation: last`"),
        ("aggregation: sum", "aggregation: quantile", "`aggregation: quantile` and `quantile` belong together"),
        ("aggregation: sum", "aggregation: quantile\nquantile: 0.33", "`quantile` is one of"),
        ("grains: [monthly]", "grains: [weekly]", "dimension `region` has the grain weekly, which the KPI has not"),
        ("where: not is_on_time", "where: 'true; drop table x'", "where: `true; drop table x` is not one SQL expression"),
        ("where: not is_on_time", "where: \"{{ var('x') }}\"", "is not one SQL expression"),
        ("kpi: late_orders", "kpi: Late Orders", "kpi: `Late Orders` is no name"),
        ("kpi: late_orders", "kpi: later_orders", "kpi: the file of `later_orders` is called later_orders.kpi.yaml"),
        ("unit: orders", "unit: orders\ncolour: red", "colour: Extra inputs are not permitted"),
        ("most_members: 3", "most_members: 0", "dimensions.region.most_members"),
        ("dimensions: {team: team", "dimensions: {total: team", "dimensions: `total` cannot be a dimension's name"),
    ],
)
def test_a_faulty_file_is_named_with_its_field(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert before in GOOD
    with pytest.raises(KpiFileError) as error:
        read_kpi(written(tmp_path, GOOD.replace(before, after)))
    assert "late_orders.kpi.yaml" in str(error.value) and said in str(error.value)


@pytest.mark.parametrize("words", ["", "- a list", "kpi: [", "\x00"])
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, words: str) -> None:
    with pytest.raises(KpiFileError, match=r"late_orders\.kpi\.yaml"):
        read_kpi(written(tmp_path, words))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("where: not is_on_time", "where: not is_punctual", "where: there is no column `is_punctual`"),
        ("dimensions: {team: team", "dimensions: {team: crew", r"dimensions\.team\.column: there is no column `crew`"),
        ("day: order_date", "day: max(order_date)", r"day: `max\(order_date\)` sums up several rows"),
        ("day: order_date", "day: order_date from x", "day: `order_date from x` is not one SQL expression"),
        ("day: order_date", "day: order_date, amount", "day: `order_date, amount` is not one SQL expression"),
        ("day: order_date", "day: (select order_date)", "is not one SQL expression"),
    ],
)
def test_expressions_are_checked_against_the_product(tmp_path: Path, before: str, after: str, said: str) -> None:
    with pytest.raises(KpiFileError, match=said):
        check_columns([read_kpi(written(tmp_path, GOOD.replace(before, after)))])


def test_the_projects_own_kpis_are_right() -> None:
    own = kpis()
    assert {"orders", "revenue", "cash_in", "cash_out", "ticket_backlog", "sla_breaches", "stock_value"} <= {one.kpi for one in own}
    check_columns(own)


def test_a_kpi_of_ones_own_is_compiled_beside_the_projects(grimoire_home: Path, tmp_path: Path) -> None:
    (grimoire_home / "kpis").mkdir(parents=True)
    written(grimoire_home / "kpis", GOOD)
    assert compile_kpis(tmp_path) is True
    assert compile_kpis(tmp_path) is False, "nothing changed"
    made = tmp_path / "compiled" / "intermediate" / "kpis"
    assert "where not is_on_time" in (made / "int_kpis__measures.sql").read_text()
    with duckdb.connect() as connection:
        found = connection.execute((made / "int_kpis__definitions.sql").read_text()).fetchall()
    mine = [(dimension, most, grain) for name, *_, dimension, most, grain in found if name == "late_orders"]
    assert mine == [
        ("total", 1, "daily"),
        ("total", 1, "monthly"),
        ("team", 12, "daily"),
        ("team", 12, "monthly"),
        ("region", 3, "monthly"),
    ]


def test_a_name_that_is_taken_and_a_regressor_that_is_not_there_are_refused(grimoire_home: Path) -> None:
    folder = grimoire_home / "kpis"
    folder.mkdir(parents=True)
    path = written(folder, GOOD.replace("late_orders", "orders"), "orders")
    with pytest.raises(KpiFileError, match="there is already: orders"):
        kpis()
    path.unlink()
    written(folder, GOOD + "regressors: {price: nothing}\n")
    with pytest.raises(KpiFileError, match=r"regressors\.price: there is no other KPI `nothing`"):
        kpis()


def test_every_field_is_documented_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "kpi-series.md").read_text(encoding="utf-8")
    table = page.partition("| field | meaning |")[2].partition("\n\n")[0]
    told = {name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert told == {field.alias or name for name, field in Kpi.model_fields.items()}
