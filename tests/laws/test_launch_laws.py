"""A plan says what was judged, whatever names the weights and whatever the operator adds.

For every server and every target: what was printed is read back and compared with the verdict, or
the plan is refused.
"""

import json

import pytest
from hypothesis import assume, event, given, strategies as st

from nimprofile import (
    Engine,
    LaunchError,
    Precision,
    Request,
    RequestError,
    Server,
    Serving,
    Setup,
    deployed,
    job_of,
    launch_plan,
    mock_inventory,
    parse_manifest,
    select,
)
from nimprofile.base.units import parse_tokens
from nimprofile.base.versions import satisfies
from nimprofile.engines.spec import spec_of
from nimprofile.launch.deploy.documents import TARGETS
from nimprofile.selection.reasons import ContextTooLong
from tests.support.launch.told import told_by_plan, told_by_target
from tests.support.model_configs import LLAMA_8B

REPOSITORY = "acme/llama"
CONTEXT = LLAMA_8B["max_position_embeddings"]
STORED = {
    "16 bits": {},
    "fp8": {"quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8"}},
    "nvfp4": {
        "quantization_config": {
            "quant_method": "modelopt",
            "quant_algo": "NVFP4",
            "group_size": 16,
        }
    },
}
LONGER = {"max_position_embeddings": 4 * CONTEXT}
DIRECTORIES = {
    **STORED,
    "longer": LONGER,
    "shorter": {"max_position_embeddings": 4096},
    "other": {"hidden_size": 8192},
}
NAMES = (None, None, REPOSITORY, f"hf://{REPOSITORY}", "acme/other", "hf://acme/other")
NAMES = (*NAMES, *NAMES, *DIRECTORIES)
ENGINES = {
    Server.VLLM: "vllm",
    Server.TRITON: "vllm",
    Server.SGLANG: "sglang",
    Server.TENSORRT_LLM: "tensorrt_llm",
}
VERSIONS = {
    "vllm": (None, "0.33.0", "0.31.0", "0.24.0", "0.12.0", "0.8.5"),
    "sglang": (None, "0.5.23", "0.4.9", "0.4.1"),
    "tensorrt_llm": (None, "1.2.1", "1.1.0"),
}
MACHINES = (
    "4xh100",
    "8xh100",
    "3xl40s",
    "4xl40s",
    "4xl4",
    "2xb200",
    "1xt4",
    "2xv100_sxm2_32gb",
    "16xh100",
)
MARGINS = {"vllm": "-", "sglang": "-", "tensorrt_llm": "_"}
WIDE = {Precision.BF16: "bfloat16", Precision.FP16: "float16", Precision.FP32: "float32"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A directory for each model that an operator may name."""
    root = tmp_path_factory.mktemp("models")
    for name, changes in DIRECTORIES.items():
        folder = root / name.replace(" ", "-")
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(LLAMA_8B | changes), encoding="utf-8")
    return root


def manifest_of(tags, stored):
    """A manifest of one profile: with its checkpoint, or, where it is None, of tags alone."""
    profile = {"id": "0123456789abcdef" * 4, "name": "it", "tags": tags}
    document = {"model": "acme/llama", "profiles": [profile]}
    if stored is not None:
        shape = LLAMA_8B | STORED[stored]
        checkpoint = {"name": "own", "path": f"hf://{REPOSITORY}", "model_shape": shape}
        document["checkpoints"] = [checkpoint]
    return parse_manifest(json.dumps(document))


@st.composite
def extras(draw, engine):
    """Arguments of the operator's, most of which decide something."""
    dash = MARGINS[engine]
    tp = {"vllm": "--tensor-parallel-size", "sglang": "--tp", "tensorrt_llm": "--tp_size"}[engine]
    pp = {"vllm": "-pp", "sglang": "--pp-size", "tensorrt_llm": "--pp_size"}[engine]
    context = {"vllm": "--max-model-len", "sglang": "--context-length"}.get(engine, "--max_seq_len")
    fraction = {
        "vllm": "--gpu-memory-utilization",
        "sglang": "--mem-fraction-static",
        "tensorrt_llm": "--kv_cache_free_gpu_memory_fraction",
    }[engine]
    pool = [
        *((tp, text) for text in ("1", "2", "4")),
        *((pp, text) for text in ("1", "2")),
        *((context, text) for text in ("2048", "4096")),
        *((fraction, text) for text in ("0.5", "0.80")),
        *((f"--kv{dash}cache{dash}dtype", text) for text in ("auto", "fp8")),
        ("--seed", "7"),
    ]
    if engine != "tensorrt_llm":
        pool += [("--dtype", text) for text in ("auto", "bfloat16", "float16")]
        pool += [("--quantization", text) for text in ("fp8", "modelopt", "awq")]
        pool += [("--data-parallel-size", "2"), ("--data-parallel-size", "1")]
    if engine == "vllm":
        pool += [("--max-model-len", "4K"), ("--max_model_len=auto",), ("--model", "acme/third")]
    return sum(draw(st.lists(st.sampled_from(pool), max_size=2)), ())


@st.composite
def situations(draw):
    """What is to be served, where and how, and what the operator adds."""
    server = draw(st.sampled_from([Server.VLLM, *ENGINES, Server.NIM]))
    engine = ENGINES.get(server) or draw(st.sampled_from(sorted({*ENGINES.values()})))
    tags = {"llm_engine": engine}
    tags["precision"] = draw(st.sampled_from(["bf16", "bf16", "fp8", "fp8", "fp16", "nvfp4"]))
    for tag in ("tp", "pp"):
        size = draw(st.sampled_from([None, "1", "2", "4" if tag == "tp" else None]))
        tags |= {} if size is None else {tag: size}
    if engine == "tensorrt_llm" and draw(st.booleans()):
        tags["trtllm_buildable"] = "true"
    return {
        "server": server,
        "tags": tags,
        "stored": draw(st.sampled_from(["16 bits", "16 bits", "16 bits", *STORED, None])),
        "machine": draw(st.sampled_from(MACHINES)),
        "named": draw(st.sampled_from(NAMES)),
        "relax": draw(st.booleans()),
        "serving": {
            "engine_version": draw(st.sampled_from(VERSIONS[engine])),
            "max_model_len": draw(st.sampled_from([None, None, 2048, 8192, "auto"])),
            "memory_fraction": draw(st.sampled_from([None, None, 0.5, 0.95])),
            "kv_cache_dtype": draw(st.sampled_from([*["auto"] * 4, "bf16", "fp8", "nvfp4"])),
        },
        "extra": draw(st.one_of(st.just(()), st.just(()), extras(engine))),
        "counted": draw(st.sampled_from([True, True, False])),
    }


def decided(situation):
    """The manifest, the decision and the serving that it was judged by."""
    extra = situation["extra"]
    serving = Serving(**situation["serving"])
    if situation["counted"] and situation["server"] is not Server.TRITON:
        serving = serving.given(extra, "after --")
    manifest = manifest_of(situation["tags"], situation["stored"])
    inventory = mock_inventory(situation["machine"])
    request = Request(relax_memory=situation["relax"], serving=serving)
    return manifest, select(manifest, inventory, request), serving


def setup_of(situation, folders):
    named, server = situation["named"], situation["server"]
    model = str(folders / named.replace(" ", "-")) if named in DIRECTORIES else named
    image = "nvcr.io/nim/acme/llama:2.0.12" if server is Server.NIM else None
    where = "passthrough" if server is Server.TRITON else "extra"
    return Setup(server, model, image=image, **{where: situation["extra"]})


def check(situation, decision, serving, told, gpus=None):
    """What was told beside what was judged."""
    verdict = decision.selected
    profile, tags = verdict.profile, situation["tags"]
    if situation["server"] is Server.NIM:
        assert profile.id == told.profile
        assert 1 == told.dp
        quantised = stored_in(situation) in {"fp8", "nvfp4"}
        assert told.quantization in ({None, "modelopt"} if quantised else {None})
        if situation["named"] in DIRECTORIES:
            narrow = Precision(tags["precision"]).bits < 16
            assert (tags["precision"] if narrow else "16 bits") == stored_in(situation)
        # Both are the profile's, unless they are said again.
        assert told.tp in {1, int(tags.get("tp", len(verdict.gpus) // int(tags.get("pp", 1))))}
        assert told.pp in {1, int(tags.get("pp", 1))}
        assert serving.memory_fraction == told.fraction
        if tags["llm_engine"] != "tensorrt_llm":  # of which no variable says the format
            check_cache(serving.kv_cache_dtype, told.cache)
    else:
        assert len(verdict.gpus) == told.tp * told.pp
        assert 1 == told.dp
        assert int(tags.get("tp", told.tp)) == told.tp
        assert int(tags.get("pp", 1)) == told.pp
        check_precision(situation, decision, told)
        check_capability(situation, decision, serving)
        assert serving.memory_fraction == told.fraction
        check_cache(serving.kv_cache_dtype, told.cache)
    assert gpus is None or len(verdict.gpus) == gpus
    check_context(situation, verdict, serving, told)


def stored_in(situation):
    """How the weights that are loaded are stored; None when nobody can know."""
    named = situation["named"]
    if named in DIRECTORIES:
        return named if named in STORED else "16 bits"
    return situation["stored"]


def check_precision(situation, decision, told):
    precision, stored = Precision(situation["tags"]["precision"]), stored_in(situation)
    gpus = [gpu for gpu in decision.inventory.gpus if gpu.index in decision.selected.gpus]
    half = any(gpu.compute_capability < (8, 0) for gpu in gpus)
    if precision.bits >= 16:
        assert stored in {None, "16 bits"}
        assert told.quantization is None
        dtype = {None: "bfloat16", "auto": "bfloat16"}.get(told.dtype, told.dtype)
        assert ("float16" if half else WIDE[precision]) == dtype
        return
    assert stored is not None, "nobody knows whether it is quantised"
    if stored == "16 bits":
        assert Precision.FP8 is precision
        assert told.quantization in {"fp8", "fp8_per_tensor"}
    else:
        assert precision == stored
        assert told.quantization in {None, "modelopt"}
    assert told.dtype in {None, "auto", "bfloat16", "float16"}


def check_capability(situation, decision, serving):
    """By the facts of the engine its GPUs are those on which it serves such weights."""
    stored, narrow = stored_in(situation), Precision(situation["tags"]["precision"]).bits < 16
    spec = spec_of(Engine(situation["tags"]["llm_engine"]))
    version = serving.engine_version or spec.newest
    form = f"{stored} modelopt" if stored in {"fp8", "nvfp4"} else "16 bits"
    served = [
        way.capability
        for way in spec.ways(form)
        if (way.precision.bits < 16) is narrow and satisfies(version, way.versions)
    ]
    for gpu in decision.inventory.gpus:
        if gpu.index in decision.selected.gpus:
            capability = str(gpu.compute_capability)
            assert any(satisfies(capability, specifiers) for specifiers in served)


def check_cache(asked, told):
    same = {"bf16": {"bf16", "bfloat16", "auto"}, "auto": {None, "auto"}}
    same["fp8"] = {"fp8", "fp8_e4m3"}
    same["nvfp4"] = {"nvfp4", "fp4_e2m1"}
    assert told in same[asked]


def check_context(situation, verdict, serving, told):
    """The context that is served is the one that was judged, or the weights' own shorter one."""
    said = None if told.context in {None, "auto"} else parse_tokens(told.context)
    own = {"longer": 4 * CONTEXT, "shorter": 4096}.get(situation["named"], CONTEXT)
    unseen = situation["stored"] is None and situation["named"] not in DIRECTORIES
    cuts = [each for each in verdict.waived if isinstance(each, ContextTooLong)]
    judged = None if verdict.need is None else verdict.need.max_model_len
    if serving.fit_context and judged is not None:
        assert said == (judged if unseen else min(judged, own))
    elif serving.max_model_len is not None:
        assert serving.max_model_len == said
    elif cuts and cuts[0].max_model_len is not None:
        assert cuts[0].max_model_len == said
    elif judged is not None:
        assert judged == said or (said is None and not unseen and own <= judged)
    else:
        assert said is None


def outcome(situation, folders, told_of):
    """Check what a plan or a document says; a refusal is as good."""
    try:
        manifest, decision, serving = decided(situation)
    except RequestError:
        assume(False)
    assume(decision.selected is not None)
    try:
        told, gpus = told_of(manifest, decision, setup_of(situation, folders))
    except LaunchError as error:
        event(f"refused: {str(error).partition(' ')[0]}")
        return
    event(f"told, {situation['server']}")
    check(situation, decision, serving, told, gpus)


@given(situations())
def test_a_plan_says_what_was_judged_or_is_refused(folders, situation):
    def told_of(manifest, decision, setup):
        return told_by_plan(launch_plan(decision, manifest, setup)), None

    outcome(situation, folders, told_of)


@pytest.mark.parametrize("target", [*TARGETS])
@given(situation=situations())
def test_what_is_rendered_says_what_was_judged_or_is_refused(folders, target, situation):
    def told_of(manifest, decision, setup):
        job = job_of(decision, manifest, setup)
        return told_by_target(target, deployed(target, job).value)

    outcome(situation, folders, told_of)


def test_every_server_is_tried():
    assert {*Server} == {*ENGINES, Server.NIM}
    assert {*map(str, Engine)} == {*ENGINES.values()}
