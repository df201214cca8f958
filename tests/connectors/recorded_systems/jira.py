"""Jira Cloud: an API token, JQL in minutes of the user's time zone, page tokens, change logs, its error answers."""

import base64
import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import Response

from tests.connectors.recorded_systems.serving import RecordedSystem, answer

ZONE = ZoneInfo("America/New_York")  # of the reading user's profile
JQL = re.compile(r'(\w+) (>=) "(\d{4}-\d\d-\d\d \d\d:\d\d)"(?: ORDER BY (\w+) (ASC|DESC))?')
STATUSES = {
    "10000": ("To Do", "new"),
    "3": ("In Progress", "indeterminate"),
    "10001": ("In Prüfung", "indeterminate"),
    "10002": ("Done", "done"),
}
LOG = "issue_resolution"


class Jira(RecordedSystem):
    """A site with one project and issues that go through states."""

    def __init__(self, issues: int = 150) -> None:
        self.issues: dict[str, dict[str, Any]] = {}
        self.changes: dict[str, list[dict[str, Any]]] = {}
        self.histories = 0
        super().__init__()
        for number in range(issues):
            self.report(number)

    def report(self, number: int) -> str:
        """An issue that goes some states far."""
        key, when = str(10_000 + number), self.later()
        self.issues[key] = {
            "summary": f"„Fehler“ {number} — 東京",
            "status": self._status("10000"),
            "issuetype": {"name": "Bug", "subtask": False},
            "priority": None if number % 5 == 0 else {"name": "High"},
            "project": {"id": "1", "key": "SHOP", "name": "Shop"},
            "assignee": None,
            "reporter": {"accountId": "5b1", "displayName": "Zoë"},
            "creator": {"accountId": "5b1", "displayName": "Zoë"},
            "created": when,
            "updated": when,
            "resolutiondate": None,
            "resolution": None,
            "duedate": "2026-12-24",
            "labels": ["a", "ß"],
            "parent": {"id": "10000", "key": "SHOP-1"} if number else None,
            "timespent": None,
            "timeoriginalestimate": 3600,
        }
        self.changes[key] = []
        self.did(LOG, "Issue created", when)
        for status in list(STATUSES)[1 : 1 + number % len(STATUSES)]:
            self.move(key, status)
        return key

    def move(self, key: str, status: str) -> None:
        """An issue comes to a state; somebody is assigned in the same change."""
        issue, when = self.issues[key], self.later()
        items = [
            {
                "field": "status",
                "fieldtype": "jira",
                "fieldId": "status",
                "from": "1",
                "fromString": issue["status"]["name"],
                "to": status,
                "toString": STATUSES[status][0],
            },
            {
                "field": "assignee",
                "fieldtype": "jira",
                "fieldId": "assignee",
                "from": None,
                "fromString": None,
                "to": "5b1",
                "toString": "Zoë",
            },
        ]
        self.histories += 1
        self.changes[key].append(
            {
                "id": str(20_000 + self.histories),
                "author": {"accountId": "5b2", "displayName": "Ömer"},
                "created": when,
                "items": items,
            }
        )
        issue.update(status=self._status(status), updated=when, assignee={"accountId": "5b1", "displayName": "Zoë"})
        self.did(LOG, STATUSES[status][0], when)

    def comment(self, key: str, times: int) -> None:
        """Changes of an issue that are no states."""
        for number in range(times):
            self.histories += 1
            item = {
                "field": "labels",
                "fieldtype": "jira",
                "fieldId": "labels",
                "from": None,
                "fromString": "",
                "to": None,
                "toString": str(number),
            }
            self.changes[key].append({"id": str(20_000 + self.histories), "created": self.later(), "items": [item]})
        self.issues[key]["updated"] = self.now

    def _status(self, key: str) -> dict[str, Any]:
        name, category = STATUSES[key]
        return {"id": key, "name": name, "statusCategory": {"key": category, "name": category}}

    def routes(self) -> None:
        """Search, change logs, projects, states."""
        self.app.get("/rest/api/3/search/jql")(self._search)
        self.app.get("/rest/api/3/issue/{key}/changelog")(self._changelog)
        self.app.get("/rest/api/3/project/search")(self._projects)
        self.app.get("/rest/api/3/status")(lambda: answer([self._status(key) for key in STATUSES]))
        self.app.get("/rest/api/3/myself")(lambda: answer({"accountId": "5b0", "timeZone": str(ZONE)}))

    def stranger(self, request: Request) -> Response | None:
        """Anybody without e-mail address and token."""
        if request.headers.get("Authorization") == f"Basic {base64.b64encode(b'zoe@example.com:geheim').decode()}":
            return None
        return answer({"errorMessages": ["Client must be authenticated to access this resource."], "errors": {}}, 401)

    def refusal(self) -> Response:
        """More than the site's share."""
        return answer({"errorMessages": ["Rate limit exceeded."], "errors": {}}, 429, Retry_After="1", X_RateLimit_NearLimit="true")

    def _search(self, jql: str, fields: str = "id", maxResults: int = 50, nextPageToken: str = "") -> Response:
        found = JQL.fullmatch(jql)
        if not found:
            return answer({"errorMessages": [f"Error in the JQL Query: {jql}"], "errors": {}}, 400)
        least = datetime.strptime(found.group(3), "%Y-%m-%d %H:%M").replace(tzinfo=ZONE)
        keys = [key for key, issue in self.issues.items() if issue[found.group(1)] >= least]
        keys.sort(key=lambda key: self.issues[key][found.group(4) or "created"], reverse=found.group(5) == "DESC")
        first = int(base64.b64decode(nextPageToken or base64.b64encode(b"0")))
        after = first + min(maxResults, 100)
        shown = [
            {
                "id": key,
                "key": f"SHOP-{int(key) - 9_999}",
                "self": f"https://example/rest/api/3/issue/{key}",
                "expand": "names",
                "fields": {name: _told(self.issues[key][name]) for name in fields.split(",")},
            }
            for key in keys[first:after]
        ]
        more = {} if after >= len(keys) else {"nextPageToken": base64.b64encode(str(after).encode()).decode()}
        return answer({"issues": shown, **more, "isLast": not more})

    def _changelog(self, key: str, startAt: int = 0, maxResults: int = 100) -> Response:
        if key not in self.issues:
            return answer({"errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {}}, 404)
        rows, after = self.changes[key], startAt + min(maxResults, 100)
        shown = [{**row, "created": _told(row["created"])} for row in rows[startAt:after]]
        return answer(
            {"self": "x", "maxResults": 100, "startAt": startAt, "total": len(rows), "isLast": after >= len(rows), "values": shown}
        )

    def _projects(self, startAt: int = 0, maxResults: int = 50) -> Response:
        rows = [{"id": "1", "key": "SHOP", "name": "Shop", "projectTypeKey": "software", "style": "classic"}]
        part = rows[startAt : startAt + maxResults]
        return answer({"maxResults": maxResults, "startAt": startAt, "total": len(rows), "isLast": True, "values": part})


def _told(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    local = value.astimezone(ZONE)
    return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03d}{local:%z}"


assert timedelta(0) != ZONE.utcoffset(datetime(2026, 1, 5))  # a reading in UTC would not pass
