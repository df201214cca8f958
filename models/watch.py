"""What is done with forecasts once they are made: kept, compared with what came, tested for drift, searched for anomalies.

What belongs here: the order of these steps, in one transaction. What does not: the steps.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lake.errors import ModelError
from lake.settings import Settings, get_settings
from lake.snapshots import current_snapshot
from lake.transactions import in_transaction
from models.anomalies import Anomaly, anomalies, runs, write_anomalies
from models.watching import Drift, drifts, keep_forecasts, tracked, write_drifts

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Watched:
    """What a look at the forecasts found: new anomalies, and how every series does."""

    anomalies: list[Anomaly]
    drifts: list[Drift]


def watch(*, settings: Settings | None = None, now: datetime | None = None) -> Watched:
    """Keeps the newest forecasts, compares all with what has come, and writes drift and anomalies.

    Args:
        settings: Default: the process's settings.
        now: When this is; default: the current time.

    Raises:
        ModelError: Nothing has been forecast yet.
    """
    import duckdb

    moment = now or datetime.now(UTC)
    try:
        return in_transaction(lambda connection: _watch(connection, moment), settings=settings or get_settings())
    except duckdb.CatalogException as error:
        raise ModelError("There are no forecasts to watch.", remedy="Run `grimoire run` first.") from error


def _watch(connection: "duckdb.DuckDBPyConnection", now: datetime) -> Watched:
    snapshot_id = current_snapshot(connection)
    keep_forecasts(connection)
    rows = tracked(connection)
    found = drifts(rows)
    write_drifts(connection, found, now=now, snapshot_id=snapshot_id)
    seen = [*anomalies(rows), *runs(connection)]
    return Watched(write_anomalies(connection, seen, now=now, snapshot_id=snapshot_id), found)
