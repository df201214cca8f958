"""The Grimoire of security.

What belongs here: showing it. What does not: what stands on it (`by_function.security`) and how (`grimoire`).
"""

from apps.streamlit.by_function.security import SECURITY
from apps.streamlit.grimoire import show

show(SECURITY)
