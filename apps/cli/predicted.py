"""`grimoire predict`: what becomes of the running cases.

What belongs here: asking for it and showing it. What does not: predicting (`models.cases`).
"""

from typing import Annotated

import typer

from apps.cli import console


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command(rich_help_panel="Work")(predict)


def predict(
    process: Annotated[str | None, typer.Argument(help="Name of a process; default: all.")] = None,
    retrain: Annotated[bool, typer.Option("--retrain", help="Train anew, however little is new.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects, one per process.")] = False,
) -> None:
    """Predicts remaining time, outcome and next activity of the running cases of every process, and lists them by risk.

    Trains where there is no champion, after a week, and where features or errors have moved.

    Examples:

    $ grimoire predict

    $ grimoire predict order_to_cash --retrain

    $ grimoire sql "from predictions.scores order by process, rank limit 20"
    """
    from dataclasses import asdict

    from models.cases.running import predict_all

    with console.progress() as progress:
        reports = predict_all([process] if process else None, retrain=retrain, progress=progress)
    rows = [asdict(report) | {"floors": ", ".join(report.floors)} for report in reports]
    if as_json:
        console.print_json([asdict(report) for report in reports])
    elif rows:
        console.print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        console.say("No processes yet. `grimoire run` makes the demo company's, `grimoire import FILE` one of yours.")
