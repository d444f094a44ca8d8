"""Each link of the default chain has a case that it, and no other, decides.

Laws cannot catch two links in the wrong order; these can. In each case every later link that can be
is against the winner, and without the link itself the loser would win.
"""

import json

import pytest

from nimprofile import POLICIES, mock_inventory, parse_manifest, select
from tests.support.paths import CORPUS

CASES = sorted((CORPUS / "links").glob("*.json"))


def _load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _decide(case, policy, *, turned=False):
    profiles = [case["winner"], case["loser"]]
    manifest = parse_manifest(json.dumps({"profiles": profiles[::-1] if turned else profiles}))
    return select(manifest, mock_inventory(case["gpus"]), policy=policy)


def test_every_link_has_its_case():
    links = [_load(path)["link"] for path in CASES]
    assert [criterion.name for criterion in POLICIES["nim"].criteria] == links


@pytest.mark.parametrize("turned", [False, True], ids=["as written", "turned round"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_link_decides(path, turned):
    case = _load(path)
    decision = _decide(case, "nim", turned=turned)
    assert case["winner"]["id"] == decision.selected.profile.id
    assert case["link"] == decision.deciding.name
    assert case["loser"]["id"] == decision.runner_up.profile.id


@pytest.mark.parametrize("path", CASES[:-1], ids=lambda path: path.stem)
def test_without_the_link_the_other_wins(path):
    case = _load(path)
    nim = POLICIES["nim"]
    shorter = nim.replace(criteria=tuple(c for c in nim.criteria if c.name != case["link"]))
    assert case["loser"]["id"] == _decide(case, shorter).selected.profile.id
