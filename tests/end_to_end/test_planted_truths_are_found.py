"""From an empty folder to what an analyst wants to know, by the commands a person types: is what was planted found?"""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.demo import read_manifest
from lake.settings import PROJECT_ROOT
from mining import EventLog, Timeframe
from models.forecasters import rival_words

pytestmark = pytest.mark.slow
SCALE = "0.1"


def grimoire(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "apps.cli.main", *words], cwd=PROJECT_ROOT, capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def ask(sql: str) -> list[dict[str, Any]]:
    return json.loads(grimoire("sql", sql, "--json"))


@pytest.fixture(scope="module")
def truths(module_home: Path) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("GRIMOIRE_DEMO_SCALE", SCALE)
        grimoire("up", "--no-serve")
    return read_manifest()["truths"]


def test_maverick_buying_is_found_in_the_products(truths: dict[str, Any]) -> None:
    (found,) = ask(
        "select count(*) as orders, count(*) filter (is_maverick) as maverick from products.procurement__purchase_orders"
    )
    planted = truths["maverick_buying"]

    assert (found["orders"], found["maverick"]) == (planted["orders"], planted["maverick_orders"])


def test_payments_before_goods_receipt_are_found(truths: dict[str, Any]) -> None:
    (found,) = ask("""
        select count(*) as payments, count(*) filter (is_early) as early, sum(amount) filter (is_early) as amount,
            count(distinct invoice_id) filter (is_early) as invoices
        from (
            select p.invoice_id, p.amount, i.first_goods_received_at is null or p.paid_at < i.first_goods_received_at as is_early
            from staging.stg_erp__payments as p join products.procurement__supplier_invoices as i using (invoice_id))""")
    (flagged,) = ask("select count(*) filter (is_paid_before_receipt) as invoices from products.procurement__supplier_invoices")
    planted = truths["payments_before_goods_receipt"]

    assert planted["payments_before_receipt"] > 0
    assert (found["payments"], found["early"]) == (planted["payments"], planted["payments_before_receipt"])
    assert found["amount"] == pytest.approx(planted["amount"], abs=0.005)
    assert flagged["invoices"] == found["invoices"], "the product flags the invoices such a payment was made for"


def test_rules_find_payments_before_receipt_exactly_and_maverick_buying_within_a_point(truths: dict[str, Any]) -> None:
    judged = {one["rule"]: one for one in json.loads(grimoire("conform", "purchase_to_pay", "--rules", "--json"))["rules"]}
    early, maverick = judged["Goods receipt precedes payment"], judged["Every line of an order was asked for"]

    assert early["violations"] == truths["payments_before_goods_receipt"]["payments_before_receipt"]
    assert maverick["cases_violating"] == truths["maverick_buying"]["maverick_orders"]
    assert maverick["share"] == pytest.approx(truths["maverick_buying"]["maverick_order_share"], abs=0.01)
    assert {one["remark"] for one in judged.values()} == {""}, "every rule's activities are in the log"


def test_the_break_in_demand_is_found(truths: dict[str, Any]) -> None:
    planted = truths["demand_break"]
    (found,) = ask(f"""
        with orders as (
            select (created_at at time zone 'Europe/Berlin')::date - date '{planted["broke_on"]}' as day
            from products.sales__orders where opportunity_id is null)
        select count(*) filter (day between -91 and -1) as before, count(*) filter (day between 0 and 90) as after from orders""")
    a_day = {part: found[part] / planted[part]["working_days"] for part in ("before", "after")}

    assert (found["before"], found["after"]) == (planted["before"]["orders"], planted["after"]["orders"])
    assert a_day["after"] < a_day["before"], "demand fell"


def test_the_slow_team_is_found(truths: dict[str, Any]) -> None:
    teams = ask("""
        select team, median(cycle_time_days) as days from products.sales__orders
        where state = 'done' group by team order by days desc""")

    assert teams[0]["team"] == truths["slow_team"]["team"]


def test_the_credit_check_is_the_bottleneck_of_the_process_map(truths: dict[str, Any]) -> None:
    by_hand = Timeframe(
        end=datetime.fromisoformat(truths["automatic_credit_release"]["changed_on"] + "T00:00:00Z"), mode="completed"
    )
    ours = {"Send Quotation", "Release Credit", "Start Processing", "Pick Goods", "Pack Goods", "Ship Goods"}  # not the customer's
    with EventLog.from_lake("order_to_cash") as log:
        paths = log.filter(by_hand).dfg().to_arrow_table().to_pylist()
    usual = max(path["frequency"] for path in paths) / 10
    slowest = max(
        (path for path in paths if path["target"] in ours and path["frequency"] >= usual), key=lambda path: path["median_seconds"]
    )

    assert (slowest["source"], slowest["target"]) == ("Credit Check Hold", "Release Credit")


def test_how_long_orders_wait_for_credit_is_what_was_planted(truths: dict[str, Any]) -> None:
    (path,) = ask("""
        select mean_seconds from mining.dfg
        where process = 'order_to_cash' and source = 'Credit Check Hold' and target = 'Release Credit'""")

    assert path["mean_seconds"] / 3600 == pytest.approx(truths["credit_check_bottleneck"]["released"]["mean_hours"], rel=0.05)


def test_the_day_credit_release_became_automatic_is_found(truths: dict[str, Any]) -> None:
    planted = truths["automatic_credit_release"]
    (found,) = ask(f"""
        select count(*) filter (resource is not null and occurred_at < '{planted["changed_on"]}') as before,
            count(*) filter (resource is not null and occurred_at >= '{planted["changed_on"]}') as after,
            count(*) filter (occurred_at >= '{planted["changed_on"]}') as releases
        from event_logs.order_to_cash where activity = 'Release Credit'""")

    assert found["before"] == planted["before"]["manual"]
    assert (found["after"], found["releases"]) == (planted["after"]["manual"], planted["after"]["releases"])


def test_the_credit_check_is_first_in_the_ranking_of_bottlenecks(truths: dict[str, Any]) -> None:
    (first,) = json.loads(grimoire("bottlenecks", "order_to_cash", "--top", "1", "--json"))
    (written,) = ask(
        "select source, target, frequency, median_lost_seconds from mining.bottlenecks where process = 'order_to_cash' and rank = 1"
    )

    assert (first["source"], first["target"]) == ("Credit Check Hold", "Release Credit")
    assert first["frequency"] == pytest.approx(truths["credit_check_bottleneck"]["released"]["orders"], rel=0.02)
    assert written == {name: first[name] for name in written}


def test_the_day_credit_release_became_automatic_is_found_as_the_only_change(truths: dict[str, Any]) -> None:
    planted = datetime.fromisoformat(truths["automatic_credit_release"]["changed_on"] + "T00:00:00+00:00")
    (change,) = json.loads(grimoire("drift", "order_to_cash", "--json"))
    written = ask("select distinct changed_at::varchar as day from mining.changes where process = 'order_to_cash'")
    different = {(one["kind"], one["source"], one["target"]) for one in change["differences"]}

    assert abs(datetime.fromisoformat(change["changed_at"]) - planted).days <= 7
    assert [row["day"][:10] for row in written] == [change["changed_at"][:10]]
    assert {("without resource", "Release Credit", None), ("time", "Credit Check Hold", "Release Credit")} <= different


def test_the_slow_team_is_significantly_slower(truths: dict[str, Any]) -> None:
    planted = truths["slow_team"]
    team = {"filter": "attribute", "column": "team", "values": [planted["team"]]}
    stacks = ["--a", json.dumps([team]), "--b", json.dumps([{**team, "mode": "forbidden"}])]
    found = json.loads(grimoire("compare", "order_to_cash", *stacks, "--step", "Create Sales Order..Complete Order", "--json"))
    (step,) = (one for one in found["measures"] if one["measure"] == "step seconds")

    assert found["shared_cases"] == 0
    assert step["is_significant"] and step["p_adjusted"] < 0.001 and step["effect"] > 0
    assert step["n_a"] == pytest.approx(planted["orders_done"], rel=0.02)
    assert (step["a"] / 3600, step["b"] / 3600) == pytest.approx(
        (planted["median_hours"], planted["others_median_hours"]), rel=0.02
    )


def test_every_series_has_a_champion_and_a_forecast_beyond_its_history(truths: dict[str, Any]) -> None:
    rows = ask("""
        select c.series, c.grain, c.champion, max(f.period) > (select max(period) from products.kpis__daily) as ahead
        from forecasts.champions as c join forecasts.forecasts as f using (series, grain) group by all""")

    assert len(rows) >= 20
    assert all(row["ahead"] for row in rows)
    assert {row["champion"] for row in rows} <= set(rival_words(None).split(", "))


def test_a_figure_can_be_computed_again_from_its_snapshot(truths: dict[str, Any]) -> None:
    (mined,) = ask("select cases, events, snapshot_id from mining.logs where process = 'order_to_cash'")
    again = json.loads(
        grimoire("sql", "select count(distinct case_id) as cases, count(*) as events from event_logs.order_to_cash",
                 "--as-of", str(mined["snapshot_id"]), "--json")
    )  # fmt: skip

    assert again == [{"cases": mined["cases"], "events": mined["events"]}]


def test_every_check_names_the_snapshot_it_was_made_on(truths: dict[str, Any]) -> None:
    rows = ask("select layer, count(*) as checks, count(snapshot_id) as placed from platform.check_results group by layer")

    assert {"event_logs", "raw_erp", "raw_crm"} <= {row["layer"] for row in rows}
    assert all(row["checks"] == row["placed"] for row in rows), rows
