"""The expectations of an event log, checked and recorded: what the check steps do, wherever it is done.

What belongs here: that one function, free of Dagster. What does not: the expectations (`connectors.quality`,
`connectors.log_checks`).
"""

from typing import TYPE_CHECKING

from lake.journal import CheckResult

if TYPE_CHECKING:
    from orchestration.ahead import Tell


def check_and_record(process: str, *, progress: "Tell") -> list[CheckResult]:
    """The results of a process's expectations, which are in platform.check_results too, with its score and what offends them."""
    from connectors.log_quality import inspect_log, record_verdict
    from lake import connect, current_snapshot, in_transaction

    progress(f"Checking {process}", 0.0)
    with connect(read_only=True) as connection:
        connection.begin()  # the results and the snapshot they name belong together
        snapshot, verdict = current_snapshot(connection), inspect_log(process, connection=connection)
    in_transaction(lambda connection: record_verdict(connection, verdict, snapshot_id=snapshot))
    return verdict.results
