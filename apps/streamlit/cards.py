"""Key-figure cards: a value, its change against the period before, its trend and where the trend is expected to go.

What belongs here: one card as HTML with its sparkline as SVG. What does not: where the figures come from.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from apps.streamlit import palette
from apps.streamlit.wording import safe

_WIDTH, _HEIGHT, _EDGE = 220.0, 46.0, 3.0
Band = tuple[float, float, float]  # expected, lower, upper


@dataclass(frozen=True)
class Card:
    """One key figure."""

    title: str
    value: str
    unit: str = ""
    change: float | None = None  # relative to the period before
    higher_is_better: bool | None = None
    against: str = ""
    trend: Sequence[float] = field(default_factory=tuple)
    outlook: Sequence[Band] = field(default_factory=tuple)
    foot: str = ""


def cards(all_cards: Sequence[Card]) -> str:
    """The cards as HTML; every text is escaped."""
    return f'<div class="gr-cards">{"".join(_card(card) for card in all_cards)}</div>'


def sparkline(trend: Sequence[float], outlook: Sequence[Band] = ()) -> str:
    """The trend as a line, the outlook as a dashed line in its band; nothing for fewer than two values."""
    if len(trend) < 2:
        return ""
    values = [*trend, *(value for band in outlook for value in band)]
    low, high = min(values), max(values)
    steps = len(trend) + len(outlook) - 1

    def at(i: int, value: float) -> str:
        x = _EDGE + i / steps * (_WIDTH - 2 * _EDGE)
        y = _HEIGHT - _EDGE - ((value - low) / (high - low) if high > low else 0.5) * (_HEIGHT - 2 * _EDGE)
        return f"{x:.1f},{y:.1f}"

    ink, gold = palette.series(palette.INK), palette.series(palette.GOLD)
    history = " ".join(at(i, value) for i, value in enumerate(trend))
    base = f"{_EDGE:.1f},{_HEIGHT} {history} {at(len(trend) - 1, low).split(',')[0]},{_HEIGHT}"
    parts = [f'<polygon points="{base}" fill="{ink}" opacity="0.08"/>']
    if outlook:
        start = len(trend) - 1
        ahead = [(trend[-1],) * 3, *outlook]
        upper = [at(start + i, band[2]) for i, band in enumerate(ahead)]
        lower = [at(start + i, band[1]) for i, band in enumerate(ahead)]
        middle = " ".join(at(start + i, band[0]) for i, band in enumerate(ahead))
        parts.append(f'<polygon points="{" ".join([*upper, *reversed(lower)])}" fill="{gold}" opacity="0.22"/>')
        parts.append(f'<polyline points="{middle}" fill="none" stroke="{gold}" stroke-width="1.6" stroke-dasharray="3 2.5"/>')
    parts.append(f'<polyline points="{history}" fill="none" stroke="{ink}" stroke-width="1.7" stroke-linejoin="round"/>')
    x, y = at(len(trend) - 1, trend[-1]).split(",")
    parts.append(f'<circle cx="{x}" cy="{y}" r="2.4" fill="{ink}"/>')
    size = f'viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" preserveAspectRatio="none"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'


def _card(card: Card) -> str:
    unit = f" <small>{safe(card.unit)}</small>" if card.unit else ""
    foot = f'<div class="foot">{safe(card.foot)}</div>' if card.foot else ""
    return (
        f'<div class="gr-card"><div class="title">{safe(card.title)}</div><div class="value">{safe(card.value)}{unit}</div>'
        f'<div class="change">{_change(card)}</div>{_image(sparkline(card.trend, card.outlook))}{foot}</div>'
    )


def _image(svg: str) -> str:
    """The SVG as an image: Streamlit's HTML takes no inline SVG, and an image can run no script."""
    return f'<img alt="Trend" src="data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}">' if svg else ""


def _change(card: Card) -> str:
    if card.change is None:
        return safe(card.against) or "&nbsp;"
    if abs(card.change) < 0.0005:
        return f"unchanged {safe(card.against)}"
    is_good = card.higher_is_better is not None and (card.change > 0) == card.higher_is_better
    kind = "" if card.higher_is_better is None else "good" if is_good else "bad"
    arrow = "▲" if card.change > 0 else "▼"
    size = f"{abs(card.change) * 100:.1f} %" if abs(card.change) < 10 else f"× {card.change + 1:.0f}"
    return f'<span class="{kind}">{arrow} {size}</span> {safe(card.against)}'
