"""Whatever made the decision is in the environment of the NIM's container, whatever writes it.

The law goes through every field of a request and of its serving, and through `launch --server nim`
and every target of `render`.
"""

import json
import shlex
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from nimprofile import (
    Precision,
    Request,
    Server,
    Serving,
    Setup,
    mock_inventory,
    parse_manifest,
    select,
)
from nimprofile.base.environment import FRACTIONS, PRECISIONS
from nimprofile.engines.arguments import as_started
from nimprofile.launch.deploy.documents import TARGETS, deployed
from nimprofile.launch.planning import job_of, launch_plan, plan_of
from nimprofile.manifest.profile_conditions import parse_tags
from tests.support.builders import make_h100, make_inventory
from tests.support.launch.cases import LORA, manifest_of
from tests.support.launch.cluster_rules import containers

IMAGES = {
    1: "nvcr.io/nim/meta/llama:1.8.4",
    2: "nvcr.io/nim/meta/llama:2.0.12",
    None: "nvcr.io/nim/meta/llama:latest",
}
TAGS = {"precision": "bf16", "tp": "1", "pp": "1", "llm_engine": "vllm"}
MODEL = "/models/mine"


def job(request=None, image=None, *, engine="vllm", tags=(), machine="1xh100", **setup):
    """What a NIM is to serve for this request."""
    request = Request() if request is None else request
    manifest = manifest_of(engine, dict(tags) | ({"feat_lora": "true"} if request.lora else {}))
    inventory = mock_inventory(machine) if isinstance(machine, str) else machine
    decision = select(manifest, inventory, request)
    assert decision.selected is not None, decision.rejected
    setup = Setup(server=Server.NIM, image=IMAGES[image], **setup)
    return job_of(decision, manifest, setup)


def of_docker(job):
    """The variables that `docker run` gives the container."""
    argv = plan_of(job).argv
    given = [value for flag, value in pairwise(argv) if flag == "-e"]
    return dict(value.split("=", 1) for value in given if "=" in value)


def rendered(target, job):
    """The variables that a target gives the container."""
    value = deployed(target, job).value
    if target == "docker":
        return of_docker(job)
    if target == "compose":
        (service,) = value["services"].values()
        return {
            name: text for name, text in service["environment"].items() if name.startswith("NIM")
        }
    if target == "nim-operator":
        (service,) = [each for each in value if each["kind"] == "NIMService"]
        profile = {"NIM_MODEL_PROFILE": service["spec"]["storage"]["nimCache"]["profile"]}
        return profile | {each["name"]: each["value"] for each in service["spec"].get("env", [])}
    objects = value if isinstance(value, list) else [value]
    (container,) = [found for each in objects for found in containers(each)]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


WAYS = {
    "launch": of_docker,
    **{target: lambda job, t=target: rendered(t, job) for target in TARGETS},
}

OF_REQUEST = {
    "tags": lambda env, tags: parse_tags(env["NIM_TAGS_SELECTOR"], "") == tags,
    "relax_memory": lambda env, _: env["NIM_RELAX_MEM_CONSTRAINTS"] == "1",
    "allow_unsafe": lambda env, _: env["NIM_MANIFEST_ALLOW_UNSAFE"] == "1",
    "allow_nvfp4_emulation": lambda env, _: env["NIM_ALLOW_NVFP4_EMULATION"] == "1",
    "tp": lambda env, tp: env["NIM_TENSOR_PARALLEL_SIZE"] == str(tp),
    "pp": lambda env, pp: env["NIM_PIPELINE_PARALLEL_SIZE"] == str(pp),
    "preferred_precision": lambda env, wanted: {env[name] for name in PRECISIONS} == {wanted},
}
OF_SERVING = {
    "max_model_len": lambda env, tokens: env["NIM_MAX_MODEL_LEN"] == str(tokens),
    "max_num_seqs": lambda env, count: env["NIM_MAX_NUM_SEQS"] == str(count),
    "memory_fraction": lambda env, part: {env[name] for name in FRACTIONS} == {str(part)},
    "concurrency": lambda env, count: env["NIM_NUM_KV_CACHE_SEQ_LENS"] == str(count),
    "eager": lambda env, _: env["NIM_DISABLE_CUDA_GRAPH"] == "1",
    "kv_cache_dtype": lambda env, dtype: passed(env).kv_cache_dtype == dtype,
    "max_num_batched_tokens": lambda env, count: passed(env).max_num_batched_tokens == count,
}
"""The field -> whether the container's variables say it."""

NOT_TOLD = {
    "avoid_advised": "the profile that is left is pinned",
    "pin": "NIM_MODEL_PROFILE is the profile's id, pinned or not",
    "engines": "an image has the engines it has, but for NIM_USE_SGLANG: its own test",
    "lora": "NIM_PEFT_SOURCE says where the adapters are, which `--lora` does not",
    "empty_gpu_gate": "in NIM_RELAX_MEM_CONSTRAINTS, where a GPU is in use: its own test",
    "uniform_gpus": "Docker shows the NIM the chosen GPUs alone, which are of one product",
    "manifest_path": "an image has its own manifest",
    "require": "it binds what is selected, and nothing that is started",
    "serving": "field by field",
    "notes": "what changes nothing",
    "nim": "the image is of the generation that it is",
}
NOT_SAID = {
    "engine": "the profile's",
    "engine_version": "the image's",
    "precision": "the profile's",
    "tp": "the profile's",
    "pp": "the profile's",
    "fit_context": "NIM_MAX_MODEL_LEN says the number that fits",
    "speculative_tokens": "no command that starts a server asks for it",
}


def passed(env):
    return as_started(Serving(), shlex.split(env["NIM_PASSTHROUGH_ARGS"]), "")


def test_every_field_of_a_request_is_told_to_a_nim_or_there_is_a_reason():
    assert {*Request._fields} == {*OF_REQUEST, *NOT_TOLD}
    assert {*Serving._fields} == {*OF_SERVING, *NOT_SAID}


SERVINGS = st.builds(
    Serving,
    max_model_len=st.none() | st.integers(256, 4096),
    max_num_seqs=st.none() | st.integers(1, 64),
    memory_fraction=st.none() | st.sampled_from([0.8, 0.85, 0.9]),
    concurrency=st.integers(1, 2),
    eager=st.booleans(),
    kv_cache_dtype=st.sampled_from(["auto", "fp8"]),
    max_num_batched_tokens=st.none() | st.sampled_from([512, 2048]),
)
REQUESTS = st.builds(
    Request,
    tags=st.lists(st.sampled_from(sorted(TAGS.items())), unique=True).map(tuple),
    relax_memory=st.booleans(),
    allow_unsafe=st.booleans(),
    allow_nvfp4_emulation=st.booleans(),
    tp=st.none() | st.just(1),
    pp=st.none() | st.just(1),
    preferred_precision=st.none() | st.just(Precision.BF16),
    serving=SERVINGS,
)


def missing(request, env):
    """The fields that made the decision and are not in the container."""
    asked = [
        *((request, Request(), name, told) for name, told in OF_REQUEST.items()),
        *((request.serving, Serving(), name, told) for name, told in OF_SERVING.items()),
    ]
    for record, default, name, told in asked:
        value = getattr(record, name)
        if value != getattr(default, name) and not told(env, value):
            yield name


@pytest.mark.parametrize("way", WAYS)
@given(request=REQUESTS)
def test_what_made_the_decision_is_in_the_container(way, request):
    env = WAYS[way](job(request, 2))
    assert "0123456789abcdef" * 4 == env["NIM_MODEL_PROFILE"]
    assert [] == [*missing(request, env)]


@given(request=REQUESTS)
def test_of_1x_it_is_in_its_variables_and_a_note_names_what_has_none(request):
    told = job(request, 1)
    env = of_docker(told)
    assert "NIM_PASSTHROUGH_ARGS" not in env
    serving = request.serving.replace(kv_cache_dtype="auto", max_num_batched_tokens=None)
    assert [] == [*missing(request.replace(serving=serving), env)]
    notes = " ".join(launch_notes(told))
    assert ("the KV cache's format" in notes) is (request.serving.kv_cache_dtype != "auto")
    assert ("the tokens of a step" in notes) is (request.serving.max_num_batched_tokens is not None)


def launch_notes(job):
    return plan_of(job).notes


def test_nothing_is_told_that_was_not_asked_for():
    env = of_docker(job(image=2))
    assert {"NIM_MODEL_PROFILE", "NIM_SERVER_PORT"} == {*env}


@pytest.mark.parametrize("way", WAYS)
def test_a_switch_is_told_whether_a_flag_or_a_variable_set_it(way):
    by_variable = Request.from_env({"NIM_RELAX_MEM_CONSTRAINTS": "1"})
    env = WAYS[way](job(by_variable, 2))
    assert env == WAYS[way](job(Request(relax_memory=True), 2))


def test_a_gpu_in_use_that_was_chosen_all_the_same_is_one_the_nim_must_not_mind():
    busy = make_inventory(make_h100(free=60000))
    serving = Serving(memory_fraction=0.5, max_model_len=2048)
    request = Request(empty_gpu_gate=False, serving=serving)
    env = of_docker(job(request, 1, machine=busy))
    assert "1" == env["NIM_RELAX_MEM_CONSTRAINTS"]
    env = of_docker(job(request, 1))
    assert "NIM_RELAX_MEM_CONSTRAINTS" not in env, "it is empty"


def test_the_context_that_was_found_to_fit_is_told():
    request = Request(serving=Serving(max_model_len="auto", memory_fraction=0.3))
    env = of_docker(job(request, 1))
    assert 0 < int(env["NIM_MAX_MODEL_LEN"]) < 131072


def test_a_pin_is_told_without_the_selector_that_it_may_not_meet():
    request = Request(pin="0123456789abcdef" * 4, tags={"tp": "8"}, tp=4)
    env = of_docker(job(request, 2))
    assert not {"NIM_TAGS_SELECTOR", "NIM_TENSOR_PARALLEL_SIZE"} & {*env}


@pytest.mark.parametrize(("value", "told"), [("a,b", True), ("a,b=c", False), (" a", False)])
def test_a_selector_that_the_variable_cannot_hold_is_left_out(value, told):
    tags = (("name", value),)
    env = of_docker(job(Request(tags=tags), 2, tags=[("name", value)]))
    assert told is ("NIM_TAGS_SELECTOR" in env)


def test_an_objective_is_told_as_the_text_of_the_tag_that_a_nim_compares():
    tags = [("profile", "throughput-lora")]
    env = of_docker(job(Request(tags={"objective": "throughput"}), 2, tags=tags))
    assert "profile=throughput-lora" == env["NIM_TAGS_SELECTOR"]


@pytest.mark.parametrize(
    ("image", "given_as"), [(1, "NIM_MODEL_NAME"), (2, "NIM_MODEL_PATH"), (None, "NIM_MODEL_PATH")]
)
def test_weights_of_ones_own_have_the_name_of_the_generation(image, given_as):
    env = of_docker(job(image=image, model=MODEL))
    assert {given_as: MODEL} == {name: text for name, text in env.items() if text == MODEL}


def test_fine_tuned_weights_keep_their_variable():
    setup = Setup.from_env({"NIM_FT_MODEL": MODEL, "NIM_CUSTOM_MODEL_NAME": "mine"})
    env = of_docker(job(image=1, model=setup.model, variables=setup.variables))
    assert (MODEL, "mine") == (env["NIM_FT_MODEL"], env["NIM_CUSTOM_MODEL_NAME"])
    assert not {"NIM_MODEL_PATH", "NIM_MODEL_NAME"} & {*env}
    both = {"NIM_FT_MODEL": "/other", "NIM_MODEL_PATH": MODEL}
    assert () == Setup.from_env(both).variables


@pytest.mark.parametrize("way", WAYS)
def test_what_only_the_nim_reads_is_handed_on_and_what_was_decided_wins(way):
    environ = {"NIM_ENABLE_KV_CACHE_REUSE": "1", "NIM_LOG_LEVEL": "DEBUG"}
    setup = Setup.from_env(environ | {"NIM_MAX_MODEL_LEN": "1", "NIM_CPU_ONLY": "1"})
    env = WAYS[way](job(image=2, variables=(*setup.variables, ("NIM_MODEL_PROFILE", "other"))))
    assert environ == {name: env[name] for name in environ}
    assert not {"NIM_MAX_MODEL_LEN", "NIM_CPU_ONLY"} & {*env}
    assert "other" != env["NIM_MODEL_PROFILE"]


def test_what_only_the_nim_reads_is_named_where_another_server_is_started():
    manifest = manifest_of("vllm", {})
    decision = select(manifest, mock_inventory("1xh100"))
    setup = Setup.from_env({"NIM_ENABLE_KV_CACHE_REUSE": "1", "NIM_LOG_LEVEL": "DEBUG"})
    notes = launch_plan(decision, manifest, setup).notes
    said = "vllm is not told of NIM_ENABLE_KV_CACHE_REUSE: NIM's own server reads it"
    assert said in notes
    notes = launch_plan(decision, manifest, setup.replace(server="nim")).notes
    assert said not in notes


@pytest.mark.parametrize("image", [2, None])
@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_arguments_for_the_engine_are_in_the_variable_and_win_over_ours(engine, image):
    words = ("--max-model-len", "2048", "--name", "a b")
    serving = Serving(memory_fraction=0.9, max_num_seqs=4).given(words, "")
    request = Request(serving=serving)
    told = job(request, image, engine=engine, passthrough=words, extra=("--seed", "7"))
    given = shlex.split(of_docker(told)["NIM_PASSTHROUGH_ARGS"])
    assert list(words) == given[-4:]
    assert serving == Serving().given(given, "")
    assert Serving(memory_fraction=0.9, max_num_seqs=4, max_model_len=2048) == serving
    argv = plan_of(told).argv
    assert ("--seed", "7") == argv[argv.index(IMAGES[image]) + 1 :]


def test_1x_has_no_variable_of_arguments_and_a_note_says_so():
    told = job(image=1, passthrough=("--seed", "7"))
    assert "NIM_PASSTHROUGH_ARGS" not in of_docker(told)
    assert any("NIM 1.x does not read NIM_PASSTHROUGH_ARGS" in note for note in launch_notes(told))


def test_the_limits_of_adapters_are_told_by_variables_and_in_2x_by_arguments():
    setup = {name: getattr(LORA, name) for name in ("peft_source", "adapters", "max_lora_rank")}
    env = of_docker(job(Request(lora=True), 2, **setup))
    assert ("/adapters", "32") == (env["NIM_PEFT_SOURCE"], env["NIM_MAX_LORA_RANK"])
    assert "--max-lora-rank 32" in env["NIM_PASSTHROUGH_ARGS"]


def test_a_nim_that_was_to_serve_with_sglang_is_told_to():
    request = Request.from_env({"NIM_USE_SGLANG": "1"})
    assert "1" == of_docker(job(request, 1, engine="sglang"))["NIM_USE_SGLANG"]
    assert "NIM_USE_SGLANG" not in of_docker(job(Request(), 1, engine="sglang"))


def test_what_is_not_of_an_llm_has_names_of_its_own_for_profile_and_port():
    manifest = parse_manifest("profiles: [{id: x, tags: {model_type: onnx, precision: fp16}}]")
    decision = select(manifest, mock_inventory("1xh100"))
    setup = Setup(server="nim", image="nvcr.io/nim/nvidia/nvclip:1.0.0", port=9000)
    env = of_docker(job_of(decision, manifest, setup))
    assert ("x", "x") == (env["NIM_MODEL_PROFILE"], env["NIM_MANIFEST_PROFILE"])
    assert ("9000", "9000") == (env["NIM_SERVER_PORT"], env["NIM_HTTP_API_PORT"])
    assert not {"NIM_MANIFEST_PROFILE", "NIM_HTTP_API_PORT"} & {*of_docker(job(image=1))}


def test_the_trust_in_the_models_code_is_told_by_the_names_of_both_generations():
    env = of_docker(job(image=2, trust_remote_code=True))
    assert ("1", "1") == (env["NIM_TRUST_CUSTOM_CODE"], env["NIM_FORCE_TRUST_REMOTE_CODE"])


def test_a_variable_stands_once_in_the_pods_of_several_nodes():
    told = job(
        image=2,
        tags=[("tp", "8"), ("pp", "2")],
        machine="16xh100",
        variables=(("NIM_JSONL_LOGGING", "1"),),
    )
    for target in ("k8s", "nim-operator"):
        text = json.dumps(deployed(target, told).value)
        names = [part.split('"')[0] for part in text.split('"name": "')[1:]]
        assert names.count("NIM_JSONL_LOGGING") == (2 if target == "k8s" else 1)
