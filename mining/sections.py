"""The sections of a mining: the analyses beside the graph and the model, each with result tables of its own.

What belongs here: the list of sections and what each is given. What does not: their figures (one module each) and writing them
(`mining.results`).

A section's module has `TABLES`, the columns of each of its tables as in `mining.results.COLUMNS`, and `tables(mined)`, which
returns an Arrow table for each. Every process is mined again when its log changes: a section answers within a second or so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

    from mining.conformance import Conformance
    from mining.discovery import Model
    from mining.event_log import EventLog
    from mining.object_centric import ObjectCentricLog

SECTIONS: tuple[str, ...] = (  # modules of `mining`, in the order they are computed
    "kpis",
    "object_centric_results",
    "alignment_table",
    "deviations",
    "process_tests",
    "performance",
    "people",
    "drift",
)


@dataclass(frozen=True)
class Mined:
    """What a section is made from.

    Attributes:
        log: The event log at its snapshot, unfiltered, with the layout kept in the lake.
        process: The name of the process.
        definition: What its definition says (happy path, rules, SLAs, working calendar, costs …); empty where there is none.
        model: The model that was discovered or kept.
        conformance: The alignments of the log's variants with it.
    """

    log: "EventLog"
    process: str
    definition: Mapping[str, Any]
    model: "Model"
    conformance: "Conformance"

    @cached_property
    def objects(self) -> "ObjectCentricLog | None":
        """The same log with its objects, for all sections together; None where it knows cases only."""
        from mining.flattening import has_objects
        from mining.object_centric import ObjectCentricLog

        connection = self.log.connection
        return ObjectCentricLog.from_lake(self.process, connection=connection) if has_objects(connection, self.process) else None


def tables_of_sections(mined: Mined) -> dict[str, "pyarrow.Table"]:
    """The tables of every section by name."""
    return {name: table for module in _modules() for name, table in module.tables(mined).items()}


def columns_of_sections() -> dict[str, str]:
    """The columns of every section's tables, by the table's name."""
    return {name: columns for module in _modules() for name, columns in module.TABLES.items()}


def _modules() -> list[ModuleType]:
    return [import_module(f"mining.{name}") for name in SECTIONS]
