"""Requests made from the server's own description: never an error of the server's."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from tests.unit.production.server.test_limits import shared  # noqa: F401  (a fixture)

PATHS = ("/forecast", "/observe", "/replenish", "/whatif")


@pytest.mark.parametrize("path", PATHS)
def test_no_request_makes_it_fail(shared, path):  # noqa: F811
    schema = schemathesis.openapi.from_dict(shared.app.openapi())
    seen = set()
    for operation in (each.ok() for each in schema.get_all_operations()):
        if operation.path != path:
            continue
        for strategy in (operation.as_strategy(mode) for mode in GenerationMode):

            @settings(
                max_examples=15, database=None, deadline=None, derandomize=True, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(case=strategy)
            def ask(case):
                said = case.as_transport_kwargs(base_url="http://testserver")
                body = {
                    ours: said[theirs] for ours, theirs in (("json", "json"), ("content", "data")) if theirs in said
                }
                said = {name: said[name] for name in ("method", "url", "headers") if name in said} | body
                seen.add(shared.request(**said).status_code)

            ask()
    assert seen and max(seen) < 500, seen
