"""An alignment as a picture: what the case did above, what the model does below, move by move.

What belongs here: the moves as HTML; every text is escaped. What does not: finding them (`conformed`).

Who moves is told by the words, the place and the border, too, never by colour alone.
"""

from collections.abc import Sequence

from apps.streamlit.wording import safe, shortened

MOST_MOVES = 300  # a case of thousands of events is cut, and the page says so
_LETTERS = 26
_KINDS = {"both": "synchronous", "log": "log move", "model": "model move"}
_SKIP = "≫"


def picture(moves: Sequence[tuple[str, str]]) -> str:
    """The moves as HTML: a column each, the log's row above the model's."""
    columns = "".join(_column(number, who, activity) for number, (who, activity) in enumerate(moves[:MOST_MOVES], start=1))
    return f'<div class="gr-moves" role="list" aria-label="Alignment">{columns}</div>'


def legend(moves: Sequence[tuple[str, str]]) -> str:
    """What the borders mean, with how many moves of each kind there are."""
    counts = {kind: sum(who == kind for who, _ in moves) for kind in _KINDS}
    words = {
        "both": "synchronous: the case does what the model does",
        "log": "log move: done, but not in the model here",
        "model": "model move: in the model, but not done",
    }
    parts = "".join(f'<span><i class="gr-move {kind}"></i>{counts[kind]} {safe(words[kind])}</span>' for kind in _KINDS)
    return f'<div class="gr-legend">{parts}</div>'


def _column(number: int, who: str, activity: str) -> str:
    name = safe(shortened(activity, letters=_LETTERS))
    above, below = (name if who != "model" else _SKIP), (name if who != "log" else _SKIP)
    told = safe(f"{number}. {activity}: {_KINDS[who]}")
    return (
        f'<div class="gr-move {who}" role="listitem" title="{told}" aria-label="{told}">'
        f'<span class="log">{above}</span><span class="model">{below}</span></div>'
    )
