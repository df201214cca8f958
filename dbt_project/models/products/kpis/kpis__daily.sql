{{ kpi_series(period='day', is_shown='true') }}
