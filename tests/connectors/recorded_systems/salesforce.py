"""Salesforce: OAuth2 client credentials, SOQL by /query and /queryAll, query locators, the recycle bin, its error answers."""

import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.responses import Response

from tests.connectors.recorded_systems.serving import RecordedSystem, answer

VERSION = "/services/data/v62.0"
BATCH = 100  # "the returned batch can include fewer records than the limit" of 2,000
SOQL = re.compile(r"SELECT (.+?) FROM (\w+)(?: WHERE (.+?))?(?: ORDER BY (.+))?")
CONDITION = re.compile(r"(\w+) ?(>=|<=|=|>|<) ?(\S+)")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)")
STAGES = ("Prospecting", "Qualification", "Proposal/Price Quote", "Negotiation/Review", "Closed Won")
LOG = "lead_to_cash"


class Salesforce(RecordedSystem):
    """An org with leads, some of them converted, and opportunities on their way."""

    def __init__(self, opportunities: int = 90) -> None:
        self.objects: dict[str, dict[str, dict[str, Any]]] = {
            name: {} for name in ("User", "Account", "Contact", "Lead", "LeadHistory", "Opportunity", "OpportunityHistory")
        }
        self.tokens: set[str] = set()
        self.token_requests = 0
        self.locators: dict[str, list[dict[str, Any]]] = {}
        super().__init__()
        for number in range(5):
            self._add(
                "User", Username=f"user{number}@example.com", Name=f"Zoë {number}", Email=None, IsActive=True, UserType="Standard"
            )
        for number in range(opportunities):
            self.sell(number)

    def sell(self, number: int) -> None:
        """A lead, and for two of three an opportunity that goes some stages far."""
        user = list(self.objects["User"])[number % 5]
        account = self._add(
            "Account",
            Name=f"Größe & Söhne {number}",
            Type=None,
            Industry="Machinery",
            BillingCity="Köln",
            BillingCountry="DE",
            AnnualRevenue=1e6 * number,
            NumberOfEmployees=None,
            OwnerId=user,
        )
        self._add(
            "Contact", AccountId=account, FirstName=None, LastName="李", Email="a@b.example", Phone=None, Title="CEO", OwnerId=user
        )
        lead = self._add(
            "Lead",
            Name=f"Lead {number}",
            Company=f"Größe & Söhne {number}",
            Status="Open - Not Contacted",
            LeadSource="Web",
            Rating=None,
            IsConverted=False,
            ConvertedDate=None,
            ConvertedAccountId=None,
            ConvertedContactId=None,
            ConvertedOpportunityId=None,
            OwnerId=user,
            CreatedById=user,
        )
        self.did(LOG, "Lead created", self.now)
        self._lead_changes(lead, "Status", "Open - Not Contacted", "Working - Contacted", user)
        self.did(LOG, "Lead Working - Contacted", self.now)
        if number % 3 == 0:
            return
        opportunity = self._add(
            "Opportunity",
            Name=f"Größe {number}",
            AccountId=account,
            StageName=STAGES[0],
            Amount=100.25 * number,
            Probability=10.0,
            CloseDate="2026-12-31",
            Type=None,
            LeadSource="Web",
            ForecastCategoryName="Pipeline",
            IsClosed=False,
            IsWon=False,
            OwnerId=user,
            CreatedById=user,
        )
        self.did(LOG, "Opportunity created", self.now)
        self._note_stage(opportunity, user, moves_clock=False)
        self.did(LOG, STAGES[0], self.now)
        self._lead_changes(lead, "leadConverted", None, None, user)
        self.did(LOG, "Lead converted", self.now)
        self._change(
            "Lead",
            lead,
            IsConverted=True,
            ConvertedOpportunityId=opportunity,
            ConvertedAccountId=account,
            ConvertedDate=f"{self.now:%Y-%m-%d}",
            Status="Closed - Converted",
        )
        for stage in STAGES[1 : 1 + number % len(STAGES)]:
            self.move(opportunity, stage, user)

    def move(self, opportunity: str, stage: str, user: str) -> None:
        """An opportunity comes to a stage, and then its amount changes, which leaves a history row without another stage."""
        is_won = stage == "Closed Won"
        self._change("Opportunity", opportunity, StageName=stage, IsClosed=is_won, IsWon=is_won)
        self._note_stage(opportunity, user)
        self.did(LOG, stage, self.now)
        self._change("Opportunity", opportunity, Amount=self.objects["Opportunity"][opportunity]["Amount"] + 1)
        self._note_stage(opportunity, user)

    def delete(self, kind: str, key: str) -> None:
        """Puts a record into the recycle bin."""
        self._change(kind, key, IsDeleted=True)

    def _note_stage(self, opportunity: str, user: str, *, moves_clock: bool = True) -> None:
        told = self.objects["Opportunity"][opportunity]
        same = {name: told[name] for name in ("StageName", "Amount", "CloseDate", "Probability")}
        before = [row["Id"] for row in self.objects["OpportunityHistory"].values() if row["OpportunityId"] == opportunity]
        self._add(
            "OpportunityHistory",
            OpportunityId=opportunity,
            **same,
            ExpectedRevenue=None,
            ForecastCategory="Pipeline",
            CreatedById=user,
            moves_clock=moves_clock,
        )
        if before:
            self.objects["OpportunityHistory"][before[-1]]["SystemModstamp"] = self.now

    def _lead_changes(self, lead: str, field: str, old: Any, new: Any, user: str) -> None:
        self._add("LeadHistory", LeadId=lead, Field=field, OldValue=old, NewValue=new, CreatedById=user)
        del self.objects["LeadHistory"][list(self.objects["LeadHistory"])[-1]]["SystemModstamp"]

    def _add(self, kind: str, *, moves_clock: bool = True, **fields: Any) -> str:
        rows = self.objects[kind]
        key = f"{kind[:3].upper()}{len(rows):012d}AAA"
        when = self.later() if moves_clock else self.now
        deleted = {} if kind == "User" else {"IsDeleted": False}
        rows[key] = {"Id": key, **fields, "CreatedDate": when, **deleted, "SystemModstamp": when}
        return key

    def _change(self, kind: str, key: str, **fields: Any) -> None:
        self.objects[kind][key].update(fields, SystemModstamp=self.later())

    def routes(self) -> None:
        """Token, queries, their further pages and the limits."""

        @self.app.post("/services/oauth2/token")
        def token(
            grant_type: Annotated[str, Form()], client_id: Annotated[str, Form()], client_secret: Annotated[str, Form()]
        ) -> Response:
            if (grant_type, client_id, client_secret) != ("client_credentials", "grimoire", "geheim"):
                return answer({"error": "invalid_client", "error_description": "invalid client credentials"}, 400)
            self.token_requests += 1
            self.tokens = {f"00D!{self.token_requests}"}
            return answer(
                {
                    "access_token": f"00D!{self.token_requests}",
                    "token_type": "Bearer",
                    "issued_at": "1767600000000",
                    "instance_url": "https://example.my.salesforce.com",
                    "scope": "api",
                    "signature": "x",
                }
            )

        self.app.get(f"{VERSION}/limits")(lambda: answer({"DailyApiRequests": {"Max": 15000, "Remaining": 14998}}))
        self.app.get(f"{VERSION}/query")(lambda q: self._query(q, all_rows=False))
        self.app.get(f"{VERSION}/queryAll")(lambda q: self._query(q, all_rows=True))
        self.app.get(f"{VERSION}/query/{{locator}}")(self._page)

    def stranger(self, request: Request) -> Response | None:
        """No session, or one that is over."""
        is_known = request.headers.get("Authorization", "").removeprefix("Bearer ") in self.tokens
        if is_known or request.url.path.endswith("/token"):
            return None
        return answer([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}], 401)

    def refusal(self) -> Response:
        """More requests in a day than the org has bought; the answer names no time."""
        return answer([{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}], 403)

    def _query(self, q: str, *, all_rows: bool) -> Response:
        found = SOQL.fullmatch(q.strip())
        if not found:
            return answer([{"message": f"unexpected token in {q}", "errorCode": "MALFORMED_QUERY"}], 400)
        fields, kind = [one.strip() for one in found.group(1).split(",")], found.group(2)
        if kind not in self.objects:
            return answer([{"message": f"sObject type '{kind}' is not supported.", "errorCode": "INVALID_TYPE"}], 400)
        rows = list(self.objects[kind].values())
        unknown = [field for field in fields if rows and field not in rows[0]]
        if unknown:
            return answer([{"message": f"No such column '{unknown[0]}' on entity '{kind}'", "errorCode": "INVALID_FIELD"}], 400)
        for condition in (found.group(3) or "").split(" AND ") if found.group(3) else []:
            held = CONDITION.fullmatch(condition.strip())
            if not held or not MOMENT.fullmatch(held.group(3)):
                return answer([{"message": f"unexpected token: {condition}", "errorCode": "MALFORMED_QUERY"}], 400)
            rows = [row for row in rows if _holds(row[held.group(1)], held.group(2), datetime.fromisoformat(held.group(3)))]
        for field in reversed((found.group(4) or "Id").split(",")):
            rows.sort(key=lambda row: row[field.strip()])
        rows = [row for row in rows if all_rows or not row.get("IsDeleted")]
        shown = [
            {
                "attributes": {"type": kind, "url": f"{VERSION}/sobjects/{kind}/{row['Id']}"},
                **{field: _shown(row[field]) for field in fields},
            }
            for row in rows
        ]
        name = f"01g{len(self.locators):012d}AAA"
        self.locators[name] = shown
        return self._page(f"{name}-0")

    def _page(self, locator: str) -> Response:
        name, _, first = locator.rpartition("-")
        if name not in self.locators:
            return answer([{"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}], 400)
        rows, after = self.locators[name], int(first) + BATCH
        said: dict[str, Any] = {"totalSize": len(rows), "done": after >= len(rows)}
        if after < len(rows):
            said["nextRecordsUrl"] = f"{VERSION}/query/{name}-{after}"
        return answer({**said, "records": rows[int(first) : after]})


def _holds(value: datetime, sign: str, other: datetime) -> bool:
    return {">=": value >= other, "<=": value <= other, "=": value == other, ">": value > other, "<": value < other}[sign]


def _shown(value: Any) -> Any:
    return f"{value:%Y-%m-%dT%H:%M:%S}.000+0000" if isinstance(value, datetime) else value
