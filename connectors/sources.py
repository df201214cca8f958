"""What is read from which source system: tables, keys, cursors and what must hold of their rows.

What belongs here: declarations. What does not: reading (`connectors.extract`), checking (`connectors.quality`) and
writing (`lake.landing`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

TEXT, MOMENT, DAY, NUMBER, WHOLE = "varchar", "timestamptz", "date", "double", "bigint"


@dataclass(frozen=True)
class Table:
    """One table of a source and its expectations.

    A row that breaks `required`, `kinds`, `references` or whose times are implausible is quarantined; one that breaks `states` is
    landed and reported, because systems grow new states.
    """

    name: str
    key: str = "id"
    cursor: str = "updated_at"  # grows with every change; never null
    required: tuple[str, ...] = ()
    times: tuple[str, ...] = ("created_at",)
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # column to the only values it may have
    states: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # column to the values known so far
    references: Mapping[str, str] = field(default_factory=dict)  # column to the table whose key it holds
    columns: Mapping[str, str] = field(default_factory=dict)  # declared types, where the source itself declares none


@dataclass(frozen=True)
class Source:
    """A system rows are read from."""

    name: str
    title: str
    kind: Literal["sql_database", "rest_api"]
    tables: tuple[Table, ...]  # referenced tables before those that refer to them

    @property
    def schema(self) -> str:
        """The lake's schema for its rows."""
        return f"raw_{self.name}"

    def table(self, name: str) -> Table:
        """The table of that name."""
        return next(table for table in self.tables if table.name == name)


_ERP_TABLES = (
    Table("employees", required=("name", "team")),
    Table("parties", required=("code", "name"), kinds={"kind": ("customer", "supplier")}),
    Table("products", required=("sku",), references={"supplier_id": "parties"}),
    Table(
        "sale_orders",
        required=("number", "party_id", "total_amount"),
        references={"party_id": "parties", "salesperson_id": "employees"},
        states={
            "state": ("draft", "quotation", "confirmed", "credit_hold", "credit_released", "processing", "done", "cancelled"),
        },
    ),
    Table(
        "sale_order_lines",
        required=("order_id", "product_id", "quantity"),
        references={"order_id": "sale_orders", "product_id": "products"},
    ),
    Table(
        "requisitions",
        required=("number",),
        references={"requester_id": "employees", "product_id": "products"},
        states={"state": ("draft", "submitted", "approved", "rejected", "converted", "cancelled")},
    ),
    Table(
        "purchase_orders",
        required=("number", "party_id", "total_amount"),
        references={"party_id": "parties", "buyer_id": "employees"},
        states={"state": ("draft", "approved", "sent", "confirmed", "processing", "done", "cancelled")},
    ),
    Table(
        "purchase_order_lines",
        required=("order_id", "product_id", "quantity"),
        references={"order_id": "purchase_orders", "product_id": "products", "requisition_id": "requisitions"},
    ),
    Table(
        "shipments",
        required=("number", "party_id"),
        times=("created_at", "effective_at"),
        kinds={"kind": ("outgoing", "incoming", "customer_return")},
        references={"party_id": "parties"},
        states={"state": ("waiting", "picked", "packed", "received", "done", "cancelled")},
    ),
    Table(
        "stock_moves",
        required=("shipment_id", "product_id"),
        times=("created_at", "effective_at"),
        references={
            "shipment_id": "shipments",
            "product_id": "products",
            "sale_order_line_id": "sale_order_lines",
            "purchase_order_line_id": "purchase_order_lines",
        },
        states={"state": ("draft", "done", "cancelled")},
    ),
    Table(
        "invoices",
        required=("number", "party_id", "total_amount"),
        kinds={"kind": ("customer", "supplier", "customer_credit_note")},
        references={"party_id": "parties"},
        states={"state": ("draft", "blocked", "posted", "paid", "cancelled")},
    ),
    Table(
        "invoice_lines",
        required=("invoice_id",),
        references={
            "invoice_id": "invoices",
            "product_id": "products",
            "sale_order_line_id": "sale_order_lines",
            "purchase_order_line_id": "purchase_order_lines",
        },
    ),
    Table(
        "payments",
        required=("invoice_id", "amount", "paid_at"),
        times=("created_at", "paid_at"),
        kinds={"direction": ("in", "out")},
        references={"invoice_id": "invoices", "party_id": "parties"},
    ),
    Table(
        "change_log",
        required=("changed_at", "document_type", "document_id"),
        times=("changed_at",),
        kinds={
            "document_type": ("sale_order", "requisition", "purchase_order", "shipment", "invoice", "payment"),
            "event": ("create", "state", "write"),
        },
        references={"user_id": "employees"},
    ),
)

_STAGES = ("New", "Qualified", "Proposal", "Negotiation", "Won", "Lost")


def _texts(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, TEXT)


def _moments(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, MOMENT)


_CRM_TABLES = (
    Table(
        "accounts",
        required=("name",),
        columns=_texts("id", "name", "industry", "country", "website", "owner", "erp_party_code")
        | _moments("created_at", "updated_at"),
    ),
    Table(
        "contacts",
        references={"account_id": "accounts"},
        columns=_texts("id", "account_id", "first_name", "last_name", "email", "phone", "title")
        | _moments("created_at", "updated_at"),
    ),
    Table(
        "opportunities",
        required=("account_id", "stage"),
        references={"account_id": "accounts", "contact_id": "contacts"},
        states={"stage": _STAGES},
        columns=_texts("id", "account_id", "contact_id", "name", "owner", "team", "source", "stage", "currency", "lost_reason")
        | {"amount": NUMBER, "probability": NUMBER, "expected_close": DAY}
        | _moments("closed_at", "created_at", "updated_at"),
    ),
    Table(
        "stage_history",
        required=("opportunity_id", "to_stage", "changed_at"),
        times=("changed_at",),
        references={"opportunity_id": "opportunities"},
        states={"to_stage": _STAGES},
        columns=_texts("id", "opportunity_id", "from_stage", "to_stage", "changed_by") | _moments("changed_at", "updated_at"),
    ),
    Table(
        "activities",
        required=("opportunity_id", "performed_at"),
        times=("performed_at",),
        references={"opportunity_id": "opportunities"},
        states={"kind": ("call", "email", "meeting", "demo")},
        columns=_texts("id", "opportunity_id", "kind", "subject", "performed_by") | _moments("performed_at", "updated_at"),
    ),
    Table(
        "tickets",
        required=("account_id", "opened_at"),
        times=("opened_at", "first_response_at", "solved_at"),
        references={"account_id": "accounts", "opportunity_id": "opportunities"},
        states={"status": ("open", "pending", "solved", "closed")},
        columns=_texts("id", "account_id", "opportunity_id", "subject", "priority", "status", "assignee")
        | {"satisfaction": WHOLE}
        | _moments("opened_at", "first_response_at", "solved_at", "updated_at"),
    ),
)

SOURCES: Mapping[str, Source] = {
    "erp": Source("erp", "Demo company's ERP", "sql_database", _ERP_TABLES),
    "crm": Source("crm", "Demo company's CRM", "rest_api", _CRM_TABLES),
}
