"""`grimoire catalog`: which tables there are, what is known of one, and where its values come from and go to.

What belongs here: the commands and how they print. What does not: the catalog (`lake.catalog`, `lake.column_lineage`).
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console

if TYPE_CHECKING:
    from lake.catalog import Catalog, Table
    from lake.column_lineage import Trace

app = typer.Typer(name="catalog", help="What is in the lake: owners, columns, checks, lineage.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Name = Annotated[str, typer.Argument(help="Table, with or without its schema, such as sales__orders.")]


@app.command("list")
def list_tables(as_json: Json = False) -> None:
    """Lists every table: layer, owner, classification, rows, age and checks.

    Examples:

    $ grimoire catalog list

    $ grimoire catalog list --json
    """
    found = [_line(table) for table in _catalog().tables.values()]
    if as_json:
        console.print_json(found)
    elif found:
        console.print_table(list(found[0]), [list(row.values()) for row in found])
    else:
        console.say("The lake holds no table yet, and the project describes none.")


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Shows one table: owner, contract, freshness, checks, readers and columns.

    Examples:

    $ grimoire catalog show sales__orders

    $ grimoire catalog show event_logs.order_to_cash --json
    """
    table = _catalog().find(name)
    if as_json:
        console.print_json({"table": table.key, **asdict(table)})
        return
    console.print_table(["of the table", table.key], list(_sheet(table).items()))
    columns = [[one.name, one.type, one.classification, ", ".join(one.tests), one.description] for one in table.columns]
    console.print_table(["column", "type", "classification", "tests", "description"], columns)
    if table.failed:
        failed = [[check.name, check.severity, check.rows_failed, check.detail] for check in table.failed]
        console.print_table(["failed check", "severity", "rows", "detail"], failed)


@app.command()
def lineage(
    name: Name,
    column: Annotated[str | None, typer.Option(help="Follow this column instead of the whole table.")] = None,
    as_json: Json = False,
) -> None:
    """Says what a table, or one of its columns, is made from and what is made from it, up to the pages.

    Examples:

    $ grimoire catalog lineage sales__orders

    $ grimoire catalog lineage sales__orders --column customer_name --json
    """
    whole = _catalog()
    table = whole.find(name)
    found = _column_lineage(whole, table, column) if column else _table_lineage(whole, table)
    if as_json:
        console.print_json(found)
        return
    heads = ["", "from", "to", "how"] if column else ["", "table", "layer", "owner"]
    console.print_table(heads, [row for kind in ("upstream", "downstream") for row in _rows(kind, found[kind], whole)])
    if found["read_by"]:
        console.say(f"Read by: {', '.join(found['read_by'])}.")
    for lost in found.get("unresolved", []):
        console.say(f"Not resolved: what {lost} is made from.")


def _catalog() -> "Catalog":
    import lake
    from lake.catalog import catalog

    with lake.connect(read_only=True) as connection:
        return catalog(connection)


def _line(table: "Table") -> dict[str, Any]:
    return {
        "table": table.key,
        "layer": table.layer,
        "domain": table.domain,
        "owner": table.owner,
        "classification": table.classification,
        "kind": table.materialization if table.is_there else "not built",
        "rows": table.rows,
        "built": table.built_at,
        "passed": len(table.passed),
        "failed": len(table.failed),
    }


def _sheet(table: "Table") -> dict[str, Any]:
    owner = f"{table.owner} <{table.owner_email}>" if table.owner else None
    return {
        "description": table.description or None,
        **_line(table),
        "owner": owner,
        "contract": "enforced" if table.is_contract_enforced else "none",
        "loaded": table.loaded_at,
        "not run": sum(check.passed is None for check in table.checks),
        "made from": ", ".join(table.upstream) or None,
        "makes": ", ".join(table.downstream) or None,
        "read by": ", ".join(reader.title for reader in table.readers) or None,
    }


def _table_lineage(whole: "Catalog", table: "Table") -> dict[str, Any]:
    below = whole.descendants(table.key)
    readers = {reader.title for key in (table.key, *below) for reader in whole.tables[key].readers}
    sources = [f"source.{whole.tables[key].domain}.{whole.tables[key].name}" for key in whole.sources(table.key)]
    return {
        "table": table.key,
        "sources": sources,
        "upstream": whole.ancestors(table.key),
        "downstream": below,
        "read_by": sorted(readers),
    }


def _column_lineage(whole: "Catalog", table: "Table", column: str) -> dict[str, Any]:
    from lake.column_lineage import trace

    found = trace(whole, table.key, column)
    keys = {table.key, *(target[0] for _, target in found.downstream)}
    return {
        "table": table.key,
        "column": column,
        "upstream": _steps(found, found.upstream),
        "downstream": _steps(found, found.downstream),
        "read_by": sorted({reader.title for key in keys for reader in whole.tables[key].readers}),
        "unresolved": [".".join(name) for name in found.unresolved],
    }


def _steps(found: "Trace", pairs: tuple[tuple[tuple[str, str], tuple[str, str]], ...]) -> list[dict[str, str]]:
    return [{"from": ".".join(one), "to": ".".join(two), "how": found.kinds.get(two, "unresolved")} for one, two in pairs]


def _rows(kind: str, steps: list[Any], whole: "Catalog") -> list[list[Any]]:
    if steps and isinstance(steps[0], dict):
        return [[kind, *step.values()] for step in steps]
    return [[kind, key, whole.tables[key].layer, whole.tables[key].owner or None] for key in steps]
