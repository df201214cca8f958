with messages as (
    select * from {{ ref('stg_optional__log_messages') }}
    where program like 'sshd%'
),

read as (
    select
        *,
        regexp_extract(
            message,
            '^(?:message repeated (\d+) times: \[ )?(Accepted|Failed) (\S+) for (invalid user )?(.*?) from (\S+) port (\d+)',
            ['repeats', 'verdict', 'method', 'unknown', 'user_name', 'address', 'port']
        ) as attempt,
        regexp_extract(message, '^Invalid user (.*?) from (\S+)', ['user_name', 'address']) as stranger,
        regexp_extract(
            message,
            '(?:getaddrinfo for \S+ \[([^\]]+)\] failed|^Address (\S+) maps to .*) - POSSIBLE BREAK-IN ATTEMPT',
            ['bracketed', 'mapped']
        ) as warned,
        regexp_extract(message, 'rhost=(\S+)(?:\s+user=(\S+))?', ['address', 'user_name']) as pam,
        regexp_extract(message, '^session opened for user (\S+)', 1) as session_user
    from messages
),

-- A daemon that leaves the telling to PAM, sshd(pam_unix), says nothing of attempts itself; elsewhere PAM's lines are copies.
judged as (
    select
        *,
        case
            when attempt.verdict = 'Accepted' then 'accepted'
            when attempt.verdict = 'Failed' then 'failed'
            when stranger.address <> '' then 'invalid user'
            when message like '%POSSIBLE BREAK-IN ATTEMPT%' then 'break-in warning'
            when program = 'sshd(pam_unix)' and message like 'authentication failure;%' then 'failed'
            when program = 'sshd(pam_unix)' and session_user <> '' then 'accepted'
        end as outcome
    from read
),

final as (
    select
        concat(file_name, ':', line_number) as sign_in_id,
        occurred_at,
        {{ company_day('occurred_at') }} as occurred_on,
        is_year_inferred,
        host,
        process_id,
        outcome,
        case
            when attempt.verdict <> '' then attempt.method
            when outcome in ('accepted', 'failed') then 'pam'
        end as method,
        coalesce(
            nullif(attempt.user_name, ''), nullif(stranger.user_name, ''), nullif(pam.user_name, ''), nullif(session_user, '')
        ) as user_name,
        case
            when attempt.unknown <> '' or outcome = 'invalid user' then false
            when attempt.verdict <> '' or pam.user_name <> '' or session_user <> '' then true
        end as is_known_user,
        coalesce(
            nullif(attempt.address, ''), nullif(stranger.address, ''), nullif(warned.bracketed, ''), nullif(warned.mapped, ''),
            nullif(pam.address, '')
        ) as address,
        try_cast(attempt.port as bigint) as port,
        case when outcome in ('accepted', 'failed') then coalesce(try_cast(attempt.repeats as bigint), 1) else 0 end as attempts
    from judged
    where outcome is not null
)

select * from final
