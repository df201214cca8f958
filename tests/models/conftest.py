"""A small company's KPI tables, made by SQL in place of the dbt products they stand for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lake import in_transaction

WEEKDAY_SHAPE = "[2, 3, 5, 6, 4, 1, 0]"
KPIS = f"""
create schema if not exists products;
create or replace table products.kpis__daily as
with days as (select cast(d as date) as period, row_number() over (order by d) as n
              from range(timestamp '2024-01-01', timestamp '2024-09-01', interval 1 day) as r(d))
select 'orders' as kpi, 'Orders' as title, 'orders' as unit, 'sales' as domain, true as higher_is_better, period,
       ({WEEKDAY_SHAPE}[isodow(period)] * (10 + n / 50) + hash(n) % 5)::double as value from days
union all select 'zeros', 'Zeros', 'orders', 'sales', true, period, 0 from days
union all select 'constant', 'Constant', 'orders', 'sales', true, period, 4 from days
union all select 'short', 'Short', 'orders', 'sales', true, period, n from days where n <= 20
union all select 'gaps', 'Gaps', 'days', 'sales', false, period, 5 + hash(n) % 7 from days where n % 5 <> 0
union all select 'holes', 'Holes', 'days', 'sales', false, period, case when n % 2 = 0 then null else hash(n) % 7 end from days
union all select 'not_a_number', 'NaN', 'days', 'sales', false, period,
       case when n % 9 = 0 then 'nan'::double when n % 31 = 0 then 'infinity'::double else 20 + hash(n) % 7 end from days
union all select 'balance', 'Balance', 'EUR', 'sales', true, period, (hash(n) % 100)::double - 50 from days;
create or replace table products.kpis__weekly as
select kpi, title, unit, domain, higher_is_better, date_trunc('week', period)::date as period, sum(value) as value
from products.kpis__daily where kpi in ('orders', 'zeros') group by all;
create or replace view products.kpis__series as
select kpi, grain, 'total' as dimension, 'total' as member, period, value, false as is_filled, title, unit, domain,
       higher_is_better, true as is_headline, 'sum' as aggregation
from (select *, 'daily' as grain from products.kpis__daily union all select *, 'weekly' from products.kpis__weekly);
"""


@pytest.fixture
def kpi_home(grimoire_home: Path) -> Iterator[Path]:
    """A lake whose products hold only the KPI tables: one decent series and a cabinet of nasty ones."""
    in_transaction(lambda connection: [connection.execute(statement) for statement in KPIS.split(";") if statement.strip()])
    yield grimoire_home
