import pytest
from uncompiled import uncompiled_breeding


@pytest.fixture
def plain():
    """Modules of breeding, uncompiled."""
    with uncompiled_breeding() as modules:
        yield modules
