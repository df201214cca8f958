"""Telling a running Dagster that connections were added or removed, so that their assets appear without a restart.

What belongs here: the request to the webserver of this home's `grimoire up`. What does not: definitions (`orchestration`).
The daemon, which starts scheduled runs, looks for new definitions by itself about once a minute.
"""

import json
import urllib.request

from lake.running import running_servers
from lake.settings import Settings, get_settings

RELOAD = "mutation { reloadWorkspace { __typename } }"
SECONDS = 60.0  # the definitions are loaded anew, dbt's manifest included


def reload_dagster(settings: Settings | None = None) -> bool:
    """Whether a running Dagster has loaded its definitions anew; False where none runs, or it does not answer."""
    settings = settings or get_settings()
    running = running_servers(settings)
    if running is None or settings.dagster_port not in running.ports:
        return False
    request = urllib.request.Request(
        f"http://{settings.host}:{settings.dagster_port}/graphql",
        data=json.dumps({"query": RELOAD}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return json.load(answer).get("data", {}).get("reloadWorkspace", {}).get("__typename") == "Workspace"
    except (OSError, ValueError, AttributeError):
        return False
