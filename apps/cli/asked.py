"""What commands about a process have in common: its name and the filter stack of the cases to look at.

What belongs here: their words on the command line. What does not: filters (`mining.filters`) and the commands.
"""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mining.filters import Filter

ProcessName = Annotated[str, typer.Argument(help="Name of the process, as `grimoire processes` lists it.")]


def filter_stack(text: str, *, option: str, may_be_one: bool = False) -> "list[Filter]":
    """The filters of a JSON list.

    Args:
        text: The JSON.
        option: The option it was given by, for the message.
        may_be_one: Take one object alone for a list of it.

    Raises:
        DataError: No JSON, or no filters.
    """
    from lake.errors import DataError
    from mining import filters_from_json

    try:
        said = json.loads(text)
    except ValueError as error:
        raise DataError(
            f"{option} holds no JSON: {error}.", remedy='Write \'[{"filter": "endpoints", "ends": ["Ship"]}]\'.'
        ) from error
    return filters_from_json([said] if may_be_one and isinstance(said, dict) else said)
