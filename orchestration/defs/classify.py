"""The check that no personal column goes unclassified, for every data product and event log that dbt makes.

What belongs here: the checks and which step makes which. What does not: recognising and judging (`connectors.classification`).

The project's own tables share one step; each event log of a connection has its own, so that a connection that was never read holds
up nobody else's check.
"""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.ahead import outcome
from orchestration.dbt_manifest import manifest_path
from orchestration.layers import POOL, dbt_key
from orchestration.lock import RESOURCE
from orchestration.progress import progress_of

CLASSIFICATION = "classification"  # the check's name
STEP = "check_classification"
CHECKING = "orchestration.checked:check_classes"
CHECKED = {"products", "event_logs"}
SHOWN = 300  # letters of a check's description


def checked_models() -> dict[str, dict[str, dg.AssetKey]]:
    """By step the tables it checks, each with the key of its asset."""
    steps: dict[str, dict[str, dg.AssetKey]] = {}
    for node in json.loads(manifest_path().read_text(encoding="utf-8"))["nodes"].values():
        if node["resource_type"] == "model" and node["fqn"][1] in CHECKED:
            own = node["original_file_path"].startswith("models/")
            step = STEP if own else f"{STEP}_{node['name'].partition('__')[0]}"
            key = dbt_key(node["fqn"][1:-1], node["name"])
            steps.setdefault(step, {})[f"{node['schema']}.{node['alias']}"] = key
    return steps


def classification_check(step: str, models: dict[str, dg.AssetKey]) -> dg.AssetChecksDefinition:
    """One step that checks these tables."""
    specs = [
        dg.AssetCheckSpec(CLASSIFICATION, asset=key, description="Columns that look personal are classified as more than public.")
        for key in models.values()
    ]

    @dg.multi_asset_check(name=step, specs=specs, can_subset=True, required_resource_keys={RESOURCE}, pool=POOL)
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        wanted = {key.asset_key for key in context.selected_asset_check_keys}  # the run of one connection asks for some only
        tables = sorted(table for table, key in models.items() if key in wanted)
        results = outcome(step, CHECKING, tell=progress_of(context), tables=tables)
        found = {f"{one.layer}.{one.subject}": one for one in results}
        for table in tables:
            yield _result(models[table], found.get(table))

    return check


def _result(key: dg.AssetKey, found: Any) -> dg.AssetCheckResult:
    """What was found of one table; one that is not there has nothing to hide."""
    severe = found is not None and found.severity == "error"
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CLASSIFICATION,
        passed=found is None or found.passed,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description=(found.detail[:SHOWN] or None) if found else "The table is not there.",
        metadata={"columns": found.rows_checked, "unclassified personal columns": found.rows_failed} if found else {},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The classification checks."""
    return dg.Definitions(asset_checks=[classification_check(step, models) for step, models in checked_models().items()])
