"""Every known issue is dated, has its source, and is of profiles that there are."""

import datetime as dt
import json
import re
from fnmatch import fnmatchcase
from functools import cache

import pytest

from nimprofile import Manifest, bundled_manifests, load_manifest, mock_inventory
from nimprofile.base.enums import Engine
from nimprofile.base.versions import is_specifier_set, satisfies, split_requirement
from nimprofile.hardware.catalog import find_product, products
from nimprofile.manifest.nim_version import nim_version
from nimprofile.manifest.profile_conditions import parse_conditions
from nimprofile.selection.advisories.advisory import Effect, known_advisories
from nimprofile.selection.advisories.lookup import BY_DRIVER_FROM
from nimprofile.selection.advisories.matching import Advisor, Facts, model_name
from tests.support.builders import make_profile
from tests.support.cases import PATHS, load, manifest_of
from tests.support.paths import CORPUS

KNOWN = known_advisories()
each = pytest.mark.parametrize("known", KNOWN, ids=[known.id for known in KNOWN])

NOT_LISTED = "no listing of this model is among those that the tests have"
NO_LORA = "the listings of this model that the tests have show no such LoRA profile"
NO_CHECKPOINT = "the manifests that the tests build are of other checkpoints"
UNSEEN = {
    "nim-1.0-llama2-70b-l40s-tp2": NOT_LISTED,
    "nim-1.0-llama3-70b-lora-8-gpus": NOT_LISTED,
    "nim-1.1-taiwan-70b-h100-ttft": NOT_LISTED,
    "nim-1.2-no-lora": NO_LORA,
    "nim-1.15-nemotron-49b-l40s-load": "no listing for L40S is among those of this model",
    "nim-1.6-starcoder2-kv-cache": NOT_LISTED,
    "safety-guard-1.14-tensorrt-llm": NOT_LISTED,
    "tensorrt-llm-1.0-llama-pipeline": "no listing of a Llama has pipeline stages",
    "tensorrt-llm-1.3rc24-mistral-large-nvfp4": NO_CHECKPOINT,
    "vllm-0.11-qwen3-235b-fp8": NO_CHECKPOINT,
    "vllm-0.18.0-qwen3.5-fp8-blackwell": NO_CHECKPOINT,
    "vllm-0.25.1-nvfp4-tp8-capability-12": NO_CHECKPOINT,
}
"""The advisories that no profile of the listings, bundled or built manifests has, and why."""


def text(known):
    """What people read of it."""
    return f"{known.title}. {known.symptom} {known.remedy}"


def test_there_are_25_or_more_and_no_two_have_one_id():
    assert 25 <= len(KNOWN) == len({known.id for known in KNOWN})


@each
def test_an_id_can_be_typed(known):
    assert re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", known.id)


@each
def test_it_is_dated_and_not_of_the_future(known):
    day = dt.date.fromisoformat(known.date)
    assert dt.date(2024, 1, 1) <= day <= dt.datetime.now(tz=dt.UTC).date()


@each
def test_it_has_an_address_of_its_source(known):
    assert known.sources
    assert all(re.fullmatch(r"https://[a-z0-9.-]+/[\w./-]+", one) for one in known.sources)


@each
def test_it_says_what_is_wrong_and_what_to_do_in_a_line_each(known):
    assert re.fullmatch(r".{10,69}[^.]", known.title)
    assert re.fullmatch(r"[A-Za-z].{20,200}\.", known.symptom)
    assert re.fullmatch(r"[a-z].{5,80}[^.]", known.remedy)


@each
def test_it_is_of_some_versions_so_that_it_comes_to_an_end(known):
    versions = [known.nim, known.driver, *(split_requirement(one)[1] for one in known.engines)]
    assert any(versions)
    assert all(is_specifier_set(one) for one in versions if one)


@each
def test_versions_of_a_nim_are_bounds_alone(known):
    parts = known.nim.split(",") if known.nim else []
    assert all(re.fullmatch(r"(>=|<)\d+(\.\d+){1,2}", part) for part in parts)


@each
def test_its_engines_are_known_ones(known):
    assert {split_requirement(one)[0] for one in known.engines} <= {*Engine}


@each
def test_its_conditions_can_be_read(known):
    assert all(parse_conditions(one) for one in known.profiles)


@each
def test_its_gpus_are_products_of_the_catalogue(known):
    assert {*known.gpus} <= {product.short for product in products()}


@each
def test_its_models_are_in_the_spelling_that_names_are_compared_in(known):
    assert all(one == one.casefold() and not {*"_/?[]"} & {*one} for one in known.models)


@each
def test_what_is_of_a_driver_alone_is_of_gpus_for_which_the_list_is_read(known):
    by_version = known.nim or any(split_requirement(one)[1] for one in known.engines)
    capabilities = [find_product(one).compute_capability for one in known.gpus]
    assert by_version or min(capabilities) >= BY_DRIVER_FROM


def test_what_is_only_misreported_is_no_reason_to_avoid_a_profile():
    misreported = {known.effect is Effect.MISREPORTED for known in KNOWN if not known.avoidable}
    assert misreported == {True}


def test_the_file_has_a_row_a_line():
    path = CORPUS.parent.parent / "nimprofile" / "selection" / "advisories" / "known.json"
    lines = path.read_text(encoding="utf-8").splitlines()[1:-1]
    assert [known.id for known in KNOWN] == [json.loads(one.rstrip(","))["id"] for one in lines]


# There are such profiles.


@cache
def listed():
    """Models and their profiles: of public listings, of bundled manifests, and of built ones.

    The NIM for many models has the same three profiles for each, so its model is None.
    """
    found = []
    for case in map(load, PATHS):
        many = (case.get("model") or "").startswith("multi-LLM")
        found.append((None if many else case.get("model") or "", manifest_of(case, "tags")))
    for path in bundled_manifests().values():
        manifest = load_manifest(path)
        found.append((manifest.model, manifest))
    for model, ways in json.loads((CORPUS / "built.json").read_text(encoding="utf-8")).items():
        profiles = [
            make_profile(f"{way} {size}", llm_engine=engine, precision=precision, **sizes(size))
            for way, text in ways.items()
            for engine, precision in [way.split()[:2]]
            for size in text.split()
        ]
        found.append((model, Manifest(tuple(profiles))))
    return found


def sizes(size):
    tp, _, pp = size.partition("x")
    return {"tp": tp, "pp": pp or "1"}


def version_in(specifiers):
    """A version that is in a specifier set."""
    bounds = [part.lstrip("<>=") for part in specifiers.split(",")]
    return next(one for one in [*bounds, "1.0", "550.54"] if satisfies(one, specifiers))


def machine_with(known):
    """Eight GPUs of a product that has the issue."""
    wanted = known.compute_capability
    capable = (
        product.short
        for product in products()
        if wanted is None or satisfies(str(product.compute_capability), wanted)
    )
    return mock_inventory(f"8x{next(iter(known.gpus or capable))}")


def facts_with(known, model, engine):
    """What is known where the issue is."""
    versions = dict(map(split_requirement, known.engines)).get(engine)
    release = version_in(known.nim) if known.nim else ""
    exact = release if release.count(".") > 1 else f"{release}.0"
    return Facts(
        model,
        nim_version(exact, "the test", of_llm=True) if known.nim else None,
        version_in(versions) if versions else None,
        driver=version_in(known.driver) if known.driver else None,
    )


def has(known, model, profiles):
    """Whether one of the profiles of a model has the issue, on such GPUs and in such versions."""
    if model is None:  # the NIM for many models, whose profiles have names alone
        model = known.models[0].strip("*") if "name=" in "".join(known.profiles) else ""
    if known.models and not any(fnmatchcase(model_name(model), one) for one in known.models):
        return False
    machine = machine_with(known)
    advisors = {
        engine: Advisor(facts_with(known, model, engine), machine.gpus)
        for engine in {profile.engine for profile in profiles}
    }
    return any(
        one.advisory is known and not one.unknown
        for profile in profiles
        for one in advisors[profile.engine].on(profile, range(min(8, profile.gpus_needed)))
    )


@each
def test_a_profile_of_a_listing_has_it_or_it_is_said_why_none_can(known):
    seen = any(has(known, model, manifest.profiles) for model, manifest in listed())
    assert seen != (known.id in UNSEEN)


def test_what_is_said_to_be_unseen_is_there():
    assert set() == UNSEEN.keys() - {known.id for known in KNOWN}
