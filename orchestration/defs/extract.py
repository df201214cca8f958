"""Layer `raw`: one step per source extracts, checks and lands all its tables; the source's own tables stand before them.

What belongs here: the assets of `connectors.load`. What does not: how rows are read, checked and landed.
"""

from collections.abc import Iterator
from typing import Any, cast

import dagster as dg

from connectors.connection import Connection
from connectors.connections import connections
from lake.errors import QualityGateError
from lake.journal import CheckResult
from orchestration.checks import as_asset_checks, check_specs
from orchestration.layers import EVERY_DAY, POOL, raw_key, source_key
from orchestration.lock import RESOURCE
from orchestration.progress import progress_of

AGAIN = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)  # a source system may be away for a moment


def tables_of(source: Connection) -> list[dg.AssetSpec]:
    """The tables in the source system, which the platform reads and does not make."""
    return [
        dg.AssetSpec(source_key(source.name, table.name), group_name="source", description=source.label, kinds={source.type})
        for table in source.resources
    ]


def landing(source: Connection) -> dg.AssetsDefinition:
    """The step that lands a source's tables in schema raw_<source>, all of them or none."""
    specs = [
        dg.AssetSpec(
            raw_key(source.name, table.name),
            deps=[source_key(source.name, table.name)],
            group_name="raw",
            description=f"{source.raw_schema}.{table.name}, as the source holds it, with _loaded_at and _load_id.",
            kinds={"dlt", "ducklake"},
            freshness_policy=EVERY_DAY,
            automation_condition=dg.AutomationCondition.on_cron("0 4 * * *"),
        )
        for table in source.resources
    ]

    @dg.multi_asset(
        name=f"load_{source.name}",
        specs=specs,
        check_specs=[check for table in source.resources for check in check_specs(raw_key(source.name, table.name))],
        required_resource_keys={RESOURCE},
        retry_policy=AGAIN,
        pool=POOL,
    )
    def load(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        from connectors.load import load_source

        try:
            report = load_source(source.name, progress=progress_of(context))
        except QualityGateError as error:
            yield from _closed(source, error)
            raise dg.Failure(str(error), allow_retries=False) from error
        for table in report.tables:
            key = raw_key(source.name, table.name)
            counts: dict[str, Any] = {
                "dagster/row_count": table.rows_landed,
                "rows extracted": table.rows_extracted,
                "rows quarantined": table.rows_quarantined,
                "load": report.load_id or "nothing new",
                "snapshot": report.snapshot_id,
            }
            yield dg.MaterializeResult(key, metadata=counts, check_results=list(as_asset_checks(table.checks, asset=key)))

    return load


def _closed(source: Connection, error: QualityGateError) -> Iterator[dg.AssetCheckResult]:
    """The checks that closed the gate, where one can see them; nothing was landed."""
    by_table: dict[str, list[CheckResult]] = {}
    for check in cast(list[CheckResult], error.data.get("checks", [])):
        by_table.setdefault(check.subject, []).append(check)
    for table in source.resources:
        if table.name in by_table:
            results = as_asset_checks(by_table[table.name], asset=raw_key(source.name, table.name))
            yield from (result for result in results if not result.passed)


@dg.definitions
def defs() -> dg.Definitions:
    """A landing step per source, and the source's tables."""
    tables = [table for source in connections().values() for table in tables_of(source)]
    return dg.Definitions(assets=[*tables, *(landing(source) for source in connections().values())])
