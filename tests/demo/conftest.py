import pytest

from probe.demo.namespaces import namespaces_available
from probe.demo.net import Stage


@pytest.fixture
def stage():
    """An empty test network of its own."""
    usable, reason = namespaces_available()
    if not usable:
        pytest.skip(f"no network namespaces here: {reason}")
    with Stage() as made:
        yield made
