"""Events that only begin or end an activity, paired into one event per activity instance with its start.

What belongs here: finding the pairs in an imported case log. What does not: reading files, and the times that are made of starts
(`mining.performance`).

XES tells in `lifecycle:transition` what an event is to its activity. A `start` and the `complete` after it are one piece of work.
Within a case, an activity and, where the log has it, a `concept:instance`, the first start not yet paired belongs to the next
completion (first in, first out), in the order of the log. All else stays the event that it is: completions without a start,
starts without a completion, and other transitions such as `schedule` or `suspend`.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import duckdb

Lifecycle = Literal["pair", "keep"]
TRANSITION, INSTANCE = "lifecycle_transition", "concept_instance"  # the names XES's keys get in the lake
COMPLETED_BY = "_completed_by"  # of a paired start: the `source_row` of its completion

# The k-th completion that has a start belongs to the k-th start. A completion has none if, at it, completions have outnumbered
# starts by more than ever before in its case and activity.
_PAIRS = """
create or replace temp table lifecycle_pairs as
with numbered as (
    select *, row_number() over (part rows unbounded preceding) as place,
        sum(if(what = 'complete', 1, -1)) over (part rows unbounded preceding) as ahead
    from (
        select case_id, activity, {instance} as instance, lower({transition}) as what, occurred_at, resource, source_row
        from {table} where lower({transition}) in ('start', 'complete')
    )
    window part as (partition by case_id, activity, instance order by occurred_at, source_row)
), told as (
    select *, coalesce(max(ahead) over (partition by case_id, activity, instance order by place
        rows between unbounded preceding and 1 preceding), 0) as most
    from numbered
), ranked as (
    select *, row_number() over (partition by case_id, activity, instance, what order by place) as number
    from told where what = 'start' or ahead <= greatest(most, 0)
)
select s.source_row as start_row, c.source_row as complete_row, s.occurred_at as started_at, s.resource
from ranked as s join ranked as c on s.case_id = c.case_id and s.activity = c.activity
    and s.instance is not distinct from c.instance and s.number = c.number and s.what = 'start' and c.what = 'complete'"""


@dataclass(frozen=True)
class Pairing:
    """What was paired, and what stayed as it was, in events."""

    paired: int  # starts that became one event with their completion
    starts_alone: int
    completions_alone: int
    other_transitions: int

    @property
    def note(self) -> str:
        """What the reader of the import's outcome should know."""
        return (
            f"`lifecycle:transition`: {self.paired:,} starts were paired with their completions, each pair being one event with "
            f"its start; {self.starts_alone:,} starts and {self.completions_alone:,} completions without counterpart and "
            f"{self.other_transitions:,} events of other transitions were kept as they are."
        )

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)


def pair_lifecycle(connection: "duckdb.DuckDBPyConnection", process: str) -> Pairing | None:
    """Gives completions in `raw_files.<process>` their starts, and marks those starts so that the case view leaves them out.

    Args:
        connection: In the transaction that made the table; its case view is not made yet.
        process: Name of the process.

    Returns:
        The counts; None, with nothing changed, where the log has no column `lifecycle_transition` or not both of `start` and
        `complete` in it (written in whichever case).
    """
    from lake import quote  # the command's options name `Lifecycle`, and its help needs no lake

    table = f"raw_files.{quote(process)}"
    starts, completions = _starts_and_completions(connection, table)
    if not (starts and completions):
        return None
    columns = connection.sql(f"from {table} limit 0").columns
    instance = f"cast({INSTANCE} as varchar)" if INSTANCE in columns else "null::varchar"
    connection.execute(_PAIRS.format(table=table, transition=_TRANSITION, instance=instance))
    pairing = _counted(connection, table, starts, completions)
    if pairing.paired:
        _mark(connection, table)
    connection.execute("drop table lifecycle_pairs")
    return pairing


def could_be_paired(connection: "duckdb.DuckDBPyConnection", process: str) -> str | None:
    """What to tell of a log whose starts and completions were kept as they are; None where it has not both."""
    from lake import quote

    table = f"raw_files.{quote(process)}"
    starts, completions = _starts_and_completions(connection, table)
    if not (starts and completions):
        return None
    return (
        f"`lifecycle:transition`: {starts:,} starts and {completions:,} completions are events of their own, as in the file. "
        "`--lifecycle pair` makes one event of a start and its completion, for waiting and service times."
    )


_TRANSITION = f"cast({TRANSITION} as varchar)"


def _starts_and_completions(connection: "duckdb.DuckDBPyConnection", table: str) -> tuple[int, int]:
    """How many events are the one and the other; none in a table without the column."""
    if TRANSITION not in connection.sql(f"from {table} limit 0").columns:
        return 0, 0
    row: Any = connection.execute(
        f"select count(*) filter (lower({_TRANSITION}) = 'start'), count(*) filter (lower({_TRANSITION}) = 'complete') from {table}"
    ).fetchone()
    return row


def _counted(connection: "duckdb.DuckDBPyConnection", table: str, starts: int, completions: int) -> Pairing:
    row: Any = connection.execute(f"select count(*), (select count(*) from lifecycle_pairs) from {table}").fetchone()
    events, paired = row
    return Pairing(paired, starts - paired, completions - paired, events - starts - completions)


def _mark(connection: "duckdb.DuckDBPyConnection", table: str) -> None:
    """Writes the table anew, which takes less room in the lake than an update, whose old rows stay in their files."""
    connection.execute(f"""
        create or replace temp table lifecycle_rows as
        select r.* replace (coalesce(c.started_at, r.started_at) as started_at, coalesce(r.resource, c.resource) as resource),
            s.complete_row as {COMPLETED_BY}
        from {table} as r
        left join lifecycle_pairs as c on c.complete_row = r.source_row
        left join lifecycle_pairs as s on s.start_row = r.source_row""")
    connection.execute(f"drop table {table}")
    connection.execute(f"create table {table} as from lifecycle_rows order by source_row")
    connection.execute("drop table lifecycle_rows")
