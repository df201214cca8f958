"""The Grimoire of procurement.

What belongs here: showing it. What does not: what stands on it (`by_function.procurement`) and how (`grimoire`).
"""

from apps.streamlit.by_function.procurement import PROCUREMENT
from apps.streamlit.grimoire import show

show(PROCUREMENT)
