"""Organisational roles: groups of activities that the same people do.

What belongs here: the grouping, from the numbers of events by activity and resource. What does not: counting them
(`mining.people`).

The method of Burattin, Sperduti and Veluscek (2013), as pm4py has it: the two groups whose people are most alike become one, until
none are alike enough. Only similarities with the new group are computed again, so that hundreds of activities take no minutes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

_SAME = 12  # digits to which two similarities are the same; of those the first by name is taken
Group = tuple[str, ...]


@dataclass(frozen=True)
class Role:
    """Activities that are done by the same resources.

    Attributes:
        activities: Their names.
        resources: Events of these activities by resource, the most first.
    """

    activities: Group
    resources: dict[str, int]


def group_into_roles(events: Mapping[tuple[str, str], int], *, threshold: float) -> list[Role]:
    """The roles, by the names of their activities.

    Args:
        events: Events by activity and resource.
        threshold: How alike the resources of two groups must be for these to become one, 0 to 1: the sum of the smaller of
            their shares over the sum of the larger.
    """
    people: dict[Group, Counter[str]] = {}
    for (activity, resource), number in events.items():
        people.setdefault((activity,), Counter())[resource] += number
    shares = {group: _shares(of) for group, of in people.items()}
    groups = sorted(people)
    alike = {(a, b): _similarity(shares[a], shares[b]) for at, a in enumerate(groups) for b in groups[at + 1 :]}
    while alike:
        (first, second), similarity = min(alike.items(), key=lambda one: (-one[1], one[0]))
        if similarity <= threshold:
            break
        both = tuple(sorted(first + second))
        people[both] = people.pop(first) + people.pop(second)
        shares[both] = _shares(people[both])
        alike = {pair: value for pair, value in alike.items() if first not in pair and second not in pair}
        for other in people:
            if other != both:
                alike[min(other, both), max(other, both)] = _similarity(shares[other], shares[both])
    return [Role(group, dict(sorted(people[group].items(), key=lambda one: (-one[1], one[0])))) for group in sorted(people)]


def _shares(people: Mapping[str, int]) -> dict[str, float]:
    total = sum(people.values())
    return {name: number / total for name, number in people.items()}


def _similarity(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    shared = sum(min(share, other[name]) for name, share in one.items() if name in other)
    return round(shared / (2 - shared), _SAME)  # both sum up to 1, so the larger ones to what is left of 2
