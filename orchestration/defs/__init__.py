"""The definitions, one module per layer; `orchestration.definitions` gathers them.

What belongs here: assets, checks, jobs, schedules. What does not: work; each function calls the craft and reports what it said.
"""
