"""What the tests of the target http share."""

import pytest
from faulty_server import FaultyServer

from neatfool_plugins.http import service


@pytest.fixture
def server():
    """A server without faults, until a test asks for some."""
    with FaultyServer() as running:
        yield running


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Try again at once, nearly."""
    monkeypatch.setattr(service, "FIRST_WAIT", 0.002)
    monkeypatch.setattr(service, "LONGEST_WAIT", 0.02)
