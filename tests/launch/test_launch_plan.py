"""The plan of every server for every case is the one that was reviewed.

`tests/corpus/plans.json` keeps them, to be read beside the pages that the files of
`nimprofile/launch/servers` name. `python -m tests.tools.write_plans` prints the file anew.
"""

import json

import pytest

from nimprofile import Server
from tests.support.launch_cases import CASES, PLANS, golden


@pytest.mark.parametrize("server", tuple(Server))
@pytest.mark.parametrize("case", CASES)
def test_the_plan_is_the_one_that_was_reviewed(server, case):
    reviewed = json.loads(PLANS.read_text(encoding="utf-8"))
    assert reviewed[server][case] == golden(server, case)
