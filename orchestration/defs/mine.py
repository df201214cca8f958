"""Layer `mining`: every event log is checked and, if it holds, mined; one asset per product's process, one for the imported ones.

What belongs here: the assets and checks of `mining` and `connectors.quality`. What does not: checking and mining.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import dagster as dg

from connectors.connections import connections
from connectors.dbt_files import write_dbt_files
from lake.journal import CheckResult
from lake.process_files import SUFFIX, definition_files
from orchestration.ahead import begin, outcome
from orchestration.built import last_build
from orchestration.checks import as_asset_checks, check_specs
from orchestration.defs.classify import CHECKING as CHECKING_CLASSES
from orchestration.defs.classify import checked_models
from orchestration.layers import EVERY_DAY, POOL, WHEN_NEWER, event_log_key, mining_key
from orchestration.lock import RESOURCE
from orchestration.progress import Progress, progress_of

IMPORTED = "imported"
CHECKING = "orchestration.checked:check_and_record"
NONE: Mapping[str, str] = MappingProxyType({})
GROWTH = 0.05  # a log that has grown by a twentieth is worth a new model; until then its fitness stays comparable


def product_processes() -> list[str]:
    """Names of the processes whose logs dbt makes: those with a definition file, which connections' declarations have, too."""
    write_dbt_files(connections().values())
    return [path.name.removesuffix(SUFFIX) for path in definition_files()]


def check_step(process: str) -> str:
    """Name of the step that checks a process's event log."""
    return f"check_{process}"


def begin_checks() -> None:
    """Begins the checks that follow the build all at once, where the run is prepared for it."""
    for process in product_processes():
        begin(check_step(process), CHECKING, process=process)
    for step, models in checked_models().items():
        begin(step, CHECKING_CLASSES, tables=sorted(models))


def event_log_check(process: str) -> dg.AssetChecksDefinition:
    """The expectations of one event log; mining waits for them and does not run when the gate is shut."""
    key = event_log_key(process)

    @dg.multi_asset_check(name=check_step(process), specs=check_specs(key), required_resource_keys={RESOURCE}, pool=POOL)
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        results = outcome(check_step(process), CHECKING, tell=progress_of(context), process=process)
        yield from as_asset_checks(results, asset=key)

    return check


def mined(process: str) -> dg.AssetsDefinition:
    """The layout and the mined tables of one product's process."""

    @dg.asset(
        key=mining_key(process),
        deps=[event_log_key(process)],
        group_name="mining",
        description=f"Graph, variants, throughput and model of {process}, in schemas layouts and mining.",
        kinds={"duckdb", "pm4py"},
        required_resource_keys={RESOURCE},
        freshness_policy=EVERY_DAY,
        automation_condition=WHEN_NEWER,
        check_specs=check_specs(mining_key(process)),
        pool=POOL,
    )
    def mine_process(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return _mine([process], context, asset=mining_key(process), kept=last_build().left_out)

    return mine_process


@dg.asset(
    key=mining_key(IMPORTED),
    group_name="mining",
    description="Graph, variants, throughput and model of every process imported from a file.",
    kinds={"duckdb", "pm4py"},
    required_resource_keys={RESOURCE},
    check_specs=check_specs(mining_key(IMPORTED)),
    pool=POOL,
)
def mine_imported(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Mines what has been imported and not been mined since."""
    from lake import connect
    from lake.registry import processes

    with connect(read_only=True) as connection:
        names = [process.name for process in processes(connection) if process.origin == "file"]
    return _mine(names, context, asset=mining_key(IMPORTED))


def _mine(
    names: list[str], context: dg.AssetExecutionContext, *, asset: dg.AssetKey, kept: Mapping[str, str] = NONE
) -> dg.MaterializeResult:
    """Mines the processes whose event log has changed since, the way they were mined last; there is nothing new in the others.

    Each process's tests run either way: a rule may be new where the log is not. A breach of severity `error` fails the run.
    `kept` names the logs that the last build had to leave as they were, and why: they are mined as they are, and it is said.
    """
    from mining import is_mined, mine, parameters_of, run_process_tests

    tell = progress_of(context)
    outcome: dict[str, Any] = {f"event log of {name}": f"as it was before: {kept[name]}" for name in names if name in kept}
    for said in outcome.values():
        context.log.warning(f"The event log is {said}")
    checks: list[CheckResult] = []
    for at, name in enumerate(names):
        miner, noise = parameters_of(name)
        if is_mined(name, miner=miner, noise=noise):
            outcome[name] = "unchanged"
        else:
            result = mine(name, miner=miner, noise=noise, growth=GROWTH, progress=_share(tell, name, first=at, of=len(names)))
            outcome[name] = {"cases": result.cases, "variants": result.variants, "average fitness": result.average_fitness}
        judged, tests = run_process_tests(name)
        checks += tests
        for one in judged:
            if one.remark:
                context.log.warning(f"{name}, rule «{one.rule.text}»: {one.remark}")
    return dg.MaterializeResult(metadata=outcome, check_results=list(as_asset_checks(checks, asset=asset)))


def _share(tell: Progress, name: str, *, first: int, of: int) -> Progress:
    """The progress of one process among several."""
    return lambda said, done: tell(f"{name}: {said}", (first + done) / of)


@dg.definitions
def defs() -> dg.Definitions:
    """A check and a mined result per product's process, and the imported ones."""
    names = product_processes()
    return dg.Definitions(
        assets=[*(mined(name) for name in names), mine_imported],
        asset_checks=[event_log_check(name) for name in names],
    )
