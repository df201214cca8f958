"""GitHub: a token, Link headers, `since`, issue events, reviews, workflow runs and their 1,000 rows, the primary limit."""

import time
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from tests.connectors.recorded_systems.serving import BEGAN, RecordedSystem, answer

REPOSITORY = "/repos/octo/shop"


class GitHub(RecordedSystem):
    """A repository with issues, pull requests, reviews and workflow runs."""

    def __init__(self, issues: int = 160) -> None:
        self.issues: dict[int, dict[str, Any]] = {}
        self.pulls: dict[int, dict[str, Any]] = {}
        self.events: dict[int, list[dict[str, Any]]] = {}
        self.reviews: dict[int, list[dict[str, Any]]] = {}
        self.runs: list[dict[str, Any]] = []
        self.ids = 0
        super().__init__()
        for number in range(1, issues + 1):
            self.later(60)
            (self.propose if number % 3 == 0 else self.report)(number)

    def report(self, number: int) -> None:
        """An issue that may be labelled, closed and opened again."""
        self._open(number)
        self.did("issue_flow", "Issue opened", self.now)
        for what in ("labeled", "closed", "reopened")[: number % 4]:
            self.happen(number, what)

    def propose(self, number: int) -> None:
        """A pull request that is reviewed and perhaps merged, with a workflow run."""
        issue = self._open(number)
        url = f"https://api.github.com{REPOSITORY}/pulls/{number}"
        issue["pull_request"] = {"url": url, "merged_at": None}
        self.pulls[number] = {
            **{name: issue[name] for name in ("id", "number", "title", "state", "user", "assignee", "created_at")},
            "updated_at": self.now,
            "draft": False,
            "base": {"ref": "main"},
            "merge_commit_sha": None,
            "head": {"ref": f"fix-{number}", "sha": f"{number:040x}"},
            "closed_at": None,
            "merged_at": None,
        }
        self.did("pull_request_flow", "Pull request opened", self.now)
        self.happen(number, "review_requested")
        self.run(number, "failure" if number % 2 else "success")
        if number % 2 == 0:
            self.review(number, "APPROVED")
            self.merge(number)

    def _open(self, number: int) -> dict[str, Any]:
        self.ids += 1
        self.issues[number] = {
            "id": self.ids,
            "number": number,
            "title": f"Fehler „{number}“ 🐛",
            "state": "open",
            "state_reason": None,
            "user": {"login": "zoë", "id": 1},
            "assignee": None,
            "milestone": None,
            "labels": [{"name": "bug", "color": "f00"}],
            "comments": 0,
            "created_at": self.now,
            "updated_at": self.now,
            "closed_at": None,
            "body": None,
        }
        self.events[number], self.reviews[number] = [], []
        return self.issues[number]

    def happen(self, number: int, what: str) -> None:
        """An event of an issue or pull request."""
        self.ids += 1
        issue, when = self.issues[number], self.later()
        label = {"label": {"name": "bug", "color": "f00"}} if what == "labeled" else {}
        self.events[number].append(
            {"id": self.ids, "event": what, "actor": {"login": "ömer"}, "commit_id": None, "created_at": when, **label}
        )
        issue["updated_at"] = when
        kind = "pull_request_flow" if "pull_request" in issue else "issue_flow"
        if what == "closed" and issue.get("pull_request", {}).get("merged_at"):
            return
        self.did(kind, f"{'Pull request' if 'pull_request' in issue else 'Issue'} {what.replace('_', ' ')}", when)

    def review(self, number: int, state: str) -> None:
        """Somebody reviews a pull request."""
        self.ids += 1
        when = self.later()
        self.reviews[number].append(
            {
                "id": self.ids,
                "user": None if state == "COMMENTED" else {"login": "ömer"},
                "state": state,
                "submitted_at": when,
                "commit_id": self.pulls[number]["head"]["sha"],
                "body": "",
            }
        )
        self.issues[number]["updated_at"] = self.pulls[number]["updated_at"] = when
        self.did("pull_request_flow", f"Review {state.lower().replace('_', ' ')}", when)

    def merge(self, number: int) -> None:
        """A pull request is merged, and by that closed."""
        self.happen(number, "merged")
        self.issues[number]["pull_request"]["merged_at"] = self.pulls[number]["merged_at"] = self.now
        self.issues[number]["closed_at"] = self.pulls[number]["closed_at"] = self.now
        self.issues[number]["state"] = self.pulls[number]["state"] = "closed"
        self.happen(number, "closed")

    def run(self, number: int, conclusion: str) -> None:
        """A workflow runs for a pull request."""
        self.ids += 1
        began, ended = self.now, self.later(3)
        self.runs.append(
            {
                "id": self.ids,
                "name": "CI",
                "workflow_id": 1,
                "run_number": self.ids,
                "run_attempt": 1,
                "event": "pull_request",
                "status": "completed",
                "conclusion": conclusion,
                "head_branch": f"fix-{number}",
                "head_sha": f"{number:040x}",
                "actor": {"login": "zoë"},
                "pull_requests": [{"id": 1, "number": number, "url": "x"}],
                "created_at": began,
                "run_started_at": began,
                "updated_at": ended,
            }
        )
        self.did("pull_request_flow", f"Workflow {conclusion}", ended)

    def routes(self) -> None:
        """The repository's lists."""
        get = self.app.get
        get(f"{REPOSITORY}/issues")(self._issues)
        get(f"{REPOSITORY}/pulls")(self._pulls)
        get(f"{REPOSITORY}/issues/{{number}}/events")(self._events)
        get(f"{REPOSITORY}/pulls/{{number}}/reviews")(self._reviews)
        get(f"{REPOSITORY}/actions/runs")(self._runs)

    def stranger(self, request: Request) -> Response | None:
        """Anybody without the token."""
        if request.headers.get("Authorization") == "Bearer github_pat_geheim":
            return None
        return answer({"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"}, 401)

    def refusal(self) -> Response:
        """The primary limit is reached, and resets in a second or so."""
        said = {"message": "API rate limit exceeded for user ID 1.", "documentation_url": "https://docs.github.com/rest"}
        reset = str(int(time.time()) + 2)
        return answer(said, 403, X_RateLimit_Limit="5000", X_RateLimit_Remaining="0", X_RateLimit_Reset=reset)

    def _issues(
        self, request: Request, state: str = "open", since: str = "", sort: str = "created", direction: str = "desc"
    ) -> Response:
        least = datetime.fromisoformat(since) if since else BEGAN
        rows = [row for row in self.issues.values() if row["updated_at"] >= least and state in ("all", row["state"])]
        rows.sort(key=lambda row: row[f"{sort}_at"], reverse=direction == "desc")
        return self._page(request, rows)

    def _pulls(self, request: Request, state: str = "open", sort: str = "created", direction: str = "desc") -> Response:
        rows = [row for row in self.pulls.values() if state in ("all", row["state"])]
        rows.sort(key=lambda row: row[f"{sort}_at"], reverse=direction == "desc")
        return self._page(request, rows)

    def _events(self, request: Request, number: int) -> Response:
        return self._page(request, self.events[number])

    def _reviews(self, request: Request, number: int) -> Response:
        if number not in self.pulls:
            return answer({"message": "Not Found", "status": "404"}, 404)
        return self._page(request, self.reviews[number])

    def _runs(self, request: Request, created: str) -> Response:
        first, _, last = created.partition("..")
        span = datetime.fromisoformat(first), datetime.fromisoformat(last)
        rows = [row for row in reversed(self.runs) if span[0] <= row["created_at"] <= span[1]]
        return self._page(request, rows[:1000], within=("workflow_runs", len(rows)))

    def _page(self, request: Request, rows: list[dict[str, Any]], within: tuple[str, int] | None = None) -> Response:
        size, page = min(int(request.query_params.get("per_page", 30)), 100), int(request.query_params.get("page", 1))
        shown = [{name: _told(value) for name, value in row.items()} for row in rows[(page - 1) * size : page * size]]
        more = {}
        if page * size < len(rows):
            following = request.url.include_query_params(page=page + 1)
            more["Link"] = f'<{following}>; rel="next", <{request.url}>; rel="last"'
        said: Any = {"total_count": within[1], within[0]: shown} if within else shown
        return answer(said, X_RateLimit_Remaining="4999", **more)


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _told(inner) for name, inner in value.items()}
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value


assert timedelta(days=7) < datetime.now(BEGAN.tzinfo) - BEGAN  # the runs lie in several weeks
