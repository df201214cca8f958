"""The series of declared KPIs over the fixture company, beside figures counted by hand in SQL."""

from typing import Any

import lake


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_declared_kpi_is_in_the_product(built_lake: dict[str, Any]) -> None:
    from lake.kpi_files import kpis

    there = {(kpi, dimension) for kpi, dimension in rows("select distinct kpi, dimension from intermediate.int_kpis__definitions")}
    assert there == {(kpi.kpi, name) for kpi in kpis() for name in ("total", *kpi.dimensions)}


def test_members_add_up_to_the_total_in_every_period(built_lake: dict[str, Any]) -> None:
    differing = rows("""
        with parts as (
            select kpi, grain, dimension, period, sum(value) as value from products.kpis__series
            where dimension <> 'total' and aggregation in ('sum', 'last') group by all)
        select p.kpi, p.grain, p.period, t.value, p.value from products.kpis__series as t
        join parts as p using (kpi, grain, period) where t.dimension = 'total' and abs(t.value - p.value) > 1e-6""")
    assert differing == []
    assert rows("select count(distinct dimension) > 1 from products.kpis__series") == [(True,)]


def test_orders_are_those_of_the_product(built_lake: dict[str, Any]) -> None:
    counted = rows("""
        select count(*) from products.sales__orders
        where order_date between (select min(day) from intermediate.int_kpis__calendar)
            and (select max(day) from intermediate.int_kpis__calendar)""")
    assert counted[0][0] > 0
    series = "from products.kpis__series where kpi = 'orders' and grain = 'daily' and dimension"
    assert rows(f"select sum(value)::bigint {series} = 'total'") == counted
    assert rows(f"select sum(value)::bigint {series} = 'team'") == counted
