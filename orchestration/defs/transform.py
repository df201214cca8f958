"""Layers `staging` to `event_logs`: the dbt project, each model and snapshot an asset and each data test a check.

What belongs here: how dbt's names become asset keys, and the step that builds the project or a part of it. What does not: SQL
(dbt_project), what is published if something fails (`lake.dbt_publication`), and who says so (`orchestration.defs.published`).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Set
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION as NO_EVENT
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliInvocation, dbt_assets
from packaging.version import Version

from connectors.connections import connections
from lake.dbt_environment import dbt_project
from lake.dbt_process import OUTCOME, PROGRESS, command
from lake.dbt_publication import Outcome
from lake.errors import BuildError
from lake.settings import get_settings
from orchestration.built import LastBuild, build_key, is_built, relations, remember_build, remember_outcome, unlanded
from orchestration.dbt_manifest import manifest_path
from orchestration.defs.mine import begin_checks
from orchestration.defs.published import BUILD, PUBLISHED, failure_of
from orchestration.layers import EVERY_DAY, FULL_REFRESH, POOL, WHEN_NEWER, dbt_key, raw_key
from orchestration.lock import RESOURCE
from orchestration.progress import progress_of
from orchestration.selection import of_domain
from orchestration.waiting_dbt import dismiss_dbt, take_dbt
from orchestration.warm_up import warm_up

if TYPE_CHECKING:
    from connectors.dbt_tests import Outcome as Tested

FINISHED = {PROGRESS, "LogTestResult", "LogModelResult", "LogSnapshotResult"}  # what a node's end is called in dbt's log


def source_table(source: Mapping[str, Any]) -> dg.AssetKey:
    """raw/<connection>/<table>; for what dbt calls optional-<domain>, the schema says which connection feeds it."""
    name, _, domain = source["source_name"].partition("-")
    connection = source["schema"].removeprefix("raw_") if domain and name == "optional" else name
    return raw_key(connection, source["name"])


class LayerTranslator(DagsterDbtTranslator):
    """Models are named by the folders they lie in, sources as the landing step names its tables."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """raw/<source>/<table> or <layer>/<domain>/<model>."""
        if dbt_resource_props["resource_type"] == "source":
            return source_table(dbt_resource_props)
        return dbt_key(_folders(dbt_resource_props), dbt_resource_props["name"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer."""
        return _folders(dbt_resource_props)[0] if dbt_resource_props["resource_type"] in {"model", "snapshot"} else None

    def get_automation_condition(self, dbt_resource_props: Mapping[str, Any]) -> dg.AutomationCondition | None:
        """Whenever what it selects from is newer."""
        return WHEN_NEWER

    def get_asset_check_spec(self, *args: Any, **options: Any) -> dg.AssetCheckSpec | None:
        """The check of a data test; what follows need not wait for it, for nothing that fails is published."""
        spec = super().get_asset_check_spec(*args, **options)
        return spec and spec._replace(blocking=False)


def _folders(dbt_resource_props: Mapping[str, Any]) -> list[str]:
    """The layer and what lies below it; what dbt calls a snapshot's path lacks the layer and ends in the file's name."""
    folders: list[str] = dbt_resource_props["fqn"][1:-1]
    return ["snapshots", *folders[:-1]] if dbt_resource_props["resource_type"] == "snapshot" else folders


def transformation(manifest: Path) -> dg.AssetsDefinition:
    """The step that builds the dbt project: models and tests in the order of their lineage."""
    translator = LayerTranslator(DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_duplicate_source_asset_keys=True))

    @dbt_assets(
        manifest=manifest,
        name="transform",
        dagster_dbt_translator=translator,
        required_resource_keys={RESOURCE},
        pool=POOL,
    )
    def transform(context: dg.AssetExecutionContext) -> Iterator[Any]:
        from lake import in_transaction
        from lake.journal import ensure_platform_tables
        from lake.process_files import register_products

        key, missing = build_key(), unlanded()
        is_whole = set(context.selected_asset_keys) == every_key  # as it is in the road
        if is_whole and is_built(key) and FULL_REFRESH not in context.run.tags:
            dismiss_dbt()
            context.log.info("Nothing was landed and no file of the project has changed since the last build.")
            without = made_from(missing, _in_order(context), context.assets_def.asset_deps)
            yield from (dg.MaterializeResult(one, metadata={"unchanged": True}) for one in _in_order(context) if one not in without)
            begin_checks()
            return
        remember_build(None)
        in_transaction(ensure_platform_tables)  # a view over a table that is not there yet would stay empty until the next build
        outcome = Outcome()
        yield from _build(context, missing, manifest, translator, outcome, is_whole=is_whole)
        in_transaction(register_products)
        if is_whole:
            remember_build(None if outcome.failures else key)
            begin_checks()
        _tell_failures(outcome, context)

    every_key = set(transform.keys)  # a job over a part gives the step a definition of just that part
    return transform


def _build(
    context: dg.AssetExecutionContext,
    missing: list[tuple[str, str]],
    manifest: Path,
    translator: DagsterDbtTranslator,
    outcome: Outcome,
    *,
    is_whole: bool,
) -> Iterator[Any]:
    """Builds what is selected, but for what needs tables that have never been landed, and fills in the outcome."""
    tell = progress_of(context)
    project = json.loads(manifest.read_text())
    names = {translator.get_asset_key(node): node["name"] for node in _models(project)}
    words = [] if is_whole else ["--select", " ".join(sorted(names[key] for key in context.selected_asset_keys))]
    words += ["--full-refresh"] if FULL_REFRESH in context.run.tags else []
    build = _invocation(context, [*words, *_leaving_out(missing)], project, translator)
    warm_up()
    expected = len(context.selected_asset_keys) + len(context.selected_asset_check_keys)
    done, tested = 0, list["Tested"]()
    try:
        for event in build.stream_raw_events():
            said = event.raw_event["info"]["name"]
            if said == OUTCOME:
                vars(outcome).update(event.raw_event["data"])
            if said in FINISHED:
                done += 1
                tell("building products and event logs", min(done / max(expected, 1), 1.0))
            tested += _tested(event.raw_event)
            yield from event.to_default_asset_events(
                manifest=build.manifest, dagster_dbt_translator=translator, context=context, target_path=build.target_path
            )
    finally:  # what the tests said is worth most where one of them has failed
        _record(tested, build.manifest)
    if not outcome.is_published:
        raise _nothing_published(outcome, build)
    selected = {names[key] for key in context.selected_asset_keys}
    remember_outcome(LastBuild(context.run_id, outcome.failures, outcome.left_out), selected)
    yield from _kept(context, {key for key in context.selected_asset_keys if names[key] in outcome.left_out})


def _tested(event: Mapping[str, Any]) -> "list[Tested]":
    """How a test ended, if that is what the event tells."""
    from connectors.dbt_tests import Outcome as Tested

    told = event["data"]
    if event["info"]["name"] != "LogTestResult":
        return []
    return [Tested(told["node_info"]["unique_id"], told["status"], int(told.get("num_failures") or 0))]


def _record(tested: "list[Tested]", manifest: Mapping[str, Any]) -> None:
    """Writes what the tests said, and the scores of products, to schema `platform`."""
    from connectors.dbt_tests import record_tests
    from lake import current_snapshot, in_transaction

    if tested:
        in_transaction(lambda lake: record_tests(lake, manifest, tested, snapshot_id=current_snapshot(lake)))


def _invocation(
    context: dg.AssetExecutionContext, words: list[str], project: dict[str, Any], translator: DagsterDbtTranslator
) -> DbtCliInvocation:
    """The build, by the dbt that is ready for it, if one is."""
    process = take_dbt()
    command(process, "build", *words)
    return DbtCliInvocation(
        process=process,
        manifest=project,
        dagster_dbt_translator=translator,
        project_dir=dbt_project(),
        target_path=get_settings().folder("dbt", "target"),
        raise_on_error=False,
        cli_version=_dbt_version(),
        context=context,
    )


def _nothing_published(outcome: Outcome, build: DbtCliInvocation) -> BuildError:
    said = "; ".join(f"{name}: {words}" for name, words in outcome.failures.items()) or str(build.get_error())
    return BuildError(
        f"Nothing was built: {said}",
        remedy="What was there before is served. Mend the cause and run again.",
        failures=outcome.failures,
    )


def _kept(context: dg.AssetExecutionContext, keys: set[dg.AssetKey]) -> Iterator[dg.MaterializeResult]:
    """Lets what follows run on the last good tables, where there are any, without saying that they were made anew."""
    there = relations()
    for key in _in_order(context):
        if key in keys and (key.path[0], key.path[-1]) in there:
            yield dg.MaterializeResult(key, metadata={NO_EVENT: True})


def _tell_failures(outcome: Outcome, context: dg.AssetExecutionContext) -> None:
    """Fails the step, where no later one does it: what follows in the road goes on with what was published."""
    if not outcome.failures:
        return
    for name, words in outcome.failures.items():
        context.log.error(f"{name}: {words}")
    if PUBLISHED not in {node.name for node in context.job_def.nodes}:
        raise failure_of(outcome.failures, outcome.left_out)


def _leaving_out(missing: list[tuple[str, str]]) -> list[str]:
    return ["--exclude", " ".join(f"source:{source}.{table}+" for source, table in missing)] if missing else []


def made_from(
    missing: Iterable[tuple[str, str]], keys: Iterable[dg.AssetKey], parents: Mapping[dg.AssetKey, Set[dg.AssetKey]]
) -> set[dg.AssetKey]:
    """The assets among `keys`, each of which comes after its parents, that need one of these tables, near or far."""
    found = {raw_key(source, table) for source, table in missing}
    for key in keys:
        if parents[key] & found and not _needs_no_rows(key):
            found.add(key)
    return found


def _needs_no_rows(key: dg.AssetKey) -> bool:
    """Whether a model bears that its table has never been landed: it has no rows then."""
    return key.path[:2] in (["staging", "optional"], ["staging", "platform"])


def _in_order(context: dg.AssetExecutionContext) -> list[dg.AssetKey]:
    """The project's assets, each after those it is made from, as Dagster wants to hear of them."""
    wanted, parents = context.selected_asset_keys, context.assets_def.asset_deps
    return [key for key in TopologicalSorter({key: parents[key] for key in wanted}).static_order() if key in wanted]


def _dbt_version() -> Version:
    from importlib.metadata import version

    return Version(version("dbt-core"))


def model_keys() -> dict[str, dg.AssetKey]:
    """The asset key of every model, by the model's name."""
    translator = LayerTranslator()
    return {node["name"]: translator.get_asset_key(node) for node in _models(json.loads(manifest_path().read_text()))}


def domains() -> dict[str, list[dg.AssetKey]]:
    """What each domain owns among the products and event logs, by the domain's name."""
    translator, found = LayerTranslator(), dict[str, list[dg.AssetKey]]()
    for node in _models(json.loads(manifest_path().read_text())):
        if node["group"] and node["fqn"][1] in {"products", "event_logs"}:
            found.setdefault(node["group"], []).append(translator.get_asset_key(node))
    return found


def build_job_name(domain: str) -> str:
    """The job that builds one domain."""
    return f"build_{domain}"


def _models(project: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [node for node in project["nodes"].values() if node["resource_type"] in {"model", "snapshot"}]


def _job_of(domain: str, owned: Mapping[str, list[dg.AssetKey]]) -> Any:
    return dg.define_asset_job(
        build_job_name(domain),
        selection=of_domain(domain, owned) | dg.AssetSelection.assets(BUILD),
        description=f"Build the products and event logs of {domain}, what they need and what is made of them, from landed rows.",
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The dbt project."""
    manifest = manifest_path()
    step = transformation(manifest)
    owned = domains()
    return dg.Definitions(
        assets=[
            step.map_asset_specs(lambda spec: spec.replace_attributes(freshness_policy=_freshness(spec))),
            *_unconnected(json.loads(manifest.read_text())),
        ],
        jobs=[_job_of(domain, owned) for domain in owned],
    )


def _unconnected(manifest: Mapping[str, Any]) -> list[dg.AssetSpec]:
    """The tables that dbt reads and no connection lands: those of systems that are not connected, and the platform's own."""
    landed = {raw_key(source.name, table.name) for source in connections().values() for table in source.resources}
    words = {source_table(source): source["description"] for source in manifest["sources"].values()}
    return [dg.AssetSpec(key, group_name="raw", description=said) for key, said in words.items() if key not in landed]


def _freshness(spec: dg.AssetSpec) -> Any:
    return EVERY_DAY if spec.group_name in {"products", "event_logs"} else None
