"""What every process that `orchestration.ahead` forks finds imported already.

What belongs here: imports that begun work needs and that are slow. What does not: anything that starts a thread or opens a file.
"""

import gc
import importlib
import logging
import warnings

from connectors import extract

HEAVY = (
    "dlt.destinations",
    "dlt.sources.rest_api",
    "dlt.sources.sql_database",
    "great_expectations",
    "connectors.load",
    "connectors.quality",
    "orchestration.checked",
)

extract.settle_dlt()  # dlt looks for its folder when it is imported
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside Great Expectations
    for _name in HEAVY:
        importlib.import_module(_name)
logging.getLogger("great_expectations").setLevel(logging.ERROR)
gc.freeze()  # what was imported is never garbage: a fifth of a load's time went into looking through it again and again
