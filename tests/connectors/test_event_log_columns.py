import pytest

from connectors.event_log_columns import assign_roles, attribute_names
from lake.errors import ColumnMissingError

NOTHING_GIVEN: dict[str, str | None] = {}


def test_columns_are_guessed_whatever_their_spelling():
    roles = assign_roles(
        ["Case ID", "Activity", "Complete Timestamp", "Start Timestamp", "Resource", "Cost"], NOTHING_GIVEN, file="x"
    )
    assert (roles.case, roles.activity, roles.timestamp) == ("Case ID", "Activity", "Complete Timestamp")
    assert (roles.start, roles.resource) == ("Start Timestamp", "Resource")


def test_a_given_column_wins_and_its_guess_goes_to_another():
    roles = assign_roles(["id", "order_id", "event", "time"], {"case": "id"}, file="x")
    assert roles.case == "id"


def test_a_start_is_the_time_of_a_log_that_has_no_other():
    roles = assign_roles(["case", "activity", "start_time"], NOTHING_GIVEN, file="x")
    assert (roles.timestamp, roles.start) == ("start_time", None)


def test_a_missing_part_names_the_columns_there_are_and_the_option():
    with pytest.raises(ColumnMissingError, match=r"`a`, `b`.*--case"):
        assign_roles(["a", "b"], NOTHING_GIVEN, file="x.csv")


def test_a_named_column_that_is_not_there_is_named_in_the_error():
    with pytest.raises(ColumnMissingError, match="no column `step` for the activity"):
        assign_roles(["case", "activity", "time"], {"activity": "step"}, file="x.csv")


def test_attributes_never_take_a_contracts_name_nor_one_twice():
    names = attribute_names(["case:channel", "Resource", "org:group", "ORG GROUP", "source_row", "Größe (m²)", "!"])
    assert list(names.values()) == ["case_channel", "resource_2", "org_group", "org_group_2", "source_row_2", "größe_m²", "column"]
