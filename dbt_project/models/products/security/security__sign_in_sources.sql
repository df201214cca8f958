with sign_ins as (
    select * from {{ ref('security__sign_ins') }}
    where address is not null
),

windowed as (
    select
        *,
        coalesce(
            sum(attempts) filter (where outcome = 'failed') over (
                partition by address
                order by occurred_at
                range between interval {{ var('brute_force_minutes') }} minutes preceding and current row
            ),
            0
        ) as recent_failures
    from sign_ins
),

forced as (
    select
        *,
        min(occurred_at) filter (where recent_failures >= {{ var('brute_force_failures') }}) over (partition by address)
            as brute_force_began_at
    from windowed
),

final as (
    select
        address,
        count(distinct host) as host_count,
        cast(sum(attempts) as bigint) as attempts,
        cast(coalesce(sum(attempts) filter (where outcome = 'failed'), 0) as bigint) as failed_attempts,
        cast(coalesce(sum(attempts) filter (where outcome = 'accepted'), 0) as bigint) as accepted_attempts,
        count(distinct user_name) as user_count,
        count(distinct user_name) filter (where is_known_user = false) as unknown_user_count,
        count(*) filter (where outcome = 'break-in warning') as break_in_warnings,
        min(occurred_at) as first_seen_at,
        max(occurred_at) as last_seen_at,
        cast(max(recent_failures) as bigint) as most_failures_in_window,
        any_value(brute_force_began_at) as brute_force_began_at,
        coalesce(bool_or(brute_force_began_at is not null), false) as is_brute_force,
        coalesce(bool_or(outcome = 'accepted' and occurred_at >= brute_force_began_at), false) as is_accepted_after_brute_force
    from forced
    group by address
)

select * from final
