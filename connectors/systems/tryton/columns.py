"""The types of Tryton's columns, as Arrow and SQLAlchemy have them.

What belongs here: turning a declared DuckDB type into the type a reader needs. What does not: which columns there are
(`system.yaml`) and reading them.

Tryton keeps moments in UTC without saying so, and on SQLite decimals as bytes; both are mended here, so that a row is the same
whichever way it came.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy.types import TypeEngine

CHANGED_AT = "changed_at"  # when a record was last written, or else created: Tryton leaves write_date empty until then
REVISION = "revision"  # the number of a row of a history table
COMPUTED = {CHANGED_AT: "timestamptz", REVISION: "bigint"}


def arrow_type(kind: str) -> "pa.DataType":
    """The Arrow type of a declared column."""
    import pyarrow as pa

    if parted := _decimal(kind):
        return pa.decimal128(*parted)
    plain = {
        "bigint": pa.int64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "double": pa.float64(),
        "timestamptz": pa.timestamp("us", "UTC"),
    }
    return plain.get(kind, pa.string())


def arrow_table(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> "pa.Table":
    """Rows as an Arrow table of exactly these columns; a field a row lacks is empty."""
    import pyarrow as pa

    return pa.table({name: pa.array(_values(rows, name, kind), arrow_type(kind)) for name, kind in columns.items()})


def _values(rows: list[dict[str, Any]], name: str, kind: str) -> list[Any]:
    values = [row.get(name) for row in rows]
    if kind != "boolean":
        return values
    return [value if value is None else bool(value) for value in values]  # a server on SQLite says 0 and 1


def sqlalchemy_type(kind: str) -> "TypeEngine[Any]":
    """The SQLAlchemy type that reads a declared column from Tryton's tables, whatever the database."""
    import sqlalchemy as sa

    own = _own_types()
    if parted := _decimal(kind):
        return own["decimal"](*parted)
    plain: dict[str, Any] = {
        "bigint": sa.BigInteger(),
        "boolean": sa.Boolean(),
        "date": sa.Date(),
        "double": sa.Float(),
        "timestamptz": own["moment"](),
    }
    found: TypeEngine[Any] = plain.get(kind, sa.Text())
    return found


def plain_type(kind: Any) -> Any:
    """What dlt is to understand of `sqlalchemy_type`: its type adapter."""
    import sqlalchemy as sa

    own = _own_types()
    if isinstance(kind, own["decimal"]):
        return sa.Numeric(kind.precision, kind.scale)
    return sa.DateTime(timezone=True) if isinstance(kind, own["moment"]) else kind


def _decimal(kind: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"decimal\((\d+), ?(\d+)\)", kind)
    return (int(found[1]), int(found[2])) if found else None


@cache
def _own_types() -> dict[str, Any]:
    import sqlalchemy as sa

    class StoredDecimal(sa.TypeDecorator[Decimal]):
        """A decimal; SQLite has them as bytes."""

        impl = sa.Numeric
        cache_ok = True

        def __init__(self, precision: int, scale: int) -> None:
            super().__init__(precision, scale)
            self.precision, self.scale = precision, scale

        def load_dialect_impl(self, dialect: Any) -> Any:
            return sa.types.NullType() if dialect.name == "sqlite" else sa.Numeric(self.precision, self.scale)

        def process_result_value(self, value: Any, dialect: Any) -> Decimal | None:
            return value if value is None or isinstance(value, Decimal) else Decimal(_words(value))

    class StoredMoment(sa.TypeDecorator[datetime]):
        """A moment in UTC, stored without its zone."""

        impl = sa.DateTime
        cache_ok = True

        def process_bind_param(self, value: Any, dialect: Any) -> Any:
            return value.astimezone(UTC).replace(tzinfo=None) if value is not None and value.tzinfo else value

        def process_result_value(self, value: Any, dialect: Any) -> datetime | None:
            return value if value is None else value.replace(tzinfo=UTC)

    return {"decimal": StoredDecimal, "moment": StoredMoment}


def _words(value: Any) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)
