"""Cases of selling and buying, driven through proteus by the people responsible, at moments of our choosing, and what they changed.

What belongs here: the steps of a case, the order of all steps in time, and the record of what each step changed in any document.
What does not: the company they happen in (`company`) and the clock (`clock`).

The record is what the mined event logs are compared with. It is taken from the documents themselves before and after each step,
never from Tryton's change log, which the event logs are made of.
"""

import datetime as dt
import heapq
import random

from proteus import Model, Wizard
from proteus import config as proteus_config
from trytond.transaction import Transaction

DOCUMENTS = {
    "sale.opportunity": "sale_opportunity",
    "sale.sale": "sale_sale",
    "purchase.requisition": "purchase_requisition",
    "purchase.purchase": "purchase_purchase",
    "stock.shipment.out": "stock_shipment_out",
    "stock.shipment.out.return": "stock_shipment_out_return",
    "stock.shipment.in": "stock_shipment_in",
    "stock.shipment.in.return": "stock_shipment_in_return",
    "account.invoice": "account_invoice",
}
OPENING, CLOSING = 8, 18
SATURDAY = 5


class Driver:
    """Drives cases side by side, step by step in the order of time."""

    def __init__(self, uri, config_file, admin, ids, start, seed):
        self.uri, self.config_file, self.admin, self.ids = uri, config_file, admin, ids
        self.logins, self.random = {"admin": admin}, random.Random(seed)
        self.start = dt.datetime.combine(start, dt.time(OPENING), dt.UTC)
        self.steps, self.record, self.number = [], [], 0
        self.acting, self.actors = "", {}  # who acts now, and who acted last in each case

    def log_in(self, logins):
        """Logs everybody in, for a login makes Tryton's pool anew."""
        for login in logins:
            self.logins[login] = proteus_config.TrytondConfig(self.uri, user=login, config_file=self.config_file)

    def add(self, case, *, within_days):
        """Plans a case to begin some time within so many days."""
        self._plan(self.start + dt.timedelta(days=self.random.random() * within_days), case)

    def run(self, traveller):
        """Runs every step at its moment; each yields the days until the next of its case."""
        while self.steps:
            moment, _, case = heapq.heappop(self.steps)
            traveller.move_to(moment)
            before, self.acting = self._states(), self.actors.get(case, "")
            wait = next(case, None)
            self.actors[case] = self.acting
            self._note(moment, before, self._states())
            if wait is not None:
                self._plan(moment + dt.timedelta(days=wait), case)

    def model(self, login, name):
        """A model as somebody sees it, who is then the one to act; the administrator only looks."""
        self.acting = self.acting if login == "admin" else login
        return Model.get(name, config=self.logins[login])

    def someone(self, department):
        """A person of a department."""
        return self.random.choice(sorted(login for login in self.logins if login.startswith(department)))

    def days(self, least, most):
        """A number of days between two."""
        return self.random.uniform(least, most)

    def _plan(self, moment, case):
        self.number += 1
        moment = moment.replace(microsecond=self.random.randrange(1, 1_000_000))
        while moment.weekday() >= SATURDAY or not OPENING <= moment.hour < CLOSING:
            next_day = moment.weekday() >= SATURDAY or moment.hour >= CLOSING
            moment = (moment + dt.timedelta(days=next_day)).replace(hour=OPENING, minute=self.random.randrange(60))
        heapq.heappush(self.steps, (moment, self.number, case))

    def _states(self):
        found = {}
        with Transaction().start(self.admin.database_name, 0, readonly=True) as transaction:
            cursor = transaction.connection.cursor()
            for model, table in DOCUMENTS.items():
                cursor.execute(f'SELECT id, state FROM "{table}"')
                found.update({f"{model},{number}": state for number, state in cursor.fetchall()})
        return found

    def _note(self, moment, before, after):
        changed = {document: state for document, state in after.items() if before.get(document) != state}
        for document, state in sorted(changed.items()):
            known = {"at": moment.isoformat(), "document": document, "state": state, "person": self.acting}
            self.record.append({**known, "is_new": document not in before})


def lead(driver):
    """An enquiry that becomes an order, or does not."""
    seller = driver.someone("sales.")
    Opportunity = driver.model(seller, "sale.opportunity")
    opportunity = Opportunity(description="Enquiry")
    opportunity.save()
    number = opportunity.id
    yield driver.days(0.2, 5)
    opportunity = Opportunity(number)
    if driver.random.random() < 0.15:
        opportunity.lost_reason = "no budget"
        opportunity.click("lost")
        return
    opportunity.party = driver.model(seller, "party.party")(driver.random.choice(driver.ids["customers"]))
    opportunity.employee = driver.model(seller, "company.employee")(driver.logins[seller].context["employee"])
    opportunity.click("opportunity")
    yield driver.days(0.5, 10)
    opportunity = Opportunity(number)
    if driver.random.random() < 0.2:
        opportunity.click(driver.random.choice(["lost", "cancel"]))
        return
    _fill(driver, seller, opportunity.lines)
    opportunity.save()
    (sale,) = opportunity.click("convert")
    yield from _sale(driver, seller, sale.id)


def direct_sale(driver):
    """An order without an enquiry."""
    seller = driver.someone("sales.")
    sale = driver.model(seller, "sale.sale")()
    sale.party = driver.model(seller, "party.party")(driver.random.choice(driver.ids["customers"]))
    _fill(driver, seller, sale.lines)
    sale.save()
    yield from _sale(driver, seller, sale.id)


def _fill(driver, login, lines):
    Product = driver.model(login, "product.product")
    for product in driver.random.sample(driver.ids["products"], driver.random.randrange(1, 3)):
        line = lines.new()
        line.product, line.quantity = Product(product), float(driver.random.randrange(1, 20))


def _sale(driver, seller, number):
    Sale = driver.model(seller, "sale.sale")
    yield driver.days(0.1, 2)
    Sale(number).click("quote")
    yield driver.days(0.2, 8)
    if driver.random.random() < 0.25:  # the customer wants another quotation
        Sale(number).click("draft")
        yield driver.days(0.1, 1)
        sale = Sale(number)
        sale.lines[0].quantity += 1.0
        sale.click("quote")
        yield driver.days(0.2, 5)
    if driver.random.random() < 0.15:
        Sale(number).click("cancel")
        return
    Sale(number).click("confirm")
    yield driver.days(0.1, 3)
    yield from _ship(driver, number)
    yield from _invoices(driver, "sale.sale", number)
    if driver.random.random() < 0.25:
        yield driver.days(3, 9)
        yield from _return_sale(driver, seller, number)


def _ship(driver, number):
    Shipment = driver.model(driver.someone("stock."), "stock.shipment.out")
    for shipment in [each.id for each in driver.model("admin", "sale.sale")(number).shipments]:
        for button in ("wait", "assign_try", "pick", "pack", "do"):
            if Shipment(shipment).state != "waiting" or button != "wait":
                Shipment(shipment).click(button)
                yield driver.days(0.05, 1)


def _return_sale(driver, seller, number):
    Sale = driver.model(seller, "sale.sale")
    wizard = Wizard("sale.return_sale", [Sale(number)], config=driver.logins[seller])
    wizard.execute("return_")
    (returned,) = Sale.find([("origin", "=", f"sale.sale,{number}")])
    yield driver.days(0.1, 1)
    Sale(returned.id).click("quote")
    yield driver.days(0.1, 1)
    Sale(returned.id).click("confirm")
    yield driver.days(1, 4)
    Returned = driver.model(driver.someone("stock."), "stock.shipment.out.return")
    for shipment in [each.id for each in driver.model("admin", "sale.sale")(returned.id).shipment_returns]:
        Returned(shipment).click("receive")
        yield driver.days(0.1, 1)
        Returned(shipment).click("do")
        yield driver.days(0.1, 1)
    yield from _invoices(driver, "sale.sale", returned.id)


def _invoices(driver, model, number):
    clerk = driver.someone("accounts.")
    Invoice = driver.model(clerk, "account.invoice")
    for invoice in [each.id for each in driver.model("admin", model)(number).invoices if each.state == "draft"]:
        bill = Invoice(invoice)
        if model == "purchase.purchase":
            bill.invoice_date = dt.date.today()
        bill.click("validate_invoice")
        yield driver.days(0.1, 2)
        Invoice(invoice).click("post")
        yield driver.days(2, 40)
        if driver.random.random() < 0.9:
            yield from _pay(driver, clerk, invoice)


def _pay(driver, clerk, invoice):
    Method = driver.model(clerk, "account.invoice.payment.method")
    wizard = driver.model(clerk, "account.invoice")(invoice).click("pay")
    wizard.form.payment_method = Method(driver.ids["payment_method"])
    wizard.execute("choice")
    yield driver.days(0.1, 1)


def procurement(driver):
    """A need that becomes purchases, or is turned down."""
    asker = driver.someone("plant.")
    Requisition = driver.model(asker, "purchase.requisition")
    requisition = Requisition(description="Need")
    requisition.employee = driver.model(asker, "company.employee")(driver.logins[asker].context["employee"])
    requisition.supply_date = dt.date.today() + dt.timedelta(days=20)
    supplier = driver.random.randrange(len(driver.ids["suppliers"]))
    theirs = driver.ids["products"][supplier :: len(driver.ids["suppliers"])]
    for product in driver.random.sample(theirs, driver.random.randrange(1, 3)):
        line = requisition.lines.new()
        line.product, line.quantity = driver.model(asker, "product.product")(product), float(driver.random.randrange(5, 50))
        line.supplier = driver.model(asker, "party.party")(driver.ids["suppliers"][supplier])
    requisition.save()
    number = requisition.id
    yield driver.days(0.1, 1)
    Requisition(number).click("wait")
    yield driver.days(0.1, 3)
    Chief = driver.model(driver.someone("chief."), "purchase.requisition")
    if driver.random.random() < 0.15:
        Chief(number).click("reject")
        return
    Chief(number).click("approve")
    yield driver.days(0.1, 3)
    yield from _purchase(driver, number)


def _purchase(driver, requisition):
    buyer = driver.someone("buyer.")
    Request, Purchase = driver.model(buyer, "purchase.request"), driver.model(buyer, "purchase.purchase")
    wanted = Request.find([("origin.requisition", "=", requisition, "purchase.requisition.line"), ("state", "=", "draft")])
    Wizard("purchase.request.create_purchase", wanted, config=driver.logins[buyer])
    numbers = sorted({each.purchase.id for each in Request.find([("id", "in", [one.id for one in wanted])]) if each.purchase})
    yield driver.days(0.1, 2)
    for number in numbers:
        Purchase(number).click("quote")
        yield driver.days(0.1, 4)
        if driver.random.random() < 0.1:
            Purchase(number).click("cancel")
            continue
        Purchase(number).click("confirm")
        yield driver.days(2, 12)
        yield from _receive(driver, number)
        yield from _invoices(driver, "purchase.purchase", number)


def _receive(driver, purchase):
    keeper = driver.someone("stock.")
    Receipt, Move = driver.model(keeper, "stock.shipment.in"), driver.model(keeper, "stock.move")
    order = driver.model("admin", "purchase.purchase")(purchase)
    for move in [each.id for each in order.moves]:  # each line comes on its own
        receipt = Receipt(supplier=driver.model(keeper, "party.party")(order.party.id))
        receipt.incoming_moves.append(Move(move))
        receipt.save()
        number = receipt.id
        yield driver.days(0.1, 1)
        Receipt(number).click("receive")
        yield driver.days(0.1, 1)
        Receipt(number).click("do")
        yield driver.days(0.1, 3)
