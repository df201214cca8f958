"""What a column's values and its name say of it: e-mail addresses, telephone numbers, IBANs, cards, social security numbers, keys.

What belongs here: recognising, value by value and name by name, without a lake and without a network. What does not: which columns
are looked at and what follows from it (`connectors.classification`).

Precision comes before recall, for a rule that cries wolf is soon ignored: numbers must pass their check digits, nearly all values
of a column must agree, and a telephone number without its country code counts only where the column's name says that it is one.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lake.catalog_tables import Classification

EMAIL = re.compile(r"[a-z0-9][\w.+'-]{0,63}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}", re.IGNORECASE)
_DIGITS = re.compile(r"\d(?:[ -]?\d){11,18}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_INTERNATIONAL = re.compile(r"(?:\+|00)[1-9][\d ()/.-]{6,22}")
_AMERICAN = re.compile(r"\(\d{3}\) ?\d{3}[- ]\d{4}")
_NATIONAL = re.compile(r"\(?0[\d ()/.-]{5,20}|\(?[2-9][\d ().-]{6,18}")
_PHONE_NAME = re.compile(r"(^|_)(phone|telephone|tel|mobile|cell|fax)(_|$|number|no$)")
_CARD_PREFIX = re.compile(r"4|5[1-5]|2[2-7]|3[47]|30[0-5]|3[689]|6011|64[4-9]|65|35(2[89]|[3-8])")
_SECRET = re.compile(r"[A-Za-z0-9_\-+/=.]{16,}|-----BEGIN ")
_REGIONS = ("US", "GB", "DE", "FR", "IT", "ES", "NL", "CH", "AT", "PL", "SE")  # tried for numbers without a country code

MOST, SOME = 0.8, 0.05  # share of the values that must agree; of free texts that hold an address


@dataclass(frozen=True)
class Rule:
    """A kind of value: whether one is it, what share of a column must be, and how many at least."""

    name: str
    matches: Callable[[str], bool]
    share: float = MOST
    least: int = 2


@dataclass(frozen=True)
class Finding:
    """What was recognised in a column, with a masked example."""

    rule: str
    example: str = ""


def is_email(value: str) -> bool:
    """Whether the whole value is an e-mail address."""
    return EMAIL.fullmatch(value) is not None


def is_iban(value: str) -> bool:
    """Whether it is an IBAN of an existing country, with its length and its check digits."""
    if not _IBAN.fullmatch(value):
        return False
    from stdnum import iban

    return bool(iban.is_valid(value))


def is_card(value: str) -> bool:
    """Whether it is a payment card's number: a brand's prefix, 13 to 19 digits, Luhn's check digit."""
    if not _DIGITS.fullmatch(value) or not _CARD_PREFIX.match(value):
        return False
    from stdnum import luhn

    digits = re.sub(r"[ -]", "", value)
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and bool(luhn.is_valid(digits))


def is_social_security(value: str) -> bool:
    """Whether it is a social security number of the United States, hyphens and all."""
    if not _SSN.fullmatch(value):
        return False
    from stdnum.us import ssn

    return bool(ssn.is_valid(value))


def is_phone(value: str) -> bool:
    """Whether it is a telephone number that can exist, told by its country code or by America's brackets."""
    if _INTERNATIONAL.fullmatch(value):
        return _is_valid_phone(f"+{value[2:]}" if value.startswith("00") else value, None)
    return bool(_AMERICAN.fullmatch(value)) and _is_valid_phone(value, "US")


def is_national_phone(value: str) -> bool:
    """Whether it can be a telephone number of one of some countries, written as it is dialled there."""
    return is_phone(value) or (bool(_NATIONAL.fullmatch(value)) and any(_is_valid_phone(value, region) for region in _REGIONS))


@lru_cache(maxsize=4096)
def _is_valid_phone(value: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(value, region)))
    except phonenumbers.NumberParseException:
        return False


def is_secret(value: str) -> bool:
    """Whether it holds an API key, token or private key of a known service."""
    return bool(_SECRET.search(value)) and any(next(iter(one.analyze_string(value)), None) for one in _detectors())


@lru_cache(maxsize=1)
def _detectors() -> tuple[Any, ...]:
    """Those of detect-secrets that know a service's form; those that only measure randomness would find every hash."""
    from detect_secrets.plugins import (
        aws,
        azure_storage_key,
        github_token,
        gitlab_token,
        jwt,
        mailchimp,
        npm,
        openai,
        private_key,
        pypi_token,
        sendgrid,
        slack,
        square_oauth,
        stripe,
        telegram_token,
        twilio,
    )  # fmt: skip

    return (
        aws.AWSKeyDetector(), azure_storage_key.AzureStorageKeyDetector(), github_token.GitHubTokenDetector(),
        gitlab_token.GitLabTokenDetector(), jwt.JwtTokenDetector(), mailchimp.MailchimpDetector(), npm.NpmDetector(),
        openai.OpenAIDetector(), private_key.PrivateKeyDetector(), pypi_token.PypiTokenDetector(), sendgrid.SendGridDetector(),
        slack.SlackDetector(), square_oauth.SquareOAuthDetector(), stripe.StripeDetector(),
        telegram_token.TelegramBotTokenDetector(), twilio.TwilioKeyDetector(),
    )  # fmt: skip


RULES = (
    Rule("e-mail address", is_email),
    Rule("IBAN", is_iban),
    Rule("payment card number", is_card),
    Rule("social security number", is_social_security),
    Rule("telephone number", is_phone),
    Rule("API key or token", is_secret, share=0.0, least=1),
    Rule("text with an e-mail address", lambda value: EMAIL.search(value) is not None, share=SOME),
)
_PHONE_BY_NAME = Rule("telephone number", is_national_phone, share=0.5, least=1)

_PERSON = re.compile(
    r"(^|_)(first|last|given|family|middle|full|maiden|sur|user|contact|person|employee|caller|requester|assignee|agent|patient)"
    r"_?name$|^(sur|fore)name$|(^|_)(salesperson|sales_rep|assignee|assigned_to|approver|approved_by|created_by|changed_by|updated_by"
    r"|requester|requested_by|reporter|buyer|purchaser|caller|agent|owner|account_manager|resource|employee|handled_by|author|login"
    r"|user_name|username|spouse|nickname)$"
)
_PRIVATE = re.compile(
    r"(^|_)(e_?mail|mail_address|phone|telephone|mobile|cell|fax|iban|bic|bank_account|account_number|card_number|pan|cvv|ssn"
    r"|social_security|passport|tax_id|birth_?date|date_of_birth|birthday|gender|religion|nationality|salary|wage|password|passwd"
    r"|secret|token|api_?key|ip_address|street|address|address_line|address_line_\d|home_address|latitude|longitude)(_number|_no)?$"
)
_CONFIDENTIAL = re.compile(
    r"(^|_)(amount|amounts|price|cost|costs|margin|revenue|spend|discount|discount_percent|receivables|payables|payment_term_days|profit|value|total|balance|credit_limit|paid|rate|budget"
    r"|quota|forecast|probability|expected_value|lower_\d+|upper_\d+|limit)(_amount|_eur|_usd|_value|_share)?$"
    r"|(^|_)(employee|salesperson|buyer|requester|contact|person|user|assignee|approver)_id$|(^|_)(opportunity|deal|project)_name$"
    r"|(^|_)(customer|supplier|vendor|party|account|company|partner|client)(_name|_code)?$"
    r"|(^|_)(note|notes|comment|comments|text|subject|message|description|reason|detail|details|body|remark|memo)$"
    r"|^(old_value|new_value|field_value|name|title|job_title|domain_name|team|resource_team|city|postal_code|zip)$"
)
_YES_OR_NO = re.compile(r"^(is|has|was)_")


def by_values(name: str, values: Sequence[str]) -> Finding | None:
    """What the values are, if enough of them agree; `values` are different ones, blanks left out."""
    rules = (_PHONE_BY_NAME, *RULES) if _PHONE_NAME.search(name.lower()) else RULES
    for rule in rules:
        found = [value for value in values if rule.matches(value.strip())]
        if len(found) >= min(rule.least, len(values)) and found and len(found) >= rule.share * len(values):
            return Finding(rule.name, masked(found[0]))
    return None


def by_name(name: str, *, is_text: bool = True) -> tuple[Classification, str]:
    """What the name alone lets expect: a classification and why; persons' names are text."""
    word = name.lower()
    if _YES_OR_NO.search(word):
        return "public", "a yes or no"
    if is_text and _PERSON.search(word):
        return "sensitive", "named like a person"
    if _PRIVATE.search(word):
        return "sensitive", "named like a personal detail or a secret"
    if _CONFIDENTIAL.search(word):
        return "confidential", "named like an amount, a company, a person's key or free text"
    return "public", "nothing speaks against it"


def masked(value: str) -> str:
    """The value with the first letter of each word left, so that its form can be seen and nothing else."""
    shown = re.sub(r"(?<=[^\W_])[^\W_]", "•", value[:60])
    return f"{shown}…" if len(value) > 60 else shown
