"""Layers `staging`, `intermediate`, `products` and `event_logs`: the dbt project, each model an asset and each data test a check.

What belongs here: how dbt's names become asset keys, and the step that builds the project. What does not: SQL (dbt_project).
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliInvocation, DbtCliResource, dbt_assets
from packaging.version import Version

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

if TYPE_CHECKING:
    from connectors.dbt_tests import Outcome

FINISHED = {PROGRESS, "LogTestResult", "LogModelResult"}  # what a node's end is called in dbt's log


class LayerTranslator(DagsterDbtTranslator):
    """Models are named by the folders they lie in, sources as the landing step names its tables."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """raw/<source>/<table> or <layer>/<domain>/<model>."""
        if dbt_resource_props["resource_type"] == "source":
            return raw_key(dbt_resource_props["source_name"], dbt_resource_props["name"])
        return dbt_key(dbt_resource_props["fqn"][1:-1], dbt_resource_props["name"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer."""
        return dbt_resource_props["fqn"][1] if dbt_resource_props["resource_type"] == "model" else None

    def get_automation_condition(self, dbt_resource_props: Mapping[str, Any]) -> dg.AutomationCondition | None:
        """Whenever what it selects from is newer."""
        return WHEN_NEWER


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
    translator = LayerTranslator(DagsterDbtTranslatorSettings(enable_asset_checks=True))

    @dbt_assets(
        manifest=manifest,
        name="transform",
        dagster_dbt_translator=translator,
        required_resource_keys={RESOURCE},
        pool=POOL,
    )
    def transform(context: dg.AssetExecutionContext) -> Iterator[Any]:
        from lake import in_transaction
        from lake.process_files import register_products

        key, missing = build_key(), unlanded()
        is_whole = set(context.selected_asset_keys) == every_key  # as it is in the road
        if is_whole and is_built(key):
            dismiss_dbt()
            context.log.info("Nothing was landed and no file of the project has changed since the last build.")
            without = _made_from(missing, context)
            yield from (dg.MaterializeResult(one, metadata={"unchanged": True}) for one in _in_order(context) if one not in without)
            begin_checks()
            return
        remember_build(None)
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
    done, tested = 0, []
    try:
        for event in build.stream_raw_events():
            if event.raw_event["info"]["name"] in FINISHED:
                done += 1
                tell("building products and event logs", min(done / max(expected, 1), 1.0))
            tested += _outcomes(event.raw_event)
            yield from event.to_default_asset_events(
                manifest=build.manifest, dagster_dbt_translator=translator, context=context, target_path=build.target_path
            )
    finally:  # what the tests said is worth most where one of them has failed
        _record(tested, build.manifest)


def _outcomes(event: Mapping[str, Any]) -> "list[Outcome]":
    """How a test ended, if that is what the event tells."""
    from connectors.dbt_tests import Outcome

    told = event["data"]
    if event["info"]["name"] != "LogTestResult":
        return []
    return [Outcome(told["node_info"]["unique_id"], told["status"], int(told.get("num_failures") or 0))]


def _record(tested: "list[Outcome]", manifest: Mapping[str, Any]) -> None:
    """Writes what the tests said, and the scores of products, to schema `platform`."""
    from connectors.dbt_tests import record_tests
    from lake import current_snapshot, in_transaction

    if tested:
        in_transaction(lambda lake: record_tests(lake, manifest, tested, snapshot_id=current_snapshot(lake)))


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


def _made_from(missing: list[tuple[str, str]], context: dg.AssetExecutionContext) -> set[dg.AssetKey]:
    """The project's assets that need one of these tables, near or far."""
    found = {raw_key(source, table) for source, table in missing}
    for key, parents in ((key, context.assets_def.asset_deps[key]) for key in _in_order(context)):
        if parents & found:
            found.add(key)
    return found


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
    step = transformation(manifest_path())
    return dg.Definitions(
        assets=[step.map_asset_specs(lambda spec: spec.replace_attributes(freshness_policy=_freshness(spec)))],
    )


def _freshness(spec: dg.AssetSpec) -> Any:
    return EVERY_DAY if spec.group_name in {"products", "event_logs"} else None
