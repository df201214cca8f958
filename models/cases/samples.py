"""Prefixes as numbers: encoding categories in SQL, splitting cases by their start, and reading rows into arrays.

What belongs here: the way from the table of prefixes to numpy. What does not: features (`models.cases.prefixes`), labels
(`models.cases.targets`) and fitting (`models.cases.training`).

A category becomes the number it has among the most frequent ones of the training part; one that was hardly seen there, and none
at all, is 0. So an activity that is new since the training is a defined input.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lake.connection import quote
from lake.errors import ModelError
from mining.sql_text import literals
from models.cases.targets import OUTCOMES

if TYPE_CHECKING:
    import numpy as np

    from mining.event_log import EventLog
    from models.cases.prefixes import Prefixes

RARE = 100  # prefixes: a value of fewer, or of fewer than a hundredth of them all, is as good as unseen
MOST = 200  # categories of a column with a number of their own; the trees take 255
PARTS = (0.64, 0.80)  # of the cases, by start: where validation begins, and where testing does
KEYS = ("case_no", "position", "events", "remaining_days", *(f"{outcome}_at" for outcome in OUTCOMES))


@dataclass(frozen=True)
class Encoding:
    """The feature columns and how they become numbers.

    Attributes:
        categories: Per column of text, its known values in the order of their numbers, from 1.
        numbers: Columns that are numbers already.
        activities: The activities, in the order of their numbers as labels, from 0.
    """

    categories: Mapping[str, tuple[str, ...]]
    numbers: tuple[str, ...]
    activities: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of a sample's matrix."""
        return (*self.categories, *self.numbers)

    @property
    def is_category(self) -> list[bool]:
        """Which of them are categories."""
        return [name in self.categories for name in self.features]

    def require(self, prefixes: "Prefixes") -> None:
        """Raises ModelError if these columns are not all among those of a table of prefixes."""
        if missing := sorted(set(self.features) - set(prefixes.features)):
            raise ModelError(
                f"The model was trained on columns the event log has not: {', '.join(missing)}.",
                remedy="Train it again on this log: `grimoire predict PROCESS --retrain`.",
                missing=missing,
            )

    def sql(self) -> list[str]:
        """One SQL expression of type double per feature."""
        coded = [
            f"coalesce(list_position([{literals(values)}]::varchar[], {quote(name)}), 0)::double"
            for name, values in self.categories.items()
        ]
        return [*coded, *map(quote, self.numbers)]


@dataclass(frozen=True)
class Sample:
    """Rows of prefixes: the features as a matrix of rows and columns, and what is known of each row."""

    features: "np.ndarray"
    known: "Mapping[str, np.ndarray]"

    def __len__(self) -> int:
        return len(self.features)

    def where(self, mask: "np.ndarray") -> "Sample":
        """The rows of a mask or of positions."""
        return Sample(self.features[mask], {name: values[mask] for name, values in self.known.items()})


def learn_encoding(log: "EventLog", prefixes: "Prefixes", relation: str) -> Encoding:
    """The encoding of a training sample: values by frequency; columns that hold one value or none are left out.

    Args:
        log: The event log.
        prefixes: Its prefixes.
        relation: The training rows, as SQL that can stand behind `from`.
    """
    counts = ", ".join(f"count(distinct {quote(name)})" for name in prefixes.features)
    rows, *varied = log.connection.execute(f"select count(*), {counts} from {relation}").fetchone() or (0,)
    least = min(RARE, rows // 100)
    kept = {name for name, values in zip(prefixes.features, varied, strict=True) if values > 1}
    categories = {
        name: tuple(
            value
            for (value,) in log.connection.execute(
                f"select {quote(name)} from {relation} where {quote(name)} is not null "
                f"group by all having count(*) >= {least} order by count(*) desc, {quote(name)} limit {MOST}"
            ).fetchall()
        )
        for name in prefixes.categories
        if name in kept
    }
    activities = log.connection.execute(
        f"select name from (select activity as name from {relation} union all select next_activity from {relation}) "
        f"where name is not null group by all order by count(*) desc, name limit {MOST}"
    ).fetchall()
    return Encoding(categories, tuple(n for n in prefixes.numbers if n in kept), tuple(name for (name,) in activities))


def read_sample(log: "EventLog", relation: str, encoding: Encoding, *, keys: tuple[str, ...] = KEYS) -> Sample:
    """Reads rows of labelled prefixes, in the order of the cases' starts.

    Args:
        log: The event log.
        relation: The rows, as SQL that can stand behind `from`.
        encoding: How they become numbers.
        keys: Columns to read beside the features and the numbers `activity_code` and `next_code` of the last activity and the next
            (-1: not among the known activities).
    """
    import numpy as np

    features = ", ".join(f"({expression})::float as f{n}" for n, expression in enumerate(encoding.sql()))
    codes = ", ".join(
        f"coalesce(list_position([{literals(encoding.activities)}]::varchar[], {column}), 0)::integer - 1 as {name}"
        for column, name in (("activity", "activity_code"), ("next_activity", "next_code"))
    )
    columns = log.connection.execute(
        f"select {', '.join(keys)}, {codes}{', ' if features else ''}{features} from {relation} "
        f"order by started_at, case_no, position"
    ).fetchnumpy()
    rows = len(columns["next_code"])
    matrix = np.empty((rows, len(encoding.features)), dtype=np.float32)
    for n in range(matrix.shape[1]):
        matrix[:, n] = _filled(columns[f"f{n}"])
    return Sample(matrix, {name: _filled(columns[name]) for name in (*keys, "activity_code", "next_code")})


def _filled(values: Any) -> "np.ndarray":
    """A column with its nulls as NaN; texts stay as they are."""
    import numpy as np

    if not isinstance(values, np.ma.MaskedArray):
        return np.asarray(values)
    plain: np.ndarray = np.ma.filled(values, None) if values.dtype == object else np.ma.filled(values.astype(float), np.nan)
    return plain


def split_sql(relation: str, parts: tuple[float, float] = PARTS) -> str:
    """Labelled prefixes with `part`: 0 training, 1 validation, 2 test, by the start of the case.

    The borders are moments, so that every case of a part starts later than all of the part before.
    """
    return f"""with labelled as (select * from {relation}),
cases as (select case_no, any_value(started_at) as started_at from labelled group by case_no),
numbered as (select *, row_number() over (order by started_at, case_no) - 1 as n, count(*) over () as cases from cases),
borders as (
    select min(started_at) filter (n >= floor({parts[0]} * cases)) as validation_at,
        min(started_at) filter (n >= floor({parts[1]} * cases)) as test_at from numbered
)
select l.*, case when l.started_at >= b.test_at then 2 when l.started_at >= b.validation_at then 1 else 0 end as part, b.test_at
from labelled as l, borders as b"""
