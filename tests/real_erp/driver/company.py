"""A company in a fresh Tryton: chart of accounts, people with real access rights, parties and products; made by Tryton's own means.

What belongs here: what is there before the first case. What does not: the cases (`cases`).
"""

import datetime as dt
from decimal import Decimal

from proteus import Model
from trytond.modules.account.tests.tools import create_chart, create_tax, get_accounts
from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences
from trytond.modules.company.tests.tools import create_company, get_company

PEOPLE = {
    "sales.ada": ["Sales", "Sale Opportunity"],
    "sales.ben": ["Sales", "Sale Opportunity"],
    "stock.cleo": ["Stock"],
    "accounts.dov": ["Accounting"],
    "buyer.eva": ["Purchase", "Purchase Request", "Purchase Requisition"],
    "plant.finn": ["Purchase Requisition"],
    "chief.gil": ["Purchase", "Purchase Requisition", "Purchase Requisition Approval"],
}
READER = "reader"  # who reads for the platform: not an administrator, with one group that may read and nothing else
CUSTOMERS, SUPPLIERS, PRODUCTS = 8, 3, 9
DAYS_OF_DELIVERY = 7


def set_up(config, start, reader_password, readable):
    """Everything the cases need; returns the ids they ask for."""
    create_company(party=None, currency="EUR", config=config)
    company = get_company()
    create_chart(config=config)
    accounts = get_accounts()
    _fiscal_years(company, start)
    method, term = _payment(accounts)
    for login, groups in PEOPLE.items():
        _person(company, login, groups)
    _reader(company, reader_password, readable)
    customers = [_party(f"Customer {number}", "customer_payment_term", term) for number in range(1, CUSTOMERS + 1)]
    suppliers = [_party(f"Supplier {number}", "supplier_payment_term", term) for number in range(1, SUPPLIERS + 1)]
    products = _products(accounts, suppliers)
    _stock(products)
    _configure()
    return {"customers": customers, "suppliers": suppliers, "products": products, "payment_method": method}


def _fiscal_years(company, start):
    Sequence, Kind, Year = Model.get("ir.sequence.strict"), Model.get("ir.sequence.type"), Model.get("account.fiscalyear")
    (moves,) = Kind.find([("name", "=", "Account Move")])
    for year in range(start.year, dt.date.today().year + 6):  # long enough for cases driven in the present
        numbers = Sequence(name=str(year), sequence_type=moves, company=company)
        numbers.save()
        fiscal = Year(name=str(year), company=company)
        fiscal.start_date, fiscal.end_date = dt.date(year, 1, 1), dt.date(year, 12, 31)
        fiscal.move_sequence = numbers
        set_fiscalyear_invoice_sequences(fiscal).click("create_period")


def _payment(accounts):
    (cash,) = Model.get("account.journal").find([("type", "=", "cash")])
    method = Model.get("account.invoice.payment.method")(name="Bank transfer", journal=cash)
    method.credit_account = method.debit_account = accounts["cash"]
    method.save()
    term = Model.get("account.invoice.payment_term")(name="30 days")
    term.lines.new(type="remainder").relativedeltas.new(days=30)
    term.save()
    return method.id, term


def _person(company, login, groups):
    Group = Model.get("res.group")
    party = Model.get("party.party")(name=login.title())
    party.save()
    employee = Model.get("company.employee")(party=party)
    employee.save()
    user = Model.get("res.user")(name=login.title(), login=login)
    user.companies.append(company.__class__(company.id))
    user.company = company
    user.employees.append(employee)
    user.employee = employee
    for name in groups:
        (group,) = Group.find([("name", "=", name)])
        user.groups.append(group)
    user.save()


def _reader(company, password, readable):
    Access = Model.get("ir.model.access")
    group = Model.get("res.group")(name="Data platform")
    group.save()
    installed = {model.name for model in Model.get("ir.model").find([])}
    for model in sorted(installed.intersection(readable)):
        Access(model=model, group=group, perm_read=True).save()
    user = Model.get("res.user")(name="Reader", login=READER, password=password)
    user.companies.append(company.__class__(company.id))
    user.company = company
    user.groups.append(group)
    user.save()


def _party(name, term_field, term):
    party = Model.get("party.party")(name=name)
    setattr(party, term_field, term)
    party.save()
    return party.id


def _products(accounts, suppliers):
    (unit,) = Model.get("product.uom").find([("name", "=", "Unit")])
    tax = create_tax(Decimal(".20"))
    tax.save()
    category = Model.get("product.category")(name="Goods", accounting=True)
    category.account_expense, category.account_revenue = accounts["expense"], accounts["revenue"]
    category.customer_taxes.append(tax)
    category.save()
    return [_product(number, unit, category, suppliers[number % len(suppliers)]) for number in range(PRODUCTS)]


def _product(number, unit, category, supplier):
    template = Model.get("product.template")(name=f"Part {number}", default_uom=unit, type="goods")
    template.salable = template.purchasable = True
    template.list_price = Decimal(10 + 7 * number) + Decimal("0.25")
    template.account_category = category
    (product,) = template.products
    product.cost_price = Decimal(6 + 4 * number)
    template.save()
    offer = Model.get("purchase.product_supplier")(template=template, party=Model.get("party.party")(supplier))
    offer.lead_time = dt.timedelta(days=DAYS_OF_DELIVERY)
    offer.prices.new(quantity=0).unit_price = product.cost_price
    offer.save()
    return template.products[0].id


def _stock(products):
    (storage,) = Model.get("stock.location").find([("code", "=", "STO")])
    count = Model.get("stock.inventory")(location=storage)
    for product in products:
        line = count.lines.new(product=Model.get("product.product")(product))
        line.quantity, line.expected_quantity = 100_000.0, 0.0
    count.click("confirm")


def _configure():
    sales, purchases = Model.get("sale.configuration")(1), Model.get("purchase.configuration")(1)
    sales.sale_invoice_method, sales.sale_shipment_method = "fulfillment", "order"
    purchases.purchase_invoice_method = "fulfillment"
    sales.save()
    purchases.save()
