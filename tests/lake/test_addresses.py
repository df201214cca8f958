"""Addresses of databases: the same words, whether an address is ours or SQLAlchemy's."""

import pytest
from sqlalchemy.engine import make_url

from lake.addresses import Address, libpq_dsn, libpq_options


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg://ann:p%40ss%20w'%5Crd@db.example:6543/grimoire?sslmode=verify-full",
        "postgresql+psycopg://postgres@/grimoire_catalog?host=%2Ftmp%2Fa%20socket",
        "postgresql+psycopg://db.example/postgres",
    ],
)
def test_an_address_says_what_sqlalchemys_url_says(text):
    url = make_url(text)
    address = Address.from_url(url)

    assert address.as_url() == url
    assert libpq_dsn(address) == libpq_dsn(url)
    assert libpq_options(address) == libpq_options(url)


def test_an_address_does_not_show_its_password():
    assert "secret" not in repr(Address("postgres", "ann", "secret", "db.example"))
