"""A small lake, written by SQL to the contracts, for the tests of the pages: every kind of process a page must bear."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import lake
from lake.journal import ensure_platform_tables
from lake.own_tables import ensure_table
from lake.postgres import embedded
from lake.registry import register_process
from lake.settings import get_settings
from mining import build_layout
from mining.bpmn_diagram import Diagram, Node
from models import anomalies, tables, watching
from models.cases.tables import COLUMNS

EVIL = "<script>alert(1)</script>"
UNICODE = "受注を確認する · Größe prüfen"

# (days after the start, activity) of the paths cases take, and how many of ten take each
ORDER_PATHS = (
    (5, ("Create order", "Check credit", "Confirm order", "Ship goods", "Send invoice", "Receive payment")),
    (2, ("Create order", "Check credit", "Check credit", "Confirm order", "Ship goods", "Send invoice", "Receive payment")),
    (2, ("Create order", "Confirm order", "Ship goods", "Ship goods", "Send invoice", "Receive payment")),
    (1, ("Create order", "Check credit", "Cancel order")),
)
FILE_PATHS = ((6, (UNICODE, EVIL, "Ende")), (3, (UNICODE, "Ende")), (1, (EVIL, UNICODE, EVIL, "Ende")))

MINING = """
create schema if not exists mining;
create table if not exists mining.logs (process varchar, cases bigint, events bigint, activities bigint, variants bigint,
    dfg_edges bigint, first_event timestamptz, last_event timestamptz, mean_case_seconds double, median_case_seconds double,
    p90_case_seconds double, computed_at timestamptz, snapshot_id bigint);
create table if not exists mining.dfg (process varchar, source varchar, target varchar, frequency bigint, cases bigint,
    mean_seconds double, median_seconds double, p90_seconds double, computed_at timestamptz, snapshot_id bigint);
create table if not exists mining.activities (process varchar, activity varchar, events bigint, cases bigint, starts bigint,
    ends bigint, computed_at timestamptz, snapshot_id bigint);
create table if not exists mining.variants (process varchar, variant_id bigint, rank bigint, activities varchar[], length bigint,
    cases bigint, share double, cumulative_share double, mean_seconds double, median_seconds double, fitness double,
    is_fitting boolean, computed_at timestamptz, snapshot_id bigint);
create table if not exists mining.throughput (process varchar, period date, started bigint, completed bigint, open_cases bigint,
    computed_at timestamptz, snapshot_id bigint);
create table if not exists mining.models (process varchar, miner varchar, noise double, places bigint, transitions bigint,
    silent bigint, arcs bigint, is_sound boolean, average_fitness double, perfectly_fitting double, variants_aligned bigint,
    variants_unfinished bigint, pnml varchar, bpmn varchar, seconds double, computed_at timestamptz, snapshot_id bigint);
"""

MINED = """
insert into mining.dfg
    select $1, source, target, count(*), count(distinct case_id), avg(s), median(s), quantile_cont(s, 0.9), now(), 1
    from (select case_id, activity as source, lead(activity) over w as target, epoch(lead(occurred_at) over w - occurred_at) as s
          from event_logs.{log} window w as (partition by case_id order by occurred_at, source_row))
    where target is not null group by source, target;
insert into mining.activities
    select $1, activity, count(*), count(distinct case_id), count(*) filter (where n = 1), count(*) filter (where m = 1), now(), 1
    from (select *, row_number() over (partition by case_id order by occurred_at, source_row) as n,
                 row_number() over (partition by case_id order by occurred_at desc, source_row desc) as m from event_logs.{log})
    group by activity;
insert into mining.variants
    select $1, row_number() over r, row_number() over r, acts, len(acts), n, n / sum(n) over (), sum(n) over (r rows unbounded
           preceding) / sum(n) over (), mean_s, median_s, case when len(acts) % 2 = 0 then 1.0 else 0.9 end, len(acts) % 2 = 0,
                  now(), 1
    from (select acts, count(*) as n, avg(s) as mean_s, median(s) as median_s
          from (select case_id, list(activity order by occurred_at, source_row) as acts,
                 epoch(max(occurred_at) - min(occurred_at)) as s
                from event_logs.{log} group by case_id) group by acts)
    window r as (order by n desc, acts);
insert into mining.throughput
    select $1, period, started, completed, sum(started - completed) over (order by period), now(), 1
    from (select period, count(*) filter (where what = 's') as started, count(*) filter (where what = 'c') as completed
          from (select date_trunc('week', min(occurred_at))::date as period, 's' as what from event_logs.{log} group by case_id
                union all select date_trunc('week', max(occurred_at))::date,
                       'c' from event_logs.{log} group by case_id) group by period);
insert into mining.logs
    select $1, count(*), sum(n), (select count(*) from mining.activities where process = $1),
           (select count(*) from mining.variants where process = $1), (select count(*) from mining.dfg where process = $1),
           min(a), max(b), avg(epoch(b - a)), median(epoch(b - a)), quantile_cont(epoch(b - a), 0.9), now(), 1
    from (select case_id, count(*) as n, min(occurred_at) as a, max(occurred_at) as b from event_logs.{log} group by case_id);
insert into mining.models values ($1, 'inductive', 0.2, 12, 14, 4, 30, true, 0.973, 0.71, 4, 0, '', '', 0.5, now(), 1);
"""

COMPANY = """
create schema if not exists products;
create schema if not exists forecasts;
create table products.kpis__daily as
    select k as kpi, t as title, u as unit, d as domain, b as higher_is_better, day::date as period,
           h * (1 + 0.2 * sin(dayofyear(day) / 9.0)) as value
    from (values ('orders', 'Orders', 'orders', 'sales', true, 30.0), ('revenue', 'Revenue', 'EUR', 'sales', true, 41000.0),
                 ('order_cycle_time_days', 'Order cycle time', 'days', 'sales', false, 12.5),
                 ('open_orders', 'Open orders', 'orders', 'sales', false, 210.0)) k(k, t, u, d, b, h),
         generate_series(timestamp '2024-01-01', timestamp '2025-12-31', interval 1 day) s(day);
create table products.kpis__weekly as
    select kpi, title, unit, domain, higher_is_better, date_trunc('week', period)::date as period, avg(value) as value
    from products.kpis__daily group by all;
create table mining.flattening as
    select 'order_to_cash' as process, 'sales_order' as case_notion, true as is_case_notion, 300 as cases, 1000 as events,
           5 as events_in_no_case, 1250 as case_events, 200 as duplicated_events, 255 as extra_copies, 4 as diverging_activities,
           30 as diverging_cases, now() as computed_at, 1 as snapshot_id;
create table forecasts.forecasts as
    select kpi as series, any_value(title) as title, any_value(unit) as unit, grain,
           (date '2026-01-05' + (i * step)::integer)::date as period,
           avg(value) as value, avg(value) * 0.9 as lower_80, avg(value) * 1.1 as upper_80, avg(value) * 0.8 as lower_95,
           avg(value) * 1.2 as upper_95, 'prophet' as model, '3' as model_version, 'run-1' as mlflow_run_id, now() as computed_at,
           7 as snapshot_id
    from products.kpis__daily, range(12) r(i), (values ('weekly', 7), ('daily', 1)) g(grain, step)
    where kpi <> 'open_orders' group by kpi, grain, step, i;
create table forecasts.backtests as
    select series, grain, model, (date '2025-06-02' + (i * 28)::integer)::date as window_start, 8 as horizon, e as mase,
           e * 12 as smape, 0.76 as
           coverage_80, 0.93 as coverage_95, now() as computed_at, 7 as snapshot_id
    from (select distinct series, grain from forecasts.forecasts), range(5) r(i),
         (values ('prophet', 0.81), ('seasonal_naive', 1.02)) m(model, e);
create table forecasts.champions as
    select distinct series, grain, 'prophet' as champion, 'seasonal_naive' as challenger, 0.81 as champion_mase,
           1.02 as challenger_mase, now() as promoted_at, 7 as snapshot_id, 'run-1' as mlflow_run_id
    from forecasts.forecasts;
insert into platform.loads (load_id, source, table_name, rows_extracted, rows_landed, rows_quarantined, started_at, finished_at,
    snapshot_id) values
    ('l1', 'erp', 'sale_orders', 1000, 990, 10, now() - interval 2 hour, now() - interval 1 hour, 3),
    ('l1', 'erp', 'payments', 800, 800, 0, now() - interval 2 hour, now() - interval 1 hour, 3),
    ('l3', 'file', 'bestellung', 250, 250, 0, now() - interval 900 hour, now() - interval 900 hour, 5),
    ('l2', 'crm', 'accounts', 120, 120, 0, now() - interval 90 hour, now() - interval 89 hour, 4);
insert into platform.check_results (checked_at, layer, subject, check_name, severity, blocking, passed, rows_checked,
    rows_failed, detail, snapshot_id) values
    (now() - interval 1 day, 'raw_erp', 'sale_orders', 'key is unique', 'error', true, true, 900, 2, '', 2),
    (now() - interval 1 hour, 'raw_erp', 'sale_orders', 'key is unique', 'error', true, true, 1000, 0, '', 3),
    (now(), 'raw_erp', 'sale_orders', 'key is unique', 'error', true, true, 0, 0, '', 6),
    (now(), 'raw_erp', 'sale_orders', 'amount is not negative', 'warning', false, false, 1000, 10, 'lowest -12.00', 3),
    (now(), 'event_logs', 'order_to_cash', 'timestamps are plausible', 'error', true, true, 480, 0, '', 5);
insert into quarantine.rows (quarantined_at, source, table_name, row_key, rule, reason, row_json, load_id)
    select now(), 'erp', 'sale_orders', 'SO-' || i, 'amount is not negative', 'amount is -' || i || '.00',
           '{"note": "<b>no</b>"}', 'l1'
    from range(10) r(i);
"""


def _event_log(connection, name, paths, *, cases, title, origin, is_mined=True, definition=None):
    """Publishes an event log of `cases` cases over the paths and, if wanted, what is mined from it."""
    connection.execute("create schema if not exists event_logs")
    connection.execute("create or replace temp table paths (path integer, activities varchar[])")
    number = 0
    for tenths, activities in paths:
        for _ in range(tenths):
            connection.execute("insert into paths values (?, ?)", [number, list(activities)])
            number += 1
    connection.execute(
        f"""create table event_logs.{lake.quote(name)} as
        select 'case ' || c as case_id, activity,
               timestamptz '2024-01-08 08:00:00+00' + to_hours((c * 31 + (n - 1) * (7 + c % 17))::integer)
               as occurred_at, null::timestamptz as started_at, 'user ' || c % 5 as resource,
                      row_number() over ()::bigint as source_row
        from range({cases}) r(c) join paths on path = c % {number}, unnest(activities) with ordinality u(activity, n)"""
    )
    register_process(connection, name, title=title, origin=origin, definition=definition)
    if is_mined:
        for statement in filter(str.strip, MINED.format(log=lake.quote(name)).split(";")):
            connection.execute(statement, [name])


OBJECTS = """
create table mining.oc_dfg as
    select 'order_to_cash' as process, t as object_type, s as source, g as target, n as events, n as objects, n as occurrences,
           3600::double as mean_seconds, 1800::double as median_seconds, now() as computed_at, 1 as snapshot_id
    from (values ('order', 'Create order', 'Confirm order', 270), ('order', 'Confirm order', 'Ship goods', 270),
                 ('item', 'Create order', 'Confirm order', 800), ('item', 'Confirm order', 'Ship goods', 790),
                 ('invoice', 'Send invoice', 'Receive payment', 270)) p(t, s, g, n);
create table mining.oc_activities as
    select 'order_to_cash' as process, t as object_type, a as activity, 270 as events, n as objects, n as occurrences, 0 as starts,
           0 as ends, now() as computed_at, 1 as snapshot_id
    from (values ('order', 'Create order', 300), ('order', 'Confirm order', 270), ('order', 'Ship goods', 270),
                 ('item', 'Create order', 900), ('item', 'Confirm order', 800), ('item', 'Ship goods', 790),
                 ('invoice', 'Send invoice', 270), ('invoice', 'Receive payment', 270)) p(t, a, n);
"""


PREDICTIONS = """
insert into predictions.scores by name
    select 'order_to_cash' as process, 'case ' || c as case_id, 1 + c as rank, 'Ship goods' as activity,
           timestamptz '2024-03-01 08:00:00+00' as last_event_at, 4 as events, 2.5 + c as remaining_days,
           1.0 as remaining_days_lower_80, 9.0 + c as remaining_days_upper_80,
           timestamptz '2024-03-09 08:00:00+00' as expected_end_at, 0.9 - c / 50.0 as late_risk, 0.1 as cancelled_risk,
           null as reworked_risk, 0.9 - c / 50.0 as risk, 'Send invoice' as next_activity, 0.8 as next_probability,
           'waits for <b>credit</b>' as reasons, '4' as model_version, 'run-9' as mlflow_run_id, now() as computed_at,
           7 as snapshot_id
    from range(40) r(c);
insert into predictions.reasons by name
    select 'order_to_cash' as process, 'case 0' as case_id, 'late' as target, 1 as rank, 'open_cases' as feature, '812' as value,
           0.7 as contribution, 'many cases are open' as text, '4' as model_version, now() as computed_at, 7 as snapshot_id;
insert into predictions.measures by name
    select 'order_to_cash' as process, t as target, m as measure, v as value, f as floor, s as is_served, '4' as model_version,
           now() as computed_at, 7 as snapshot_id
    from (values ('remaining_time', 'mae_days', 5.0, 10.0, true), ('remaining_time', 'coverage_80', 0.83, null, true),
                 ('late', 'brier', 0.1, 0.2, true), ('late', 'auc', 0.9, 0.5, true),
                 ('next_activity', 'accuracy', 0.5, 0.55, false)) v(t, m, v, f, s);
insert into predictions.earliness by name
    select 'order_to_cash' as process, 'remaining_time' as target, n as prefix_length, 100 as prefixes, 8.0 / n as error,
           12.0 / n as floor_error, '4' as model_version, now() as computed_at, 7 as snapshot_id from range(2, 8) r(n);
insert into predictions.calibration by name
    select 'order_to_cash' as process, 'late' as target, b as bin, 50 as prefixes, b / 10.0 as predicted, b / 11.0 as observed,
           '4' as model_version, now() as computed_at, 7 as snapshot_id from range(10) r(b);
insert into predictions.skipped by name
    select 'bestellung' as process, 'Only 8 of its cases have ended.' as reason, now() as computed_at, 7 as snapshot_id;
insert into forecasts.tracking by name
    select 'orders' as series, 'weekly' as grain, 'total' as dimension, 'total' as member, 'prophet' as model,
           timestamptz '2025-10-01 00:00:00+00' as made_at, date '2025-09-29' as known_until,
           (date '2025-10-06' + (i * 7)::integer)::date as period, i + 1 as step, 30.0 as value, 25.0 as lower_80, 35.0 as upper_80,
           case i when 3 then 50.0 else 31.0 end as actual from range(10) r(i);
insert into forecasts.anomalies by name
    select 'orders' as series, 'weekly' as grain, 'total' as dimension, 'total' as member, date '2025-10-27' as period,
           date '2025-10-27' as first_period, 'point' as kind, 50.0 as actual, 30.0 as expected, 20.0 as gap, 2.6 as widths,
           'critical' as severity, 'region' as cause_dimension, 'North <b>' as cause_member, 18.0 as cause_gap;
"""


def _watched_and_predicted(connection):
    """Predictions of one process, and what came of forecasts, in tables as the models make them."""
    for table, columns in COLUMNS.items():
        own_columns = f"process varchar, {columns}, computed_at timestamptz, snapshot_id bigint"
        ensure_table(connection, f"predictions.{table}", own_columns)
    watching.ensure_tables(connection)
    ensure_table(connection, "forecasts.anomalies", anomalies.COLUMNS)
    for statement in filter(str.strip, PREDICTIONS.split(";")):
        connection.execute(statement)


def _model(activities):
    """A BPMN document of activities in a row."""
    names = ("", *activities, "")
    kinds = ("startEvent", *("task" for _ in activities), "endEvent")
    nodes = tuple(Node(f"n{i}", kind, name) for i, (kind, name) in enumerate(zip(kinds, names, strict=True)))
    return Diagram(nodes, tuple((one.id, other.id) for one, other in pairwise(nodes))).to_bpmn()


def fill(connection):
    """Fills an empty lake: a product, an imported log with unicode and markup, a wide one, one of single events, one unmined."""
    ensure_platform_tables(connection)
    for statement in filter(str.strip, (MINING + COMPANY).split(";")):
        connection.execute(statement)
    tables.ensure_tables(connection)  # the rest of the columns
    for table in ("forecasts", "backtests", "champions"):
        connection.execute(f"update forecasts.{table} set kpi = series")
    o2c = {"kpis": ["orders", "revenue", "order_cycle_time_days", "open_orders"]}
    _event_log(connection, "order_to_cash", ORDER_PATHS, cases=300, title="Order to cash", origin="product", definition=o2c)
    for statement in filter(str.strip, OBJECTS.split(";")):
        connection.execute(statement)
    connection.execute("update mining.models set bpmn = ? where process = 'order_to_cash'", [_model(ORDER_PATHS[0][1])])
    _event_log(connection, "bestellung", FILE_PATHS, cases=80, title="Bestellung – größer & <b>schöner</b>", origin="file")
    _watched_and_predicted(connection)
    wide = tuple((1, tuple(f"{(i * 7 + j * 11) % 400:03d} step of many" for j in range(40))) for i in range(40))
    _event_log(connection, "wide", wide, cases=80, title="Four hundred activities", origin="file")
    _event_log(connection, "single", ((1, ("Only event",)),), cases=3, title="Single events", origin="file")
    _event_log(connection, "fresh", FILE_PATHS, cases=4, title="Not mined", origin="file", is_mined=False)


@pytest.fixture(scope="session")
def _folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """One home with everything in it and one with nothing, made once; the tests only read them."""
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in ("filled", "empty")}
    with pytest.MonkeyPatch.context() as monkeypatch:
        _use(folders["filled"], monkeypatch)
        lake.in_transaction(fill)
        for process in ("order_to_cash", "wide"):  # the others' layouts are built when asked for
            build_layout(process)
    yield folders
    for folder in folders.values():
        with pytest.MonkeyPatch.context() as monkeypatch:
            _use(folder, monkeypatch)
            embedded(get_settings()).release()
    get_settings.cache_clear()


def _use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRIMOIRE_HOME", str(folder))
    get_settings.cache_clear()
    return folder


@pytest.fixture
def filled_home(_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A GRIMOIRE_HOME whose lake holds every kind of process a page must bear. Only read it."""
    yield _use(_folders["filled"], monkeypatch)
    get_settings.cache_clear()


@pytest.fixture
def empty_home(_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A GRIMOIRE_HOME with a lake that holds nothing. Only read it."""
    yield _use(_folders["empty"], monkeypatch)
    get_settings.cache_clear()
