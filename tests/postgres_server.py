"""One PostgreSQL for each process of tests; each test has a schema of its own."""

import itertools

import pytest

from danlu.testing.postgres import Server, why_not

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres():
    """A server that runs."""
    if why := why_not():
        pytest.skip(why)
    with Server() as server:
        yield server


@pytest.fixture
def database(postgres):
    """The URL of a database, or what looks like one, that is empty."""
    return postgres.schema(f"test_{next(_numbers)}")
