"""Layers `staging` to `event_logs`: the dbt project, each model and snapshot an asset and each data test a check.

What belongs here: how dbt's names become asset keys, and the step that builds the project. What does not: SQL (dbt_project).
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliInvocation, DbtCliResource, dbt_assets
from packaging.version import Version

from connectors.connections import connections
from lake.dbt_environment import dbt_environment, dbt_project
from lake.dbt_process import PROGRESS, command
from lake.settings import get_settings
from orchestration.built import build_key, is_built, remember_build, unlanded
from orchestration.dbt_manifest import manifest_path
from orchestration.defs.mine import begin_checks
from orchestration.layers import EVERY_DAY, POOL, WHEN_NEWER, dbt_key, raw_key
from orchestration.lock import RESOURCE
from orchestration.progress import progress_of
from orchestration.waiting_dbt import dismiss_dbt, take_dbt
from orchestration.warm_up import warm_up

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


def _folders(dbt_resource_props: Mapping[str, Any]) -> list[str]:
    """The layer and what lies below it; what dbt calls a snapshot's path lacks the layer and ends in the file's name."""
    folders: list[str] = dbt_resource_props["fqn"][1:-1]
    return ["snapshots", *folders[:-1]] if dbt_resource_props["resource_type"] == "snapshot" else folders


class LakeDbt(DbtCliResource):
    """dbt without two detours of dagster-dbt: asking dbt for its version, and loading its adapter into our own process too."""

    @cached_property
    def _cli_version(self) -> Version:
        return _dbt_version()

    def _initialize_dbt_core_adapter(self, args: Any) -> Any:
        return None


@contextmanager
def _variables(environment: Mapping[str, str]) -> Iterator[None]:
    """Sets variables for a child process that is about to start, and takes them back: one of them may hold a password."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


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
        if is_whole and is_built(key):
            dismiss_dbt()
            context.log.info("Nothing was landed and no file of the project has changed since the last build.")
            without = made_from(missing, _in_order(context), context.assets_def.asset_deps)
            yield from (dg.MaterializeResult(one, metadata={"unchanged": True}) for one in _in_order(context) if one not in without)
            begin_checks()
            return
        remember_build(None)
        in_transaction(ensure_platform_tables)  # a view over a table that is not there yet would stay empty until the next build
        yield from _build(context, missing, manifest, translator, is_whole=is_whole)
        in_transaction(register_products)
        if is_whole:
            remember_build(key)
            begin_checks()

    every_key = set(transform.keys)  # a job over a part gives the step a definition of just that part
    return transform


def _build(
    context: dg.AssetExecutionContext,
    missing: list[tuple[str, str]],
    manifest: Path,
    translator: DagsterDbtTranslator,
    *,
    is_whole: bool,
) -> Iterator[Any]:
    """Builds what is selected, but for what needs tables that have never been landed; fails when a model or a test does."""
    tell = progress_of(context)
    words = _leaving_out(missing)
    build = _whole_build(context, words, manifest, translator) if is_whole else _part_build(context, words)
    warm_up()
    expected = len(context.selected_asset_keys) + len(context.selected_asset_check_keys)
    done = 0
    for event in build.stream_raw_events():
        if event.raw_event["info"]["name"] in FINISHED:
            done += 1
            tell("building products and event logs", min(done / max(expected, 1), 1.0))
        yield from event.to_default_asset_events(
            manifest=build.manifest, dagster_dbt_translator=translator, context=context, target_path=build.target_path
        )


def _whole_build(
    context: dg.AssetExecutionContext, words: list[str], manifest: Path, translator: DagsterDbtTranslator
) -> DbtCliInvocation:
    """The build of the whole project, by the dbt that is ready for it."""
    process = take_dbt()
    command(process, "build", *words)
    return DbtCliInvocation(
        process=process,
        manifest=json.loads(manifest.read_text()),
        dagster_dbt_translator=translator,
        project_dir=dbt_project(),
        target_path=get_settings().folder("dbt", "target"),
        raise_on_error=True,
        cli_version=_dbt_version(),
        context=context,
    )


def _part_build(context: dg.AssetExecutionContext, words: list[str]) -> DbtCliInvocation:
    """The build of a selection, in dbt's own way."""
    project = os.fspath(dbt_project())
    dbt = LakeDbt(project_dir=project, profiles_dir=project, dbt_executable=_executable())
    with _variables(dbt_environment()):
        return dbt.cli(["build", *words], context=context, target_path=get_settings().folder("dbt", "target"))


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


def _executable() -> str:
    return os.fspath(Path(sys.executable).with_name("dbt"))


@dg.definitions
def defs() -> dg.Definitions:
    """The dbt project."""
    manifest = manifest_path()
    step = transformation(manifest)
    return dg.Definitions(
        assets=[
            step.map_asset_specs(lambda spec: spec.replace_attributes(freshness_policy=_freshness(spec))),
            *_unconnected(json.loads(manifest.read_text())),
        ],
    )


def _unconnected(manifest: Mapping[str, Any]) -> list[dg.AssetSpec]:
    """The tables that dbt reads and no connection lands: those of systems that are not connected, and the platform's own."""
    landed = {raw_key(source.name, table.name) for source in connections().values() for table in source.resources}
    words = {source_table(source): source["description"] for source in manifest["sources"].values()}
    return [dg.AssetSpec(key, group_name="raw", description=said) for key, said in words.items() if key not in landed]


def _freshness(spec: dg.AssetSpec) -> Any:
    return EVERY_DAY if spec.group_name in {"products", "event_logs"} else None
