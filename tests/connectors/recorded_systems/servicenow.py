"""ServiceNow: basic authentication, encoded queries, offsets with X-Total-Count and Link, raw values as text, its error answers."""

import base64
import hashlib
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response

from tests.connectors.recorded_systems.serving import RecordedSystem, answer

CONDITION = re.compile(r"([a-z_]+)(>=|<=|=|IN)(.*)")
STATES = {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed"}
LOG = "incident_management"


class ServiceNow(RecordedSystem):
    """An instance with incidents that go through states and from group to group."""

    def __init__(self, incidents: int = 1_150) -> None:
        self.tables: dict[str, dict[str, dict[str, str]]] = {
            name: {} for name in ("sys_user", "sys_user_group", "sys_choice", "incident", "sys_audit")
        }
        super().__init__()
        self.users = [
            self._add("sys_user", user_name=f"zoë.{number}", name="Zoë", email="", active="true", department="")
            for number in range(4)
        ]
        self.groups = [self._add("sys_user_group", name=name, active="true") for name in ("Netzwerk", "Hardware")]
        for value, label in STATES.items():
            self._add(
                "sys_choice",
                name="incident",
                element="state",
                language="en",
                value=value,
                label=label,
                sequence="",
                inactive="false",
            )
            self._add(
                "sys_choice", name="incident", element="state", language="de", value=value, label="x", sequence="", inactive="false"
            )
        for number in range(incidents):
            self.report(number)

    def report(self, number: int) -> str:
        """An incident that goes some states far."""
        empty = dict.fromkeys(
            (
                "subcategory",
                "assigned_to",
                "resolved_at",
                "resolved_by",
                "close_code",
                "closed_at",
                "closed_by",
                "problem_id",
                "assignment_group",
            ),
            "",
        )
        key = self._add(
            "incident",
            number=f"INC{number:07d}",
            short_description=f"Drucker „{number}“ streikt 🖨",
            state="1",
            priority=str(1 + number % 5),
            impact="3",
            urgency="3",
            category="hardware",
            contact_type="phone",
            caller_id=self.users[number % 4],
            opened_by=self.users[0],
            opened_at="",
            reopen_count="0",
            reassignment_count="0",
            made_sla="true",
            active="true",
            **empty,
        )
        self.tables["incident"][key]["opened_at"] = _shown(self.now)
        self.did(LOG, "Incident opened", self.now)
        if number % 10 == 0:
            self.hand_over(key, self.groups[0])
            for state in list(STAGES_OF[number % 3]):
                self.move(key, state)
        return key

    def move(self, key: str, state: str) -> None:
        """An incident comes to a state."""
        self._change(key, "state", state)
        self.did(LOG, STATES[state], self.now)
        if state == "6":
            self.tables["incident"][key]["resolved_at"] = _shown(self.now)

    def hand_over(self, key: str, group: str) -> None:
        """An incident is given to a group."""
        self._change(key, "assignment_group", group)
        self.did(LOG, "Assigned to group", self.now)

    def _add(self, table: str, **fields: str) -> str:
        when, rows = _shown(self.later()), self.tables[table]
        key = hashlib.md5(f"{table}{len(rows)}".encode(), usedforsecurity=False).hexdigest()
        rows[key] = {"sys_id": key, **fields, "sys_created_on": when, "sys_updated_on": when}
        return key

    def _change(self, key: str, field: str, value: str) -> None:
        row = self.tables["incident"][key]
        self._add(
            "sys_audit", tablename="incident", documentkey=key, fieldname=field, oldvalue=row[field], newvalue=value, user="zoë.1"
        )
        row.update({field: value, "sys_updated_on": _shown(self.now)})

    def routes(self) -> None:
        """The Table API."""
        self.app.get("/api/now/table/{table}")(self._rows)

    def stranger(self, request: Request) -> Response | None:
        """Anybody but the reading user."""
        if request.headers.get("Authorization") == f"Basic {base64.b64encode(b'grimoire:geheim').decode()}":
            return None
        said = {"message": "User Not Authenticated", "detail": "Required to provide Auth information"}
        return answer({"error": said, "status": "failure"}, 401, WWW_Authenticate='Basic realm="Service-now"')

    def refusal(self) -> Response:
        """More requests in an hour than a rule allows."""
        said = {"message": "Rate limit exceeded", "detail": "Rejected by large REST API rule"}
        return answer({"error": said, "status": "failure"}, 429, Retry_After="1", X_RateLimit_Rule="large REST API")

    def _rows(
        self,
        table: str,
        request: Request,
        sysparm_query: str = "",
        sysparm_offset: int = 0,
        sysparm_limit: int = 10_000,
        sysparm_fields: str = "",
        sysparm_display_value: str = "false",
    ) -> Response:
        if table not in self.tables or sysparm_display_value != "false":
            return answer({"error": {"message": f"Invalid table {table}", "detail": None}, "status": "failure"}, 400)
        rows, orders = list(self.tables[table].values()), []
        for part in filter(None, sysparm_query.split("^")):
            if part.startswith("ORDERBY"):
                orders.append(part.removeprefix("ORDERBY"))
                continue
            held = CONDITION.fullmatch(part)
            if not held:
                return answer({"error": {"message": "Invalid query", "detail": part}, "status": "failure"}, 400)
            rows = [row for row in rows if _holds(row[held.group(1)], held.group(2), held.group(3))]
        for field in reversed(orders):
            rows.sort(key=lambda row: row[field])
        shown = [{name: row[name] for name in sysparm_fields.split(",")} if sysparm_fields else row for row in rows]
        link = self._links(request, sysparm_offset, sysparm_limit, len(rows))
        return answer({"result": shown[sysparm_offset : sysparm_offset + sysparm_limit]}, X_Total_Count=str(len(rows)), **link)

    def _links(self, request: Request, offset: int, limit: int, total: int) -> dict[str, str]:
        if offset + limit >= total:
            return {}
        words = urlencode({**request.query_params, "sysparm_offset": offset + limit})
        return {"Link": f'<{request.url.replace(query=words)}>;rel="next"'}


STAGES_OF: dict[int, tuple[Any, ...]] = {0: ("2",), 1: ("2", "3", "2", "6"), 2: ("2", "6", "7")}


def _holds(value: str, sign: str, other: str) -> bool:
    return value in other.split(",") if sign == "IN" else {">=": value >= other, "<=": value <= other, "=": value == other}[sign]


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
