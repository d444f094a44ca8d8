"""Print the plan of every server for every case: `python -m tests.tools.write_plans > tests/corpus/plans.json`."""

import json

from nimprofile import Server
from tests.support.launch.cases import CASES, golden


def plans():
    return {str(server): {case: golden(server, case) for case in CASES} for server in Server}


if __name__ == "__main__":
    print(json.dumps(plans(), indent=1))
