"""`grimoire declare` and `objects`: rules that a process keeps, and its object-centric graph and net.

What belongs here: asking for them, listing and saving them. What does not: finding them (`mining`), and the process's model
(`apps.cli.mined`).
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console
from apps.cli.asked import ProcessName
from apps.cli.mined import save_text

if TYPE_CHECKING:
    from mining import DeclareModel, EventLog, ObjectCentricLog

Rows = list[dict[str, Any]]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Save it; the ending says how.", metavar="FILE")]
Limit = Annotated[int, typer.Option(min=1, help="How many to list.")]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command(rich_help_panel="Ask")(declare)
    app.command(rich_help_panel="Ask")(objects)


def declare(
    process: ProcessName,
    template: Annotated[
        list[str] | None, typer.Option(help="Only rules of this template; may be repeated.", metavar="NAME")
    ] = None,
    min_support: Annotated[float, typer.Option(min=0.0, max=1.0, help="Least share of cases a rule says something of.")] = 0.1,
    min_confidence: Annotated[float, typer.Option(min=0.0, max=1.0, help="Least share of those that keep it.")] = 0.9,
    everything: Annotated[bool, typer.Option("--all", help="Rules that follow from stronger ones, too.")] = False,
    check: Annotated[Path | None, typer.Option(help="Hold the process against rules saved as JSON.", metavar="FILE")] = None,
    output: Output = None,
    limit: Limit = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects, all of them.")] = False,
) -> None:
    """Finds the DECLARE rules a process keeps, or lists which of the rules found before it breaks.

    Examples:

    $ grimoire declare order_to_cash

    $ grimoire declare order_to_cash --template response --min-confidence 0.99 --output rules.json

    $ grimoire declare order_to_cash --check rules.json
    """
    from mining import EventLog
    from mining.declare import TEMPLATES

    with EventLog.from_lake(process) as log:
        if check is not None:
            rows = _broken(log, check)
            _show(rows, limit=limit, as_json=as_json, none=f"`{process}` keeps all the rules.")
            _save(output, {".json": lambda: console.as_json(rows, indent=1), ".csv": lambda: _csv(rows)})
            return
        model = log.declare(templates=template or tuple(TEMPLATES), min_support=min_support, min_confidence=min_confidence)
    model = model if everything else model.strongest()
    rows = [{name: row[name] for name in ("words", "template", "activated", "kept", "confidence")} for row in model.rows()]
    _show(model.rows() if as_json else rows, limit=limit, as_json=as_json, none="No rule is kept well enough.")
    _save(output, {".json": model.to_json, ".csv": lambda: _csv(model.rows()), ".dot": model.to_dot})


def _broken(log: "EventLog", path: Path) -> Rows:
    """The rules that some cases break, most cases first."""
    model = _model(path)
    broken = model.check(log).broken
    rows: Rows = [
        {"words": one.words, "template": one.template, "source": one.source, "target": one.target, "broken_cases": broken[one.rule]}
        for one in model.constraints
        if one.rule in broken
    ]
    return sorted(rows, key=lambda row: -row["broken_cases"])


def _model(path: Path) -> "DeclareModel":
    from lake.errors import FileFormatError
    from mining import DeclareModel

    try:
        return DeclareModel.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path} cannot be read: {error}.", remedy="Give a file that `--output` wrote.") from error


def objects(
    process: ProcessName,
    net: Annotated[bool, typer.Option("--net", help="The net of every type of object instead of the graph.")] = False,
    noise: Annotated[float, typer.Option(min=0.0, max=1.0, help="Noise threshold of the nets.")] = 0.2,
    output: Output = None,
    limit: Limit = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects, all of them.")] = False,
) -> None:
    """Shows the object-centric graph of a process whose log knows objects: what directly follows what, per type of object.

    Examples:

    $ grimoire objects order_to_cash

    $ grimoire objects order_to_cash --net --output order_to_cash.dot
    """
    from mining import ObjectCentricLog

    with ObjectCentricLog.from_lake(process) as log:
        rows, forms = _net(log, noise) if net else _graph(log)
        _show(rows, limit=limit, as_json=as_json, none=f"No object of `{process}` has two events.")
        _save(output, forms)


def _graph(log: "ObjectCentricLog") -> tuple[Rows, dict[str, Callable[[], str]]]:
    from mining.object_centric_net import dfg_dot

    relation = log.dfg()
    rows: Rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    return rows, {".json": lambda: console.as_json(rows, indent=1), ".csv": lambda: _csv(rows), ".dot": lambda: dfg_dot(log)}


def _net(log: "ObjectCentricLog", noise: float) -> tuple[Rows, dict[str, Callable[[], str]]]:
    found = log.discover(noise=noise)
    rows: Rows = [
        {
            "object_type": kind,
            "places": len(one.places),
            "transitions": len(one.transitions),
            "silent": one.silent,
            "arcs": len(one.arcs),
            "variable_activities": sorted(name for of, name in found.variable if of == kind),
        }
        for kind, one in found.nets.items()
    ]
    return rows, {".json": found.to_json, ".dot": found.to_dot}


def _show(rows: Rows, *, limit: int, as_json: bool, none: str) -> None:
    if as_json:
        console.print_json(rows)
    elif not rows:
        console.say(none)
    else:
        console.print_table(list(rows[0]), [list(row.values()) for row in rows[:limit]])
        if len(rows) > limit:
            console.say(f"{len(rows) - limit:,} more: say --limit, --json or --output.")


def _save(path: Path | None, forms: Mapping[str, Callable[[], str]]) -> None:
    from lake.errors import FileFormatError

    if path is None:
        return
    if (write := forms.get(path.suffix.lower())) is None:
        raise FileFormatError(
            f"The ending of {path.name} names no format.", remedy=f"End it with one of {', '.join(forms)}.", file=str(path)
        )
    save_text(path, write())


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
