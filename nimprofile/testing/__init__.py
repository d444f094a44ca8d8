"""Fake hardware for tests of code that uses nimprofile: a fake driver, and Hypothesis strategies.

`FakeNvml` puts a machine behind pynvml; `nimprofile.testing.fake_nvml` says more.

    from hypothesis import given
    from nimprofile import select
    from nimprofile.testing import fitting_pairs

    @given(fitting_pairs())
    def test_what_was_made_to_run_is_selected(pair):
        decision = select(pair.manifest, pair.inventory, pair.request)
        assert decision.selected is not None

Every strategy builds valid values, awkward ones included: memory exactly equal to the need, one MiB
short of it, or unknown. They need Hypothesis: `pip install nimprofile[testing]`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.testing.fake_nvml import FakeNvml as FakeNvml
    from nimprofile.testing.faults import (
        DRIVER_MISMATCH as DRIVER_MISMATCH,
        NO_DRIVER as NO_DRIVER,
        NO_LIBRARY as NO_LIBRARY,
        NO_PERMISSION as NO_PERMISSION,
        OLD_DRIVER as OLD_DRIVER,
        Fault as Fault,
        hanging as hanging,
        lost as lost,
    )
    from nimprofile.testing.strategies.boards import COMMON_PRODUCTS as COMMON_PRODUCTS
    from nimprofile.testing.strategies.machines import (
        gpus as gpus,
        inventories as inventories,
        nvml_inventories as nvml_inventories,
    )
    from nimprofile.testing.strategies.manifests import (
        RelatedProfiles as RelatedProfiles,
        manifests as manifests,
        profiles as profiles,
        related_profiles as related_profiles,
        requests as requests,
        tag_sets as tag_sets,
    )
    from nimprofile.testing.strategies.models import model_configs as model_configs
    from nimprofile.testing.strategies.near_misses import (
        NearMiss as NearMiss,
        near_misses as near_misses,
    )
    from nimprofile.testing.strategies.pairs import (
        FittingPair as FittingPair,
        fitting_pairs as fitting_pairs,
    )
    from nimprofile.testing.strategies.situations import (
        Situation as Situation,
        situations as situations,
    )


_HOME = {
    "fake_nvml": ("FakeNvml",),
    "faults": (
        "DRIVER_MISMATCH",
        "Fault",
        "NO_DRIVER",
        "NO_LIBRARY",
        "NO_PERMISSION",
        "OLD_DRIVER",
        "hanging",
        "lost",
    ),
    "strategies.boards": ("COMMON_PRODUCTS",),
    "strategies.machines": ("gpus", "inventories", "nvml_inventories"),
    "strategies.manifests": (
        "RelatedProfiles",
        "manifests",
        "profiles",
        "related_profiles",
        "requests",
        "tag_sets",
    ),
    "strategies.models": ("model_configs",),
    "strategies.pairs": ("FittingPair", "fitting_pairs"),
    "strategies.near_misses": ("NearMiss", "near_misses"),
    "strategies.situations": ("Situation", "situations"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605 - the names above, once


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        module = import_module(f"{__name__}.{_MODULE_OF[name]}")
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise ImportError(
            f"nimprofile.testing.{name} needs Hypothesis: pip install nimprofile[testing]",
            name="hypothesis",
        ) from error
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
