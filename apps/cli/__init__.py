"""The `grimoire` command.

What belongs here: words, tables, progress bars, exit codes. What does not: the work itself.
"""
