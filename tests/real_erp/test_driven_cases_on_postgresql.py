"""25 cases driven by the people of a genuine Tryton on PostgreSQL, mined and compared with what they did, event by event."""

import pytest

pytestmark = [pytest.mark.real_erp, pytest.mark.slow, pytest.mark.timeout(1200)]


def test_what_is_mined_from_postgresql_is_what_the_people_did(mined_as_driven):
    mined_as_driven("postgresql")
