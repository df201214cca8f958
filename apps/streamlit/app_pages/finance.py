"""The Grimoire of finance.

What belongs here: showing it. What does not: what stands on it (`by_function.finance`) and how (`grimoire`).
"""

from apps.streamlit.by_function.finance import FINANCE
from apps.streamlit.grimoire import show

show(FINANCE)
