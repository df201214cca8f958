"""Recognisers find what is planted and leave alone what only looks like it."""

import pytest

from connectors import recognisers
from connectors.recognisers import by_name, by_values, masked


@pytest.mark.parametrize(
    "value", ["4111 1111 1111 1111", "5555555555554444", "378282246310005", "6011-1111-1111-1117", "3530111333300000"]
)
def test_cards_with_a_brands_prefix_and_right_check_digit_are_recognised(value):
    assert recognisers.is_card(value)


@pytest.mark.parametrize(
    "value",
    [
        "4111 1111 1111 1112",  # wrong check digit
        "1234567890123452",  # right check digit, no brand
        "4000000000000000",  # a counter
        "2024000000012345",
        "ORD-2024-000123",
        "411111111111",  # too short
    ],
)
def test_document_numbers_are_no_cards(value):
    assert not recognisers.is_card(value)


@pytest.mark.parametrize(
    "value", ["DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "NL91ABNA0417164300", "FR1420041010050500013M02606"]
)
def test_ibans_of_several_countries_are_recognised(value):
    assert recognisers.is_iban(value)


@pytest.mark.parametrize(
    "value", ["DE89370400440532013001", "XX89370400440532013000", "DE8937040044053201300", "INV2024000123456789"]
)
def test_ibans_with_a_wrong_digit_country_or_length_are_not(value):
    assert not recognisers.is_iban(value)


@pytest.mark.parametrize(
    "value", ["+49 30 901820", "+1 212-555-0123", "+44 20 7946 0958", "0033 1 42 68 53 00", "+91 98765 43210", "(212) 555-0123"]
)
def test_telephone_numbers_of_several_countries_are_recognised(value):
    assert recognisers.is_phone(value)


@pytest.mark.parametrize(
    "value", ["2024-000123", "0815-4711", "4711 0815", "20241231", "+49 1", "+999 12345678", "100-200-300", "030 901820"]
)
def test_order_numbers_and_numbers_without_country_code_are_no_telephone_numbers(value):
    assert not recognisers.is_phone(value)


def test_a_national_telephone_number_counts_where_the_column_says_that_it_is_one():
    numbers = ["030 901820", "089 23300", "040 428280"]
    assert by_values("phone", numbers).rule == "telephone number"
    assert by_values("order_number", numbers) is None


@pytest.mark.parametrize("value", ["078-05-1121", "219-09-9998"])
def test_social_security_numbers_need_their_hyphens(value):
    assert recognisers.is_social_security(value)
    assert not recognisers.is_social_security(value.replace("-", ""))


@pytest.mark.parametrize("value", ["000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000"])
def test_numbers_that_were_never_given_out_are_no_social_security_numbers(value):
    assert not recognisers.is_social_security(value)


@pytest.mark.parametrize(
    "value",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "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",
        "token=sk_live_9ReYx3mK2pQ7vB8nL4tW6zHs",
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_keys_of_known_services_are_recognised(value):
    assert recognisers.is_secret(value)


@pytest.mark.parametrize(
    "value",
    [
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "6f1ed002-ab5b-4f6e-9d3a-1e2b3c4d5e6f",
        "ORD-2024-000123-LINE-0001",
    ],
)
def test_hashes_and_identifiers_are_no_keys(value):
    assert not recognisers.is_secret(value)


def test_most_values_must_agree_so_that_chance_accuses_no_column():
    cards = ["4111111111111111", "5555555555554444"]
    assert by_values("note", cards).rule == "payment card number"
    assert by_values("document_number", [*cards, *(f"41{n:014d}" for n in range(0, 900, 97))]) is None


def test_one_key_among_many_texts_is_enough_and_so_is_an_address_in_some():
    texts = [f"nothing of note {n}" for n in range(30)]
    assert by_values("note", [*texts, "use AKIAIOSFODNN7EXAMPLE"]).rule == "API key or token"
    assert by_values("note", [*texts, "ask ann@example.com", "or bob@example.com"]).rule == "text with an e-mail address"
    assert by_values("note", texts) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("salesperson", "sensitive"), ("first_name", "sensitive"), ("employee_name", "sensitive"), ("email", "sensitive"),
        ("birth_date", "sensitive"), ("unit_price", "confidential"), ("customer_name", "confidential"), ("amount", "confidential"),
        ("salesperson_id", "confidential"), ("order_number", "public"), ("state", "public"), ("created_at", "public"),
        ("is_credit_note", "public"), ("owner_team", "public"), ("product_name", "public"),
    ],
)  # fmt: skip
def test_a_name_alone_tells_persons_and_amounts_from_the_rest(name, expected):
    assert by_name(name)[0] == expected


def test_a_number_named_like_a_person_is_none():
    assert by_name("resource", is_text=False)[0] == "public"


def test_a_masked_example_shows_the_form_and_nothing_else():
    assert masked("ann.lee@example.com") == "a••.l••@e••••••.c••"
    assert masked("+49 30 901820") == "+4• 3• 9•••••"
