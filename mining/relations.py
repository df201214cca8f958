"""How two activities of a case stand to each other, counted from the variants: as SQL over a log's names.

What belongs here: the eventually-follows graph, and the common table expressions that constraints are counted from. What does
not: which constraints there are (`mining.declare`, `mining.log_skeleton`) and holding a log against them (`mining.constraints`).

Nothing compares every event of a case with every other. What stands between an activity's one occurrence and its next is looked
at once per distinct activity, so a variant of n events and k activities costs n·k and not n²: an event that comes before the
i-th of m occurrences, and after the one before, comes before m - i + 1 of them.
"""

_POSITIONS = """positions as (
    select w.variant_id, w.cases, len(v.activity_ids) as length, unnest(v.activity_ids) as activity_id,
        unnest(range(1, len(v.activity_ids) + 1)) as position
    from weights as w join variants as v using (variant_id)
)"""

OCCURRENCES = f"""{_POSITIONS}, occurrences as (
    select variant_id, activity_id, any_value(cases) as cases, any_value(length) as length, count(*) as times,
        min(position) as first_at, max(position) as last_at
    from positions group by variant_id, activity_id
)"""
"""Per variant and activity: how often, and its first and last position, from 1."""

GAPS = """gaps as (
    select variant_id, cases, activity_id, position, coalesce(lag(position) over own, 0) as previous,
        count(*) over (partition by variant_id, activity_id) - row_number() over own + 1 as remaining
    from positions window own as (partition by variant_id, activity_id order by position)
)"""
"""Per event of a variant: the position of its activity's last occurrence before, and how many there are from here on."""

ALTERNATIONS = """alternations as (
    select variant_id, source_id, target_id, count(*) as alternations from (
        select g.variant_id, g.activity_id as target_id,
            unnest(list_distinct(v.activity_ids[g.previous + 1 : g.position - 1])) as source_id
        from gaps as g join variants as v using (variant_id)
    ) group by all
)"""
"""How often target directly follows source once all other activities of the variant are left out."""

DIRECT = """direct as (
    select variant_id, source_id, target_id, count(*) as direct from (
        select v.variant_id, unnest(v.activity_ids[:-2]) as source_id, unnest(v.activity_ids[2:]) as target_id
        from weights as w join variants as v using (variant_id)
    ) group by all
)"""
"""How often target directly follows source in the variant."""


def eventually_follows() -> str:
    """The eventually-follows graph: source, target, frequency (pairs of events, one anywhere after the other), cases."""
    return f"""with {OCCURRENCES}, {GAPS}, earlier as (
    select g.activity_id as target_id, g.cases * g.remaining as weight,
        unnest(v.activity_ids[greatest(g.previous, 1) : g.position - 1]) as source_id
    from gaps as g join variants as v using (variant_id)
), frequencies as (
    select source_id, target_id, sum(weight)::bigint as frequency from earlier group by all
), holding as (
    select s.activity_id as source_id, t.activity_id as target_id, sum(s.cases)::bigint as cases
    from occurrences as s join occurrences as t using (variant_id)
    where s.first_at < t.last_at group by all
)
select s.activity as source, t.activity as target, f.frequency, h.cases
from frequencies as f join holding as h using (source_id, target_id)
join activities as s on s.activity_id = f.source_id join activities as t on t.activity_id = f.target_id
order by f.frequency desc, source, target"""
