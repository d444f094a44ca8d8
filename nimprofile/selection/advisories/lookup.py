"""The advisories that a selection asks for: those that are sure to apply.

Reading the list takes about a millisecond, so it is read only where one of them can apply.
"""

from __future__ import annotations

from nimprofile.base.units import ComputeCapability

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from nimprofile.hardware.inventory import Inventory
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.advisories.advisory import Advisory
    from nimprofile.selection.request import Request

BY_DRIVER_FROM = ComputeCapability((10, 0))
"""The lowest compute capability of the GPUs of those advisories that are of a driver alone."""


def advised(
    manifest: Manifest, inventory: Inventory, request: Request
) -> Callable[[Profile, tuple[int, ...]], tuple[Advisory, ...]]:
    """What tells the known issues of a profile on the GPUs of these indices."""
    version = request.serving.engine_version or manifest.engine_version
    by_version = request.nim or manifest.nim or version
    if not by_version and not any(
        gpu.compute_capability is None or gpu.compute_capability >= BY_DRIVER_FROM
        for gpu in inventory.gpus
    ):
        return lambda *_: ()
    from nimprofile.selection.advisories.matching import Advisor, facts_of

    advisor = Advisor(facts_of(manifest, inventory, request), inventory.gpus, sure=True)

    def known(profile: Profile, gpus: tuple[int, ...]) -> tuple[Advisory, ...]:
        return tuple(one.advisory for one in advisor.on(profile, gpus) if not one.unknown)

    return known
