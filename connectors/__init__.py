"""Brings rows in: one module per kind of system, extraction by dlt, event-log files, the demo company.

What belongs here: reading source systems and landing their rows in the lake. What does not: shaping them (dbt) and Dagster.
"""
