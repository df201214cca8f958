"""What dbt's tests said, in the words and the form of every other check.

What belongs here: naming a test, and making a check result of its outcome. What does not: the tests (dbt_project, and
`connectors.dbt_models` for those of connections) and running them (`orchestration.defs.transform`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lake.journal import CheckResult, ensure_platform_tables, record_checks, record_scores

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Outcome:
    """How one test ended."""

    unique_id: str
    status: str  # pass, warn, fail or error
    failures: int


def record_tests(
    connection: "duckdb.DuckDBPyConnection", manifest: Mapping[str, Any], outcomes: Iterable[Outcome], *, snapshot_id: int | None
) -> list[CheckResult]:
    """Writes the outcomes of a build's tests and the scores of what they are about; returns the results."""
    from connectors.scores import scores_of

    results = results_of(manifest, outcomes, _row_counts(connection))
    if results:
        ensure_platform_tables(connection)
        record_checks(connection, results, snapshot_id=snapshot_id)
        products = [one for one in results if one.layer == "products"]  # an event log is scored when its own checks have run
        record_scores(connection, scores_of(products), snapshot_id=snapshot_id)
    return results


def results_of(
    manifest: Mapping[str, Any], outcomes: Iterable[Outcome], rows: Mapping[tuple[str, str], int] | None = None
) -> list[CheckResult]:
    """A result for each outcome of a test that is about a model.

    Args:
        manifest: dbt's, as it lies in its target folder.
        outcomes: How the tests ended.
        rows: How many rows a table has, by schema and name; default: not known.
    """
    results = []
    for outcome in outcomes:
        test = manifest["nodes"].get(outcome.unique_id, {})
        model = manifest["nodes"].get(test.get("attached_node") or "")
        if model is None:
            continue
        layer, name = model["schema"], model["name"]
        severity = "warning" if test["config"]["severity"].lower() == "warn" else "error"
        passed = outcome.status == "pass"
        detail = "" if passed else _detail(test, outcome)
        checked = (rows or {}).get((layer, name), 0)
        results.append(
            CheckResult(layer, name, name_of(test), passed, severity, False, checked, outcome.failures, detail)  # type: ignore[arg-type]  # mypy widens the literal
        )
    return results


def name_of(test: Mapping[str, Any]) -> str:
    """A sentence that is true while the test passes: the test's own, or one made of its kind and arguments."""
    own = test["config"].get("meta", {}).get("sentence")
    if own:
        return str(own)
    kind, given = test["test_metadata"]["name"], test["test_metadata"]["kwargs"]
    column, given = test.get("column_name"), {**given, **given.get("arguments", {})}
    if kind == "is_key":
        return f"{column} is a key"
    if kind == "is_compound_key":
        return f"{', '.join(given['columns'])} are a key together"
    if kind == "not_null":
        return f"{column} is filled"
    if kind == "unique":
        return f"{column} is unique"
    if kind == "accepted_values":
        return f"{column} is one of {', '.join(map(str, given['values']))}"
    if kind == "relationships":
        return f"{column} is known in {_referred(test)}"
    return str(test["name"]).replace("_", " ")


def _referred(test: Mapping[str, Any]) -> str:
    """The model a relationship leads to."""
    others = [node for node in test["depends_on"]["nodes"] if node != test["attached_node"]]
    return str((others or [test["attached_node"]])[0].rpartition(".")[2])


def _detail(test: Mapping[str, Any], outcome: Outcome) -> str:
    said = "the test could not be run" if outcome.status == "error" else f"{outcome.failures} rows or values break it"
    advice = test["config"].get("meta", {}).get("advice")
    return f"{said}. {advice}" if advice else said


def _row_counts(connection: "duckdb.DuckDBPyConnection") -> dict[tuple[str, str], int]:
    """How many rows the lake's tables have, by the lake's own statistics; views have none."""
    rows = connection.execute(
        "select schema_name, table_name, estimated_size from duckdb_tables() where database_name = 'lake'"
    ).fetchall()
    return {(schema, name): int(size or 0) for schema, name, size in rows}
