"""`grimoire connect letters`, `replay`, `listen` and `write`: what could not land, what comes of its own accord, what goes back.

What belongs here: options and showing. What does not: what is done (`connectors.dead_letters`, `connectors.inbound_server`,
`connectors.reverse`).
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console

if TYPE_CHECKING:
    from connectors.dead_letters import DeadLetter, Replayed
    from connectors.reverse import Plan, Written

Name = Annotated[str, typer.Argument(help="Name of the connection, as `grimoire connect list` shows it.")]
AnyName = Annotated[str | None, typer.Argument(help="Name of the connection. Default: all of them.")]
OfResource = Annotated[str | None, typer.Option(help="Of this resource only.")]
OfRule = Annotated[str | None, typer.Option(help="Of rows that broke this rule only.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one object.")]
MOST_SHOWN = 60  # characters of a payload in a table


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(letters)
    app.command()(replay)
    app.command()(listen)
    app.command()(write)


def letters(
    name: AnyName = None,
    resource: OfResource = None,
    rule: OfRule = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="Those that have been resolved, instead of the open ones.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Letters to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Shows dead letters: rows and records that could not land, counted by rule and one by one, with the raw payload.

    Examples:

    $ grimoire connect letters

    $ grimoire connect letters erp --resource sale_orders --json
    """
    from connectors.dead_letters import count_letters, dead_letters

    counts = count_letters(name, resource=resource, rule=rule)
    found = dead_letters(name, resource=resource, rule=rule, is_open=not resolved, limit=limit)
    if as_json:
        console.print_json({"counts": [asdict(one) for one in counts], "letters": [asdict(one) for one in found]})
        return
    if not counts:
        console.say("There are no dead letters.")
        return
    rows = [(one.connection, one.resource, one.rule, one.open, one.resolved) for one in counts]
    console.print_table(["connection", "resource", "rule", "open", "resolved"], rows)
    _print_letters(found)


def _print_letters(found: "list[DeadLetter]") -> None:
    if found:
        rows = [(one.id, one.connection, one.resource, one.row_key, one.reason, one.payload[:MOST_SHOWN]) for one in found]
        console.print_table(["letter", "connection", "resource", "key", "reason", "payload"], rows)


def replay(
    name: Name,
    resource: OfResource = None,
    rule: OfRule = None,
    letter: Annotated[
        list[str] | None, typer.Option(help="This letter only, as `letters` shows it. Repeatable.", metavar="ID")
    ] = None,
    corrected: Annotated[
        Path | None, typer.Option(help="JSON file of letter id to the record that is to land instead.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Plays dead letters again: rows held back are judged again, raw records are read again, corrected ones take their place.

    Examples:

    $ grimoire connect replay erp

    $ grimoire connect replay shop --letter 3f2a9c01d4e5 --corrected mended.json
    """
    from connectors.dead_letters import read_corrections
    from connectors.dead_letters import replay as play

    mended = read_corrections(corrected) if corrected else {}
    with console.progress() as progress:
        done = play(name, resource=resource, rule=rule, ids=letter or (), corrected=mended, progress=progress)
    if as_json:
        console.print_json(asdict(done))
    else:
        tell_replayed(done)


def tell_replayed(done: "Replayed") -> None:
    """Says what came of a replay."""
    console.say(
        f"{done.resolved} of {done.asked} dead letters are resolved, {done.still_open} stay open; {done.rows_landed} rows landed."
    )
    for identity, problem in done.problems.items():
        console.say(f"  {identity}: {problem}")


def listen() -> None:
    """Serves the endpoint for webhooks until Ctrl-C; `grimoire up` does so by itself where there is such a connection.

    Example:

    $ grimoire connect listen
    """
    from connectors.inbound import address_of
    from connectors.inbound_server import main

    console.say(f"Taking deliveries at {address_of('<connection>')} until Ctrl-C.")
    main()


def write(
    name: Name,
    target: Annotated[str, typer.Argument(help="One of the connection's targets under `writes`.")],
    sql: Annotated[str | None, typer.Option(help="The rows: a query over the lake.")] = None,
    file: Annotated[Path | None, typer.Option(help="The rows: a JSON list of objects, or one object per line.")] = None,
    apply: Annotated[str | None, typer.Option(help="Send just the plan with this digest.", metavar="DIGEST")] = None,
    retry_doubtful: Annotated[
        bool, typer.Option("--retry-doubtful", help="Send rows again of which nobody knows whether they arrived.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Writes rows back to a system: first shows what would be sent, and with --apply sends it, each row once.

    Examples:

    $ grimoire connect write erp credit_limit --sql "select party_id, proposed_limit from products.customers__limits"

    $ grimoire connect write erp credit_limit --file limits.ndjson --apply 5d41402abc4b2a76
    """
    from connectors.reverse import Plan, read_rows
    from connectors.reverse import write as send

    if (sql is None) == (file is None):
        raise typer.BadParameter("give the rows either by --sql or by --file.", param_hint="--sql")
    rows = sql if sql is not None else read_rows(file or Path())
    with console.progress() as progress:
        done = send(name, target, rows, apply=apply or False, retry_doubtful=retry_doubtful, progress=progress)
    if as_json:
        console.print_json(_as_object(done))
    elif isinstance(done, Plan):
        _tell_plan(done)
    else:
        _tell_written(done)
    if not isinstance(done, Plan) and done.outcomes:
        raise typer.Exit(1)


def _as_object(done: "Plan | Written") -> dict[str, Any]:
    """What is told of a plan or its outcome, without the rows themselves."""
    told = {name: value for name, value in vars(done).items() if name not in ("planned", "known")}
    return {**told, **({"outcomes": [asdict(one) for one in told["outcomes"]]} if "outcomes" in told else {})}


def _tell_plan(plan: "Plan") -> None:
    console.say(f"{plan.to_send} rows would be sent to {plan.connection}, {plan.target}; {plan.done_before} were sent before.")
    if plan.in_doubt:
        console.say(f"{plan.in_doubt} rows are in doubt: nobody knows whether they arrived; --retry-doubtful sends them again.")
    if plan.sample:
        console.print_table(list(plan.sample[0]), [list(one.values()) for one in plan.sample])
    console.say(f"Nothing was sent. To send just this: --apply {plan.digest}")


def _tell_written(done: "Written") -> None:
    console.say(
        f"{done.done} rows are written, {done.done_before} were before, {done.failed} failed, {done.in_doubt} are in doubt,"
        f" {done.pending} were not tried."
    )
    if done.outcomes:
        shown: list[tuple[Any, ...]] = [(one.row_key, one.status, one.attempts, one.said) for one in done.outcomes[:20]]
        console.print_table(["key", "status", "attempts", "said"], shown)
