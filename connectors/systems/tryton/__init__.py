"""Tryton, an ERP: its resources and event logs (`system.yaml`), and reading it by SQL, JSON-RPC or REST."""
