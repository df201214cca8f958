"""Bringing the demo company up, letting its time pass, and asking how it stands.

What belongs here: the life of the company as its user sees it. What does not: the simulation (`connectors.demo.simulation`), the
database (`connectors.demo.store`) and the CRM's server (`connectors.demo.crm`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from connectors.demo import store
from connectors.demo.credentials import ensure_credentials
from connectors.demo.manifest import make_manifest
from connectors.demo.simulation import Simulation
from connectors.demo.working_time import LAST_DAY, utc_midnight
from lake.errors import DataError, SourceUnavailableError
from lake.settings import Settings, get_settings

if TYPE_CHECKING:
    import psycopg

Progress = Callable[[str, float], None]
FIRST_HORIZON = date(2026, 1, 1)
SIMULATING = 0.7  # of the time; the rest is loading


@dataclass(frozen=True)
class DemoState:
    """How the company stands: everything before `now` has happened."""

    now: datetime
    seed: int
    scale: float
    rows: dict[str, int]


def bring_up(*, progress: Progress | None = None) -> DemoState:
    """Makes the demo company unless it is there: all of it or, if this process dies, nothing.

    Args:
        progress: Called with what is being done and how much of it is (0 to 1).

    Returns:
        How it stands. A company that is already there stays as it is, whatever the settings say about seed and scale.
    """
    settings = get_settings()
    ensure_credentials(settings)
    with store.connect(settings) as connection:
        store.lock(connection)
        company = store.read_company(connection)
        if company is None:
            company = _make(connection, settings, progress)
        return _state(connection, company)


def advance(days: int, *, progress: Progress | None = None) -> DemoState:
    """Lets the company live on for some days; only rows that were made or changed in them are written.

    The company is simulated again from its first day, because the past is the same for every horizon.

    Raises:
        SourceUnavailableError: There is no demo company yet.
        DataError: The days are not positive or lead too far, or another version of the simulation made the company.
    """
    with store.connect(get_settings()) as connection:
        store.lock(connection)
        company = store.read_company(connection)
        if company is None:
            raise _absent()
        horizon = _horizon(company, days)
        simulation = Simulation(seed=company.seed, scale=company.scale)
        past = simulation.run(_unix(company.now), _part(progress, 0.0, 0.8))
        if past.fingerprint() != company.fingerprint:
            raise DataError(
                "The demo company was made by another version of its simulation and cannot be continued.",
                remedy="Run `grimoire reset` and bring it up again.",
            )
        ledger = simulation.run(_unix(horizon))
        if progress:
            progress("Writing what has changed", 0.85)
        store.upsert(connection, ledger, since=_unix(company.now))
        moved = _save(connection, simulation, company.seed, company.scale, horizon)
        return _state(connection, moved)


def state() -> DemoState | None:
    """How the company stands, or None if there is none."""
    with store.connect(get_settings()) as connection:
        company = store.read_company(connection)
        return _state(connection, company) if company else None


def read_manifest() -> dict[str, Any]:
    """The planted truths with the figures that hold now; SourceUnavailableError if there is no company."""
    with store.connect(get_settings()) as connection:
        if store.read_company(connection) is None:
            raise _absent()
        return store.read_manifest(connection)


def _make(connection: "psycopg.Connection[Any]", settings: Settings, progress: Progress | None) -> store.Company:
    horizon = datetime(FIRST_HORIZON.year, FIRST_HORIZON.month, FIRST_HORIZON.day, tzinfo=UTC)
    simulation = Simulation(seed=settings.demo_seed, scale=settings.demo_scale)
    ledger = simulation.run(_unix(horizon), _part(progress, 0.0, SIMULATING))
    store.make_schema(connection)
    store.load(connection, ledger, _part(progress, SIMULATING, 1.0))
    return _save(connection, simulation, settings.demo_seed, settings.demo_scale, horizon)


def _save(connection: "psycopg.Connection[Any]", simulation: Simulation, seed: int, scale: float, now: datetime) -> store.Company:
    company = store.Company(seed=seed, scale=scale, now=now, fingerprint=simulation.ledger.fingerprint())
    store.save_company(connection, company, make_manifest(simulation.ledger, seed=seed, scale=scale))
    return company


def _state(connection: "psycopg.Connection[Any]", company: store.Company) -> DemoState:
    return DemoState(now=company.now, seed=company.seed, scale=company.scale, rows=store.count_rows(connection))


def _horizon(company: store.Company, days: int) -> datetime:
    last = datetime.fromtimestamp(utc_midnight(LAST_DAY), UTC) - timedelta(days=730)  # room for what is planned ahead
    if days < 1 or company.now + timedelta(days=days) > last:
        raise DataError(
            f"The demo company cannot advance by {days} days.", remedy=f"Give at least 1 day, and none beyond {last:%Y-%m-%d}."
        )
    return company.now + timedelta(days=days)


def _absent() -> SourceUnavailableError:
    return SourceUnavailableError("There is no demo company yet.", remedy="Run `grimoire demo up`.")


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())


def _part(progress: Progress | None, begin: float, end: float) -> Progress | None:
    """A progress that reports 0 to 1 as begin to end."""
    if progress is None:
        return None
    return lambda description, done: progress(description, begin + (end - begin) * done)
