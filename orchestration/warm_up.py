"""Imports that later steps need, made while this process waits for dbt in another one: with two cores they then cost no time.

What belongs here: which and when. What does not: using them.
"""

import importlib
import threading


def warm_up() -> None:
    """Begins the imports in a thread of their own and does not wait for them."""
    threading.Thread(target=_import, name="warm-up", daemon=True).start()


def _import() -> None:
    from models.forecasters import quiet_prophet
    from models.registry import quiet_mlflow

    quiet_mlflow()
    quiet_prophet()
    importlib.import_module("pm4py.algo.discovery.inductive.variants.imf")
    importlib.import_module("r4pm")
