"""From what an API's answer holds to records: the steps lift, explode, zip, take, keep, drop, and registered transformations.

What belongs here: pure functions over one raw record. What does not: columns and types (`connectors.kinds.rest_records`).

A transformation is a function from one raw record to the records it stands for. A system registers its own by `register`, or keeps
it under its name in `connectors/systems/<system>/records.py`, where it is found without being registered.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from connectors.kinds.rest_options import Step
from lake.errors import ConnectionFileError

Transformation = Callable[[Any], Iterable[Any]]
_registered: dict[str, Transformation] = {}


def register(name: str, transformation: Transformation) -> None:
    """Makes a function known to `transform: <name>`."""
    _registered[name] = transformation


def transformation(name: str, system: str = "") -> Transformation:
    """The function of that name.

    Raises:
        ConnectionFileError: It is neither registered nor among the system's own.
    """
    if name in _registered:
        return _registered[name]
    try:
        own = getattr(import_module(f"connectors.systems.{system}.records"), name, None) if system else None
    except ModuleNotFoundError:
        own = None
    if own is None:
        raise ConnectionFileError(
            f"There is no transformation `{name}`.", remedy=f"Known are {', '.join(sorted(_registered)) or 'none'}."
        )
    found: Transformation = own
    return found


def records_of(steps: Sequence[Step], system: str = "") -> Transformation:
    """All steps, one after the other, as one transformation; without steps each raw record is one."""
    functions = [_function(step, system) for step in steps]

    def apply(raw: Any) -> Iterable[Any]:
        records: Iterable[Any] = (raw,)
        for function in functions:
            records = [result for record in records for result in function(record)]
        return records

    return apply


def _function(step: Step, system: str) -> Transformation:
    if step.transform is not None:
        return transformation(step.transform, system)
    verbs: dict[str, Callable[[Step, dict[str, Any]], Iterable[Any]]] = {
        "lift": _lift, "explode": _explode, "zip": _zip, "take": _take, "keep": _keep, "drop": _drop,
    }  # fmt: skip
    verb = next(verb for name, verb in verbs.items() if getattr(step, name) is not None)
    return lambda record: verb(step, record) if isinstance(record, dict) else (record,)


def _lift(step: Step, record: dict[str, Any]) -> Iterator[Any]:
    """The fields of an object beside it; a field that is there keeps its value."""
    inner = at(step.lift or "", record)
    if not isinstance(inner, Mapping):
        yield record
        return
    lifted = {f"{step.prefix}{name}": value for name, value in inner.items()}
    outer = {name: value for name, value in record.items() if name != step.lift}
    yield {**lifted, **outer}


def _explode(step: Step, record: dict[str, Any]) -> Iterator[Any]:
    """A record per element of a list; none where the list is empty or missing."""
    path = step.explode or ""
    elements = at(path, record)
    outer = {name: value for name, value in record.items() if name != path}
    for element in elements if isinstance(elements, list) else [] if elements is None else [elements]:
        if step.names and isinstance(element, list):
            yield {**outer, **dict(zip(step.names, element, strict=False))}
        elif isinstance(element, Mapping) and not step.into:
            yield {**outer, **element}
        else:
            yield {**outer, step.into or path: element}


def _zip(step: Step, record: dict[str, Any]) -> Iterator[Any]:
    """Records from a list of names and lists of values; names may be objects with a name."""
    said = step.zip or {}
    names = [name.get("name", name.get("id")) if isinstance(name, Mapping) else name for name in at(said["names"], record) or []]
    for row in at(said["rows"], record) or []:
        yield dict(zip(names, row, strict=True))


def _take(step: Step, record: dict[str, Any]) -> Iterator[Any]:
    yield {**record, **{name: at(path, record) for name, path in (step.take or {}).items()}}


def _keep(step: Step, record: dict[str, Any]) -> Iterator[Any]:
    yield {name: value for name, value in record.items() if name in (step.keep or ())}


def _drop(step: Step, record: dict[str, Any]) -> Iterator[Any]:
    yield {name: value for name, value in record.items() if name not in (step.drop or ())}


def at(path: str, record: Any) -> Any:
    """What lies at a path: a field of that very name, then field by field; anything more is JSONPath."""
    if isinstance(record, Mapping) and path in record:
        return record[path]
    if any(sign in path for sign in "$[*?@"):
        from dlt.common import jsonpath

        values = jsonpath.find_values(path, record)
        return values[0] if len(values) == 1 else values or None
    for name in path.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return record
