"""The Grimoire of it operations.

What belongs here: showing it. What does not: what stands on it (`by_function.it_operations`) and how (`grimoire`).
"""

from apps.streamlit.by_function.it_operations import IT_OPERATIONS
from apps.streamlit.grimoire import show

show(IT_OPERATIONS)
