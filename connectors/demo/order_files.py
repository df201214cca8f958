"""Orders under way: what of them is still to be delivered and invoiced.

What belongs here: that bookkeeping, shared by the process modules. What does not: rows (they are in the ledger).
"""

from dataclasses import dataclass

from connectors.demo.erp_records import Party, PurchaseOrder, PurchaseOrderLine, SaleOrder, SaleOrderLine
from connectors.demo.ledger import Ledger
from connectors.demo.staff import Desk


@dataclass
class SalesFile:
    """A customer's order under way."""

    order: SaleOrder
    lines: list[SaleOrderLine]
    party: Party
    desk: Desk
    undelivered: int = 0
    uninvoiced: int = 0

    def open_for_delivery(self) -> None:
        """Fixes the quantities: from now on they are only delivered and invoiced."""
        self.undelivered = self.uninvoiced = sum(line.quantity for line in self.lines)

    def settle(self, ledger: Ledger, user: int | None) -> None:
        """Closes the order once all of it is delivered and invoiced."""
        if self.undelivered == 0 and self.uninvoiced == 0 and self.order.state == "processing":
            ledger.set_state(self.order, "done", user)


@dataclass(frozen=True)
class SalesPortion:
    """Some of an order's line, on one shipment."""

    file: SalesFile
    line: SaleOrderLine
    quantity: int

    @property
    def amount(self) -> int:
        """Its price in cents, so that the portions of a line never add up to more than a cent from the line."""
        return (self.line.amount * self.quantity * 2 + self.line.quantity) // (self.line.quantity * 2)


@dataclass
class PurchaseFile:
    """An order to a supplier under way."""

    order: PurchaseOrder
    lines: list[PurchaseOrderLine]
    party: Party
    unreceived: int = 0
    uninvoiced: int = 0

    def open_for_receipt(self) -> None:
        """Fixes the quantities: from now on they are only received and invoiced."""
        self.unreceived = self.uninvoiced = sum(line.quantity for line in self.lines)

    def settle(self, ledger: Ledger, user: int | None) -> None:
        """Closes the order once all of it is received and invoiced."""
        if self.unreceived == 0 and self.uninvoiced == 0 and self.order.state == "processing":
            ledger.set_state(self.order, "done", user)


@dataclass(frozen=True)
class PurchasePortion:
    """Some of a purchase order's line, on one receipt."""

    file: PurchaseFile
    line: PurchaseOrderLine
    quantity: int
