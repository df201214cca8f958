"""Resources that are read by one call per row of another: the rows of that other one, prepared for dlt's dependent resources.

What belongs here: how a parent's fields get into a child's requests and records. What does not: the requests themselves.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.kinds.rest_increments import Increment
from connectors.kinds.rest_options import Parent
from connectors.kinds.rest_steps import at, records_of

if TYPE_CHECKING:
    from dlt.extract import DltResource

    from connectors.kinds.rest_opened import OpenedApi

FEW = 3
_FIELD = re.compile(r"\{parent\.([^{}]+)\}")


class Parents:
    """The parent's rows during the reading of one child; read for the child alone, so that it may see rows its own run does not.

    Args:
        api: The opened API.
        parent: The options.
        child: The child's name.
        look: Only the first few parents, for a look at what their children are like.
    """

    def __init__(self, api: "OpenedApi", parent: Parent, child: str, *, look: bool = False) -> None:
        self.api, self.parent, self.look = api, parent, look
        self.child, self.name = child, f"{parent.resource}__for__{child}"
        self.taken: dict[int, dict[str, Any]] = {}  # number of a parent's row to what its children's records take from it
        self.count = 0

    def __deepcopy__(self, memo: object) -> "Parents":
        """The same parents: dlt copies its configuration to check it, and a paginator for each call."""
        return self

    def rows(self) -> "DltResource":
        """dlt's resource of the parent's rows, which are read and not kept."""
        resource = self.api.connection.resource(self.parent.resource)
        options = self.api.endpoints[resource.name]
        increment = None
        if resource.cursor:
            increment = Increment(resource, options, is_whole=not self.parent.changed_only, reader=self.child)
        grandparents = Parents(self.api, options.parent, self.name, look=self.look) if options.parent else None
        endpoint = self.api.endpoint(resource, options, increment, grandparents)
        config = {"name": self.name, "max_table_nesting": 0, "endpoint": endpoint}
        *_, rows = self.api.dlt_resources([*([grandparents.rows()] if grandparents else []), config], options)
        steps = records_of(options.records, self.api.connection.system)

        def prepared(page: Any, meta: Any = None) -> Any:
            records = [record for raw in page for record in steps(raw) if isinstance(record, dict) and self._is_visited(record)]
            return [self._prepared(record) for record in records[: FEW if self.look else None]]

        return rows.add_step(prepared) if grandparents or not self.look else rows.add_limit(1).add_step(prepared)

    def _is_visited(self, record: dict[str, Any]) -> bool:
        return self.parent.having is None or at(self.parent.having, record) not in (None, "", False, [], {})

    def _prepared(self, record: dict[str, Any]) -> dict[str, Any]:
        self.count += 1
        self.taken[self.count] = {name: at(path, record) for name, path in self.parent.take.items()}
        return {"row": record, "in_path": {name: quoted(value) for name, value in record.items()}, "number": self.count}

    @property
    def number(self) -> str:
        """dlt's words for the number of the parent's row."""
        return f"{{resources.{self.name}.number}}"

    def spelled(self, said: Any) -> Any:
        """Params, headers or body with {parent.x} in dlt's words, and all other braces left alone."""
        if isinstance(said, dict):
            return {name: self.spelled(value) for name, value in said.items()}
        if isinstance(said, list | tuple):
            return [self.spelled(value) for value in said]
        return self._words(said, "row") if isinstance(said, str) else said

    def spelled_path(self, path: str) -> str:
        """A path with {parent.x} in dlt's words; the values are quoted, but for one at the beginning: that is a path itself."""
        return self._words(path, "row" if path.startswith("{parent.") else "in_path")

    def _words(self, said: str, part: str) -> str:
        pieces = _FIELD.split(said)
        return "".join(
            escaped(piece) if number % 2 == 0 else f"{{resources.{self.name}.{part}.{piece}}}"
            for number, piece in enumerate(pieces)
        )

    def claim(self, params: Mapping[str, Any], name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The parameters without the parent's number, and what the records of this call take from the parent's row."""
        left = {key: value for key, value in params.items() if key != name}
        return left, self.taken.pop(int(params[name])) if name in params else {}


def escaped(said: Any) -> Any:
    """Braces that dlt is to leave alone."""
    if isinstance(said, dict):
        return {name: escaped(value) for name, value in said.items()}
    if isinstance(said, list | tuple):
        return [escaped(value) for value in said]
    return said.replace("{", "{{").replace("}", "}}") if isinstance(said, str) else said


def quoted(value: Any) -> Any:
    """A parent's value as a part of a path; of an object each of its fields."""
    if isinstance(value, Mapping):
        return {name: quoted(inner) for name, inner in value.items()}
    return quote(str(value), safe="")
