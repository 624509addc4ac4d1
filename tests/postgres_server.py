"""One PostgreSQL for each process of tests; each test has a database of its own."""

import itertools

import pytest

from danlu.testing.postgres import Server, why_not

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server():
    if why := why_not():
        pytest.skip(why)
    with Server() as running:
        yield running


@pytest.fixture
def url(server):
    return server.database(f"test_{next(_numbers)}")
