"""The `grimoire` command: where its commands are put together and its errors become exit codes.

What belongs here: the Typer application and `main`. What does not: the commands themselves (one module per subject beside
this one), which import what they need when they run, so that `grimoire --help` stays quick.
"""

import gc
import signal
import sys
from types import FrameType
from typing import NoReturn

import typer

from apps.cli import (
    analysed,
    catalog,
    classify,
    conform,
    connect,
    declared,
    demo,
    discovered,
    exports,
    files,
    measured,
    mined,
    predicted,
    quarantine,
    road,
    rows,
    service,
    upkeep,
    watched,
)

SELDOM = 50_000  # new objects between two looks for garbage: what libraries define while they are imported is none

app = typer.Typer(
    name="grimoire",
    help="Rows from your systems in, processes and forecasts out.",
    epilog=(
        "First steps: `grimoire up` brings everything up with a demo company and serves it. "
        "`grimoire import orders.csv` makes a process of an event log of yours. "
        "`grimoire connect --help` says how to connect a system of yours. "
        '`grimoire sql "show all tables"` lists what is in the lake. Each command has its own --help with examples.'
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    service,
    road,
    files,
    exports,
    mined,
    predicted,
    measured,
    declared,
    discovered,
    conform,
    analysed,
    watched,
    rows,
    classify,
    upkeep,
):
    module.register(app)
app.add_typer(catalog.app, name="catalog")
app.add_typer(connect.app, name="connect")
app.add_typer(demo.app, name="demo")
app.add_typer(quarantine.app, name="quarantine")


def main() -> NoReturn:
    """Runs the command line: exit code 0, 1 for an error a person can act on, 2 for wrong usage, 130 on Ctrl-C."""
    from lake.errors import GrimoireError

    signal.signal(signal.SIGTERM, _end)
    gc.set_threshold(SELDOM)
    try:
        app()
    except GrimoireError as error:
        from apps.cli.console import print_error

        print_error(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except RuntimeError as error:
        if str(error) != "Query interrupted":  # DuckDB's word for Ctrl-C
            raise
        sys.exit(130)
    except BrokenPipeError:  # `grimoire sql … | head` has read enough
        sys.stderr.close()
        sys.exit(1)
    finally:
        gc.freeze()  # nothing need be collected of a process that ends; of a hundred thousand objects it takes half a second
    sys.exit(0)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM unwinds the stack, so that children and the embedded PostgreSQL are stopped on the way out."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
