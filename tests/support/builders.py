"""Small builders, so that a test shows only the figures it is about."""

from nimprofile import Gpu, Inventory, Manifest, Request, mock_inventory, select
from nimprofile.base.units import GIB, ComputeCapability
from nimprofile.engines.memory.need import Needs
from nimprofile.hardware.gpu_groups import Machine
from nimprofile.manifest.profile import NOTHING_REQUIRED, Stated
from nimprofile.manifest.profile_names import describe
from nimprofile.manifest.profile_tags import profile_from_tags
from nimprofile.selection.fit import Judge

H100_NAME = "NVIDIA H100 80GB HBM3"
H100_MIB = 81559


def make_profile(id="p", *, name=None, requires=NOTHING_REQUIRED, memory=None, **tags):
    """A profile of these tags."""
    return profile_from_tags(
        id, tags, name=name or describe(tags) or id, requires=requires, memory=memory
    )


def needing(size, least=None, **tags):
    """A vLLM profile that needs this many bytes on each GPU."""
    memory = Stated(size, size if least is None else least, "the test")
    return make_profile(memory=memory, **{"llm_engine": "vllm", "tp": "1"} | tags)


def make_manifest(*profiles, shape=None):
    return Manifest(tuple(profiles), model_shape=shape)


def make_gpu(index=0, *, total=40_000, free=None, capability="9.0", name="Acme X1", **more):
    """A GPU of a product no catalogue knows; idle unless `free` says otherwise."""
    return Gpu(
        index,
        name,
        memory_total_mib=total,
        memory_free_mib=total if free is None else free,
        compute_capability=None if capability is None else ComputeCapability.parse(capability),
        **more,
    )


def make_h100(index=0, *, free=H100_MIB):
    return Gpu(
        index,
        H100_NAME,
        device_id="2330:10de",
        memory_total_mib=H100_MIB,
        memory_free_mib=free,
        compute_capability=ComputeCapability.parse("9.0"),
    )


def make_inventory(*gpus, driver=None, cuda=None):
    return Inventory(gpus, driver, cuda)


def judge(profile, inventory, request=None, shape=None, **options):
    """The verdict on one profile; the inventory may be a description such as `8xh100`."""
    if isinstance(inventory, str):
        inventory = mock_inventory(inventory)
    request = request or Request()
    needs = Needs(lambda _: shape, request.serving)
    return Judge(Machine(inventory), request, needs=needs, **options).verdict(profile)


def decide(profiles, inventory, request=None, policy="nim", shape=None):
    """The decision among profiles; the inventory may be a description such as `8xh100`."""
    if isinstance(inventory, str):
        inventory = mock_inventory(inventory)
    return select(make_manifest(*profiles, shape=shape), inventory, request or Request(), policy)


def warnings_of(decision):
    """The warnings of a decision as people read them."""
    return tuple(str(warning) for warning in decision.warnings)


def kinds(verdict):
    """The kinds of a verdict's reasons, in order."""
    return [reason.kind for reason in verdict.reasons]


def gib(number):
    return round(number * GIB)
