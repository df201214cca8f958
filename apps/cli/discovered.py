"""`grimoire discover`: one model of a process by any miner, or several side by side with the best proposed.

What belongs here: asking for models and showing their figures. What does not: discovery and evaluation (`mining`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console
from apps.cli.asked import ProcessName
from apps.cli.mined import save_text

if TYPE_CHECKING:
    from mining.discovery import Model
    from mining.evaluation import ModelComparison

_SHOWN = ("miner", "is_sound", "fitness", "precision", "f_score", "generalisation", "simplicity", "transitions", "arcs")


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command(rich_help_panel="Work")(discover)


def discover(
    process: ProcessName,
    miner: Annotated[str, typer.Option(help="Discovery algorithm.")] = "inductive",
    noise: Annotated[float, typer.Option(min=0.0, max=1.0, help="Noise threshold of the inductive miner.")] = 0.2,
    compare: Annotated[bool, typer.Option("--compare", help="Compare several miners and keep the comparison.")] = False,
    seconds: Annotated[float, typer.Option(min=1.0, help="Time for a miner, for alignments and for precision, per model.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object, or with --compare the comparison.")] = False,
    bpmn: Annotated[Path | None, typer.Option(help="Save the model, or the best one, as BPMN 2.0 XML.", metavar="FILE")] = None,
    pnml: Annotated[Path | None, typer.Option(help="Save its Petri net as PNML.", metavar="FILE")] = None,
    picture: Annotated[Path | None, typer.Option(help="Save its picture: .svg, .png or .dot.", metavar="FILE")] = None,
) -> None:
    """Discovers a model of a process and measures it, or compares the models of several miners and proposes one.

    What `grimoire mine` keeps stays as it is; a comparison is kept in mining.model_comparison.

    Examples:

    $ grimoire discover sepsis --miner split --bpmn sepsis.bpmn

    $ grimoire discover order_to_cash --compare
    """
    with console.progress() as progress:
        comparison = _compared(process, noise, seconds, progress) if compare else _one(process, miner, noise, seconds)
    _show(comparison, as_json=as_json, compare=compare)
    best = comparison.evaluations[0].model
    if best is not None:
        _save(best, bpmn=bpmn, pnml=pnml, picture=picture)


def _compared(process: str, noise: float, seconds: float, progress: Any) -> "ModelComparison":
    from mining.model_comparison import compare_process

    return compare_process(process, noise=noise, seconds=seconds, progress=progress)


def _one(process: str, miner: str, noise: float, seconds: float) -> "ModelComparison":
    from mining import EventLog
    from mining.evaluation import evaluate, rank

    with EventLog.from_lake(process) as log:
        model = log.discover(miner=miner, noise=noise, seconds=seconds)
        return rank([evaluate(log, model, name=miner, seconds=seconds)])


def _show(comparison: "ModelComparison", *, as_json: bool, compare: bool) -> None:
    from mining.model_comparison import figures

    rows = [figures(one) for one in comparison.evaluations]
    if as_json:
        found = {"best": comparison.best, "reason": comparison.reason, "models": rows}
        console.print_json(found if compare else rows[0])
        return
    console.print_table(list(_SHOWN), [[row[name] for name in _SHOWN] for row in rows])
    for row in rows:
        if row["remark"]:
            console.say(f"{row['miner']}: {row['remark']}")
    if compare:
        console.say(comparison.reason)


def _save(model: "Model", *, bpmn: Path | None, pnml: Path | None, picture: Path | None) -> None:
    if bpmn is not None:
        save_text(bpmn, model.to_bpmn())
    if pnml is not None:
        save_text(pnml, model.to_pnml())
    if picture is not None:
        console.say(f"Saved {model.draw(picture)}")
