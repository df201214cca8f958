"""The Grimoire of service.

What belongs here: showing it. What does not: what stands on it (`by_function.service`) and how (`grimoire`).
"""

from apps.streamlit.by_function.service import SERVICE
from apps.streamlit.grimoire import show

show(SERVICE)
