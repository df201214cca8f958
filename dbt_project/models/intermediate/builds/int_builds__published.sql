with final as (
    select now() as published_at
)

select * from final
