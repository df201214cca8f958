"""The temporal profile: how long it usually takes from an activity to another that comes later in the case, and who is far off.

What belongs here: the means and standard deviations, and deviations from them. What does not: times between neighbours
(`mining.kernels.dfg`), limits that a person sets, and bottlenecks.

F. Stertz, J. Mangler, S. Rinderle-Ma, «Temporal Conformance Checking at Runtime based on Time-infused Process Models», 2020. Every
pair of events of a case counts, so the work grows with the square of the cases' lengths; it is done in SQL and nothing of it kept.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lake.errors import ModelError
from mining.sql_text import literal
from mining.temporary import temporary_table

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from mining.event_log import EventLog

ZETA = 6.0
_PAIRS = """pairs as (
    select s.case_no, s.activity_id as source_id, t.activity_id as target_id,
        (epoch_us(t.occurred_at) - epoch_us(s.occurred_at)) / 1e6 as seconds
    from events as s join events as t
        on t.case_no = s.case_no and (t.occurred_at, t.source_row) > (s.occurred_at, s.source_row)
)"""


def temporal_profile() -> str:
    """Per pair of activities: source, target, frequency (pairs of events), mean_seconds, std_seconds (of the sample; 0 for one)."""
    return f"""with {_PAIRS}, profile as (
    select source_id, target_id, count(*) as frequency, avg(seconds) as mean_seconds,
        coalesce(stddev_samp(seconds), 0) as std_seconds
    from pairs group by source_id, target_id
)
select s.activity as source, t.activity as target, frequency, mean_seconds, std_seconds
from profile join activities as s on s.activity_id = source_id join activities as t on t.activity_id = target_id
order by frequency desc, source, target"""


@dataclass(frozen=True)
class TemporalProfile:
    """A profile apart from its log, to hold other logs against it.

    Attributes:
        table: source, target, frequency, mean_seconds, std_seconds.
    """

    table: "pyarrow.Table"

    @classmethod
    def of(cls, log: "EventLog") -> "TemporalProfile":
        """The profile of a log."""
        return cls(log.ask(temporal_profile()).to_arrow_table())

    def deviations(self, log: "EventLog", *, zeta: float = ZETA) -> "duckdb.DuckDBPyRelation":
        """Pairs of events whose time is further from the mean than zeta standard deviations, the furthest first.

        Columns: case_id, source, target, seconds, mean_seconds, std_seconds, zeta (how many standard deviations off; infinite where
        the profile knows no deviation).

        Args:
            log: The log to look at; its filters apply.
            zeta: How many standard deviations are still usual.

        Raises:
            ModelError: A negative zeta.
        """
        if zeta < 0:
            raise ModelError(f"A zeta of {zeta} makes no sense.", remedy="Use 0 or more; 6 is usual.")
        return log.ask(_deviations(temporary_table(log.connection, self.table), zeta))


def _deviations(profile: str, zeta: float) -> str:
    return f"""with {_PAIRS}, limits as (
    select s.activity_id as source_id, t.activity_id as target_id, p.*
    from {profile} as p join activities as s on s.activity = p.source join activities as t on t.activity = p.target
), off as (
    select p.case_no, l.source, l.target, p.seconds, l.mean_seconds, l.std_seconds,
        case when l.std_seconds > 0 then abs(p.seconds - l.mean_seconds) / l.std_seconds else 'infinity'::double end as zeta
    from pairs as p join limits as l using (source_id, target_id)
    where abs(p.seconds - l.mean_seconds) > {literal(float(zeta))} * l.std_seconds
)
select k.case_id, o.* exclude (case_no) from off as o join kept as k using (case_no)
order by zeta desc, case_id, source, target, seconds"""
