"""Who and what the company deals with on its first day: employees, customers, suppliers, products, CRM accounts.

What belongs here: making those rows. What does not: what happens to them later.
"""

from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

from connectors.demo import names
from connectors.demo.crm_records import Account, Contact
from connectors.demo.erp_records import Employee, Party, Product
from connectors.demo.ledger import Ledger
from connectors.demo.staff import ROSTER, SALES_TEAMS, Post
from connectors.demo.working_time import SECONDS_PER_DAY

COUNTRIES = ("DE", "DE", "DE", "DE", "DE", "DE", "AT", "CH", "NL", "FR", "PL", "IT", "CZ")
SEGMENTS = ("enterprise", "mid-market", "mid-market", "small", "small", "small")
CREDIT_LIMIT_CENTS = {"enterprise": 25_000_000, "mid-market": 8_000_000, "small": 2_500_000}
LARGE_SHARE = 0.1  # of the first customers: they order most, and often want everything in one delivery or on one invoice
TERM_DAYS = {"enterprise": 45, "mid-market": 30, "small": 14}


@dataclass
class Habits:
    """How a party behaves; nothing of it stands in a table."""

    lateness_days: float = 0.0  # of payments (customers) or deliveries (suppliers)
    lead_days: float = 0.0
    bundles_goods: bool = False  # consolidated deliveries or receipts
    bundles_invoices: bool = False  # collective invoices
    salesperson_id: int = 0
    reminders_open: int = 0


@dataclass
class MasterData:
    """The first day's rows and what the processes need to know of them."""

    people: dict[Post, list[Employee]] = field(default_factory=dict)
    customers: list[Party] = field(default_factory=list)
    large_customers: int = 0
    customer_weights: list[float] = field(default_factory=list)  # cumulative
    suppliers: list[Party] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    product_weights: list[float] = field(default_factory=list)  # cumulative
    products_of: dict[int, list[Product]] = field(default_factory=dict)
    accounts: list[Account] = field(default_factory=list)
    customer_accounts: list[Account] = field(default_factory=list)
    contacts_of: dict[str, list[Contact]] = field(default_factory=dict)
    habits: dict[int, Habits] = field(default_factory=dict)


def scaled(number: int, scale: float, minimum: int) -> int:
    """A head count or list length at that scale."""
    return max(minimum, round(number * scale))


def make_master_data(ledger: Ledger, rng: Random, scale: float) -> MasterData:
    """Makes the rows of the first day; everything in them is older than the simulation's start."""
    data = MasterData()
    for post in ROSTER:
        data.people[post] = [_employee(ledger, rng, post) for _ in range(scaled(post.headcount, scale, post.minimum))]
    for _ in range(scaled(80, scale, 12)):
        data.suppliers.append(_supplier(ledger, rng, data))
    for _ in range(scaled(600, scale, 60)):
        product = _product(ledger, rng, data)
        data.products.append(product)
        data.products_of.setdefault(product.supplier_id, []).append(product)
    data.product_weights = list(accumulate(1 / (rank + 8) for rank in range(len(data.products))))
    first_customers = scaled(420, scale, 25)
    data.large_customers = round(first_customers * LARGE_SHARE)
    for _ in range(first_customers):
        add_customer(ledger, rng, data, make_account(ledger, rng, data))
    for _ in range(scaled(1500, scale, 60)):
        make_account(ledger, rng, data)
    return data


def make_account(ledger: Ledger, rng: Random, data: MasterData) -> Account:
    """A CRM account with one to three contacts, looked after by a salesperson."""
    country = rng.choice(COUNTRIES)
    name = names.company(rng, rng.choice(names.PLACES[country]))
    web = names.mail_name(name).replace(".", "-")
    owner = rng.choice([person for post, people in data.people.items() if post.team in SALES_TEAMS for person in people])
    made = _before(ledger, rng)
    account = ledger.create_crm(
        Account,
        name=name,
        industry=rng.choice(names.INDUSTRIES),
        country=country,
        website=f"https://www.{web}.example",
        owner=owner.email,
        erp_party_code=None,
        created_at=made,
        updated_at=made,
    )
    data.accounts.append(account)
    data.contacts_of[account.id] = [_contact(ledger, rng, account, web, made) for _ in range(rng.choice((1, 2, 2, 3)))]
    return account


def add_customer(ledger: Ledger, rng: Random, data: MasterData, account: Account, *, made_now: bool = False) -> Party:
    """Makes an account a customer of the ERP; each new one orders less than those before (a long tail)."""
    made = ledger.now() if made_now else account.created_at
    segment = rng.choice(SEGMENTS)
    account.erp_party_code = f"C{len(data.customers) + 1:05d}"
    account.updated_at = made
    party = ledger.create(
        Party,
        code=account.erp_party_code,
        name=account.name,
        kind="customer",
        country=account.country,
        city=account.name.split()[1],
        segment=segment,
        email=f"invoices@{account.website.removeprefix('https://www.')}",
        payment_term_days=TERM_DAYS[segment],
        credit_limit=CREDIT_LIMIT_CENTS[segment],
        crm_account_id=account.id,
        created_at=made,
        updated_at=made,
    )
    owner = next(person for people in data.people.values() for person in people if person.email == account.owner)
    is_large = len(data.customers) < data.large_customers
    data.habits[party.id] = Habits(
        lateness_days=rng.choice((-3, -1, 0, 2, 5, 12)),
        bundles_goods=rng.random() < 0.08 + 0.4 * is_large,
        bundles_invoices=rng.random() < 0.10 + 0.4 * is_large,
        salesperson_id=owner.id,
    )
    data.customers.append(party)
    data.customer_accounts.append(account)
    last = data.customer_weights[-1] if data.customer_weights else 0.0
    data.customer_weights.append(last + 1 / (len(data.customers) + 10) ** 0.85)
    return party


def _before(ledger: Ledger, rng: Random) -> int:
    return ledger.now() - rng.randrange(1, 900) * SECONDS_PER_DAY - rng.randrange(SECONDS_PER_DAY)


def _employee(ledger: Ledger, rng: Random, post: Post) -> Employee:
    first, last = names.person(rng)
    made = _before(ledger, rng)
    taken = sum(1 for other in ledger.rows[Employee] if other.name == f"{first} {last}")
    mail = names.mail_name(first, last) + (str(taken + 1) if taken else "")
    return ledger.create(
        Employee,
        name=f"{first} {last}",
        email=f"{mail}@demo-trading.example",
        team=post.team,
        role=post.role,
        created_at=made,
        updated_at=made,
    )


def _supplier(ledger: Ledger, rng: Random, data: MasterData) -> Party:
    country = rng.choice(COUNTRIES)
    city = rng.choice(names.PLACES[country])
    name = names.company(rng, city)
    made = _before(ledger, rng)
    party = ledger.create(
        Party,
        code=f"S{len(data.suppliers) + 1:05d}",
        name=name,
        kind="supplier",
        country=country,
        city=city,
        segment="strategic" if rng.random() < 0.25 else "standard",
        email=f"orders@{names.mail_name(name).replace('.', '-')}.example",
        payment_term_days=rng.choice((14, 30, 30, 45)),
        created_at=made,
        updated_at=made,
    )
    data.habits[party.id] = Habits(
        lateness_days=rng.choice((-1, 0, 1, 3, 8)),
        lead_days=rng.uniform(5, 28),
        bundles_goods=rng.random() < 0.2,
        bundles_invoices=rng.random() < 0.15,
    )
    return party


def _product(ledger: Ledger, rng: Random, data: MasterData) -> Product:
    category, nouns = rng.choice(list(names.CATEGORIES.items()))
    number = len(data.products) + 1
    cost = max(150, round(rng.lognormvariate(8.2, 1.0)))  # cents; median about 36 euros
    made = _before(ledger, rng)
    return ledger.create(
        Product,
        sku=f"{category[:3].upper()}-{number:05d}",
        name=f"{rng.choice(nouns)} {rng.choice('ABCDEFGHKLMNPRSTXZ')}{rng.randrange(10, 990)}",
        category=category,
        uom=rng.choice(("pcs", "pcs", "pcs", "box", "set")),
        list_price=round(cost * rng.uniform(1.3, 1.9)),
        cost_price=cost,
        supplier_id=data.suppliers[(number - 1) % len(data.suppliers)].id,
        created_at=made,
        updated_at=made,
    )


def _contact(ledger: Ledger, rng: Random, account: Account, web: str, made: int) -> Contact:
    first, last = names.person(rng)
    return ledger.create_crm(
        Contact,
        account_id=account.id,
        first_name=first,
        last_name=last,
        email=f"{names.mail_name(first, last)}@{web}.example",
        phone=f"+49 221 {rng.randrange(100_000, 999_999)}",
        title=rng.choice(names.JOB_TITLES),
        created_at=made,
        updated_at=made,
    )
