"""What no profile of a manifest has is said to be so, with what may be meant."""

import pytest

from nimprofile import Request, bundled_manifests, load_manifest
from nimprofile.manifest.never_met import never_met
from nimprofile.report.text import nothing_runs
from nimprofile.selection.rules import sizes_asked
from tests.support.builders import decide, make_manifest, make_profile, warnings_of

FP8 = make_profile("a", llm_engine="tensorrt_llm", precision="fp8", tp="2", profile="latency")
BF16 = make_profile("b", llm_engine="vllm", precision="bf16", tp="1")
OPEN = make_profile("c", llm_engine="vllm", precision="bf16")


def said(profiles=(FP8, BF16), **request):
    request = Request(**request)
    sizes = sizes_asked(request)
    met = never_met(make_manifest(*profiles), request.tags, request.require, sizes)
    return [(warning.kind, str(warning)) for warning in met]


@pytest.mark.parametrize("form", ["tags", "require"])
@pytest.mark.parametrize(
    ("tag", "value", "kind", "text"),
    [
        (
            "presicion",
            "fp8",
            "tag_unknown",
            "no profile has a tag presicion; did you mean precision?",
        ),
        ("Objectiv", "x", "tag_unknown", "no profile has a tag Objectiv; did you mean objective?"),
        ("zzz", "1", "tag_unknown", "no profile has a tag zzz"),
        (
            "precision",
            "fp9",
            "tag_value_unknown",
            "no profile has precision=fp9; did you mean fp8?",
        ),
        (
            "precision",
            "int4",
            "tag_value_unknown",
            "no profile has precision=int4; there are fp8, bf16",
        ),
        ("tp", "16", "tag_value_unknown", "no profile has tp=16; there are 2, 1"),
        (
            "objective",
            "throughput",
            "tag_value_unknown",
            "no profile has objective=throughput; there is latency",
        ),
    ],
)
def test_a_tag_or_a_value_that_no_profile_has_is_said(form, tag, value, kind, text):
    text = text if form == "tags" else text.replace("Objectiv;", "objectiv;")
    assert [(kind, text)] == said(**{form: {tag: value}})


@pytest.mark.parametrize("form", ["tags", "require"])
@pytest.mark.parametrize(("tag", "value"), [("precision", "FP8"), ("TP", "2"), ("engine", "vllm")])
def test_of_what_a_profile_has_nothing_is_said(form, tag, value):
    assert [] == said(**{form: {tag: value}})


def test_two_values_of_one_tag_contradict_each_other():
    tags = (("precision", "fp8"), ("Precision", "bf16"))
    assert [
        (
            "tags_contradict",
            "no profile can have precision=fp8 and precision=bf16: conditions on tags add up",
        )
    ] == said(tags=tags)


def test_an_engine_of_another_spelling_is_one_for_a_requirement_alone():
    text = "no profile has engine=trtllm; did you mean tensorrt_llm or vllm?"
    assert [("tag_value_unknown", text)] == said(tags={"engine": "trtllm"})
    assert [] == said(require="engine=trtllm")


@pytest.mark.parametrize("text", ["tp>=16", "tp!=16", "precision!=int4"])
def test_a_bound_is_not_a_value_that_is_missed(text):
    assert [] == said(require=text)


def test_where_a_profile_leaves_tp_open_the_gpus_decide():
    assert [] == said((BF16, OPEN), require="tp=16")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (
            {"tp": 16},
            "no profile has tp=16, which NIM_TENSOR_PARALLEL_SIZE asks for; there are 2, 1",
        ),
        (
            {"pp": 2},
            "no profile has pp=2, which NIM_PIPELINE_PARALLEL_SIZE asks for; there is 1",
        ),
    ],
)
def test_a_size_that_no_profile_has_is_said_by_its_variable(size, text):
    profiles = [make_profile(p.id, **p.tags | {"pp": "1"}) for p in (FP8, BF16)]
    assert [("tag_value_unknown", text)] == said(profiles, **size)


@pytest.mark.parametrize("size", [{"tp": 1}, {"tp": 2}, {"pp": 2}])
def test_a_size_that_a_profile_has_or_leaves_open_is_not_missed(size):
    assert [] == said(**size)


def test_where_a_profile_leaves_tp_open_a_variable_sets_it():
    assert [] == said((BF16, OPEN), tp=16)


def test_of_a_manifest_without_profiles_no_size_is_missed():
    assert [] == said((), tp=2)


def test_the_hardware_is_not_blamed_for_a_size_that_no_profile_has():
    decision = decide((FP8, BF16), "1xh100", Request(tp=16))
    assert (
        "no profile has tp=16, which NIM_TENSOR_PARALLEL_SIZE asks for; there are 2, 1",
    ) == warnings_of(decision)
    assert (
        "No profile found for what is asked: no profile of this manifest has tp=16 "
        "(NIM_TENSOR_PARALLEL_SIZE)."
    ) == nothing_runs(decision)


def test_of_many_values_some_are_listed():
    profiles = tuple(make_profile(f"p{n}", gpu=f"gpu{n}") for n in range(7))
    text = "no profile has gpu=400; there are gpu0, gpu1, gpu2, gpu3, gpu4 and 2 more"
    assert [("tag_value_unknown", text)] == said(profiles, tags={"gpu": "400"})


def test_a_manifest_without_profiles_lacks_no_tag():
    assert [] == said((), tags={"tp": "2"})


def test_nothing_is_said_of_what_is_not_asked():
    assert [] == said()


@pytest.mark.parametrize("name", bundled_manifests())
def test_of_the_bundled_manifests_every_tag_is_known(name):
    manifest = load_manifest(name)
    tags = {(tag, value) for profile in manifest.profiles for tag, value in profile.tags.items()}
    assert [] == [warning for pair in tags for warning in never_met(manifest, [pair], ())]


def test_the_hardware_is_not_blamed_for_a_tag_that_no_profile_has():
    decision = decide((FP8, BF16), "1xh100", Request(tags={"presicion": "fp8"}))
    assert ("no profile has a tag presicion; did you mean precision?",) == warnings_of(decision)
    assert (
        "No profile found for what is asked: no profile of this manifest has presicion=fp8."
    ) == nothing_runs(decision)


def test_a_pin_that_overrides_such_a_selector_is_warned_of_too():
    decision = decide((FP8, BF16), "1xh100", Request("b", tags={"presicion": "fp8"}))
    assert "b" == decision.selected.profile.id
    assert "no profile has a tag presicion; did you mean precision?" == warnings_of(decision)[0]
