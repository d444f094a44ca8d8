"""Laws of remedies: doing what they say makes the profile run."""

from __future__ import annotations

from hypothesis import assume, given, strategies as st
from packaging.specifiers import SpecifierSet

from nimprofile import Request, load_manifest, mock_inventory, select
from nimprofile.base.errors import UnknownGpuError
from nimprofile.engines.compute_floors import RUNS_FROM
from nimprofile.engines.serving import Serving
from nimprofile.hardware.catalog import find_product
from nimprofile.selection.remedies import remedies
from nimprofile.testing import near_misses, situations
from tests.support.selection.applied_remedies import NotHere, applied


def after(verdict, inventory, request):
    """The machine and the request when all that is told against a profile was done."""
    for sentence in remedies(verdict):
        inventory, request = applied(sentence, inventory, request)
    return inventory, request


def is_possible(profile):
    """Whether a GPU that the profile is made for can have the compute capability that it wants."""
    names = [part for name in profile.made_for for part in name.split(",")]
    made_for = [product for product in map(known, names) if product is not None]
    required = SpecifierSet(profile.requires.compute_capability or "")
    floor = None if profile.requires.compute_capability else RUNS_FROM.get(profile.precision)
    return not made_for or any(
        str(product.compute_capability) in required
        and profile.exact_capability in {None, product.compute_capability}
        and (floor is None or product.compute_capability >= floor)
        for product in made_for
    )


def known(name):
    try:
        return find_product(name)
    except UnknownGpuError:
        return None


@given(st.one_of(situations(), near_misses()))
def test_doing_what_the_remedies_say_makes_the_profile_run(world):
    hold(world.manifest, world.inventory, world.request)


MACHINES = ("1xt4", "2xl4", "4xl40s", "1xh100", "8xa10g", "2xrtx5090", "1xb200,1xt4")


@given(
    st.sampled_from(
        ["llama-3.1-70b-instruct", "mistral-7b-instruct-v0.3", "llama-3.1-8b-instruct"]
    ),
    st.sampled_from(MACHINES),
    st.sampled_from([None, 512, 8192]),
    st.sampled_from([0, 3000]),
    st.data(),
)
def test_and_so_it_does_where_memory_is_estimated(name, machine, tokens, used, data):
    manifest, inventory = load_manifest(name), mock_inventory(machine)
    busy = [gpu.replace(memory_free_mib=gpu.memory_free_mib - used) for gpu in inventory.gpus]
    profile = data.draw(st.sampled_from(manifest.profiles))
    request = Request(serving=Serving(max_model_len=tokens), lora=bool(profile.lora))
    hold(manifest.replace(profiles=(profile,)), inventory.replace(gpus=tuple(busy)), request)


def hold(manifest, inventory, request):
    """Do to each rejected profile what its remedies say, and see that it runs."""
    decision = select(manifest, inventory, request)
    assume(decision.rejected)
    for verdict in decision.rejected:
        if not is_possible(verdict.profile):
            continue
        try:
            machine, wishes = after(verdict, inventory, request)
        except NotHere:
            continue
        again = select(manifest.replace(profiles=(verdict.profile,)), machine, wishes)
        told = remedies(verdict)
        assert again.selected is not None, (told, verdict.reasons, again.rejected[0].reasons)
