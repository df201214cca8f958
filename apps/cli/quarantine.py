"""`grimoire quarantine`: rows that were held back or flagged, and what a person decides about them.

What belongs here: options, questions and showing. What does not: what is done (`connectors.quarantine`, `connectors.dead_letters`).
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console, letters

if TYPE_CHECKING:
    from connectors.dead_letters import DeadLetter

app = typer.Typer(
    help="Rows held back by a gate or flagged in an event log: look at them, correct, waive or replay them.",
    no_args_is_help=True,
)
app.command("replay")(letters.replay)
Letter = Annotated[str, typer.Argument(metavar="ID", help="The row's id, as `grimoire quarantine list` shows it.")]
By = Annotated[str | None, typer.Option(help="Who decides. Default: the user of this machine.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one object.")]
MOST_SHOWN = 50  # characters of a row in a table


@app.command("list")
def list_rows(
    name: Annotated[
        str | None, typer.Argument(help="A connection, `file`, or `event_logs` for flagged rows. Default: all of them.")
    ] = None,
    resource: Annotated[str | None, typer.Option(help="Of this resource or process only.")] = None,
    rule: Annotated[str | None, typer.Option(help="Of rows that broke this rule only.")] = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="Landed, corrected and waived ones, instead of open ones.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Lists rows in quarantine, held back and flagged ones: how many by rule, and the newest of them.

    Examples:

    $ grimoire quarantine list

    $ grimoire quarantine list event_logs --resource order_to_cash
    """
    from connectors.dead_letters import count_letters, dead_letters

    counts = count_letters(name, resource=resource, rule=rule, kind=None)
    found = dead_letters(name, resource=resource, rule=rule, is_open=not resolved, limit=limit, kind=None)
    if as_json:
        console.print_json({"counts": [asdict(one) for one in counts], "rows": [asdict(one) for one in found]})
        return
    if not counts:
        console.say("No row is in quarantine.")
        return
    rows = [(one.connection, one.resource, one.rule, one.open, one.resolved) for one in counts]
    console.print_table(["source", "table", "rule", "open", "resolved"], rows)
    if found:
        shown = [(one.id, one.kind, f"{one.connection}.{one.resource}", one.row_key, _fate(one), one.payload[:MOST_SHOWN])
                 for one in found]  # fmt: skip
        console.print_table(["id", "kind", "table", "key", "what became of it", "row"], shown)


@app.command()
def show(letter: Letter, as_json: AsJson = False) -> None:
    """Shows one row in quarantine: the rule, the reason, the whole row, and what was decided.

    Example:

    $ grimoire quarantine show 3f2a9c01d4e5
    """
    from connectors.quarantine import letter_of

    one = letter_of(letter)
    if as_json:
        console.print_json(asdict(one))
        return
    console.print_table(["", ""], [(name, str(value)) for name, value in asdict(one).items() if value is not None])


@app.command()
def correct(
    letter: Letter,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="COLUMN=VALUE", help="A column's new value; nothing after = empties it. Repeatable."),
    ] = None,
    file: Annotated[Path | None, typer.Option(help="JSON file with the whole record that is to land instead.")] = None,
    note: Annotated[str | None, typer.Option(help="Why.")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Corrects a row that was held back and plays it again: it is judged like any row.

    Examples:

    $ grimoire quarantine correct 3f2a9c01d4e5 --set customer_id=4711 --note "typo, see mail of 3 May"

    $ grimoire quarantine correct 3f2a9c01d4e5 --file mended.json
    """
    from connectors.quarantine import changed, letter_of
    from connectors.quarantine import correct as put

    if bool(values) == (file is not None):
        raise typer.BadParameter("say the correction either by --set or by --file.", param_hint="--set")
    record = _read(file) if file else changed(letter_of(letter), _pairs(values or []))
    with console.progress() as progress:
        done = put(letter, record, note=note, by=by, progress=progress)
    if as_json:
        console.print_json(asdict(done))
    else:
        letters.tell_replayed(done)


@app.command()
def waive(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of rows, as `grimoire quarantine list` shows them.")],
    accept: Annotated[
        bool, typer.Option("--accept", help="They are right as they are: held rows land, flagged ones count no more.")
    ] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Held rows never land.")] = False,
    note: Annotated[str, typer.Option(help="Why. Kept with the rows.")] = "",
    by: By = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Waives rows: accepts them as they are, or drops them for good. The next load or replay heeds it; who and why is kept.

    Examples:

    $ grimoire quarantine waive 3f2a9c01d4e5 --accept --note "the customer is known under another number"

    $ grimoire quarantine waive 3f2a9c01d4e5 90ab12cd34ef --drop --note "test orders" --yes
    """
    from connectors.quarantine import IN_WORDS
    from connectors.quarantine import waive as decide

    if accept == drop:
        raise typer.BadParameter("say one of --accept and --drop.", param_hint="--accept")
    how: Any = "accepted" if accept else "dropped"
    if not yes:
        typer.confirm(f"Shall {len(ids)} rows be {IN_WORDS[how]}?", abort=True)
    done = decide(ids, how=how, note=note, by=by)
    if as_json:
        console.print_json({"waived": [asdict(one) for one in done]})
        return
    held = sorted({one.connection for one in done if one.kind == "held" and one.connection != "file"})
    console.say(f"{len(done)} rows are {IN_WORDS[how]}, by {done[0].resolved_by}.")
    for name in held:
        console.say(f"  The next load heeds it; at once: grimoire quarantine replay {name}")


def _fate(one: "DeadLetter") -> str:
    if one.resolution:
        return f"{one.resolution} by {one.resolved_by}: {one.note or ''}"
    return "landed" if one.resolved_at else "open"


def _pairs(values: list[str]) -> dict[str, str]:
    wrong = [value for value in values if "=" not in value]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]} is no COLUMN=VALUE.", param_hint="--set")
    return {name: value for name, _, value in (one.partition("=") for one in values)}


def _read(path: Path) -> Any:
    import json

    from lake.errors import DataError

    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}.", remedy="Write the record as one JSON object.") from None
