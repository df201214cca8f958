"""The Grimoires: the platform's dashboards, served by `streamlit run apps/streamlit/app.py`.

What belongs here: what happens once per server. What does not: what happens at every run of a page (`frame`).

While the server waits for its first visitor it opens the lake and imports what every page needs, so that the first page is
painted as quickly as the others.
"""

import contextlib
import logging
from collections.abc import AsyncIterator
from threading import Thread

import streamlit as st
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from apps.streamlit.process_map import explorer
from apps.streamlit.sql_editor import component as editor


def warm_up() -> None:
    """Imports what pages need and opens the lake; what cannot be opened yet is left to the page, which says why."""
    import pandas as pd
    import scipy.optimize  # noqa: F401 — the process map's drawing

    from apps.streamlit import reading
    from lake.errors import GrimoireError

    pd.DataFrame({"warm": [1]}).to_json()
    try:
        reading.tables()
    except GrimoireError as error:
        logging.getLogger(__name__).info("The lake is not open yet: %s", error)


@contextlib.asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Warms up beside the server, which answers at once."""
    Thread(target=warm_up, name="warm-up", daemon=True).start()
    yield


LIBRARIES = [Mount(module.ADDRESS, StaticFiles(directory=module.VENDOR)) for module in (explorer, editor)]
app = st.App("frame.py", lifespan=lifespan, routes=LIBRARIES)
