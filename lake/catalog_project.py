"""What the dbt project says of its tables: owner, description, contract, columns, tests, SQL, where they come from, who reads them.

What belongs here: reading dbt's manifest, or the project's own files where there is no manifest yet. What does not: what the lake
knows of the same tables (`lake.catalog_facts`) and putting both together (`lake.catalog`).

A build leaves a manifest with the compiled SQL, loading the definitions one without; the newer one counts, and the compiled SQL of
the build is kept as long as the model's own SQL is the same.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lake.catalog_tables import Check, Column, Reader, Table, as_classification, layer_of
from lake.dbt_environment import DBT_PROJECT, GENERATED
from lake.settings import Settings

_REFERENCE = re.compile(r"\bref\(\s*'(\w+)'\s*\)|\bsource\(\s*'(\w+)'\s*,\s*'(\w+)'\s*\)")
_FAILED = {"fail": False, "error": False, "warn": False, "pass": True}


@dataclass(frozen=True)
class Project:
    """The project's tables by key, and beside them the keys that each reader reads."""

    tables: Mapping[str, Table]
    readers: tuple[tuple[Reader, tuple[str, ...]], ...]


def manifests(settings: Settings) -> list[Path]:
    """The manifests there are, the newest first."""
    paths = [settings.home / "dbt" / folder / "manifest.json" for folder in ("target", "manifest")]
    return sorted((path for path in paths if path.exists()), key=lambda path: -path.stat().st_mtime_ns)


def project_version(settings: Settings) -> tuple[Any, ...]:
    """Changes with whatever `read_project` reads: the manifests, or the project's files where there is none."""
    files = [*manifests(settings), settings.home / "dbt" / "target" / "run_results.json"]
    if len(files) == 1:
        files = sorted(DBT_PROJECT.rglob("*.yml"))
    return tuple((str(path), path.stat().st_mtime_ns) for path in files if path.exists())


def read_project(settings: Settings) -> Project:
    """The project as dbt last read it, with the results of its last tests."""
    found = manifests(settings)
    if not found:
        return _from_files(DBT_PROJECT / "models")
    manifest, *older = (json.loads(path.read_text(encoding="utf-8")) for path in found)
    compiled = {
        (id_, node["raw_code"]): node["compiled_code"]
        for one in (*older, manifest)
        for id_, node in one["nodes"].items()
        if node.get("compiled_code")
    }
    kept = {
        (id_, node["raw_code"]): path.read_text(encoding="utf-8")
        for id_, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
        and (id_, node["raw_code"]) not in compiled
        and (path := settings.home / "dbt" / "target" / "compiled" / node["package_name"] / node["original_file_path"]).exists()
    }  # a build of a part compiles only that; of the rest there is what was built before
    return _from_manifest(manifest, {**kept, **compiled}, _results(settings))


def _results(settings: Settings) -> dict[str, dict[str, Any]]:
    """What each test said when it last ran, by its id."""
    path = settings.home / "dbt" / "target" / "run_results.json"
    if not path.exists():
        return {}
    words = json.loads(path.read_text(encoding="utf-8"))
    at = words["metadata"]["generated_at"]
    return {result["unique_id"]: {**result, "at": at} for result in words["results"] if result["unique_id"].startswith("test.")}


def _from_manifest(
    manifest: dict[str, Any], compiled: Mapping[tuple[str, str], str], results: Mapping[str, dict[str, Any]]
) -> Project:
    owners = {group["name"]: group["owner"] for group in manifest["groups"].values()}
    tests: dict[str, list[dict[str, Any]]] = defaultdict(list)
    models, keys = [], {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node"):
            tests[node["attached_node"]].append(node)
        elif node["resource_type"] in {"model", "snapshot"}:
            models.append(node)
            keys[node["unique_id"]] = f"{node['schema']}.{node['alias']}"
    sources = manifest["sources"].values()
    keys |= {node["unique_id"]: f"{node['schema']}.{node['identifier']}" for node in sources}
    tables = [_source(node) for node in sources]
    tables += [_model(node, owners, tests[node["unique_id"]], compiled, results, keys) for node in models]
    readers = tuple(
        (_reader(exposure), tuple(keys[id_] for id_ in exposure["depends_on"]["nodes"] if id_ in keys))
        for exposure in manifest["exposures"].values()
    )
    return Project({table.key: table for table in tables}, readers)


def _source(node: Mapping[str, Any]) -> Table:
    columns = tuple(_column(column, ()) for column in node["columns"].values())
    return Table(
        node["schema"],
        node["identifier"],
        layer_of(node["schema"]),
        domain=node["source_name"],
        description=node["description"],
        columns=columns,
        is_there=False,
    )


def _model(
    node: Mapping[str, Any],
    owners: Mapping[str, Any],
    tests: Iterable[Mapping[str, Any]],
    compiled: Mapping[tuple[str, str], str],
    results: Mapping[str, dict[str, Any]],
    keys: Mapping[str, str],
) -> Table:
    by_column: dict[str, list[str]] = defaultdict(list)
    for test in tests:
        by_column[test["column_name"] or ""].append((test["test_metadata"] or {}).get("name") or test["name"])
    owner = owners.get(node["group"] or "", {})
    return Table(
        node["schema"],
        node["alias"],
        layer_of(node["schema"]),
        domain=_domain(node["fqn"][1:-1], node["group"]),
        owner=owner.get("name") or "",
        owner_email=owner.get("email") or "",
        access=node.get("access") or "",  # a snapshot has none
        description=node["description"],
        is_contract_enforced=bool(node["contract"]["enforced"]),
        materialization=node["config"]["materialized"],
        columns=tuple(_column(one, by_column[name]) for name, one in node["columns"].items()),
        checks=tuple(_check(test, results.get(test["unique_id"])) for test in tests),
        source_sql=node["raw_code"],
        compiled_sql=compiled.get((node["unique_id"], node["raw_code"]), ""),
        file=node["original_file_path"],
        upstream=tuple(sorted({keys[id_] for id_ in node["depends_on"]["nodes"] if id_ in keys})),
        is_there=False,
    )


def _domain(folders: list[str], group: str | None) -> str:
    """The folder below the layer; event logs lie in one, and their group says whose they are."""
    return folders[1] if len(folders) > 1 else group or ""


def _column(words: Mapping[str, Any], tests: Iterable[str]) -> Column:
    meta = {**(words.get("meta") or {}), **((words.get("config") or {}).get("meta") or {})}
    return Column(
        words["name"],
        type=words.get("data_type") or "",
        description=words.get("description") or "",
        classification=as_classification(meta.get("classification")),
        tests=tuple(tests),
    )


def _check(test: Mapping[str, Any], result: Mapping[str, Any] | None) -> Check:
    from datetime import datetime

    kind = (test["test_metadata"] or {}).get("name") or test["name"]
    name = f"{test['column_name']}: {kind}" if test["column_name"] else kind
    if result is None or result["status"] not in _FAILED:
        return Check(name, None, test["config"]["severity"].lower())
    failed = int(result["failures"] or 0)
    severity = "warning" if result["status"] == "warn" or test["config"]["severity"].lower() == "warn" else "error"
    detail = "" if _FAILED[result["status"]] else (result["message"] or "")
    return Check(name, _FAILED[result["status"]], severity, failed, detail, datetime.fromisoformat(result["at"]))


def _reader(exposure: Mapping[str, Any]) -> Reader:
    name = exposure["name"].removesuffix("_page")
    return Reader(name, exposure.get("label") or name, exposure["type"], exposure["description"])


def _from_files(folder: Path) -> Project:
    """The project's own files read without dbt: what they say plainly, without SQL that macros make and without results."""
    files = sorted(folder.rglob("*.yml"))
    said = [(path, _yaml(path)) for path in files if GENERATED not in path.parts]
    owners = {group["name"]: group["owner"] for _, words in said for group in words.get("groups") or ()}
    tables = [_plain_source(source, table) for _, words in said for source, table in _source_tables(words)]
    tables += [_plain_model(model, path, folder, owners) for path, words in said for model in words.get("models") or ()]
    by_name = {table.name: table.key for table in tables if table.layer != "raw"}
    known = {table.key: _resolved(table, by_name) for table in tables}
    readers = tuple(
        (
            _reader({"label": None, "description": "", **exposure}),
            tuple(sorted(_references(str(exposure.get("depends_on")), by_name))),
        )
        for _, words in said
        for exposure in words.get("exposures") or ()
    )
    return Project(known, readers)


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    words = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 — both are safe
    return words if isinstance(words, dict) else {}


def _source_tables(words: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    return ((source, table) for source in words.get("sources") or () for table in source.get("tables") or ())


def _plain_source(source: Mapping[str, Any], table: Mapping[str, Any]) -> Table:
    schema = source.get("schema") or source["name"]
    description = table.get("description") or ""
    return Table(schema, table["name"], layer_of(schema), domain=source["name"], description=description, is_there=False)


def _plain_model(model: Mapping[str, Any], path: Path, folder: Path, owners: Mapping[str, Any]) -> Table:
    layer, *below = path.relative_to(folder).parent.parts or ("",)
    config = model.get("config") or {}
    owner, sql = owners.get(config.get("group") or "", {}), path.with_name(f"{model['name']}.sql")
    return Table(
        layer,
        model["name"],
        layer_of(layer),
        domain=_domain([layer, *below], config.get("group")),
        owner=owner.get("name") or "",
        owner_email=owner.get("email") or "",
        access=config.get("access") or "",
        description=model.get("description") or "",
        is_contract_enforced=layer in {"products", "event_logs"},
        materialization=config.get("materialized") or ("view" if layer == "staging" else "table"),
        columns=tuple(_column(one, map(_test_name, one.get("data_tests") or ())) for one in model.get("columns") or ()),
        source_sql=sql.read_text(encoding="utf-8") if sql.exists() else "",
        file=f"models/{sql.relative_to(folder)}",
        is_there=False,
    )


def _test_name(words: Any) -> str:
    return words if isinstance(words, str) else next(iter(words))


def _resolved(table: Table, by_name: Mapping[str, str]) -> Table:
    from dataclasses import replace

    return replace(table, upstream=tuple(sorted(_references(table.source_sql, by_name) - {table.key})))


def _references(sql: str, by_name: Mapping[str, str]) -> set[str]:
    found = _REFERENCE.findall(sql)
    return {by_name[name] for name, _, _ in found if name in by_name} | {
        f"raw_{source}.{table}" for _, source, table in found if source
    }
