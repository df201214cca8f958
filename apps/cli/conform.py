"""`grimoire conform`: a process held against a model or against its rules.

What belongs here: asking for that and showing it. What does not: alignments, deviations and rules (`mining`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console
from apps.cli.asked import ProcessName

if TYPE_CHECKING:
    from mining.conformance_report import ConformanceReport
    from mining.petri_net import PetriNet

SHOWN = 20  # deviations in the table; --json has all


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command(rich_help_panel="Work")(conform)


def conform(
    process: ProcessName,
    model: Annotated[
        Path | None, typer.Option(help="A model in PNML or BPMN; default: the one the process was mined with.", metavar="FILE")
    ] = None,
    rules: Annotated[bool, typer.Option("--rules", help="Judge the cases by the rules of the process instead.")] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(help="Accept a deviation from now on, such as 'skipped Confirm Order after Send Quotation'.", metavar="TEXT"),
    ] = None,
    unaccept: Annotated[
        list[str] | None, typer.Option(help="Take a deviation off the accept-list again, in the same words.", metavar="TEXT")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object with all of it.")] = False,
) -> None:
    """Holds a process against a model (fitness and deviations, by exact alignments) or against its rules.

    Examples:

    $ grimoire conform order_to_cash

    $ grimoire conform order_to_cash --model target.pnml --json

    $ grimoire conform order_to_cash --accept 'inserted Send Payment Reminder'

    $ grimoire conform order_to_cash --rules
    """
    from mining.deviations import Accepted, accept_deviation, refuse_deviation

    net = None if model is None else _read(model)
    accepted = [Accepted.read(said) for said in accept or []]
    for one in [Accepted.read(said) for said in unaccept or []]:
        refuse_deviation(process, one)
    for one in accepted:
        accept_deviation(process, one)
    if rules:
        _show_rules(process, as_json=as_json)
        return
    report = _report(process, net, name="" if model is None else model.name)
    _show(report, as_json=as_json)
    for said, one in zip(accept or [], accepted, strict=True):
        if not any(one.covers(there.kind, there.activity, there.after) for there in report.deviations.found):
            console.say(f"No case deviates like «{said}» now; it is on the accept-list all the same.")


def _read(path: Path) -> "PetriNet":
    from lake.errors import FileFormatError
    from mining.model_files import read_model

    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error}.", remedy="Give the path of a PNML or BPMN file.") from error
    return read_model(content, name=str(path))


def _report(process: str, net: "PetriNet | None", *, name: str) -> "ConformanceReport":
    from mining.conformance_report import conform as conform_process

    with console.progress() as progress:
        return conform_process(process, net, name=name, progress=progress)


def _show(report: "ConformanceReport", *, as_json: bool) -> None:
    rows = [
        {
            "kind": one.kind,
            "activity": one.activity,
            "after": one.after,
            "cases": one.cases,
            "share": one.share,
            "events": one.events,
            "median_seconds_with": one.seconds[2],
            "median_seconds_without": one.seconds[3],
            "cost": one.cost,
            "is_accepted": one.is_accepted,
        }
        for one in report.deviations.found
    ]
    figures = {**report.figures(), "problems": list(report.problems)}
    if as_json:
        console.print_json({"process": report.process, **figures, "deviations": rows})
        return
    console.print_table(["against", report.model], [(name, value) for name, value in figures.items() if value not in ([], None)])
    if rows:
        console.print_table(list(rows[0]), [list(row.values()) for row in rows[:SHOWN]])
    if len(rows) > SHOWN:
        console.say(f"{len(rows) - SHOWN} more deviations; --json has them all.")


def _show_rules(process: str, *, as_json: bool) -> None:
    from mining import run_process_tests

    results, _ = run_process_tests(process)
    rows: list[dict[str, Any]] = [
        {
            "rule": one.rule.text,
            "cases_checked": one.cases_checked,
            "cases_violating": one.cases_violating,
            "share": one.share,
            "violations": one.violations,
            "threshold": None if one.rule.threshold is None else str(one.rule.threshold),
            "severity": None if one.rule.threshold is None else one.rule.severity,
            "is_passed": one.is_passed,
            "sample_cases": list(one.sample_cases),
            "remark": one.remark,
        }
        for one in results
    ]
    if as_json:
        console.print_json({"process": process, "rules": rows})
    elif rows:
        console.print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        console.say(f"The definition of {process} has no rules.")
