"""`grimoire brief`: the morning brief, as text or as JSON.

What belongs here: asking and showing. What does not: what stands in a brief and why (`models.brief`).
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli import console

if TYPE_CHECKING:
    from models.brief import Brief


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command(rich_help_panel="Ask")(brief)


def brief(
    as_of: Annotated[int | None, typer.Option(help="Read the lake as of this snapshot id.", metavar="SNAPSHOT")] = None,
    why: Annotated[
        bool, typer.Option("--why", help="Say below each line which threshold was passed and what it was read from.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object with the lines and their SQL.")] = False,
) -> None:
    """Says what changed, what is at risk and what to decide: only what passed a stated threshold, the heaviest first.

    Examples:

    $ grimoire brief

    $ grimoire brief --why

    $ grimoire brief --json
    """
    import lake
    from models.brief import brief as made

    reading = lake.connect(read_only=True) if as_of is None else lake.connect(as_of=as_of)
    with reading as connection:
        found = made(connection)
    if as_json:
        console.print_json(asdict(found))
    else:
        print("\n".join(_text(found, why=why)))


def _text(found: "Brief", *, why: bool) -> list[str]:
    from models.brief import SECTIONS

    until = f"Figures to {found.data_until}." if found.data_until else "There are no key figures yet."
    lines = [f"Brief of {found.made_at:%Y-%m-%d %H:%M} UTC. {until}"]
    for section in SECTIONS:
        lines += ["", section.capitalize()]
        lines += [part for line in found.of(section) for part in _line(line.text, line.threshold, line.tables, why=why)] or [
            "  Nothing passed its threshold."
        ]
    lines += ["", f"Quiet: {'; '.join(one.about for one in found.quiet) or 'nothing'}."]
    blind = {one.remedy: [other.about for other in found.blind if other.remedy == one.remedy] for one in found.blind}
    return lines + [f"Not watched for want of data: {'; '.join(about)}. Run `{remedy}`." for remedy, about in blind.items()]


def _line(text: str, threshold: str, tables: tuple[str, ...], *, why: bool) -> list[str]:
    return [f"  - {text}", *([f"      because {threshold}; from {', '.join(tables)}"] if why else [])]
