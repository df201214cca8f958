"""The rows of the demo CRM while the simulation runs: one class per resource of its HTTP interface.

What belongs here: the shape of those rows. What does not: serving them (`connectors.demo.crm_server`).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from connectors.demo.erp_records import Cents, MaybeMoment, Moment


@dataclass(slots=True, kw_only=True)
class CrmRecord:
    """What every resource has."""

    table: ClassVar[str]
    prefix: ClassVar[str]
    id: str
    updated_at: Moment


@dataclass(slots=True, kw_only=True)
class Account(CrmRecord):
    """A company that buys or might."""

    table: ClassVar[str] = "crm.accounts"
    prefix: ClassVar[str] = "ACC"
    name: str
    industry: str
    country: str
    website: str
    owner: str
    erp_party_code: str | None
    created_at: Moment


@dataclass(slots=True, kw_only=True)
class Contact(CrmRecord):
    """A person at an account."""

    table: ClassVar[str] = "crm.contacts"
    prefix: ClassVar[str] = "CON"
    account_id: str
    first_name: str
    last_name: str
    email: str
    phone: str
    title: str
    created_at: Moment


@dataclass(slots=True, kw_only=True)
class Opportunity(CrmRecord):
    """A sale that may come about."""

    table: ClassVar[str] = "crm.opportunities"
    prefix: ClassVar[str] = "OPP"
    account_id: str
    contact_id: str
    name: str
    owner: str
    team: str
    source: str
    stage: str
    amount: Cents
    currency: str
    probability: int
    expected_close: date
    closed_at: MaybeMoment = None
    lost_reason: str | None = None
    created_at: Moment


@dataclass(slots=True, kw_only=True)
class StageChange(CrmRecord):
    """An opportunity's step from one stage to another."""

    table: ClassVar[str] = "crm.stage_history"
    prefix: ClassVar[str] = "STH"
    opportunity_id: str
    from_stage: str | None
    to_stage: str
    changed_by: str
    changed_at: Moment


@dataclass(slots=True, kw_only=True)
class Activity(CrmRecord):
    """A call, mail, meeting or demonstration."""

    table: ClassVar[str] = "crm.activities"
    prefix: ClassVar[str] = "ACT"
    opportunity_id: str
    kind: str
    subject: str
    performed_by: str
    performed_at: Moment


@dataclass(slots=True, kw_only=True)
class Ticket(CrmRecord):
    """A customer's question or complaint."""

    table: ClassVar[str] = "crm.tickets"
    prefix: ClassVar[str] = "TIC"
    account_id: str
    opportunity_id: str | None
    subject: str
    priority: str
    status: str
    opened_at: Moment
    first_response_at: MaybeMoment = None
    solved_at: MaybeMoment = None
    assignee: str
    satisfaction: int | None = None


CRM_TABLES: tuple[type[Any], ...] = (Account, Contact, Opportunity, StageChange, Activity, Ticket)
