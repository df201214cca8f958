"""Which columns are public, confidential or sensitive: proposed from samples and names, noted in dbt's YAML, checked on every run.

What belongs here: scanning tables, writing what was proposed into the project's files, and the check that no personal column goes
unclassified. What does not: recognising a value (`connectors.recognisers`) and what pages make of a classification.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.recognisers import Finding, by_name, by_values
from lake import quote
from lake.catalog_tables import Classification, Table
from lake.dbt_environment import DBT_PROJECT, GENERATED
from lake.journal import CheckResult

if TYPE_CHECKING:
    import duckdb

SAMPLED_ROWS, SAMPLED_VALUES = 2_000, 60  # of a table, and different ones of a column: bounded at any size
CHECK = "personal columns are classified"
_SCANNED = ("varchar", "bigint", "hugeint")  # types that may hold personal details; a card's number is often a bigint


@dataclass(frozen=True)
class Proposal:
    """What a column is classified as, what the scanner would say, and why."""

    table: str  # schema and name
    column: str
    known: Classification | None
    proposal: Classification
    rule: str
    example: str = ""  # masked
    is_personal: bool = False
    file: str = ""  # the model's SQL in the dbt project; the YAML lies beside it

    @property
    def is_doubtful(self) -> bool:
        """Whether it looks personal and nobody has said that it is more than public."""
        return self.is_personal and self.known in {None, "public"}

    @property
    def is_ours(self) -> bool:
        """Whether its YAML is a file of the project; those of connections are made anew and cannot be written to."""
        return bool(self.file) and not self.file.startswith(f"{GENERATED}/")


def proposals(tables: Iterable[Table], *, connection: "duckdb.DuckDBPyConnection") -> list[Proposal]:
    """A proposal for every column of the tables; of those that are not built, from the names alone."""
    return [_proposal(table, column, found) for table in tables for column, found in _findings(table, connection)]


def check_classification(tables: Iterable[Table], *, connection: "duckdb.DuckDBPyConnection") -> list[CheckResult]:
    """One result per table: whether every column that looks personal is classified as more than public.

    Tables made from connection files can only warn: their YAML is generated, and there is nowhere to note the answer.
    """
    return [_checked(table, proposals([table], connection=connection)) for table in tables if table.is_there]


def write_classifications(found: Iterable[Proposal], *, project: Path | None = None) -> dict[Path, int]:
    """Notes the proposals in the YAML beside the models, for columns that have no classification; returns how many by file.

    What a person has written stays as it is, comments and layout included; to write twice changes nothing.

    Args:
        found: Proposals; those for columns that are classified already and for generated models are passed over.
        project: Folder of the dbt project; default: this platform's.
    """
    wanted: dict[Path, dict[str, dict[str, Classification]]] = {}
    for one in found:
        if one.known is None and one.is_ours:
            path = ((project or DBT_PROJECT) / one.file).with_suffix(".yml")
            wanted.setdefault(path, {}).setdefault(one.table.partition(".")[2], {})[one.column] = one.proposal
    written = {path: _write(path, models) for path, models in sorted(wanted.items()) if path.exists()}
    return {path: count for path, count in written.items() if count}


def _findings(table: Table, connection: "duckdb.DuckDBPyConnection") -> list[tuple[Any, Finding | None]]:
    scanned = [column for column in table.columns if column.type.lower() in _SCANNED] if table.is_there else []
    samples = dict(zip((column.name for column in scanned), _samples(table, scanned, connection), strict=True))
    return [(column, by_values(column.name, samples.get(column.name) or ())) for column in table.columns]


def _samples(table: Table, columns: Sequence[Any], connection: "duckdb.DuckDBPyConnection") -> Sequence[list[str] | None]:
    """By column some different values of the table's first rows."""
    if not columns:
        return ()
    names = [quote(column.name) for column in columns]
    values = ", ".join(f"list(distinct {name}::varchar) filter (trim({name}::varchar) <> '')" for name in names)
    source = f"select {', '.join(names)} from lake.{quote(table.schema)}.{quote(table.name)} limit {SAMPLED_ROWS}"
    row = connection.execute(f"select {values} from ({source})").fetchone()
    return [sorted(found)[:: max(1, len(found) // SAMPLED_VALUES)][:SAMPLED_VALUES] if found else None for found in row or ()]


def _proposal(table: Table, column: Any, found: Finding | None) -> Proposal:
    where = {"table": table.key, "column": column.name, "known": column.classification, "file": table.file}
    if found is not None:
        return Proposal(**where, proposal="sensitive", rule=found.rule, example=found.example, is_personal=True)
    is_text = column.type.lower() in {"", "text", "varchar"}
    proposed, why = by_name(column.name, is_text=is_text)
    return Proposal(**where, proposal=proposed, rule=why, is_personal=proposed == "sensitive")


def _checked(table: Table, found: Sequence[Proposal]) -> CheckResult:
    doubtful = [one for one in found if one.is_doubtful]
    return CheckResult(
        layer=table.schema,
        subject=table.name,
        check_name=CHECK,
        passed=not doubtful,
        severity="warning" if table.file.startswith(f"{GENERATED}/") else "error",
        rows_checked=len(found),
        rows_failed=len(doubtful),
        detail="; ".join(_accusation(one) for one in doubtful[:5]),
    )


def _accusation(one: Proposal) -> str:
    example = f", such as {one.example}" if one.example else ""
    return f"{one.column} ({one.rule}{example}) is {one.known or 'not classified'}"


def _write(path: Path, models: dict[str, dict[str, Classification]]) -> int:
    """Adds a line to each of these columns that has no classification; how many it were."""
    from ruamel.yaml import YAML

    text = path.read_text(encoding="utf-8")
    lines, added = text.splitlines(keepends=True), 0
    for column, classification in reversed(_open_columns(YAML().load(text), models)):
        name = column.lc.data["name"]
        if column.fa.flow_style() or "config" in column:
            continue  # written by a person in a form of their own: theirs to add to
        lines[name[0]] = f"{_ended(lines[name[0]])}{' ' * name[1]}config: {{meta: {{classification: {classification}}}}}\n"
        added += 1
    if added:
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text("".join(lines), encoding="utf-8")
        fresh.replace(path)
    return added


def _open_columns(words: Any, models: dict[str, dict[str, Classification]]) -> list[tuple[Any, Classification]]:
    """The columns of a YAML file that nobody has classified, in their order, with what they are to be."""
    columns = [
        (column, models[model["name"]].get(column["name"]))
        for model in (words or {}).get("models") or ()
        if model["name"] in models
        for column in model.get("columns") or ()
    ]
    return [(column, proposed) for column, proposed in columns if proposed and not _said(column)]


def _said(column: Any) -> bool:
    meta = {**(column.get("meta") or {}), **((column.get("config") or {}).get("meta") or {})}
    return "classification" in meta


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n"
