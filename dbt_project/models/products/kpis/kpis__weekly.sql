{{ kpi_series(period='week_start', is_shown='is_complete_week') }}
