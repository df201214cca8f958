"""What a table or query holds, as the lake will: columns, types, and the SQL that reads them without losing a value.

What belongs here: reflection, types and SQL text. What does not: engines (`connectors.kinds.sql_database`) and running what is
written here (`connectors.kinds.sql_reading`).

A column whose values a driver would bend (SQLite's, whose declared types promise nothing; MySQL's impossible dates; numbers without
a bound) is read as text, and the landing gate casts it: what does not fit is then one row in quarantine and not a broken run.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.connection import Cursor, Resource
from lake.errors import ConnectionFileError, SourceUnavailableError

if TYPE_CHECKING:
    from sqlalchemy import Engine

MOST_DIGITS = 38  # of a decimal in the lake
FITTING_SHARE = 0.95  # of a SQLite column's values; where fewer are what the declared type says, the type is not believed
ROWS_WORTH_PARTS = 200_000


class TableOptions(BaseModel):
    """Where a resource's rows are, where it is not the table of that name."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    table: str | None = None
    schema_name: str | None = Field(default=None, alias="schema")
    query: str | None = None  # a select statement, read as if it were a table
    cursor_expression: str | None = None  # SQL that computes the cursor's column, such as coalesce(write_date, create_date)

    @model_validator(mode="after")
    def _table_or_query(self) -> "TableOptions":
        if self.query is not None and (self.table or self.schema_name):
            raise ValueError("says both a query and a table")
        return self


@dataclass(frozen=True)
class Column:
    """A column on its way: `source` is SQL over the table, `name` and `kind` are as in the lake."""

    name: str
    source: str
    kind: str  # DuckDB type
    as_text: bool = False
    is_naive: bool = False  # a moment without a zone
    declared: str = ""  # the source's own word for the type
    is_plain: bool = False  # a column of a table, read as it is


@dataclass(frozen=True)
class Readable:
    """A table or query that can be read."""

    columns: tuple[Column, ...]
    origin: str  # what stands after `from`
    cursor: Column | None = None
    parts_on: str | None = None  # a whole-number key by which it can be read in parallel ranges
    schema: str | None = None
    table: str | None = None  # None: it is a query

    def only(self, names: Sequence[str]) -> "Readable":
        """The same with these columns and no cursor."""
        return replace(self, columns=tuple(each for each in self.columns if each.name in names), cursor=None)


def readable(engine: "Engine", resource: Resource, options: TableOptions) -> Readable:
    """What a resource's table or query holds now.

    Raises:
        NoSuchTableError: SQLAlchemy's; there is no such table.
        SourceUnavailableError: The cursor's column is not there.
        ConnectionFileError: Two columns have the same name in the lake, or a column of the key is not there.
    """
    found = _query(engine, options.query) if options.query else _table(engine, resource, options)
    found = replace(found, columns=tuple(_bounded(engine, each, resource) for each in found.columns))
    if resource.cursor and options.cursor_expression:
        described = _described(engine, f"select {options.cursor_expression} as {quoted(engine, 'value')} from {found.origin}")[0]
        computed = replace(described, name=resource.cursor.column, source=f"({options.cursor_expression})")
        found = replace(found, columns=(*(each for each in found.columns if each.name != computed.name), computed))
    _refuse_twins(found, resource)
    _refuse_absent_key(found, resource)
    if engine.dialect.name == "sqlite":
        found = _as_its_values_are(engine, found)
    return replace(found, cursor=_cursor(found, resource))


def _bounded(engine: "Engine", column: Column, resource: Resource) -> Column:
    """PostgreSQL's numbers without a bound, as double precision, or as text where the connection says what they are to become."""
    if engine.dialect.name != "postgresql" or not (column.as_text and column.kind == "double") or column.name in resource.columns:
        return column
    return replace(column, source=f"({column.source})::double precision", as_text=False, is_plain=False)


def _cursor(found: Readable, resource: Resource) -> Column | None:
    if resource.cursor is None:
        return None
    column = next((each for each in found.columns if each.name == resource.cursor.column), None)
    if column is None:
        raise SourceUnavailableError(
            f"{resource.name} has no column `{resource.cursor.column}`, which its cursor names.",
            remedy=f"Its columns: {', '.join(each.name for each in found.columns)}.",
        )
    return column


def _refuse_twins(found: Readable, resource: Resource) -> None:
    names = [each.name.lower() for each in found.columns]
    twins = [each.source for each in found.columns if names.count(each.name.lower()) > 1]
    if twins:
        raise ConnectionFileError(
            f"resources.{resource.name}: {', '.join(twins)} would have the same name in the lake.",
            remedy="Read it by a `query` that gives them other names.",
        )


def _refuse_absent_key(found: Readable, resource: Resource) -> None:
    """Before a row is staged: dlt would keep a package without the key, and stumble over it even when the key is mended."""
    absent = [name for name in resource.key if name not in {each.name for each in found.columns}]
    if absent:
        raise ConnectionFileError(
            f"resources.{resource.name}.key: there is no column {', '.join(absent)}.",
            remedy=f"Its columns: {', '.join(each.name for each in found.columns)}.",
        )


def _table(engine: "Engine", resource: Resource, options: TableOptions) -> Readable:
    import sqlalchemy
    from sqlalchemy.exc import NoSuchTableError

    name, schema = options.table or resource.name, options.schema_name
    inspector = sqlalchemy.inspect(engine)
    if not inspector.has_table(name, schema=schema):
        raise NoSuchTableError(name)
    columns = tuple(column_of(engine, each["name"], each["type"]) for each in inspector.get_columns(name, schema=schema))
    key = inspector.get_pk_constraint(name, schema=schema)["constrained_columns"]
    kinds = {each.source: each.kind for each in columns}
    whole = [column for column in (quoted(engine, one) for one in key) if kinds.get(column) == "bigint"]
    origin = ".".join(quoted(engine, part) for part in (schema, name) if part)
    return Readable(columns, origin, parts_on=whole[0] if whole else None, schema=schema, table=name)


def _query(engine: "Engine", query: str) -> Readable:
    origin = f"({query.strip().rstrip(';')}) as q"
    return Readable(tuple(_described(engine, f"select * from {origin}")), origin)


def column_of(engine: "Engine", name: str, kind: Any) -> Column:
    """A column of a table: its name in the lake, and how it is read."""
    import sqlalchemy

    lake_kind = duckdb_type(kind)
    naive = _is_naive(kind, engine.dialect.name)
    source = quoted(engine, name)
    if isinstance(kind, sqlalchemy.types.ARRAY):
        source = f"array_to_json({source})"
    text = _is_read_as_text(kind, lake_kind, engine.dialect.name)
    return Column(name, source, lake_kind, text, naive, declared=str(kind).lower() if _has_word(kind) else "", is_plain=not text)


def _has_word(kind: Any) -> bool:
    import sqlalchemy.types as sql

    return not isinstance(kind, sql.NullType)


def duckdb_type(kind: Any) -> str:
    """The DuckDB type that holds every value of a SQLAlchemy type."""
    import sqlalchemy.types as sql

    if isinstance(kind, sql.Numeric) and not isinstance(kind, sql.Float):
        if not kind.precision:
            return "double"
        return f"decimal({kind.precision}, {kind.scale or 0})" if kind.precision <= MOST_DIGITS else "varchar"
    if isinstance(kind, sql.Integer):
        return "decimal(20, 0)" if getattr(kind, "unsigned", False) else "bigint"
    if isinstance(kind, sql.Time):
        return "varchar" if getattr(kind, "timezone", False) else "time"
    simple: dict[type, str] = {
        sql.Boolean: "boolean",
        sql.REAL: "float",
        sql.Float: "double",
        sql.DateTime: "timestamptz",
        sql.Date: "date",
        sql.LargeBinary: "blob",
        sql.BINARY: "blob",
        sql.VARBINARY: "blob",
    }
    return next((name for parent, name in simple.items() if isinstance(kind, parent)), "varchar")


def _is_naive(kind: Any, dialect: str) -> bool:
    """MySQL's TIMESTAMP is a moment: it is told in the session's zone, which is set to UTC."""
    import sqlalchemy.types as sql

    if not isinstance(kind, sql.DateTime):
        return False
    return not (kind.timezone or (dialect == "mysql" and isinstance(kind, sql.TIMESTAMP)))


def _is_read_as_text(kind: Any, lake_kind: str, dialect: str) -> bool:
    import sqlalchemy.types as sql

    if dialect == "sqlite":
        return lake_kind != "blob"
    if lake_kind == "varchar":
        return not isinstance(kind, sql.String) or isinstance(kind, sql.Enum)
    if isinstance(kind, sql.Numeric) and not isinstance(kind, sql.Float):
        return not kind.precision
    return dialect == "mysql" and (lake_kind in ("date", "timestamptz", "time", "decimal(20, 0)"))


def _described(engine: "Engine", query: str) -> list[Column]:
    """The columns of a query, from what the driver says of a result without rows."""
    import sqlalchemy

    with engine.connect() as connection:
        result = connection.execute(sqlalchemy.text(f"select * from ({escaped(query)}) as described where 1 = 0"))
        description = list(result.cursor.description or [])
    types = _TYPES_OF.get(engine.dialect.name, lambda one: sqlalchemy.types.NullType())
    return [column_of(engine, one[0], types(one)) for one in description]


def _postgres_type(one: Sequence[Any]) -> Any:
    import sqlalchemy.types as sql

    simple: dict[int, Any] = {
        16: sql.Boolean(), 17: sql.LargeBinary(), 20: sql.BigInteger(), 21: sql.Integer(), 23: sql.Integer(), 25: sql.Text(),
        700: sql.REAL(), 701: sql.Float(), 1043: sql.String(), 1082: sql.Date(), 1083: sql.Time(), 1114: sql.DateTime(),
        1184: sql.DateTime(timezone=True), 1700: sql.Numeric(one[4] if one[4] and one[4] <= 1000 else None, one[5]),
    }  # fmt: skip
    return simple.get(one[1], sql.NullType())


def _mysql_type(one: Sequence[Any]) -> Any:
    import sqlalchemy.types as sql

    number, scale = one[1], one[5] or 0
    if number in (0, 246):
        return sql.Numeric(MOST_DIGITS, scale)
    simple: dict[int, Any] = {
        **dict.fromkeys((1, 2, 3, 8, 9, 13), sql.BigInteger()), 4: sql.Float(), 5: sql.Float(), 7: sql.TIMESTAMP(timezone=True),
        10: sql.Date(), 11: sql.Time(), 12: sql.DateTime(), **dict.fromkeys((15, 252, 253, 254), sql.Text()),
    }  # fmt: skip
    return simple.get(number, sql.NullType())


_TYPES_OF: dict[str, Callable[[Sequence[Any]], Any]] = {"postgresql": _postgres_type, "mysql": _mysql_type}


def _as_its_values_are(engine: "Engine", found: Readable) -> Readable:
    """SQLite keeps any value in any column: each gets the declared type if its values have it, else one they do have."""
    import sqlalchemy

    tests = [test for column in found.columns for test in _value_tests(column)]
    with engine.connect() as connection:
        counts = connection.execute(sqlalchemy.text(f"select {', '.join(tests)} from {escaped(found.origin)}")).fetchone() or ()
    step = len(_value_tests(found.columns[0]))
    told = [[int(count or 0) for count in counts[at * step : (at + 1) * step]] for at in range(len(found.columns))]
    return replace(found, columns=tuple(_believed(column, *numbers) for column, numbers in zip(found.columns, told, strict=True)))


def _value_tests(column: Column) -> list[str]:
    source, digits = column.source, column.kind.rpartition(",")[2].strip(" )") if column.kind.startswith("decimal") else "15"
    kind = f"typeof({source})"
    return [
        f"sum({kind} = 'integer')",
        f"sum({kind} = 'real')",
        f"sum({kind} = 'text')",
        f"sum({kind} = 'blob')",
        f"sum({kind} in ('integer', 'real') and round({source}, {digits}) <> {source})",
        f"sum({kind} = 'integer' and {source} in (0, 1))",
        f"sum({kind} = 'text' and length({source}) = 10 and date({source}) is not null)",
        f"sum({kind} = 'text' and {source} glob '[0-9][0-9][0-9][0-9]-*' and datetime({source}) is not null)",
    ]


def _believed(
    column: Column, whole: int, real: int, text: int, binary: int, finer: int, truth: int, days: int, moments: int
) -> Column:
    filled = whole + real + text + binary
    typed = column.declared != ""
    if not filled or (typed and column.kind == "varchar" and not binary):
        return column
    fitting = {
        "bigint": whole,
        "decimal": 0 if finer else whole + real,
        "double": whole + real,
        "float": whole + real,
        "boolean": truth,
        "date": days,
        "timestamptz": moments,
        "blob": binary,
    }.get(column.kind.partition("(")[0], 0)
    if typed and fitting >= FITTING_SHARE * filled and not (column.kind == "date" and moments > days):
        return column
    if typed and column.kind == "date" and moments >= FITTING_SHARE * filled:
        return replace(column, kind="timestamptz", is_naive=True)
    if whole == filled:
        return replace(column, kind="bigint", as_text=True)
    if whole + real == filled:
        return replace(column, kind="double", as_text=True)
    if binary == filled:
        return replace(column, kind="blob", as_text=False)
    return replace(column, kind="varchar", as_text=True)


def selection(engine: "Engine", found: Readable, *, also_cursor: str | None = None) -> str:
    """`select … from …` over all columns, those read as text cast; `also_cursor` names a further column with the bare cursor."""
    columns = [f"{_read_as(engine, each)} as {quoted(engine, each.name)}" for each in found.columns]
    if also_cursor and found.cursor:
        columns.append(f"{bare_cursor(engine, found.cursor)} as {quoted(engine, also_cursor)}")
    return f"select {', '.join(columns)} from {found.origin}"


def _read_as(engine: "Engine", column: Column) -> str:
    if not column.as_text:
        return column.source
    text = _as_text(engine, column.source)
    if engine.dialect.name == "mysql" and column.kind == "timestamptz" and not column.is_naive:
        return f"concat({text}, '+00:00')"
    return text


def bare_cursor(engine: "Engine", cursor: Column) -> str:
    """The cursor as the database itself compares it."""
    if engine.dialect.name == "sqlite":
        is_number = cursor.kind.partition("(")[0] in ("bigint", "double", "float", "decimal", "boolean")
        return cursor.source if is_number else _as_text(engine, cursor.source)
    if engine.dialect.name == "mysql" and cursor.kind in ("date", "timestamptz"):
        return f"nullif({cursor.source}, 0)"  # 0000-00-00 is no moment to any driver
    return cursor.source


def since(last: Any, cursor: Cursor) -> Any:
    """Where a run begins: so far before the last value seen that what was committed late is read again."""
    overlap = cursor.overlap
    if isinstance(last, datetime):
        return last - timedelta(seconds=overlap)
    if isinstance(last, date):
        return last - timedelta(days=math.ceil(overlap / 86_400) if cursor.lag is None else overlap)
    if isinstance(last, Decimal):
        return last - Decimal(str(overlap))
    if isinstance(last, int | float):
        return type(last)(last - overlap)
    return _earlier_text(str(last), overlap)


def _earlier_text(last: str, seconds: float) -> str:
    """A moment written as text, earlier, cut to what sorts before every way of writing that moment."""
    try:
        moment = datetime.fromisoformat(last)
    except ValueError:
        return last
    earlier = moment - timedelta(seconds=seconds)
    return earlier.date().isoformat() if len(last) <= 10 else earlier.isoformat(sep=last[10], timespec="seconds")[:19]


def _as_text(engine: "Engine", source: str) -> str:
    import sqlalchemy

    expression = sqlalchemy.cast(sqlalchemy.literal_column(source), sqlalchemy.Text())
    return str(expression.compile(dialect=engine.dialect)).replace("%%", "%")


def quoted(engine: "Engine", name: str) -> str:
    """A name as the database writes it in SQL."""
    return str(engine.dialect.identifier_preparer.quote_identifier(name)).replace("%%", "%")  # doubled for drivers, by `text` again


def escaped(sql: str) -> str:
    """SQL for `sqlalchemy.text`, which takes a colon before a word for a parameter; not in a cast's two."""
    import re

    return re.sub(r"(?<![:\\]):(?=\w)", r"\\:", sql)
