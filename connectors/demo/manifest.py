"""The manifest of planted truths: what an analysis of the company's rows should find, with exact figures.

What belongs here: computing each truth from the books, and the words that define it so that anyone can recompute it in SQL.
What does not: planting them (`connectors.demo.planted`).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import fmean, median
from typing import Any

from connectors.demo import planted
from connectors.demo.erp_records import Change, Employee, Invoice, InvoiceLine, Payment, PurchaseOrderLine, SaleOrder, StockMove
from connectors.demo.ledger import Ledger
from connectors.demo.staff import SALES_TEAMS
from connectors.demo.working_time import days, is_workday, moment_of, utc_midnight

HOUR = 3600


def make_manifest(ledger: Ledger, *, seed: int, scale: float) -> dict[str, Any]:
    """All planted truths, by name; each has `definition`, what was `planted`, and the figures that came of it."""
    states = _state_moments(ledger)
    return {
        "seed": seed,
        "as_of": datetime.fromtimestamp(ledger.now(), UTC).isoformat(),
        "scale": scale,
        "truths": {
            "credit_check_bottleneck": _credit_check(ledger, states),
            "automatic_credit_release": _automatic_release(ledger),
            "slow_team": _slow_team(ledger, states),
            "demand_break": _demand_break(ledger),
            "maverick_buying": _maverick_buying(ledger),
            "payments_before_goods_receipt": _payments_before_receipt(ledger),
        },
    }


def _credit_check(ledger: Ledger, states: dict[str, dict[int, int]]) -> dict[str, Any]:
    held, released = states["credit_hold"], states["credit_released"]
    by_hand = {
        entry.document_id for entry in ledger.rows[Change] if entry.new_value == "credit_released" and entry.user_id is not None
    }
    hours = {order: (released[order] - moment) / HOUR for order, moment in held.items() if order in released}
    return {
        "definition": "Hours between a sale order's changes to state credit_hold and to credit_released in change_log, of all"
        " orders that have both; released_by_hand: of those whose release has a user_id. orders_held counts sale orders that"
        " ever were in credit_hold, orders_confirmed those ever confirmed.",
        "orders_confirmed": len(states["confirmed"]),
        "orders_held": len(held),
        "share_held": _share(len(held), len(states["confirmed"])),
        "released": _hours(list(hours.values())),
        "released_by_hand": _hours([waited for order, waited in hours.items() if order in by_hand]),
    }


def _automatic_release(ledger: Ledger) -> dict[str, Any]:
    change = utc_midnight(planted.AUTOMATIC_RELEASE_FROM)
    releases = [entry for entry in ledger.rows[Change] if entry.new_value == "credit_released"]
    figures: dict[str, Any] = {}
    for name, group in (
        ("before", [entry for entry in releases if entry.changed_at < change]),
        ("after", [entry for entry in releases if entry.changed_at >= change]),
    ):
        manual = sum(entry.user_id is not None for entry in group)
        figures[name] = {"releases": len(group), "manual": manual, "manual_share": _share(manual, len(group))}
    return {
        "definition": "Changes of sale orders to state credit_released in change_log, before and from changed_on (00:00 UTC) on;"
        " manual are those with a user_id.",
        "changed_on": planted.AUTOMATIC_RELEASE_FROM.isoformat(),
        "released_below_amount": planted.AUTOMATIC_RELEASE_BELOW_CENTS / 100,
        **figures,
    }


def _slow_team(ledger: Ledger, states: dict[str, dict[int, int]]) -> dict[str, Any]:
    teams: dict[str, list[float]] = {team: [] for team in SALES_TEAMS}
    for order in ledger.rows[SaleOrder]:
        if order.id in states["done"]:
            team = ledger.get(Employee, order.salesperson_id).team
            teams[team].append((states["done"][order.id] - order.created_at) / HOUR)
    others = [hours for team, values in teams.items() if team != planted.SLOW_TEAM for hours in values]
    return {
        "definition": "Hours from a sale order's created_at to its change to state done in change_log, of orders that are done, by"
        " the team of the order's salesperson.",
        "team": planted.SLOW_TEAM,
        "orders_done": len(teams[planted.SLOW_TEAM]),
        "median_hours": _median(teams[planted.SLOW_TEAM]),
        "others_median_hours": _median(others),
        "median_hours_by_team": {team: _median(values) for team, values in teams.items()},
    }


def _demand_break(ledger: Ledger) -> dict[str, Any]:
    window = timedelta(days=planted.DEMAND_WINDOW_DAYS)
    first, middle, last = planted.DEMAND_BREAK_ON - window, planted.DEMAND_BREAK_ON, planted.DEMAND_BREAK_ON + window
    moments = [order.created_at for order in ledger.rows[SaleOrder] if order.crm_opportunity_id is None]
    figures = {}
    for name, begin, end in (("before", first, middle), ("after", middle, last)):
        orders = sum(moment_of(begin) <= moment < moment_of(end) for moment in moments)
        workdays = sum(is_workday(day) for day in days(begin, end - timedelta(days=1)))
        figures[name] = {"orders": orders, "working_days": workdays, "orders_per_working_day": _share(orders, workdays)}
    return {
        "definition": f"Sale orders without crm_opportunity_id by the date of created_at in Europe/Berlin, in the {window.days}"
        f" days before broke_on and the {window.days} days from it on; factor_planted is what the demand was multiplied by,"
        " on top of season and trend.",
        "broke_on": planted.DEMAND_BREAK_ON.isoformat(),
        "factor_planted": planted.DEMAND_BREAK_FACTOR,
        **figures,
    }


def _maverick_buying(ledger: Ledger) -> dict[str, Any]:
    lines: list[PurchaseOrderLine] = ledger.rows[PurchaseOrderLine]
    unrequested = [line for line in lines if line.requisition_id is None]
    orders, maverick = {line.order_id for line in lines}, {line.order_id for line in unrequested}
    return {
        "definition": "Lines of purchase orders whose requisition_id is null; orders are maverick if one of their lines is.",
        "lines": len(lines),
        "maverick_lines": len(unrequested),
        "maverick_line_share": _share(len(unrequested), len(lines)),
        "orders": len(orders),
        "maverick_orders": len(maverick),
        "maverick_order_share": _share(len(maverick), len(orders)),
        "maverick_amount": sum(line.amount for line in unrequested) / 100,
    }


def _payments_before_receipt(ledger: Ledger) -> dict[str, Any]:
    received: dict[int, int] = {}
    for move in ledger.rows[StockMove]:
        if move.purchase_order_line_id is not None and move.state == "done":
            line = move.purchase_order_line_id
            received[line] = min(received.get(line, move.effective_at), move.effective_at)
    first_receipt: dict[int, int] = {}
    for line in ledger.rows[InvoiceLine]:
        moment = received.get(line.purchase_order_line_id)
        if moment is not None:
            first_receipt[line.invoice_id] = min(first_receipt.get(line.invoice_id, moment), moment)
    paid = [payment for payment in ledger.rows[Payment] if ledger.get(Invoice, payment.invoice_id).kind == "supplier"]
    early = [payment for payment in paid if first_receipt.get(payment.invoice_id, payment.paid_at + 1) > payment.paid_at]
    return {
        "definition": "Payments of invoices of kind supplier at whose paid_at no stock move in state done with an"
        " effective_at up to that moment existed for any purchase order line on the invoice.",
        "payments": len(paid),
        "payments_before_receipt": len(early),
        "share": _share(len(early), len(paid)),
        "amount": sum(payment.amount for payment in early) / 100,
    }


def _state_moments(ledger: Ledger) -> dict[str, dict[int, int]]:
    """For each state of sale orders, when each order first came to it."""
    moments: dict[str, dict[int, int]] = {name: {} for name in ("confirmed", "credit_hold", "credit_released", "done")}
    for entry in ledger.rows[Change]:
        if entry.document_type == "sale_order" and entry.event == "state" and entry.new_value in moments:
            moments[entry.new_value].setdefault(entry.document_id, entry.changed_at)
    return moments


def _hours(values: Sequence[float]) -> dict[str, Any]:
    mean = round(fmean(values), 6) if values else None
    return {"orders": len(values), "mean_hours": mean, "median_hours": _median(values)}


def _median(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return round(median(numbers), 6) if numbers else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
