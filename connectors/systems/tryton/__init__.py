"""Tryton, an ERP: its resources and event logs (`system.yaml`), and reading it by SQL, JSON-RPC or REST.

What belongs here: what only Tryton needs. What does not: the kinds of systems it is read by (`connectors.kinds`).
"""
