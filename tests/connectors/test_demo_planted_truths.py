"""Each planted truth, recomputed in SQL from the ERP's tables by the manifest's definition, is exactly the manifest's figure."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.demo import advance, bring_up, read_manifest, store
from lake.settings import get_settings

CLOSE = 1e-6  # the manifest rounds to six decimals


@pytest.fixture(scope="module", params=["as brought up", "after nine more days"])
def truths(request: pytest.FixtureRequest, module_home: Path) -> dict[str, dict[str, Any]]:
    bring_up()
    if request.param != "as brought up":
        advance(9)
    return read_manifest()["truths"]


@pytest.fixture
def erp(truths: dict[str, Any]) -> Iterator[Any]:
    with store.connect(get_settings()) as connection:
        yield connection


STATES = """
    with states as (
        select document_id as order_id, new_value as state, min(changed_at) as reached_at, max(user_id) as user_id
        from change_log
        where document_type = 'sale_order' and event = 'state'
        group by all_columns
    )
""".replace("all_columns", "document_id, new_value")


def test_credit_checks_take_as_long_as_the_manifest_says(erp: Any, truths: dict[str, Any]) -> None:
    truth = truths["credit_check_bottleneck"]
    held, confirmed = erp.execute(
        STATES + "select count(*) filter (where state = 'credit_hold'), count(*) filter (where state = 'confirmed') from states"
    ).fetchone()
    assert (truth["orders_held"], truth["orders_confirmed"]) == (held, confirmed)
    assert truth["share_held"] == pytest.approx(held / confirmed, abs=CLOSE)
    for name, condition in (("released", "true"), ("released_by_hand", "released.user_id is not null")):
        count, mean, median = erp.execute(
            STATES
            + f"""
            select count(*), avg(hours), percentile_cont(0.5) within group (order by hours)
            from (
                select extract(epoch from released.reached_at - held.reached_at)::double precision / 3600 as hours
                from states as held join states as released using (order_id)
                where held.state = 'credit_hold' and released.state = 'credit_released' and {condition}
            ) as waits
            """
        ).fetchone()
        assert truth[name]["orders"] == count
        assert truth[name]["mean_hours"] == pytest.approx(mean, abs=CLOSE)
        assert truth[name]["median_hours"] == pytest.approx(median, abs=CLOSE)


def test_manual_releases_fall_on_the_day_of_the_process_change(erp: Any, truths: dict[str, Any]) -> None:
    truth = truths["automatic_credit_release"]
    rows = erp.execute(
        """
        select changed_at >= %s::date::timestamptz as is_after, count(*), count(user_id)
        from change_log
        where document_type = 'sale_order' and event = 'state' and new_value = 'credit_released'
        group by 1 order by 1
        """,
        (truth["changed_on"],),
    ).fetchall()
    for name, (_, releases, manual) in zip(("before", "after"), rows, strict=True):
        assert (truth[name]["releases"], truth[name]["manual"]) == (releases, manual)
        assert truth[name]["manual_share"] == pytest.approx(manual / releases, abs=CLOSE)
    assert truth["before"]["manual_share"] == 1.0
    assert truth["after"]["manual_share"] < 0.5


def test_the_slow_team_is_slower_by_the_manifests_figures(erp: Any, truths: dict[str, Any]) -> None:
    truth = truths["slow_team"]
    query = (
        STATES
        + """
        select percentile_cont(0.5) within group (
            order by extract(epoch from done.reached_at - sale_orders.created_at)::double precision / 3600
        ), count(*)
        from sale_orders
        join states as done on done.order_id = sale_orders.id and done.state = 'done'
        join employees on employees.id = salesperson_id
        where (team = %(team)s) = %(is_team)s
        """
    )
    median, count = erp.execute(query, {"team": truth["team"], "is_team": True}).fetchone()
    assert truth["orders_done"] == count
    assert truth["median_hours"] == pytest.approx(median, abs=CLOSE)
    assert truth["median_hours_by_team"][truth["team"]] == truth["median_hours"]
    others, _ = erp.execute(query, {"team": truth["team"], "is_team": False}).fetchone()
    assert truth["others_median_hours"] == pytest.approx(others, abs=CLOSE)
    assert truth["median_hours"] > 1.15 * truth["others_median_hours"]


def test_demand_breaks_on_the_planted_day(erp: Any, truths: dict[str, Any]) -> None:
    truth = truths["demand_break"]
    before, after = erp.execute(
        """
        with orders as (
            select (created_at at time zone 'Europe/Berlin')::date - %s::date as day
            from sale_orders where crm_opportunity_id is null
        )
        select count(*) filter (where day between -91 and -1), count(*) filter (where day between 0 and 90) from orders
        """,
        (truth["broke_on"],),
    ).fetchone()
    assert (truth["before"]["orders"], truth["after"]["orders"]) == (before, after)
    assert date.fromisoformat(truth["broke_on"]).weekday() == 0


def test_maverick_buying_is_as_frequent_as_the_manifest_says(erp: Any, truths: dict[str, Any]) -> None:
    truth = truths["maverick_buying"]
    lines, maverick_lines, amount, orders, maverick_orders = erp.execute(
        """
        select count(*), count(*) filter (where requisition_id is null), sum(amount) filter (where requisition_id is null),
            count(distinct order_id), count(distinct order_id) filter (where requisition_id is null)
        from purchase_order_lines
        """
    ).fetchone()
    assert (truth["lines"], truth["maverick_lines"]) == (lines, maverick_lines)
    assert (truth["orders"], truth["maverick_orders"]) == (orders, maverick_orders)
    assert truth["maverick_line_share"] == pytest.approx(maverick_lines / lines, abs=CLOSE)
    assert truth["maverick_order_share"] == pytest.approx(maverick_orders / orders, abs=CLOSE)
    assert truth["maverick_amount"] == float(amount)


def test_payments_before_goods_receipt_are_as_many_as_the_manifest_says(erp: Any, truths: dict[str, Any]) -> None:
    truth = truths["payments_before_goods_receipt"]
    payments, early, amount = erp.execute(
        """
        with judged as (
            select payments.amount, not exists (
                select from invoice_lines
                join stock_moves using (purchase_order_line_id)
                where invoice_lines.invoice_id = invoices.id
                    and stock_moves.state = 'done' and stock_moves.effective_at <= payments.paid_at
            ) as is_early
            from payments join invoices on invoices.id = payments.invoice_id
            where invoices.kind = 'supplier'
        )
        select count(*), count(*) filter (where is_early), sum(amount) filter (where is_early) from judged
        """
    ).fetchone()
    assert (truth["payments"], truth["payments_before_receipt"], truth["amount"]) == (payments, early, float(amount))
    assert truth["share"] == pytest.approx(early / payments, abs=CLOSE)
    assert early > 0


def test_every_truth_says_how_it_is_defined(truths: dict[str, Any]) -> None:
    assert len(truths) == 6
    assert all(len(truth["definition"]) > 60 for truth in truths.values())
    assert datetime.fromisoformat(truths["automatic_credit_release"]["changed_on"])


def test_no_other_step_of_an_order_takes_as_long_as_the_credit_check_did(erp: Any, truths: dict[str, Any]) -> None:
    """Before the process change, of all steps between two states that lead on from an order's confirmation."""
    slowest = erp.execute(
        """
        with steps as (
            select new_value as state, lead(new_value) over documents as next_state,
                lead(changed_at) over documents - changed_at as waited
            from change_log
            where document_type = 'sale_order' and event = 'state' and changed_at < %s::date::timestamptz
            window documents as (partition by document_id order by id)
        )
        select state, next_state from steps
        where state in ('confirmed', 'credit_hold', 'credit_released', 'processing') and next_state <> 'cancelled'
        group by state, next_state order by percentile_cont(0.5) within group (order by waited) desc limit 1
        """,
        (truths["automatic_credit_release"]["changed_on"],),
    ).fetchone()
    assert slowest == ("credit_hold", "credit_released")
