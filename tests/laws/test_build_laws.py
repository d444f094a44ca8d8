"""Laws of building: the manifest of whatever model holds, whatever form it is written in."""

from __future__ import annotations

from hypothesis import assume, given, strategies as st

from nimprofile import ModelError, Request, Serving, memory_budget, mock_inventory, select
from nimprofile.authoring.build import Wanted, build_manifest
from nimprofile.authoring.diff import diff
from nimprofile.authoring.lint import check_manifest
from nimprofile.authoring.writer import to_document, to_json, to_v1, to_yaml
from nimprofile.base.enums import Engine, Precision
from nimprofile.engines.memory.suggestions import fits
from nimprofile.engines.parallelism import indivisible
from nimprofile.manifest.reader import manifest_of, parse_manifest, read_tree
from nimprofile.model.checkpoint import Model
from nimprofile.model.shape_reader import read_config
from nimprofile.testing import model_configs

BOARDS = st.sampled_from(["t4", "l4", "l40s", "a100", "h100", "h200", "b200", "gb10"])
VERSIONS = {
    Engine.VLLM: (None, "0.6.6", "0.10.1", "0.19.0"),
    Engine.SGLANG: (None, "0.4.3", "0.5.3"),
    Engine.TENSORRT_LLM: (None, "1.0.0", "1.2.0"),
}


@st.composite
def wishes(draw):
    """What to build: often everything, on up to as many GPUs."""
    engines = tuple(draw(st.lists(st.sampled_from(tuple(Engine)), min_size=1, unique=True)))
    version = draw(st.sampled_from(VERSIONS[engines[0]])) if len(engines) == 1 else None
    some = st.lists(st.sampled_from(Precision), min_size=1, max_size=4, unique=True).map(tuple)
    return Wanted(
        engines,
        version,
        draw(st.one_of(st.none(), st.none(), some)),
        max_tp=draw(st.integers(1, 8)),
        max_nodes=draw(st.integers(1, 3)),
        lora=draw(st.booleans()),
        name=draw(st.sampled_from([None, "org/m", "a: b #c", "7", "模型"])),
    )


ANY_WISHES = wishes()


def model_of(config):
    shape, asked = read_config(config)
    return Model("m", "models/m", asked, shape=shape)


@st.composite
def documents(draw, wanted=ANY_WISHES):
    """A model, and the manifest that is built of it, where any can be."""
    try:
        model = model_of(draw(model_configs()))
        return model, build_manifest([model], draw(wanted)).document
    except ModelError:
        assume(False)


@given(model_configs(), wishes())
def test_a_model_has_profiles_or_an_error_that_says_why(config, wanted):
    try:
        built = build_manifest([model_of(config)], wanted).document["profiles"]
        problem = ""
    except ModelError as error:
        built, problem = [], error.problem
    assert bool(built) is not bool(problem)


@given(documents())
def test_what_is_built_passes_the_check(drawn):
    _, document = drawn
    for text in (to_yaml(document), to_json(document), to_yaml(to_v1(document)[0])):
        assert [] == [found for found in check_manifest(text) if found.severity == "error"]


@given(documents())
def test_every_id_is_the_hash_of_its_tags_and_there_once(drawn):
    _, document = drawn
    profiles = manifest_of(document, "test").profiles
    ids = [profile.id for profile in profiles]
    assert [profile.computed_id for profile in profiles] == ids
    assert len(ids) == len(set(ids))


@given(documents())
def test_what_is_built_comes_back_from_every_form(drawn):
    _, document = drawn
    in_v1, notes = to_v1(document)
    assert () == notes
    for written in (document, in_v1):
        for write in (to_yaml, to_json):
            tree = read_tree(write(written), "test", whole=True)
            assert (document, ()) == to_document(tree)


@given(documents())
def test_every_form_of_what_is_built_says_the_same(drawn):
    _, document = drawn
    first = manifest_of(document, "<string>")
    for text in (to_yaml(document), to_json(document), to_yaml(to_v1(document)[0])):
        again = parse_manifest(text)
        assert first == again.replace(dialect="v2")
        assert diff(first, again).empty


@given(documents())
def test_the_shape_in_the_manifest_is_the_models(drawn):
    model, document = drawn
    manifest = manifest_of(document, "test")
    for profile in manifest.profiles:
        assert model.shape.replace(notes=()) == manifest.shape_of(profile).replace(notes=())


@given(st.data())
def test_every_profile_divides_the_model(data):
    wanted = data.draw(wishes())
    model, document = data.draw(documents(st.just(wanted)))
    for profile in manifest_of(document, "test").profiles:
        torn = indivisible(
            model.shape,
            profile.engine,
            profile.tp,
            profile.pp,
            precision=profile.precision,
            version=wanted.engine_version,
        )
        assert () == tuple(each for each in torn if each)


@given(st.data())
def test_every_profile_is_one_that_was_asked_for(data):
    wanted = data.draw(wishes())
    _, document = data.draw(documents(st.just(wanted)))
    manifest = manifest_of(document, "test")
    assert (wanted.name or "m") == manifest.model
    assert wanted.engine_version == manifest.engine_version
    for profile in manifest.profiles:
        assert profile.engine in wanted.engines
        assert wanted.precisions is None or profile.precision in wanted.precisions
        assert profile.tp <= wanted.max_tp
        assert profile.gpus_needed <= max(
            wanted.max_tp * wanted.max_nodes, 2 ** (wanted.max_tp.bit_length() - 1)
        )
        assert wanted.lora or not profile.lora


@given(documents(), BOARDS, st.sampled_from([1, 2, 4, 8]), st.booleans())
def test_what_is_selected_fits_its_budget(drawn, board, count, lora):
    model, document = drawn
    request = Request(lora=lora)
    decision = select(manifest_of(document, "test"), mock_inventory(f"{count}x{board}"), request)
    if decision.selected is None:
        assert decision.rejected
        return
    chosen = decision.selected
    gpu = decision.inventory.gpus[chosen.gpus[0]]
    assert chosen.profile.gpus_needed == len(chosen.gpus) <= count
    budget = budget_of(model.shape, chosen.profile, document.get("engine_version"), gpu)
    assert budget is None or fits(budget)


def budget_of(shape, profile, version, gpu):
    serving = Serving(profile.engine, version, profile.precision, tp=profile.tp, pp=profile.pp)
    return memory_budget(shape, serving, gpu)
