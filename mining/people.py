"""The people in a process: who hands work to whom, who works with whom, roles, workload, and duties that should be separate.

What belongs here: questions about an event log's `resource`, whoever that is: a person, a team, a machine. What does not: batches
and parallel work (`mining.batching`).

Nobody is told of an event whose resource is null: it is no resource of its own, and every answer says how many such events were
left out or passed over. The networks are those of van der Aalst, Reijers and Song, Discovering social networks from event logs
(2005); pm4py's agree with them but where it is said.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from lake.errors import DataError
from mining.roles import Role, group_into_roles
from mining.sql_text import literals
from mining.timeline import ask

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from mining.calendars import WorkingCalendar
    from mining.event_log import EventLog
    from mining.kernels import Grain
    from mining.sections import Mined

TABLES = {
    "resources": "resource varchar, events bigint, cases bigint, activities bigint, first_event timestamptz, "
    "last_event timestamptz, active_days bigint, active_seconds double, working_seconds double, utilisation double, share double",
    "handovers": "source varchar, target varchar, handovers bigint, cases bigint, share double, mean_seconds double, "
    "passed_over bigint",
    "working_together": "first varchar, second varchar, cases bigint, share double",
    "roles": "role bigint, activities varchar[], resources varchar[], events bigint",
    "segregation": "first varchar, second varchar, is_rule boolean, cases bigint, breaches bigint, breach_share double, "
    "resources bigint, top_resource varchar, cases_unknown bigint",
    "activity_resources": "activity varchar, events bigint, events_without_resource bigint, resources bigint, "
    "top_resource varchar, top_share double, is_single_resource boolean",
}
PAIRS = 1_000  # rows of a network that are kept for every process, the strongest first
DUTIES = 200  # pairs of activities that are kept besides those of the rules
ALL = 2**62  # more rows than there can be
ROLES = 150  # activities beyond which roles are not looked for with every mining: the work grows with their third power


def resources(log: "EventLog", *, calendar: "WorkingCalendar | None" = None) -> "duckdb.DuckDBPyRelation":
    """The workload of each resource, the busiest first; the row without a name counts the events that name nobody.

    Args:
        log: The event log.
        calendar: Working time that a resource could have worked between its first and its last event.

    Returns:
        resource, events, cases, activities, first_event, last_event, active_days (in UTC), active_seconds (at one event at least;
        null where no start is known), working_seconds under the calendar, utilisation (active time within working hours, of the
        working time; null without starts), share of the events.
    """
    return ask(
        log,
        f"""with {_activity(log, calendar)}, counted as (
    select resource, count(*) as events, count(distinct case_no) as cases, count(distinct activity_id) as activities,
        min(coalesce(started_at, occurred_at)) as first_event, max(occurred_at) as last_event,
        count(distinct occurred_at::date) as active_days
    from timeline group by resource
), active as (
    select resource, sum(seconds) as active_seconds, sum(working) as worked from stretches group by resource
), present as (
    select *, case when resource is not null then {_between(log, calendar)("first_event", "last_event")} end as working_seconds
    from counted left join active using (resource)
)
select resource, events, cases, activities, first_event, last_event, active_days, active_seconds, working_seconds,
    worked / nullif(working_seconds, 0) as utilisation, events / sum(events) over () as share
from present order by resource is null, events desc, resource""",
    )


def workload(log: "EventLog", *, grain: "Grain" = "week", calendar: "WorkingCalendar | None" = None) -> "duckdb.DuckDBPyRelation":
    """The same per period (its first day, UTC): resource, period, events, cases, active_seconds, working_seconds, utilisation.

    Work that goes beyond a period's end counts in each by the time it takes there; events where they end. The working time is that
    of the whole period.
    """
    between = _between(log, calendar)
    return ask(
        log,
        f"""with {_activity(log, calendar)}, counted as (
    select resource, date_trunc('{grain}', occurred_at)::date as period, count(*) as events, count(distinct case_no) as cases
    from timeline where resource is not null group by all
), cut as (
    select resource, period::date as period, greatest(begin_at, period) as begin_at,
        least(end_at, period + interval 1 {grain}) as end_at
    from (select *, unnest(generate_series(date_trunc('{grain}', begin_at), end_at, interval 1 {grain})) as period from stretches)
), active as (
    select resource, period, sum(epoch_us(end_at) - epoch_us(begin_at)) / 1e6 as active_seconds,
        sum({between("begin_at", "end_at")}) as worked
    from cut where begin_at < end_at group by all
), present as (
    select *, {between("period::timestamptz", f"period::timestamptz + interval 1 {grain}")} as working_seconds
    from counted full join active using (resource, period)
)
select resource, period, coalesce(events, 0) as events, coalesce(cases, 0) as cases, active_seconds, working_seconds,
    worked / nullif(working_seconds, 0) as utilisation
from present order by resource, period""",
    )


def handovers(
    log: "EventLog", *, nobody: Literal["skip", "break", "name"] = "skip", limit: int | None = None
) -> "duckdb.DuckDBPyRelation":
    """Handover of work: how often one resource's event is followed by another's in the same case, the most frequent first.

    Args:
        log: The event log.
        nobody: What an event without a resource is: `skip` passes over it to the next that has one, `break` hands over to nobody
            and from nobody, `name` makes «no resource» a resource, in a row with null.
        limit: Number of rows; None for all.

    Returns:
        source, target (the same where a resource goes on itself), handovers, cases, share of all handovers, mean_seconds from end
        to end, passed_over: events without a resource between them.
    """
    rows = {"skip": "where resource is not null", "break": "", "name": ""}
    if nobody not in rows:
        raise DataError(f"There is no treatment {nobody!r} of events without a resource.", remedy="Use skip, break or name.")
    both = "and resource is not null and previous is not null" if nobody == "break" else ""
    return ask(
        log,
        f"""with handed as (
    select case_no, resource, position, occurred_at, lag(resource) over in_case as previous,
        lag(position) over in_case as previous_position, lag(occurred_at) over in_case as previous_at
    from timeline {rows[nobody]} window in_case as (partition by case_no order by position)
)
select previous as source, resource as target, count(*) as handovers, count(distinct case_no) as cases,
    count(*) / sum(count(*)) over () as share, avg(epoch_us(occurred_at) - epoch_us(previous_at)) / 1e6 as mean_seconds,
    sum(position - previous_position - 1)::bigint as passed_over
from handed where previous_position is not null {both} group by all order by handovers desc, source, target{_limit(limit)}""",
    )


def working_together(log: "EventLog", *, limit: int | None = None) -> "duckdb.DuckDBPyRelation":
    """Pairs of resources by the cases both worked on: first, second (alphabetical), cases, share of all cases.

    pm4py divides by the number of events where a data frame is given, so its values are smaller by that factor.
    """
    return ask(
        log,
        f"""with members as (select distinct case_no, resource from timeline where resource is not null)
select x.resource as first, y.resource as second, count(*) as cases, count(*) / (select count(*) from kept)::double as share
from members as x join members as y on x.case_no = y.case_no and x.resource < y.resource
group by all order by cases desc, first, second{_limit(limit)}""",
    )


def subcontracting(log: "EventLog", *, steps: int = 2) -> "duckdb.DuckDBPyRelation":
    """How often a resource hands over to another and has the case back after so many steps: source, target, times, cases.

    Events without a resource are passed over. pm4py counts only the first place in the first trace of each source, we count all.
    """
    if steps < 2:
        raise DataError(f"Work cannot come back after {steps} steps.", remedy="Use two or more.")
    after = "lead(resource, {}) over (partition by case_no order by position)"
    between = " union all ".join(
        f"select resource as source, {after.format(n)} as target, {after.format(steps)} as back, case_no from named"
        for n in range(1, steps)
    )
    return ask(
        log,
        f"""with named as (select case_no, position, resource from timeline where resource is not null),
steps as ({between})
select source, target, count(*) as times, count(distinct case_no) as cases from steps where source = back and target <> source
group by all order by times desc, source, target""",
    )


def similar_activities(log: "EventLog", *, limit: int | None = None) -> "duckdb.DuckDBPyRelation":
    """Pairs of resources by how alike the activities are that they do: first, second, similarity.

    The similarity is Pearson's correlation of their numbers of events over all activities; null where one does all of them equally
    often.
    """
    return ask(
        log,
        f"""with done as (
    select resource, activity_id, count(*)::double as events from timeline where resource is not null group by all
), size as (select count(distinct activity_id)::double as n from timeline),
sums as (select resource, sum(events) as total, sum(events * events) as squares from done group by resource),
products as (
    select x.resource as first, y.resource as second, sum(x.events * y.events) as product
    from done as x join done as y on x.activity_id = y.activity_id and x.resource < y.resource group by all
)
select x.resource as first, y.resource as second,
    (n * coalesce(p.product, 0) - x.total * y.total)
        / nullif(sqrt(n * x.squares - x.total ** 2) * sqrt(n * y.squares - y.total ** 2), 0)
        as similarity
from size cross join sums as x join sums as y on x.resource < y.resource
left join products as p on p.first = x.resource and p.second = y.resource
order by similarity desc nulls last, first, second{_limit(limit)}""",
    )


def roles(log: "EventLog", *, threshold: float = 0.65) -> list[Role]:
    """Organisational roles; see `mining.roles.group_into_roles`.

    Args:
        log: The event log; events without a resource are left out.
        threshold: How alike the resources of two groups of activities must be for these to become one role, 0 to 1.
    """
    counts = ask(
        log,
        """select activity, resource, count(*) as events from timeline join activities using (activity_id)
        where resource is not null group by all""",
    ).fetchall()
    return group_into_roles({(activity, resource): events for activity, resource, events in counts}, threshold=threshold)


def segregation_of_duties(
    log: "EventLog", duties: Iterable[tuple[str, str]] = (), *, limit: int | None = None
) -> "duckdb.DuckDBPyRelation":
    """Pairs of activities by how often one resource did both in a case: what should be four eyes and was two.

    Args:
        log: The event log.
        duties: Pairs that must be separate; they come first, whatever was found of them.
        limit: Number of other pairs; None for all.

    Returns:
        first, second (alphabetical), is_rule, cases with both activities, breaches (cases in which a resource did both),
        breach_share of those cases in which it is known who did both, resources that did, top_resource, cases_unknown.
    """
    wanted = [tuple(sorted(pair)) for pair in duties]
    most_first = "over (partition by is_rule order by breaches desc, cases desc, first, second)"
    keep = f"row_number() {most_first} <= {ALL if limit is None else int(limit)}"
    listed = ", ".join(f"({literals(pair)})" for pair in wanted) or "(null::varchar, null::varchar)"
    return ask(
        log,
        f"""with rules as (select distinct * from (values {listed}) as r(first, second)),
done as (
    select distinct t.case_no, a.activity, t.resource from timeline as t join activities as a using (activity_id)
), per_case as (
    select case_no, activity, count(resource) > 0 as is_known,
        list(resource order by resource) filter (resource is not null) as people
    from done group by all
), pairs as (
    select x.case_no, x.activity as first, y.activity as second, x.is_known and y.is_known as is_known,
        list_intersect(coalesce(x.people, []), coalesce(y.people, [])) as both_by
    from per_case as x join per_case as y on x.case_no = y.case_no and x.activity < y.activity
), counted as (
    select first, second, count(*) as cases, count(*) filter (len(both_by) > 0) as breaches,
        count(*) filter (not is_known) as cases_unknown
    from pairs group by all
), people as (
    select first, second, count(distinct person) as resources, mode(person order by person) as top_resource
    from (select first, second, unnest(both_by) as person from pairs) group by all
)
select first, second, r.first is not null as is_rule, coalesce(cases, 0) as cases, coalesce(breaches, 0) as breaches,
    breaches / nullif(cases - cases_unknown, 0)::double as breach_share, coalesce(resources, 0) as resources, top_resource,
    coalesce(cases_unknown, 0) as cases_unknown
from counted full join (from rules where first is not null) as r using (first, second) left join people using (first, second)
qualify is_rule or {keep}
order by is_rule desc, breaches desc, cases desc, first, second""",
    )


def activity_resources(log: "EventLog") -> "duckdb.DuckDBPyRelation":
    """How many resources can do each activity: those that only one does come first, the most frequent of them before the others.

    Returns:
        activity, events, events_without_resource, resources, top_resource, top_share of the events that name somebody,
        is_single_resource (the process stops there when that one is away).
    """
    return ask(
        log,
        """with done as (
    select activity_id, resource, count(*) as events from timeline group by all
), figures as (
    select activity_id, sum(events)::bigint as events,
        coalesce(sum(events) filter (resource is null), 0)::bigint as events_without_resource,
        count(resource) as resources, arg_max(resource, (events, resource)) filter (resource is not null) as top_resource,
        max(events) filter (resource is not null) / nullif(sum(events) filter (resource is not null), 0)::double as top_share
    from done group by activity_id
)
select a.activity, f.* exclude (activity_id), f.resources = 1 as is_single_resource
from figures as f join activities as a using (activity_id) order by is_single_resource desc, events desc, activity""",
    )


def separate_duties(definition: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pairs of activities that a process definition's rules want done by different people."""
    from lake.process_rules import rules_of

    return [(rule.first, rule.then) for rule in rules_of(definition) if rule.kind == "four_eyes"]


def tables(mined: "Mined") -> dict[str, "pyarrow.Table"]:
    """The result tables of this section; empty but for what needs no resource where the log names nobody."""
    from mining.calendars import WorkingCalendar

    log, calendar = mined.log, WorkingCalendar.from_definition(mined.definition)
    return {
        "resources": resources(log, calendar=calendar).to_arrow_table(),
        "handovers": handovers(log, limit=PAIRS).to_arrow_table(),
        "working_together": working_together(log, limit=PAIRS).to_arrow_table(),
        "roles": roles_table(log),
        "segregation": segregation_of_duties(log, separate_duties(mined.definition), limit=DUTIES).to_arrow_table(),
        "activity_resources": activity_resources(log).to_arrow_table(),
    }


def roles_table(log: "EventLog") -> "pyarrow.Table":
    """The roles as a table: role (a number), activities, resources (busiest first), events; none beyond `ROLES` activities."""
    import pyarrow

    few = int(log.ask("select count(*) from activities").fetchall()[0][0]) <= ROLES
    rows = [
        {
            "role": number,
            "activities": list(role.activities),
            "resources": list(role.resources),
            "events": sum(role.resources.values()),
        }
        for number, role in enumerate(roles(log) if few else [], start=1)
    ]
    texts = pyarrow.list_(pyarrow.string())
    kinds = [("role", pyarrow.int64()), ("activities", texts), ("resources", texts), ("events", pyarrow.int64())]
    return pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(kinds))


def _between(log: "EventLog", calendar: "WorkingCalendar | None") -> Any:
    from mining.calendars import WorkingCalendar

    return (calendar or WorkingCalendar()).on_log(log).seconds_sql


def _activity(log: "EventLog", calendar: "WorkingCalendar | None") -> str:
    """A common table expression: the stretches in which a resource was at one event at least, none counted twice."""
    return f"""work as (
    select resource, started_at as begin_at, occurred_at as end_at,
        max(occurred_at) over (partition by resource order by started_at, occurred_at
            rows between unbounded preceding and 1 preceding)
            as reached_at
    from timeline where resource is not null and started_at < occurred_at
), numbered as (
    select *, count(*) filter (reached_at is null or begin_at > reached_at) over (partition by resource order by begin_at, end_at
        rows unbounded preceding) as stretch
    from work
), merged as (
    select resource, stretch, min(begin_at) as begin_at, max(end_at) as end_at from numbered group by all
), stretches as (
    select *, (epoch_us(end_at) - epoch_us(begin_at)) / 1e6 as seconds, {_between(log, calendar)("begin_at", "end_at")} as working
    from merged
)"""


def _limit(rows: int | None) -> str:
    return "" if rows is None else f" limit {int(rows)}"
