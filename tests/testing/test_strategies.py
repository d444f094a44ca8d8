"""The public strategies keep their own promises."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import find, given, settings, strategies as st

from nimprofile import testing
from nimprofile.hardware.inventory import Gpu, Inventory
from nimprofile.manifest.profile import Profile
from nimprofile.testing import (
    fitting_pairs,
    gpus,
    inventories,
    manifests,
    profiles,
    related_profiles,
    requests,
    situations,
)
from tests.support.paths import ROOT


@given(gpus(index=3), inventories(min_gpus=2, max_gpus=5), profiles())
def test_each_strategy_draws_what_it_is_named_for(gpu, inventory, profile):
    assert isinstance(gpu, Gpu)
    assert gpu.index == 3
    assert isinstance(inventory, Inventory)
    assert 2 <= len(inventory.gpus) <= 5
    assert isinstance(profile, Profile)


@given(manifests(min_profiles=2, max_profiles=3, profiles=profiles(ids=st.sampled_from("abc"))))
def test_the_ids_of_a_manifest_are_unique(manifest):
    ids = [profile.id for profile in manifest.profiles]

    assert 2 <= len(set(ids)) == len(ids) <= 3


@given(related_profiles())
def test_related_profiles_differ_in_exactly_one_tag(related):
    tags = related.first.tags.keys() | related.second.tags.keys()
    differing = {tag for tag in tags if related.first.tags.get(tag) != related.second.tags.get(tag)}

    assert {related.tag} == differing
    assert related.first.id != related.second.id


@given(st.data())
def test_a_pin_that_is_drawn_is_in_the_manifest(data):
    manifest = data.draw(manifests())
    request = data.draw(requests(manifest=manifest))
    if request.pin is not None:
        known = {p.id for p in manifest.profiles} | {p.name.casefold() for p in manifest.profiles}
        assert request.pin.value in known


@given(situations(max_profiles=4))
def test_a_situation_has_at_most_so_many_profiles(situation):
    assert 1 <= len(situation.manifest.profiles) <= 4


AWKWARD = {
    "memory exactly as needed": lambda pair: any(
        pair.profile.memory is not None and _total(gpu) == pair.profile.memory.full_bytes
        for gpu in pair.inventory.gpus
    ),
    "memory unknown": lambda pair: any(g.memory_total_mib is None for g in pair.inventory.gpus),
    "no GPU to spare": lambda pair: pair.profile.gpus_needed == len(pair.inventory.gpus) > 1,
    "a board no catalogue knows": lambda pair: any(
        gpu.name == "NVIDIA H1000 Prototype" for gpu in pair.inventory.gpus
    ),
    "a mixed machine": lambda pair: len({gpu.name for gpu in pair.inventory.gpus}) > 1,
    "LoRA": lambda pair: pair.request.lora,
    "no engine": lambda pair: pair.profile.engine is None,
}


def _total(gpu):
    return None if gpu.memory_total_mib is None else gpu.memory_total_mib << 20


@pytest.mark.parametrize("claim", AWKWARD)
def test_the_awkward_cases_are_drawn(claim):
    assert find(
        fitting_pairs(), AWKWARD[claim], settings=settings(max_examples=2000, database=None)
    )


def test_every_public_strategy_is_documented():
    for name in testing.__all__:
        assert getattr(testing, name).__doc__


def test_without_hypothesis_the_import_says_what_to_install():
    code = (
        "import sys; sys.modules['hypothesis'] = None; from nimprofile.testing import inventories"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert done.returncode == 1
    assert "ImportError: nimprofile.testing.inventories needs Hypothesis" in done.stderr
    assert "pip install nimprofile[testing]" in done.stderr
