"""The performance spectrum: how long each case took over a step of the process, over time, in four classes of speed.

What belongs here: the classes per period, and some cases' lines for a picture. What does not: drawing it (the pages).

After Denisov, Fahland and van der Aalst, Unbiased, fine-grained description of processes performance from event data (2018). A
class is a quartile of the step's own times: 1 the quickest quarter, 4 the slowest; a time on the border belongs to the quicker.
"""

from typing import TYPE_CHECKING

from mining.sql_text import literal

if TYPE_CHECKING:
    import duckdb

    from mining.event_log import EventLog
    from mining.kernels import Grain

_STEPS = """with steps as (
    select e.case_no, s.activity as source, t.activity as target, e.occurred_at as begin_at, e.seconds_to_next as seconds
    from events as e join activities as s using (activity_id) join activities as t on t.activity_id = e.next_activity
), quartiles as (select source, target, count(*) as times, quantile_cont(seconds, [0.25, 0.5, 0.75]) as q from steps group by all),
classed as (
    select steps.*, q.times, 1 + (seconds > q.q[1])::integer + (seconds > q.q[2])::integer + (seconds > q.q[3])::integer as class
    from steps join quartiles as q using (source, target)
)"""


def performance_spectrum(log: "EventLog", *, grain: "Grain" = "week", steps: int = 10) -> "duckdb.DuckDBPyRelation":
    """How many cases began each of the most frequent steps in each period, by the class of speed they had on it.

    Returns:
        source, target, period (its first day, UTC), class, cases, mean_seconds; periods without a case have no row.
    """
    return log.ask(f"""{_STEPS}, chosen as (
    select source, target from quartiles order by times desc, source, target limit {int(steps)}
)
select source, target, date_trunc('{grain}', begin_at)::date as period, class, count(*) as cases, avg(seconds) as mean_seconds
from classed semi join chosen using (source, target) group by all order by source, target, period, class""")


def spectrum_lines(log: "EventLog", source: str, target: str, *, limit: int = 1000) -> "duckdb.DuckDBPyRelation":
    """The cases that took a step, each a line from its start to its end; of more than `limit` always the same even sample.

    Returns:
        case_id, begin_at, end_at, seconds, class, in the order of their starts.
    """
    return log.ask(f"""{_STEPS}, sample as (
    select * from classed where source = {literal(source)} and target = {literal(target)}
    order by hash(case_no, begin_at), case_no, begin_at limit {int(limit)}
)
select kept.case_id, begin_at, begin_at + to_microseconds((sample.seconds * 1e6)::bigint) as end_at, sample.seconds, class
from sample join kept using (case_no) order by begin_at, kept.case_id, end_at""")
