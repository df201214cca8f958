"""The order of places within each row of a layered drawing, so that few edges cross.

What belongs here: sweeps by weighted barycentre and the count of crossings. What does not: rows and positions (`layered`).
"""

from bisect import bisect_left, insort
from collections import defaultdict
from itertools import pairwise

SWEEPS = 24

Piece = tuple[int, int, float]  # upper slot, lower slot (in the next row), weight


def order_ranks(rows: list[list[int]], pieces: list[Piece]) -> list[list[int]]:
    """The rows with their slots reordered; the best of a fixed number of sweeps down and up."""
    above: dict[int, list[tuple[int, float]]] = defaultdict(list)
    below: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for upper, lower, weight in pieces:
        below[upper].append((lower, weight))
        above[lower].append((upper, weight))
    rows = [list(row) for row in rows]
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    sweeps = SWEEPS if len(pieces) < 1500 else 8
    for sweep in range(sweeps):
        if fewest == 0:
            break
        down = sweep % 2 == 0
        for i in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            _sort_by_barycentre(rows[i], rows[i - 1] if down else rows[i + 1], above if down else below)
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _sort_by_barycentre(row: list[int], fixed: list[int], links: dict[int, list[tuple[int, float]]]) -> None:
    place = {slot: i for i, slot in enumerate(fixed)}
    stretch = max(1, len(fixed) - 1) / max(1, len(row) - 1)
    centre = {}
    for i, slot in enumerate(row):
        ends = links[slot]
        total = sum(weight for _, weight in ends)
        centre[slot] = sum(place[end] * weight for end, weight in ends) / total if total else i * stretch
    row.sort(key=centre.__getitem__)  # stable: what is level keeps its order


def _crossings(rows: list[list[int]], below: dict[int, list[tuple[int, float]]]) -> float:
    """Crossings between neighbouring rows, each weighted by the lighter of the two edges' roots."""
    total = 0.0
    for upper, lower in pairwise(rows):
        place = {slot: i for i, slot in enumerate(lower)}
        seen: list[int] = []
        for slot in upper:
            ends = sorted(place[end] for end, _ in below[slot])
            for end in ends:
                total += len(seen) - bisect_left(seen, end + 1)
            for end in ends:
                insort(seen, end)
    return total
