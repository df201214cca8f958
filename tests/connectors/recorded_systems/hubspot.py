"""HubSpot: a private app's token, searches and their window of 10,000 rows, property histories, associations, error answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from tests.connectors.recorded_systems.serving import BEGAN, RecordedSystem, answer

WINDOW = 10_000
MODIFIED = {"contacts": "lastmodifieddate", "companies": "hs_lastmodifieddate", "deals": "hs_lastmodifieddate"}
STAGES = {
    "appointmentscheduled": "Appointment Scheduled",
    "contractsent": "Contract Sent",
    "1234567": "Geprüft ✓",
    "closedwon": "Closed Won",
}
MILESTONES = {"lead": "lead", "marketingqualifiedlead": "marketing qualified", "customer": "customer"}
LOG = "lead_to_cash"


class HubSpot(RecordedSystem):
    """A portal with more companies than one search gives, contacts, and deals with a contact each."""

    def __init__(self, companies: int = 10_050, deals: int = 60) -> None:
        self.objects: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in MODIFIED}
        self.stages: dict[str, list[tuple[str, datetime]]] = {}
        self.contact_of: dict[str, str] = {}
        super().__init__()
        for number in range(companies):
            self.now += timedelta(seconds=1)
            self._add("companies", name=f"Größe {number}", city="", numberofemployees=str(number), createdate=_shown(self.now))
        for number in range(deals):
            self.sell(number)

    def sell(self, number: int) -> str:
        """A contact that becomes something, and a deal with it that goes some stages far."""
        contact = self._add("contacts", email=f"{number}@example.com", firstname="Ünal", lastname=None, createdate=_shown(self.now))
        for name, words in list(MILESTONES.items())[: number % 4]:
            self.later()
            self._change("contacts", contact, **{f"hs_lifecyclestage_{name}_date": _shown(self.now)})
            self.did(LOG, f"Contact became {words}", self.now)
        deal = self._add(
            "deals",
            dealname=f"Deal „{number}“",
            amount="" if number % 7 == 0 else f"{number}.50",
            pipeline="default",
            hs_is_closed="false",
            hs_is_closed_won=None,
            createdate=_shown(self.now),
        )
        self.did(LOG, "Deal created", self.now)
        self.contact_of[deal] = contact
        for stage in list(STAGES)[: 1 + number % len(STAGES)]:
            self.move(deal, stage)
        return deal

    def move(self, deal: str, stage: str) -> None:
        """A deal comes to a stage."""
        self.later()
        self._change("deals", deal, dealstage=stage)
        self.stages.setdefault(deal, []).insert(0, (stage, self.now))
        self.did(LOG, STAGES[stage], self.now)

    def _add(self, kind: str, **properties: Any) -> str:
        key = str(100 + len(self.objects[kind]))
        self.objects[kind][key] = {"hs_object_id": key, **properties, MODIFIED[kind]: _shown(self.now)}
        return key

    def _change(self, kind: str, key: str, **properties: Any) -> None:
        self.objects[kind][key].update(properties, **{MODIFIED[kind]: _shown(self.now)})

    def routes(self) -> None:
        """Searches, single objects with history, associations, pipelines and owners."""
        self.app.post("/crm/v3/objects/{kind}/search")(self._search)
        self.app.get("/crm/v3/objects/deals/{key}")(self._deal)
        self.app.get("/crm/v4/objects/deals/{key}/associations/{kind}")(self._associations)
        self.app.get("/crm/v3/pipelines/deals")(self._pipelines)
        self.app.get("/crm/v3/owners")(self._owners)

    def stranger(self, request: Request) -> Response | None:
        """Anybody without the private app's token."""
        if request.headers.get("Authorization") == "Bearer pat-eu1-geheim":
            return None
        said = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
        return answer({"status": "error", "message": said, "category": "INVALID_AUTHENTICATION"}, 401)

    def refusal(self) -> Response:
        """More requests in ten seconds than a private app may send; the answer names no time."""
        return answer(
            {
                "status": "error",
                "message": "You have reached your ten_secondly_roll limit.",
                "errorType": "RATE_LIMIT",
                "policyName": "TEN_SECONDLY_ROLLING",
            },
            429,
        )

    async def _search(self, kind: str, request: Request) -> Response:
        said = await request.json()
        limit, first = int(said.get("limit", 10)), int(said.get("after") or 0)
        if limit > 200 or first + limit > WINDOW:
            return answer({"status": "error", "message": "limit or paging beyond 10000", "category": "VALIDATION_ERROR"}, 400)
        rows = list(self.objects[kind].items())
        for group in said["filterGroups"]:
            for one in group["filters"]:
                if one["operator"] != "GTE" or not isinstance(one["value"], str):
                    return answer({"status": "error", "message": f"cannot read {one}", "category": "VALIDATION_ERROR"}, 400)
                least = _shown(datetime.fromtimestamp(int(one["value"]) / 1000, UTC))
                rows = [(key, row) for key, row in rows if (row.get(one["propertyName"]) or "") >= least]
        for sort in said.get("sorts", []):
            rows.sort(key=lambda row: row[1].get(sort["propertyName"]) or "", reverse=sort["direction"] == "DESCENDING")
        part = [self._told(kind, key, said["properties"]) for key, _ in rows[first : first + limit]]
        more = {"paging": {"next": {"after": str(first + limit)}}} if first + limit < len(rows) else {}
        return answer({"total": len(rows), "results": part, **more})

    def _told(self, kind: str, key: str, names: list[str]) -> dict[str, Any]:
        row = self.objects[kind][key]
        shown = {name: row.get(name) for name in ("createdate", "hs_object_id", MODIFIED[kind], *names)}
        return {"id": key, "properties": shown, "createdAt": row["createdate"], "updatedAt": row[MODIFIED[kind]], "archived": False}

    def _deal(self, key: str, properties: str, propertiesWithHistory: str) -> Response:
        if key not in self.objects["deals"] or propertiesWithHistory != "dealstage":
            return answer({"status": "error", "message": "resource not found", "category": "OBJECT_NOT_FOUND"}, 404)
        history = [
            {"value": stage, "timestamp": _shown(when), "sourceType": "CRM_UI", "sourceId": "userId:7", "updatedByUserId": 7}
            for stage, when in self.stages[key]
        ]
        return answer({**self._told("deals", key, properties.split(",")), "propertiesWithHistory": {"dealstage": history}})

    def _associations(self, key: str, kind: str) -> Response:
        there = [self.contact_of[key]] if kind == "contacts" else []
        types = [{"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None}]
        return answer({"results": [{"toObjectId": int(one), "associationTypes": types} for one in there]})

    def _pipelines(self) -> Response:
        stages = [
            {
                "id": key,
                "label": label,
                "displayOrder": number,
                "archived": False,
                "createdAt": _shown(BEGAN),
                "updatedAt": _shown(BEGAN),
                "metadata": {"isClosed": str(key.startswith("closed")).lower(), "probability": "0.4"},
            }
            for number, (key, label) in enumerate(STAGES.items())
        ]
        return answer(
            {"results": [{"id": "default", "label": "Sales Pipeline", "displayOrder": 0, "stages": stages, "archived": False}]}
        )

    def _owners(self, limit: int = 100) -> Response:
        owner = {
            "id": "41629779",
            "email": "zoe@example.com",
            "firstName": "Zoë",
            "lastName": "",
            "userId": 7,
            "archived": False,
            "createdAt": _shown(BEGAN),
            "updatedAt": _shown(BEGAN),
        }
        return answer({"results": [owner]})


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
