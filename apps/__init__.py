"""The faces: the Grimoires in Streamlit and the `grimoire` command.

What belongs here: showing and asking. What does not: computing.
"""
