"""What is wrong with connections and declared event logs, without touching any system: files, credential references, breakers.

What belongs here: findings that change nothing. What does not: trying a system (`connectors.manage.test`) and the platform's own
checks (`lake.doctor`).
"""

from collections.abc import Iterator

from connectors.connection import Connection
from connectors.connections import broken_connections, connections, connections_folder
from connectors.credentials import resolve
from connectors.declared_event_logs import event_log_files
from connectors.standing import file_of, problem_of
from connectors.states import ConnectionState, all_states
from lake.doctor import Finding
from lake.errors import CredentialError, GrimoireError

SUBJECT, LOGS = "connections", "event logs"


def examine_connections() -> list[Finding]:
    """Every connection that has a file, and how it fares; no secret is in the words."""
    try:
        broken = [Finding(SUBJECT, "error", error.problem, error.remedy) for error in broken_connections().values()]
        own = {key: each for key, each in connections().items() if file_of(key).exists()}
        states = all_states(list(connections()))
        found = [finding for each in own.values() for finding in _examined(each)]
        faring = [finding for state in states.values() for finding in _faring(state)]
    except GrimoireError as error:
        return [Finding(SUBJECT, "error", error.problem, error.remedy)]
    wrong = [*broken, *found, *faring]
    whole = Finding(SUBJECT, "ok", f"{len(own)} of yours in {connections_folder()}, {len(states) - len(own)} of the demo company")
    return wrong or [whole]


def examine_event_logs() -> list[Finding]:
    """Every mapping, view and event log that is declared, in a connection's file or one of its own, and what is wrong with it."""
    from connectors.dbt_files import declaration_faults

    try:
        files = event_log_files()
        faults = declaration_faults(connections().values(), files)
    except GrimoireError as error:
        return [Finding(LOGS, "error", error.problem, error.remedy)]
    wrong = [Finding(LOGS, "error", words, "Only this is left out; the rest is built.") for words in faults.values()]
    return wrong or [Finding(LOGS, "ok", f"{len(files)} declared over the lake, and those of the connections, can be built")]


def _examined(connection: Connection) -> Iterator[Finding]:
    name, problem = connection.name, problem_of(connection)
    if problem is not None:
        yield Finding(SUBJECT, "error", f"{name}: {problem.problem}", problem.remedy)
    for key, reference in connection.credentials.items():
        try:
            resolve(reference)
        except CredentialError as error:
            yield Finding(SUBJECT, "error", f"{name}: {key}: {error.problem}", error.remedy)
    if not connection.resources:
        yield Finding(SUBJECT, "warning", f"{name} names no resources", f"`grimoire connect inspect {name}` says what there is.")


def _faring(state: ConnectionState) -> Iterator[Finding]:
    name = state.name
    if state.is_paused:
        yield Finding(SUBJECT, "ok", f"{name} is paused", f"`grimoire connect resume {name}` lets it run again.")
    if state.breaker != "closed":
        detail = f"{name}: breaker {state.breaker} after {state.failures} failed runs: {state.error}"
        yield Finding(SUBJECT, "warning", detail, f"Mend it, then `grimoire connect test {name}`.")
    elif state.state == "failing":
        detail = f"{name}: the last run or test failed: {state.error}"
        yield Finding(SUBJECT, "warning", detail, f"Mend it, then `grimoire connect run {name}`.")
