"""`grimoire connect`: the systems rows are read from, from adding one to removing it.

What belongs here: options, questions and showing. What does not: what is done (`connectors.manage`, for pages and Python, too).
"""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli import console, letters

if TYPE_CHECKING:
    from connectors.connector import Shape
    from connectors.manage import Added
    from connectors.standing import ResourceLoad, Standing

app = typer.Typer(
    help="Connects systems of yours: ERP, CRM, databases, HTTP APIs, files.",
    epilog=(
        "A connection is one YAML file in the folder GRIMOIRE_CONNECTIONS (by default `connections` below the home folder). "
        "The usual way: `grimoire connect systems` says what there is, `add` writes the file, `test` tries it, `inspect` says what "
        "the system holds, `run` loads it; from then on it is loaded daily, or by its own schedule. Passwords and keys are never "
        "written down: a connection says where they are, as env:NAME, file:PATH or vault:PATH#KEY."
    ),
    no_args_is_help=True,
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one object.")]
AsJsonList = Annotated[bool, typer.Option("--json", help="Print a list of objects.")]
Name = Annotated[str, typer.Argument(help="Name of the connection, as `grimoire connect list` shows it.")]


@app.command()
def systems(as_json: AsJsonList = False) -> None:
    """Lists what a connection can be made to: ready-made systems, and kinds of systems.

    A ready-made system brings its resources, keys, cursors, staging and event logs along; of a kind you say them yourself.

    Example:

    $ grimoire connect systems
    """
    from connectors.manage import offers

    found = offers()
    if as_json:
        console.print_json([asdict(offer) for offer in found])
        return
    rows = [
        (one.type, one.title, "system" if one.is_system else "kind", len(one.resources) or None, _proof(one.proven))
        for one in found
    ]
    console.print_table(["type", "what it is", "", "resources", "proven against"], rows)


def _proof(proven: str) -> str | None:
    return {"real": "the real system", "documented": "its documented shape"}.get(proven)


@app.command()
def add(
    what: Annotated[str, typer.Argument(help="A name for the connection, or a connection file (.yaml).", metavar="NAME|FILE")],
    kind: Annotated[str | None, typer.Option("--type", help="A ready-made system or a kind: see `systems`.")] = None,
    address: Annotated[str | None, typer.Option(help="Where it is, without password, such as postgresql://reader@db/erp.")] = None,
    credential: Annotated[
        list[str] | None,
        typer.Option(help="Where a secret is kept: password=env:ERP_PASSWORD. Repeatable.", metavar="NAME=REFERENCE"),
    ] = None,
    resource: Annotated[
        list[str] | None, typer.Option(help="Only these tables or collections. Repeatable. Default: all of the system's.")
    ] = None,
    schedule: Annotated[str | None, typer.Option(help="Cron, such as '0 4 * * *'. Default: with the daily run.")] = None,
    field: Annotated[
        list[str] | None, typer.Option("--set", help="Any other field, its value as YAML. Repeatable.", metavar="FIELD=VALUE")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the connection of that name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Adds a connection: checks every field, writes its file, contacts nothing.

    Examples:

    $ grimoire connect add erp_prod --type tryton --address postgresql://reader@db/tryton --credential password=env:ERP_PASSWORD

    $ grimoire connect add shop --type sql --address sqlite:////data/shop.db --resource orders --set freshness_hours=2

    $ grimoire connect add shop.yaml --replace
    """
    from connectors.manage import add as add_connection
    from connectors.manage import add_file

    path = Path(what)
    options = {"--type": kind, "--address": address, "--credential": credential, "--resource": resource,
               "--schedule": schedule, "--set": field}  # fmt: skip
    if path.suffix in {".yaml", ".yml"}:
        given = [name for name, value in options.items() if value is not None]
        if given:
            raise typer.BadParameter(f"the file says it all; {', '.join(given)} cannot be added.")
        _added(add_file(path, replace=replace), as_json=as_json)
        return
    if kind is None:
        raise typer.BadParameter("say --type; `grimoire connect systems` lists what there is.")
    words: dict[str, Any] = {"name": what, "type": kind, "address": address, "schedule": schedule}
    words = {name: value for name, value in words.items() if value is not None} | _fields(field or [])
    if credential:
        words["credentials"] = dict(_pair(one, "--credential") for one in credential)
    if resource:
        words["resources"] = _resources(kind, resource)
    _added(add_connection(words, replace=replace), as_json=as_json)


def _pair(words: str, option: str) -> tuple[str, str]:
    """Name and value; what is wrong is not repeated, for it may be a secret."""
    name, found, value = words.partition("=")
    if not (found and name and value):
        raise typer.BadParameter(f"{option} takes NAME=VALUE.")
    return name.strip(), value


def _fields(given: list[str]) -> dict[str, Any]:
    import yaml

    try:
        return {name: yaml.safe_load(value) for name, value in (_pair(one, "--set") for one in given)}
    except yaml.YAMLError:
        raise typer.BadParameter("--set takes FIELD=VALUE with a value in YAML.") from None


def _resources(kind: str, names: list[str]) -> list[Any]:
    from connectors.systems import systems as ready_made

    return list(names) if kind in ready_made() else [{"name": name} for name in names]


def _added(added: "Added", *, as_json: bool) -> None:
    from apps.dagster_reload import reload_dagster

    is_known = reload_dagster()
    if as_json:
        console.print_json({**asdict(added), "known_to_dagster": is_known})
        return
    console.say(f"Added {added.name}: {added.path}")
    console.say("Next: " + ", then ".join(f"`{step}`" for step in added.next_steps))


@app.command("list")
def list_connections(as_json: AsJsonList = False) -> None:
    """Lists the connections: how each fares, what its last load brought, what is wrong with it.

    States: configured, tested, active, failing; broken where the file cannot be used.

    Example:

    $ grimoire connect list
    """
    from connectors.standing import standings

    found = standings()
    if as_json:
        console.print_json([{**asdict(one), "is_fresh": one.is_fresh} for one in found])
        return
    columns = ["name", "type", "state", "resources", "last load", "rows in it", "dead letters", "what is wrong"]
    console.print_table(columns, [_line(one) for one in found])


def _line(one: "Standing") -> tuple[Any, ...]:
    kind = one.system or one.type or None
    return (one.name, kind, _state(one), one.resources, _age(one.loaded_at), one.rows_landed, one.dead_letters, one.error)


def _state(one: "Standing") -> str:
    words = [one.state]
    if one.paused_at:
        words.append("paused")
    if one.breaker == "open" and one.open_until:
        words.append(f"left alone until {one.open_until.astimezone(UTC):%H:%M:%S} UTC")
    elif one.breaker == "half-open":
        words.append("to be looked at")
    if one.is_fresh is False:
        words.append("stale")
    return ", ".join(words)


def _age(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    minutes = (datetime.now(UTC) - moment).total_seconds() / 60
    if minutes < 60:
        return f"{minutes:.0f} min ago"
    return f"{minutes / 60:.0f} h ago" if minutes < 2880 else f"{minutes / 1440:.0f} days ago"


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Shows all there is to say of one connection: its fields, how it fares, and the flow log of its last load.

    Example:

    $ grimoire connect show shop
    """
    import yaml

    from connectors.manage import show as show_connection

    shown = show_connection(name)
    if as_json:
        console.print_json({**asdict(shown), "standing": {**asdict(shown.standing), "is_fresh": shown.standing.is_fresh}})
        return
    facts = {key: value for key, value in asdict(shown.standing).items() if value is not None and value != ""}
    console.print_table(["", name], list(facts.items()))
    console.out().print(yaml.safe_dump(shown.connection, sort_keys=False, allow_unicode=True), markup=False)
    _print_load(shown.last_load)


def _print_load(lines: "list[ResourceLoad]") -> None:
    if lines:
        fields = [name for name in asdict(lines[0]) if name != "finished_at"]
        console.print_table(
            [name.removeprefix("rows_").replace("_", " ") for name in fields],
            [[getattr(line, name) for name in fields] for line in lines],
            title=f"Load finished {console.as_text(lines[0].finished_at)}",
        )


@app.command()
def test(name: Name, as_json: AsJson = False) -> None:
    """Tries a connection: does the system answer, let us in and have what is to be read. Reads no rows to speak of.

    Exit code 1 if not. A good test also lets the next run through where the circuit breaker was open.

    Example:

    $ grimoire connect test shop
    """
    from connectors.manage import test as test_connection

    health = test_connection(name)
    if as_json:
        console.print_json({"name": name, **asdict(health)})
    else:
        console.say(f"{name}: {health.said} ({health.seconds:.1f} s)")
    if not health.is_well:
        raise typer.Exit(1)


@app.command()
def run(
    name: Name,
    load_only: Annotated[bool, typer.Option("--load-only", help="Only land the rows; build and mine nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Loads one connection now, and makes anew what is made of its rows: staging, products, event logs, mined processes.

    Examples:

    $ grimoire connect run shop

    $ grimoire connect run shop --load-only --json
    """
    from apps.cli.road import run_road
    from connectors.connections import get_connection
    from connectors.manage import run as load_connection
    from connectors.standing import last_load

    get_connection(name)
    with console.progress() as progress:
        report = asdict(load_connection(name, progress=progress)) if load_only else run_road(progress, connection=name)
    lines = last_load(name)
    if as_json:
        steps = {} if load_only else report["steps"]
        checks = [] if load_only else report["failed_checks"]
        loaded = [asdict(line) for line in lines]
        console.print_json({"name": name, "seconds": report["seconds"], "steps": steps, "failed_checks": checks, "load": loaded})
    else:
        _print_load(lines)


@app.command()
def pause(name: Name) -> None:
    """Leaves a connection alone until it is resumed: no schedule and no run touches its system. Its rows stay.

    Example:

    $ grimoire connect pause shop
    """
    from connectors.manage import pause as pause_connection

    pause_connection(name)
    console.say(f"{name} is paused. `grimoire connect resume {name}` lets it run again.")


@app.command()
def resume(name: Name) -> None:
    """Lets a connection run again, and closes its circuit breaker.

    Example:

    $ grimoire connect resume shop
    """
    from connectors.manage import resume as resume_connection

    resume_connection(name)
    console.say(f"{name} runs again with the next run, or now by `grimoire connect run {name}`.")


@app.command()
def remove(
    name: Name,
    drop_rows: Annotated[
        bool, typer.Option("--drop-rows", help="Also drop the rows that have landed, and the views on them.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Removes a connection: its file, state, staged rows and cursors. Rows that have landed stay, unless you say otherwise.

    Examples:

    $ grimoire connect remove shop

    $ grimoire connect remove shop --drop-rows --yes
    """
    from apps.dagster_reload import reload_dagster
    from connectors.manage import remove as remove_connection

    what = "the connection and every row that came from it" if drop_rows else "the connection; its rows stay in the lake"
    if not yes and not typer.confirm(f"Remove {name}: {what}?", err=True):
        console.say("Nothing was removed.")
        raise typer.Exit(1)
    removed = remove_connection(name, drop_rows=drop_rows)
    is_known = reload_dagster()
    if as_json:
        console.print_json({**asdict(removed), "known_to_dagster": is_known})
        return
    console.say(f"Removed {removed.path}")
    for relation in removed.dropped:
        console.say(f"Dropped {relation}")


@app.command()
def inspect(
    name: Name,
    table: Annotated[list[str] | None, typer.Option(help="Propose only these tables. Repeatable.")] = None,
    case: Annotated[
        str | None, typer.Option(help="Table whose rows are the cases of the event log. Default: the likeliest.", metavar="TABLE")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the proposal into the connection's file.")] = False,
    shapes: Annotated[bool, typer.Option("--shapes", help="Only say what the system holds; propose nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Looks into a system and proposes resources, keys, cursors, staging and an event log, as a change of the file to review.

    Examples:

    $ grimoire connect inspect shop --shapes

    $ grimoire connect inspect shop --table orders --table order_lines --case orders

    $ grimoire connect inspect shop --write
    """
    from connectors.manage import inspect as inspect_connection
    from connectors.manage import propose

    if shapes:
        _shapes(inspect_connection(name), as_json=as_json)
        return
    proposal = propose(name, only=table or (), case=case or "")
    if write and proposal.diff:
        console.say(f"Wrote {proposal.write()}")
    if as_json:
        found = {
            "connection": name,
            "diff": proposal.diff,
            "after": proposal.after,
            "cases": proposal.cases,
            "notes": proposal.notes,
        }
        console.print_json(found)
        return
    print(proposal.diff, end="")
    for note in proposal.notes:
        console.say(f"Note: {note}")
    if proposal.diff and not write:
        console.say(f"Nothing was written; `grimoire connect inspect {name} --write` does.")


def _shapes(found: "list[Shape]", *, as_json: bool) -> None:
    if as_json:
        console.print_json([asdict(shape) for shape in found])
        return
    rows = [
        (shape.name, ", ".join(shape.key), shape.rows, ", ".join(f"{column} {kind}" for column, kind in shape.columns.items()))
        for shape in found
    ]
    console.print_table(["table", "key", "rows", "columns"], rows)


letters.register(app)
