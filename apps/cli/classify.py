"""`grimoire classify`: which columns are public, confidential or sensitive, and what the scanner proposes for the others.

What belongs here: the command and how it prints. What does not: scanning and writing (`connectors.classification`).
"""

from typing import Annotated, Any

import typer

from apps.cli import console


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command(rich_help_panel="Work")(classify)


def classify(
    name: Annotated[str | None, typer.Argument(help="Only this table. Default: all that dbt makes.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Note the proposals in the project's YAML files, for columns that have none.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="List classified columns too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object and nothing else.")] = False,
) -> None:
    """Proposes for every column whether it is public, confidential or sensitive, and says why.

    Examples:

    $ grimoire classify

    $ grimoire classify customers__customers --all

    $ grimoire classify --write
    """
    import lake
    from connectors.classification import proposals, write_classifications
    from lake.catalog import catalog

    with lake.connect(read_only=True) as connection:
        whole = catalog(connection)
        tables = [whole.find(name)] if name else [table for table in whole.tables.values() if table.file]
        found = proposals(tables, connection=connection)
    written = write_classifications(found) if write else {}
    rows = [_line(one) for one in found if every or one.known is None or one.is_doubtful]
    if as_json:
        console.print_json({"columns": rows, "written": {str(path): count for path, count in written.items()}})
        return
    if rows:
        console.print_table(list(rows[0]), [list(row.values()) for row in rows])
    open_ = sum(one.known is None for one in found)
    console.say(f"{len(found)} columns of {len(tables)} tables; {open_} had no classification when dbt last read the project.")
    if write:
        console.say(f"{sum(written.values())} noted in {len(written)} files of dbt_project/models.")


def _line(one: Any) -> dict[str, Any]:
    return {
        "table": one.table,
        "column": one.column,
        "classification": one.known,
        "proposal": one.proposal,
        "rule": one.rule,
        "example": one.example or None,
    }
