"""The Grimoire of sales.

What belongs here: showing it. What does not: what stands on it (`by_function.sales`) and how (`grimoire`).
"""

from apps.streamlit.by_function.sales import SALES
from apps.streamlit.grimoire import show

show(SALES)
