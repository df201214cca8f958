"""Files of rows: where they lie, which of them are new, and how each format becomes rows of text with `_file` and `_line`.

What belongs here: everything about files that no landing needs to know. What does not: the kind of connection
(`connectors.kinds.files`) and event-log files that become processes whole (`connectors.event_log_files`).
"""
