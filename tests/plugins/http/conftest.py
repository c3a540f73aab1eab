"""What the tests of the target http share."""

import pytest
import trustme
from faulty_server import FaultyServer

from neatfool_plugins.http import service


@pytest.fixture
def server():
    """A server without faults, until a test asks for some."""
    with FaultyServer() as running:
        yield running


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def encrypted(authority, tmp_path):
    """A server with TLS whose certificate an authority signed that nobody knows."""
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        tmp_path / "server.pem"
    )
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    with FaultyServer(certificate=tmp_path / "server.pem") as running:
        running.authority = tmp_path / "authority.pem"
        yield running


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Try again at once, nearly."""
    monkeypatch.setattr(service, "FIRST_WAIT", 0.002)
    monkeypatch.setattr(service, "LONGEST_WAIT", 0.02)
