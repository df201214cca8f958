"""The rows of the demo ERP while the simulation runs: one class per table of `erp_schema.sql`, a field per column.

What belongs here: the shape of those rows. What does not: creating and changing them (`connectors.demo.ledger`) and writing
them to PostgreSQL (`connectors.demo.store`).

Money is whole cents and moments are whole Unix seconds, so that sums and comparisons are exact.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, ClassVar

Cents = Annotated[int, "cents"]
Moment = Annotated[int, "unix seconds"]
MaybeMoment = Annotated[int | None, "unix seconds"]
MaybeCents = Annotated[int | None, "cents"]


@dataclass(slots=True, kw_only=True)
class Record:
    """What every row has, and where it is written."""

    table: ClassVar[str]
    document: ClassVar[str | None] = None  # its name in the change log, if the log follows it
    id: int
    created_at: Moment
    updated_at: Moment


@dataclass(slots=True, kw_only=True)
class Document(Record):
    """A row with a state that the change log follows."""

    state: str


@dataclass(slots=True, kw_only=True)
class Employee(Record):
    """Someone who works here."""

    table: ClassVar[str] = "employees"
    name: str
    email: str
    team: str
    role: str
    active: bool = True


@dataclass(slots=True, kw_only=True)
class Party(Record):
    """A customer or a supplier."""

    table: ClassVar[str] = "parties"
    code: str
    name: str
    kind: str
    country: str
    city: str
    segment: str
    email: str | None
    payment_term_days: int
    credit_limit: MaybeCents = None
    crm_account_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Product(Record):
    """Something bought and sold."""

    table: ClassVar[str] = "products"
    sku: str
    name: str
    category: str
    uom: str
    list_price: Cents
    cost_price: Cents
    supplier_id: int


@dataclass(slots=True, kw_only=True)
class SaleOrder(Document):
    """A customer's order."""

    table: ClassVar[str] = "sale_orders"
    document: ClassVar[str | None] = "sale_order"
    number: str
    party_id: int
    crm_opportunity_id: str | None
    salesperson_id: int
    order_date: date
    requested_date: date
    currency: str = "EUR"
    total_amount: Cents = 0


@dataclass(slots=True, kw_only=True)
class SaleOrderLine(Record):
    """A product on a customer's order."""

    table: ClassVar[str] = "sale_order_lines"
    order_id: int
    line_no: int
    product_id: int
    quantity: int
    unit_price: Cents
    discount_pct: int
    amount: Cents


@dataclass(slots=True, kw_only=True)
class Requisition(Document):
    """Someone's wish that something be bought."""

    table: ClassVar[str] = "requisitions"
    document: ClassVar[str | None] = "requisition"
    number: str
    requester_id: int
    product_id: int
    quantity: int
    estimated_amount: Cents
    needed_by: date


@dataclass(slots=True, kw_only=True)
class PurchaseOrder(Document):
    """An order to a supplier."""

    table: ClassVar[str] = "purchase_orders"
    document: ClassVar[str | None] = "purchase_order"
    number: str
    party_id: int
    buyer_id: int
    order_date: date
    promised_date: date
    currency: str = "EUR"
    total_amount: Cents = 0


@dataclass(slots=True, kw_only=True)
class PurchaseOrderLine(Record):
    """A product on an order to a supplier."""

    table: ClassVar[str] = "purchase_order_lines"
    order_id: int
    line_no: int
    product_id: int
    requisition_id: int | None
    quantity: int
    unit_price: Cents
    amount: Cents


@dataclass(slots=True, kw_only=True)
class Shipment(Document):
    """Goods that leave, come or come back."""

    table: ClassVar[str] = "shipments"
    document: ClassVar[str | None] = "shipment"
    number: str
    kind: str
    party_id: int
    planned_date: date
    effective_at: MaybeMoment = None


@dataclass(slots=True, kw_only=True)
class StockMove(Record):
    """A product on a shipment, for an order's line."""

    table: ClassVar[str] = "stock_moves"
    shipment_id: int
    product_id: int
    sale_order_line_id: int | None = None
    purchase_order_line_id: int | None = None
    quantity: int
    state: str = "draft"
    effective_at: MaybeMoment = None


@dataclass(slots=True, kw_only=True)
class Invoice(Document):
    """A customer's invoice, a supplier's invoice or a credit note."""

    table: ClassVar[str] = "invoices"
    document: ClassVar[str | None] = "invoice"
    number: str
    kind: str
    party_id: int
    invoice_date: date
    due_date: date
    currency: str = "EUR"
    total_amount: Cents = 0
    paid_amount: Cents = 0


@dataclass(slots=True, kw_only=True)
class InvoiceLine(Record):
    """A product on an invoice, for an order's line."""

    table: ClassVar[str] = "invoice_lines"
    invoice_id: int
    product_id: int
    sale_order_line_id: int | None = None
    purchase_order_line_id: int | None = None
    quantity: int
    unit_price: Cents
    amount: Cents


@dataclass(slots=True, kw_only=True)
class Payment(Record):
    """Money that came in or went out for an invoice."""

    table: ClassVar[str] = "payments"
    document: ClassVar[str | None] = "payment"
    number: str
    invoice_id: int
    party_id: int
    direction: str
    method: str
    currency: str = "EUR"
    amount: Cents
    paid_at: Moment


@dataclass(slots=True)
class Change:
    """What happened to a document: the ERP's change log."""

    table: ClassVar[str] = "change_log"
    id: int
    changed_at: Moment
    user_id: int | None
    document_type: str
    document_id: int
    event: str
    field: str | None
    old_value: str | None
    new_value: str | None
    updated_at: Moment


ERP_TABLES: tuple[type[Any], ...] = (  # in the order in which they can be loaded
    Employee,
    Party,
    Product,
    SaleOrder,
    SaleOrderLine,
    Requisition,
    PurchaseOrder,
    PurchaseOrderLine,
    Shipment,
    StockMove,
    Invoice,
    InvoiceLine,
    Payment,
    Change,
)
