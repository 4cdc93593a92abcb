"""Each threat of the table names a test that exists, and each entrance that the design names has one."""

import ast

import pytest

from salesforecast_lib.files import project_root
from salesforecast_lib.production.robustness.threats import THREATS, threat_table


@pytest.mark.parametrize("threat", THREATS, ids=[f"{each.entrance}: {each.attack}" for each in THREATS])
def test_the_test_of_a_threat_exists(threat):
    file, _, name = threat.test.partition("::")
    tree = ast.parse((project_root() / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, threat.test
    assert name.startswith("test_"), "pytest would not collect it"


def test_every_entrance_has_a_threat():
    entrances = set(threat_table()["entrance"])
    assert {
        "order file",
        "workbook",
        "model folder",
        "request",
        "notebook parameter",
        "profile",
        "run folder",
    } <= entrances
    assert not threat_table().duplicated(["entrance", "attack"]).any()
