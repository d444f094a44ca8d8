"""Hypothesis strategies for property tests of code that uses nimprofile.

    from hypothesis import given
    from nimprofile import select
    from nimprofile.testing import fitting_pairs

    @given(fitting_pairs())
    def test_what_was_made_to_run_is_selected(pair):
        decision = select(pair.manifest, pair.inventory, pair.request)
        assert decision.selected is not None

Every strategy builds valid values, awkward ones included: memory exactly equal to the need, one MiB
short of it, or unknown. It needs Hypothesis: `pip install nimprofile[testing]`.
"""

from __future__ import annotations

try:
    from nimprofile.testing.machines import COMMON_PRODUCTS, gpus, inventories
    from nimprofile.testing.manifests import (
        RelatedProfiles,
        manifests,
        profiles,
        related_profiles,
        requests,
        tag_sets,
    )
    from nimprofile.testing.pairs import (
        FittingPair,
        NearMiss,
        Situation,
        fitting_pairs,
        near_misses,
        situations,
    )
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise
    raise ImportError(
        "nimprofile.testing needs Hypothesis: pip install nimprofile[testing]", name="hypothesis"
    ) from error

__all__ = [
    "COMMON_PRODUCTS",
    "FittingPair",
    "NearMiss",
    "RelatedProfiles",
    "Situation",
    "fitting_pairs",
    "gpus",
    "inventories",
    "manifests",
    "near_misses",
    "profiles",
    "related_profiles",
    "requests",
    "situations",
    "tag_sets",
]
