"""What several tests of the pipeline share."""

import pytest

from salesforecast_lib.pipeline import runner
from tests.unit.pipeline.quick import execute_here


@pytest.fixture
def quick(monkeypatch):
    """Made stages run in the test's own process, in milliseconds."""
    monkeypatch.setattr(runner, "execute", execute_here)
