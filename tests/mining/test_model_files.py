"""Models that people bring: what is read, and what is refused with a word on why."""

import pytest

from lake.errors import FileFormatError
from mining.conformance import align_variants
from mining.model_files import LARGEST, read_model, sequence_net


def test_a_sequence_is_a_net_that_can_do_exactly_that():
    net = sequence_net(["a", "b", "a"])
    found = align_variants([(1, ("a", "b", "a"), 3), (2, ("a", "b"), 1), (3, ("b", "a", "x"), 1)], net)
    assert [one.cost for one in found.variants] == [0, 1, 2]


def test_what_was_written_as_pnml_is_read_as_the_same_net():
    net = sequence_net(["a", "b"])
    assert read_model(net.to_pnml().encode(), name="target.pnml").id == net.id


def test_a_path_of_no_activities_is_refused():
    with pytest.raises(FileFormatError, match="no activities"):
        sequence_net([])


GOOD = sequence_net(["a"]).to_pnml()


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "empty.pnml", "not XML"),
        (b"", "empty.bpmn", "not XML"),
        (b"\xff\xfe\x00", "binary.pnml", "cannot be read"),
        (b"<pnml/>", "no-net.pnml", "no net"),
        (b"<a><net/></a>", "no-transitions.pnml", "without transitions"),
        (b"<definitions/>", "no-process.bpmn", "no BPMN process"),
        (GOOD.encode(), "a-net.bpmn", "no BPMN process"),
        (GOOD.replace('source="p0"', 'source="p9"').encode(), "lost-arc.pnml", "`p9`"),
        (GOOD.replace('source="p0"', "").encode(), "half-arc.pnml", "lacks 'source'"),
        (GOOD.replace("finalmarkings", "no-markings").encode(), "endless.pnml", "no final marking"),
        (GOOD.replace("initialMarking", "noMarking").encode(), "startless.pnml", "no initial marking"),
        (b" " * (LARGEST + 1), "large.pnml", "larger than"),
    ],
)
def test_what_is_no_model_is_refused_with_a_word_on_why(content, name, says):
    with pytest.raises(FileFormatError, match=says) as error:
        read_model(content, name=name)
    assert error.value.remedy
