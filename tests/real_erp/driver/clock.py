"""The clock of a Tryton that runs in this process, moved at will: what it writes bears the time we say it is.

What belongs here: making Tryton ask Python for the time, and sparing it work that only a server with many users needs. What does
not: what happens at those times (`cases`).
"""

import datetime as dt


def ask_python_for_the_time():
    """PostgreSQL tells its own time; a parameter from Python's clock takes its place, as SQLite has it anyway."""
    from sql.functions import CurrentTimestamp

    CurrentTimestamp.__str__ = lambda self: "CAST(%s AS TIMESTAMP)"
    CurrentTimestamp.params = property(lambda self: (dt.datetime.now(),))  # naive, in UTC: the environment says TZ=UTC


def spare_needless_work(pool):
    """Printing posted invoices, and locks against other writers, of whom there are none; no row comes out otherwise.

    To be called once every user has logged in, for each login makes the pool anew.
    """
    from trytond.transaction import Transaction

    pool.get("account.invoice").print_invoice = classmethod(lambda cls, invoices: None)
    Transaction.lock_table = lambda self, table: None
    Transaction.lock_records = lambda self, table, ids: None
