"""Dagster and nothing else: assets, checks, jobs, schedules that call the craft.

What belongs here: definitions. What does not: any logic that a notebook could want.
"""
