-- What customers are promised, in working hours. This is the list to edit when the promise changes.
with final (priority, response_target_hours, resolution_target_hours) as (
    values
    ('urgent', 1.0::double, 9.0::double),
    ('high', 2.0, 18.0),
    ('normal', 4.0, 36.0),
    ('low', 9.0, 72.0)
)

select * from final
