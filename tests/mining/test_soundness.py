"""Soundness: nets known to be right and wrong, in the words people read."""

import pytest

from mining import PetriNet, check_soundness
from mining.petri_net import Transition


def net(arcs, initial="i", final="o"):
    """A net of arcs such as `i>a>o`; parts with capital letters are transitions."""
    pairs = [pair for way in arcs.split() for pair in zip(way.split(">"), way.split(">")[1:], strict=False)]
    parts = sorted({part for pair in pairs for part in pair})
    return PetriNet(
        tuple(part for part in parts if part.islower()),
        tuple(Transition(part, None if part.startswith("T") else part) for part in parts if not part.islower()),
        tuple(pairs),
        {initial: 1} if initial else {},
        {final: 1} if final else {},
    )


@pytest.mark.parametrize(
    "arcs",
    ["i>A>o", "i>A>p>B>o p>C>p", "i>T1>p>A>q>T2>o T1>r>B>s>T2", "i>A>p>B>o i>C>p"],
    ids=["one", "loop", "parallel", "choice"],
)
def test_nets_that_are_right_are_sound(arcs):
    found = check_soundness(net(arcs))

    assert (found.is_sound, found.problems) == (True, ())


@pytest.mark.parametrize(
    ("arcs", "told"),
    [
        ("i>A>p>C>o i>B>q>C", "(nothing can follow) the end can no longer be reached"),
        ("i>A>p>B>o A>q>C>o", "A run can reach its end with work left over"),
        ("i>A>p>A i>B>o p>B", "A run can get stuck"),
        ("i>A>p>B>p B>q>C>o p>C", "Tokens pile up without end"),
        ("i>A>o B>q>C>o", "No way leads from the start to «B», «C»."),
        ("i>A>o i>B>p", "No way leads from «B» to the end."),
        ("i>A>o B>o", "«B» can happen at any time"),
    ],
    ids=["deadlock", "left over", "never", "unbounded", "cut off", "dead end", "free"],
)
def test_nets_that_are_wrong_say_why(arcs, told):
    found = check_soundness(net(arcs))

    assert found.is_sound is False
    assert any(told in problem for problem in found.problems), found.problems


def test_a_net_without_markings_or_transitions_says_so():
    assert "no initial marking" in check_soundness(net("i>A>o", initial="")).problems[0]
    assert "no final marking" in check_soundness(net("i>A>o", final="")).problems[0]
    assert "no transitions" in check_soundness(PetriNet(("p",), (), (), {"p": 1}, {"p": 1})).problems[0]


def test_a_state_space_beyond_the_bound_is_not_decided():
    wide = "i>T1 T2>o " + " ".join(f"T1>p{n}>A{n}>q{n}>T2" for n in range(12))
    found = check_soundness(net(wide), states=100)

    assert found.is_sound is None
    assert "Not decided: there are more than 100 markings" in found.problems[0]
