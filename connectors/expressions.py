"""SQL that connection files hold: one expression or one select each, read by sqlglot before anything runs.

What belongs here: what such a text may be, which columns it names, and the words for what is wrong with it. What does not: which
columns there are (`connectors.mapping`, `connectors.event_log_declarations`) and running it (dbt).

The dialect is DuckDB's, whose own parser has the last word. A text is used as it was written, never as sqlglot would write it.
"""

import json
import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from lake.errors import ConnectionFileError
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp

TEMPLATE_MARKS = ("{{", "{%", "{#")  # dbt would run what stands in them
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
ROW_FUNCTIONS = frozenset({"unnest", "generate_series", "range"})  # functions a view may select from; others read files


class FaultyText(ValueError):
    """What is wrong with a text, without saying where it stands."""


class Faults:
    """Collects what is wrong with a connection file, field by field, to say all of it at once."""

    def __init__(self, origin: str, *, remedy: str = "docs/mapping.md lists every field.") -> None:
        self.origin, self.remedy, self.found = origin, remedy, list[str]()

    def add(self, field: str, problem: str) -> None:
        """Notes a fault."""
        self.found.append(f"{field}: {problem}")

    def expression(self, field: str, text: str, columns: Collection[str] | None = None, *, windows: bool = True) -> set[str]:
        """The columns an expression names; a fault is noted instead of raised."""
        try:
            names = columns_of(text, windows=windows)
        except FaultyText as error:
            self.add(field, str(error))
            return set()
        self.known(field, names, columns)
        return names

    def known(self, field: str, names: Iterable[str], columns: Collection[str] | None, *, what: str = "column") -> None:
        """Notes names that are not among the known ones; nothing where those are not known."""
        if columns is None:
            return
        there = {name.lower() for name in columns}
        for name in sorted(names):
            if name.lower() not in there:
                self.add(field, f"there is no {what} `{name}`{nearest(name, columns)}")

    def raise_any(self) -> None:
        """Raises ConnectionFileError if anything was noted."""
        if self.found:
            raise ConnectionFileError(
                f"{self.origin} cannot be used: {'; '.join(self.found)}.",
                remedy=self.remedy,
                origin=self.origin,
                faults=list(self.found),
            )


def nearest(name: str, known: Iterable[str]) -> str:
    """`; do you mean …?`, or nothing where no known name is like it."""
    from difflib import get_close_matches

    by_lower = {one.lower(): one for one in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"; do you mean `{by_lower[close[0]]}`?" if close else ""


def columns_of(text: str, *, windows: bool = True) -> set[str]:
    """The columns one SQL expression names.

    Args:
        text: The expression.
        windows: Whether window functions are allowed.

    Raises:
        FaultyText: It is not one expression, or holds a subselect, an aggregate, a comment or dbt's template marks.
    """
    from sqlglot import exp

    tree = _expression(text)
    if any(tree.find_all(exp.Query)):
        raise FaultyText(f"`{text}` holds a select; write a view for it under `views`")
    if any(tree.find_all(exp.Explode, exp.Unnest, exp.Columns)):
        raise FaultyText(f"`{text}` makes several rows or columns; write a view for it under `views`")
    spanned = [node for window in tree.find_all(exp.Window) for node in window.find_all(exp.AggFunc)]
    if (spanned and not windows) or (any(tree.find_all(exp.Window)) and not windows):
        raise FaultyText(f"`{text}` holds a window function, which cannot stand here")
    if any(all(node is not other for other in spanned) for node in tree.find_all(exp.AggFunc)):
        raise FaultyText(f"`{text}` sums up several rows; write a view for it under `views`")
    return {_root(column) for column in tree.find_all(exp.Column)}


def type_of(text: str, columns: dict[str, str] | None = None) -> str:
    """The DuckDB type of an expression where it can be seen: of a cast, or of a column whose type is known; else an empty text."""
    from sqlglot import exp

    tree = _expression(text)
    while isinstance(tree, exp.Paren):
        tree = tree.this
    if isinstance(tree, exp.Cast):
        return tree.to.sql(dialect="duckdb").lower()
    known = {name.lower(): kind for name, kind in (columns or {}).items()}
    return known.get(tree.name.lower(), "") if isinstance(tree, exp.Column) and not tree.table else ""


def plain_column(text: str) -> str:
    """The column an expression is, where it is nothing else; else an empty text."""
    from sqlglot import exp

    tree = _expression(text)
    return tree.name if isinstance(tree, exp.Column) and not tree.table else ""


def check_type(kind: str) -> None:
    """FaultyText unless it is a DuckDB type."""
    import sqlglot
    from sqlglot import exp

    _without_templates(kind)
    try:
        tree = sqlglot.parse_one(f"cast(x as {kind})", dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        tree = None
    if not isinstance(tree, exp.Cast) or tree.to.this in (exp.DType.UNKNOWN, exp.DType.USERDEFINED) or _has_comment(kind):
        raise FaultyText(f"`{kind}` is no type of DuckDB's")


class View:
    """A select statement in which `{name}` stands for a resource or another view.

    Args:
        text: The statement.

    Raises:
        FaultyText: It is not one select, or reads anything but what it names in braces.
    """

    def __init__(self, text: str) -> None:
        import sqlglot
        from sqlglot import exp

        _without_templates(text)
        self.text = text.strip().removesuffix(";").strip()
        self.reads = tuple(dict.fromkeys(PLACEHOLDER.findall(self.text)))
        try:
            trees = sqlglot.parse(PLACEHOLDER.sub(r"\1", self.text), dialect="duckdb")
        except sqlglot.errors.SqlglotError as error:
            raise FaultyText(f"is no SQL: {_first_words(error)}") from None
        if len(trees) != 1 or not isinstance(trees[0], exp.Query):
            raise FaultyText("must be one select statement")
        self.tree: exp.Query = trees[0]
        if problem := _duckdbs_problem(PLACEHOLDER.sub(r"\1", self.text)):
            raise FaultyText(f"is no SQL: {problem}")
        self._reads_only_what_it_names()

    def _reads_only_what_it_names(self) -> None:
        from sqlglot import exp

        own = {cte.alias.lower() for cte in self.tree.find_all(exp.CTE)}
        for table in self.tree.find_all(exp.Table):
            if isinstance(table.this, exp.Func):
                name = (table.this.name if isinstance(table.this, exp.Anonymous) else table.this.sql_name()).lower()
                if name not in ROW_FUNCTIONS:
                    raise FaultyText(f"reads `{name}(…)`; a view reads resources and views, written {{name}}")
            elif table.db or table.name.lower() not in {*own, *self.reads}:
                raise FaultyText(
                    f"reads `{table.sql(dialect='duckdb')}`; write {{{table.name}}} for a resource or view of that name"
                )

    def columns(self) -> tuple[str, ...] | None:
        """The names of its columns; None where a star hides them."""
        from sqlglot import exp

        outer = self.tree.selects
        if any(isinstance(one, exp.Star) or (one.find(exp.Star) and isinstance(one, exp.Column)) for one in outer):
            return None
        return tuple(self.tree.named_selects)

    def columns_read(self) -> dict[str, set[str]]:
        """The columns it reads of each resource and view, as far as each column says or can only mean one of them."""
        from sqlglot import exp
        from sqlglot.optimizer.scope import traverse_scope

        read: dict[str, set[str]] = {name: set() for name in self.reads}
        for scope in traverse_scope(self.tree):
            tables = {alias: one.name for alias, one in scope.sources.items() if isinstance(one, exp.Table) and one.name in read}
            only = next(iter(tables.values())) if len(scope.sources) == 1 and tables else None
            made = {one.alias for one in scope.expression.find_all(exp.Alias)}
            for column in scope.columns:
                parts = [part.name for part in column.parts]
                if len(parts) > 1 and parts[0] in tables:
                    read[tables[parts[0]]].add(parts[1])
                elif only and parts[0] not in made:
                    read[only].add(parts[0])
        return {name: {column for column in columns if column != "*"} for name, columns in read.items()}

    def types(self) -> dict[str, str]:
        """The types of the columns that are casts."""
        from sqlglot import exp

        plain = ((one.alias_or_name, one.unalias()) for one in self.tree.selects)
        return {name: tree.to.sql(dialect="duckdb").lower() for name, tree in plain if isinstance(tree, exp.Cast)}


def _expression(text: str) -> "exp.Expression":
    import sqlglot
    from sqlglot import exp

    _without_templates(text)
    if _has_comment(text):
        raise FaultyText(f"`{text}` holds a comment; say it in the file's own, after #")
    try:
        trees = sqlglot.parse(f"select {text}", dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise FaultyText(f"`{text}` is no SQL expression: {_first_words(error)}") from None
    tree = trees[0]
    alone = len(trees) == 1 and isinstance(tree, exp.Select) and len(tree.expressions) == 1
    if tree is None or not alone or [name for name, value in tree.args.items() if value] != ["expressions"]:
        raise FaultyText(f"`{text}` must be one expression and nothing more")
    one: exp.Expression = tree.expressions[0]
    if isinstance(one, exp.Alias | exp.Star) or (isinstance(one, exp.Column) and isinstance(one.this, exp.Star)):
        raise FaultyText(f"`{text}` must be one expression without a name of its own")
    if problem := _duckdbs_problem(f"select ({text})"):
        raise FaultyText(f"`{text}` is no SQL expression: {problem}; a name that is a word of SQL's is written in double quotes")
    return one


@lru_cache(maxsize=4096)
def _duckdbs_problem(statement: str) -> str:
    """What DuckDB's own parser has against a select; nothing is run. It knows more words than sqlglot that are no plain names."""
    literal = as_text(statement)  # a bound value would have DuckDB import pandas (0.8 CPU-seconds)
    with _parser().cursor() as cursor:
        row = cursor.execute(f"select json_serialize_sql({literal}::varchar)").fetchone()
    told = json.loads(row[0]) if row else {}
    return str(told.get("error_message", "it cannot be read")).strip() if told.get("error") else ""


@lru_cache(maxsize=1)
def _parser() -> "duckdb.DuckDBPyConnection":
    import duckdb

    return duckdb.connect()


def _root(column: "exp.Column") -> str:
    """Its first part: what follows in `payload.user.id` are fields of a struct."""
    return str(column.parts[0].name)


def _without_templates(text: str) -> None:
    if any(mark in text for mark in TEMPLATE_MARKS):
        raise FaultyText(f"`{text}` holds {{{{, {{% or {{#, which cannot stand in SQL here")


def _has_comment(text: str) -> bool:
    import sqlglot

    try:
        tokens = sqlglot.tokenize(f"({text}\n)", read="duckdb")
    except sqlglot.errors.SqlglotError:
        return False  # parsing says it better
    return any(token.comments for token in tokens) or not tokens


def _first_words(error: Exception) -> str:
    """sqlglot's reason, without its picture of the place."""
    errors = getattr(error, "errors", None) or [{}]
    return str(errors[0].get("description") or str(error).splitlines()[0]).rstrip(".")
