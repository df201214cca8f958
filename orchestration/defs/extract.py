"""Layer `raw`: one step per connection extracts, checks and lands all its tables; the system's own tables stand before them.

What belongs here: the assets, checks, jobs and schedules of connections. What does not: how rows are read, checked and landed.

Each connection file makes its own; nothing else need be written. One that cannot be used makes none and is reported. A connection
that is paused, left alone or failing lands nothing and claims nothing: what follows goes on with the rows that are there, and at
the end the check `loaded` fails the run in the words of the error.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, cast

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION as NO_EVENT

from connectors.connection import Connection
from connectors.connections import broken_connections, connections
from lake.errors import ConnectionPausedError, GrimoireError, QualityGateError
from lake.journal import CheckResult
from orchestration.ahead import LOAD_STEP, LOADING, outcome
from orchestration.checks import as_asset_checks, check_specs
from orchestration.defs.published import BUILD
from orchestration.layers import POOL, raw_key, source_key
from orchestration.lock import RESOURCE
from orchestration.progress import progress_of

DAILY = "0 4 * * *"
LOADED = "loaded"
SHORTEST_WINDOW = 2.0  # minutes; Dagster takes no shorter ones


def job_name(connection: str) -> str:
    """The job that loads one connection and makes anew what is made of its rows."""
    return f"run_{connection}"


def tables_of(source: Connection) -> list[dg.AssetSpec]:
    """The tables in the source system, which the platform reads and does not make."""
    return [
        dg.AssetSpec(source_key(source.name, table.name), group_name="source", description=source.label, kinds={source.type})
        for table in source.resources
    ]


def landing(source: Connection) -> dg.AssetsDefinition:
    """The step that lands a source's tables in schema raw_<source>, all of them or none."""

    @dg.multi_asset(
        name=f"{LOAD_STEP}{source.name}",
        specs=[_landed(source, table.name) for table in source.resources],
        check_specs=[spec for table in source.resources for spec in check_specs(raw_key(source.name, table.name), blocking=False)],
        required_resource_keys={RESOURCE},
        can_subset=True,  # which also lets a step that loads nothing leave out its checks
        pool=POOL,
    )
    def load(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        try:
            report = outcome(f"{LOAD_STEP}{source.name}", LOADING, tell=progress_of(context), name=source.name)
        except GrimoireError as error:
            yield from _not_loaded(source, error, context)
            return
        for table in report.tables:
            key = raw_key(source.name, table.name)
            if key not in context.selected_asset_keys:
                continue
            counts: dict[str, Any] = {
                "dagster/row_count": table.rows_landed,
                "rows extracted": table.rows_extracted,
                "rows quarantined": table.rows_quarantined,
                "load": report.load_id or "nothing new",
                "snapshot": report.snapshot_id,
            }
            yield dg.MaterializeResult(key, metadata=counts, check_results=list(as_asset_checks(table.checks, asset=key)))

    return load


def _landed(source: Connection, table: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        raw_key(source.name, table),
        deps=[source_key(source.name, table)],
        group_name="raw",
        description=f"{source.raw_schema}.{table}, as the source holds it, with _loaded_at and _load_id.",
        kinds={"dlt", "ducklake"},
        freshness_policy=_freshness(source),
        automation_condition=dg.AutomationCondition.on_cron(source.schedule or DAILY),
    )


def _freshness(source: Connection) -> dg.FreshnessPolicy:
    window = timedelta(minutes=max(source.freshness_hours * 60, SHORTEST_WINDOW))
    return dg.FreshnessPolicy.time_window(fail_window=window, warn_window=window * 0.75)


def _not_loaded(
    source: Connection, error: GrimoireError, context: dg.AssetExecutionContext
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Lets what follows run on the rows that are there, without saying that a table was made anew.

    In a run of this connection alone nothing else waits, so it ends here.
    """
    if isinstance(error, QualityGateError):
        yield from _closed(source, error, context)
    if context.run.job_name == job_name(source.name):
        raise dg.Failure(str(error), allow_retries=False)
    say = context.log.warning if isinstance(error, ConnectionPausedError) else context.log.error
    say(str(error))
    progress_of(context)(error.problem, 1.0)
    keys = (raw_key(source.name, table.name) for table in source.resources)
    yield from (dg.MaterializeResult(key, metadata={NO_EVENT: True}) for key in keys if key in context.selected_asset_keys)


def _closed(source: Connection, error: QualityGateError, context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """The checks that closed the gate, where one can see them; nothing was landed."""
    by_table: dict[str, list[CheckResult]] = {}
    for check in cast(list[CheckResult], error.data.get("checks", [])):
        by_table.setdefault(check.subject, []).append(check)
    for name, checks in by_table.items():
        key = raw_key(source.name, name)
        selected = {one.name for one in context.selected_asset_check_keys if one.asset_key == key}
        yield from (result for result in as_asset_checks(checks, asset=key) if not result.passed and result.check_name in selected)


def loads_check(sources: Sequence[Connection]) -> dg.AssetChecksDefinition:
    """One check per connection, at its first table: did its last load go well. It fails the run, and nothing waits for it."""
    of_check = {_loaded(source).key: source for source in sources}

    @dg.multi_asset_check(name="loads", specs=[_loaded(source) for source in sources], can_subset=True)
    def loads(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        from connectors.states import all_states

        asked = [of_check[key] for key in context.selected_asset_check_keys]
        known = all_states([source.name for source in asked])
        failures = []
        for source in asked:
            state = known[source.name]
            is_failing = state.run_well is False and not state.is_paused
            said = (state.error or "") if is_failing else "paused" if state.is_paused else state.state
            spec = _loaded(source)
            yield dg.AssetCheckResult(asset_key=spec.asset_key, check_name=LOADED, passed=not is_failing, description=said)
            failures += [said] if is_failing else []
        if failures:
            raise dg.Failure("; ".join(failures), allow_retries=False)

    return loads


def _loaded(source: Connection) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        LOADED, asset=raw_key(source.name, source.resources[0].name), description=f"The last load of {source.label} went well."
    )


def jobs_of(source: Connection) -> dg.Definitions:
    """The connection's job, and its schedule where the file has one."""
    tables = dg.AssetSelection.assets(*(raw_key(source.name, table.name) for table in source.resources))
    job = dg.define_asset_job(
        job_name(source.name),
        selection=(tables.downstream() - dg.AssetSelection.groups("forecasts", "predictions", "lake"))
        | dg.AssetSelection.assets(BUILD),
        description=f"Load {source.label}, and make anew what is made of its rows, but for forecasts.",
    )
    if source.schedule is None:
        return dg.Definitions(jobs=[job])
    schedule = dg.ScheduleDefinition(
        name=f"{source.name}_by_schedule",
        job=job,
        cron_schedule=source.schedule,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    return dg.Definitions(jobs=[job], schedules=[schedule])


def definitions_of(source: Connection) -> dg.Definitions:
    """Everything Dagster knows of one connection."""
    return dg.Definitions.merge(dg.Definitions(assets=[*tables_of(source), landing(source)]), jobs_of(source))


@dg.definitions
def defs() -> dg.Definitions:
    """All connections' definitions; of files that cannot be used a warning."""
    log = logging.getLogger(__name__)
    for error in broken_connections().values():
        log.warning("%s", error)
    sources, parts = [], []
    for source in connections().values():
        if not source.resources:
            log.warning("%s names no resources: `grimoire connect inspect %s` proposes some.", source.label, source.name)
            continue
        try:
            parts.append(definitions_of(source))
        except Exception:  # one connection must never take the others' definitions with it
            log.exception("%s cannot be scheduled", source.label)
        else:
            sources.append(source)
    checks = dg.Definitions(asset_checks=[loads_check(sources)] if sources else [])
    return dg.Definitions.merge(*parts, checks)
