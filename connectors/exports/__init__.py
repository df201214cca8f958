"""Event logs out of the lake and into files: OCEL 2.0 in its three layouts, XES, CSV and Parquet.

What belongs here: writing files that `grimoire import` and other tools read. What does not: reading them (`connectors.ocel`,
`connectors.event_log_files`), models (`mining`).
"""
