"""`grimoire processes`, `mine` and `forecast`: what the platform knows of the processes and makes of them.

What belongs here: asking for results and showing them. What does not: mining and forecasting (`mining`, `models`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console
from apps.cli.asked import ProcessName

if TYPE_CHECKING:
    from lake.registry import Process


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command(rich_help_panel="Ask")(processes)
    app.command(rich_help_panel="Work")(mine)
    app.command(rich_help_panel="Work")(forecast)


def processes(as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False) -> None:
    """Lists the processes: the demo company's and the imported ones, with what is mined of them.

    Examples:

    $ grimoire processes

    $ grimoire processes --json
    """
    import lake
    from lake.registry import processes as known_processes

    with lake.connect(read_only=True) as connection:
        known = known_processes(connection)
        mined = _mined_logs(connection)
    rows = [_described(process, mined.get(process.name, {})) for process in known]
    if as_json:
        console.print_json(rows)
    elif rows:
        console.print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        console.say("No processes yet. `grimoire run` makes the demo company's, `grimoire import FILE` one of yours.")


def _mined_logs(connection: Any) -> dict[str, dict[str, Any]]:
    there = connection.execute(
        "select 1 from duckdb_tables() where database_name = 'lake' and schema_name = 'mining' and table_name = 'logs'"
    ).fetchone()
    if there is None:
        return {}
    rows = connection.execute("select process, cases, events, activities, variants, computed_at from mining.logs").fetchall()
    return {row[0]: dict(zip(("cases", "events", "activities", "variants", "mined_at"), row[1:], strict=True)) for row in rows}


def _described(process: "Process", mined: dict[str, Any]) -> dict[str, Any]:
    counts = {name: mined.get(name) for name in ("cases", "events", "activities", "variants", "mined_at")}
    return {"process": process.name, "title": process.title, "origin": process.origin, **counts}


def mine(
    process: ProcessName,
    miner: Annotated[str, typer.Option(help="Discovery algorithm.")] = "inductive",
    noise: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Noise threshold of the inductive miner; 0 keeps everything.")
    ] = 0.2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object with the net's size and fitness.")] = False,
    bpmn: Annotated[Path | None, typer.Option(help="Save the model as BPMN 2.0 XML.", metavar="FILE")] = None,
    pnml: Annotated[Path | None, typer.Option(help="Save the Petri net as PNML.", metavar="FILE")] = None,
) -> None:
    """Discovers a process's model and measures how well the recorded cases fit it (exact alignments).

    Examples:

    $ grimoire mine order_to_cash

    $ grimoire mine sepsis --miner inductive --noise 0.2 --json

    $ grimoire mine order_to_cash --noise 0 --bpmn order_to_cash.bpmn
    """
    from mining import mine as mine_process

    with console.progress() as progress:
        result = mine_process(process, miner=miner, noise=noise, progress=progress)
    _export(process, {"bpmn": bpmn, "pnml": pnml})
    names = ("places", "transitions", "silent", "arcs", "average_fitness", "perfectly_fitting", "seconds")
    found = {name: getattr(result, name) for name in names}
    if as_json:
        console.print_json(found)
    else:
        console.print_table(["of the model", process], list(found.items()))


def _export(process: str, files: dict[str, Path | None]) -> None:
    """Saves the stored model's texts in the forms that were asked for."""
    import lake

    wanted = {form: path for form, path in files.items() if path is not None}
    if wanted:
        name = process.replace("'", "''")
        row = lake.query(f"select {', '.join(wanted)} from mining.models where process = '{name}'").fetchone()
        for path, text in zip(wanted.values(), row or (), strict=True):
            save_text(path, text)


def save_text(path: Path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    from lake.whole_files import written_whole

    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
    console.say(f"Saved {path}")


def forecast(
    retrain: Annotated[bool, typer.Option("--retrain", help="Train every series anew, however little is new.")] = False,
    budget: Annotated[float, typer.Option(min=0, help="Seconds for training; what is not tried by then does not compete.")] = 90,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects, one per series.")] = False,
) -> None:
    """Trains, compares and scores the forecasts of every KPI series; the better model becomes champion.

    Series that have hardly grown since they were trained are only scored again.

    Examples:

    $ grimoire forecast

    $ grimoire forecast --retrain --budget 60

    $ grimoire sql "from forecasts.champions"
    """
    from dataclasses import asdict

    from models import forecast_all

    with console.progress() as progress:
        reports = [asdict(report) for report in forecast_all(retrain=retrain, budget=budget, progress=progress)]
    if as_json:
        console.print_json(reports)
    elif reports:
        console.print_table(list(reports[0]), [list(report.values()) for report in reports])
    else:
        console.say("No KPI series yet. `grimoire run` makes them.")
