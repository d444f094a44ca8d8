"""Wrong types and impossible values are refused with a sentence that says what was expected."""

import inspect

import pytest

import nimprofile
from nimprofile import (
    POLICIES,
    ComputeCapability,
    Connection,
    Engine,
    Goals,
    Gpu,
    Inventory,
    InventoryError,
    Link,
    LoadReport,
    MigInstance,
    Pin,
    Precision,
    Profile,
    Request,
    RequestError,
    Serving,
    Setup,
    Wanted,
    job_of,
    load_manifest,
    mock_inventory,
    plain_shape,
    select,
)

MANIFEST = load_manifest("llama-3.1-8b-instruct")
BOX = mock_inventory("2xl40s")
DECISION = select(MANIFEST, BOX)
SHAPE = plain_shape(8_030_261_248, 32, 8, 128, 131072)
JOB = job_of(DECISION, MANIFEST, Setup(server="nim"))
AN_INVENTORY = 'load_inventory(path), discover() and mock_inventory("8xh100") make one'
A_REASON = "no words for 'x': it is no reason such as `Verdict.reasons` holds"

WRONG_TYPES = [
    (
        "select",
        ("llama-3.1-8b-instruct", BOX),
        (
            "select: manifest is a Manifest, not the str 'llama-3.1-8b-instruct'; "
            "load_manifest(path) reads one"
        ),
    ),
    (
        "select",
        (MANIFEST, "2xl40s"),
        f"select: inventory is an Inventory, not the str '2xl40s'; {AN_INVENTORY}",
    ),
    (
        "select",
        (MANIFEST, BOX, {"pin": "x"}),
        "select: request is a Request, not the dict {'pin': 'x'}; Request(pin=…, tags=…) makes one",
    ),
    ("select", (MANIFEST, BOX, Request(), 3), "select: policy is a str or a Policy, not the int 3"),
    ("load_manifest", (3,), "load_manifest: path is a path, not the int 3"),
    ("load_manifest", (b"m.yaml",), "load_manifest: path is a path, not the bytes b'm.yaml'"),
    (
        "parse_manifest",
        (b"profiles:",),
        (
            "parse_manifest: text is a text, not the bytes b'profiles:'; "
            "load_manifest(path) reads a file"
        ),
    ),
    ("parse_manifest", ("profiles:", 3), "parse_manifest: source is a text, not the int 3"),
    ("manifest_of", ({"profiles": []}, None), "manifest_of: source is a text, not None"),
    ("check_manifest", (None,), "check_manifest: text is a text, not None"),
    ("mock_inventory", (8,), 'mock_inventory: spec is a text, not the int 8; such as "8xh100"'),
    ("load_inventory", (None,), "load_inventory: path is a path, not None"),
    (
        "parse_inventory",
        ({"gpus": []},),
        (
            "parse_inventory: text is a text, not the dict {'gpus': []}; "
            "load_inventory(path) reads a file"
        ),
    ),
    (
        "dump_inventory",
        ([],),
        f"dump_inventory: inventory is an Inventory, not the list []; {AN_INVENTORY}",
    ),
    ("scrubbed", (3,), f"scrubbed: inventory is an Inventory, not the int 3; {AN_INVENTORY}"),
    (
        "cuda_devices",
        ("2xl40s", (0,)),
        f"cuda_devices: inventory is an Inventory, not the str '2xl40s'; {AN_INVENTORY}",
    ),
    (
        "cuda_devices",
        (BOX, 0),
        "cuda_devices: indices is several of int, not the int 0; decision.selected.gpus has some",
    ),
    (
        "cuda_devices",
        (BOX, ("0",)),
        "cuda_devices: indices holds an int, not the str '0'; decision.selected.gpus has some",
    ),
    (
        "expectation_of_lock",
        ({},),
        "expectation_of_lock: lock is a Lock, not the dict {}; load_lock(path) reads one",
    ),
    (
        "expectation_of_conditions",
        (3,),
        (
            "expectation_of_conditions: conditions is a str or a list or a tuple or a dict, "
            "not the int 3"
        ),
    ),
    (
        "observations_in",
        ("INFO",),
        (
            "observations_in: lines is several of str, not the str 'INFO'; "
            "text.splitlines() makes them"
        ),
    ),
    (
        "verification_of",
        ("tp=8", ()),
        (
            "verification_of: expectation is an Expectation, not the str 'tp=8'; "
            "expectation_of_lock(lock) makes one"
        ),
    ),
    (
        "lock_of",
        ({}, MANIFEST),
        "lock_of: decision is a Decision, not the dict {}; select(…) makes one",
    ),
    (
        "drift",
        ({}, DECISION, MANIFEST),
        "drift: lock is a Lock, not the dict {}; load_lock(path) reads one",
    ),
    ("load_lock", (3,), "load_lock: path is a path, not the int 3"),
    (
        "parse_lock",
        (b"lock",),
        "parse_lock: text is a text, not the bytes b'lock'; load_lock(path) reads a file",
    ),
    (
        "lock_text",
        ({},),
        "lock_text: lock is a Lock, not the dict {}; lock_of(decision, manifest) makes one",
    ),
    ("load_model", (3,), "load_model: path is a path, not the int 3"),
    ("read_model", (None,), "read_model: path is a path, not None"),
    ("read_results", (None,), "read_results: path is a path, not None"),
    (
        "judge_load",
        ("x", Goals()),
        "judge_load: report is a LoadReport, not the str 'x'; read_results(path) reads some",
    ),
    (
        "judge_load",
        (LoadReport("aiperf", "f", None), {}),
        "judge_load: goals is a Goals, not the dict {}",
    ),
    (
        "shape_from_config",
        ("config.json",),
        (
            "shape_from_config: fields is a mapping, not the str 'config.json'; "
            "load_model(path) reads a file"
        ),
    ),
    (
        "memory_budget",
        ("m", Serving(), BOX.gpus[0]),
        "memory_budget: shape is a ModelShape, not the str 'm'; load_model(path) reads one",
    ),
    (
        "memory_budget",
        (SHAPE, Engine.VLLM, BOX.gpus[0]),
        ("memory_budget: serving is a Serving, not the Engine 'vllm'; Serving(tp=2, …) makes one"),
    ),
    (
        "memory_budget",
        (SHAPE, Serving(), "l40s"),
        "memory_budget: gpu is a Gpu, not the str 'l40s'; an inventory has them in `gpus`",
    ),
    (
        "build_manifest",
        ("my-model",),
        (
            "build_manifest: models is several of Model, not the str 'my-model'; "
            "read_model(path) reads one"
        ),
    ),
    (
        "build_manifest",
        (["my-model"],),
        "build_manifest: models holds a Model, not the str 'my-model'; read_model(path) reads one",
    ),
    (
        "prefer",
        (3, POLICIES["nim"]),
        'prefer: chain is a text, not the int 3; such as "objective=throughput,tp"',
    ),
    (
        "prefer",
        ("tp", "nim"),
        "prefer: base is a Policy, not the str 'nim'; POLICIES[\"nim\"] is one",
    ),
    (
        "launch_plan",
        ("x", MANIFEST),
        "launch_plan: decision is a Decision, not the str 'x'; select(…) makes one",
    ),
    (
        "launch_plan",
        (DECISION, "x"),
        "launch_plan: manifest is a Manifest, not the str 'x'; load_manifest(path) reads one",
    ),
    (
        "launch_plan",
        (DECISION, MANIFEST, "vllm"),
        "launch_plan: setup is a Setup, not the str 'vllm'; Setup(server=\"vllm\", …) makes one",
    ),
    (
        "launchable",
        ("x", MANIFEST),
        "launchable: decision is a Decision, not the str 'x'; select(…) makes one",
    ),
    (
        "job_of",
        (None, MANIFEST, Setup()),
        "job_of: decision is a Decision, not None; select(…) makes one",
    ),
    (
        "job_of",
        (DECISION, BOX.gpus[0].index, Setup()),
        "job_of: manifest is a Manifest, not the int 0; load_manifest(path) reads one",
    ),
    (
        "job_of",
        (DECISION, MANIFEST, None),
        'job_of: setup is a Setup, not None; Setup(server="vllm", …) makes one',
    ),
    (
        "with_adapters",
        ("loras",),
        "with_adapters: setup is a Setup, not the str 'loras'; Setup(peft_source=…) makes one",
    ),
    ("deployed", (3, JOB), "deployed: target is a text, not the int 3"),
    (
        "deployed",
        ("k8s", "x"),
        "deployed: job is a Job, not the str 'x'; job_of(decision, manifest, setup) makes one",
    ),
    (
        "decision_to_dict",
        ({},),
        "decision_to_dict: decision is a Decision, not the dict {}; select(…) makes one",
    ),
    (
        "to_json",
        ([],),
        "to_json: document is a dict, not the list []; build_manifest(…).document is one",
    ),
    (
        "to_yaml",
        (3,),
        "to_yaml: document is a dict, not the int 3; build_manifest(…).document is one",
    ),
    ("message", ("x",), A_REASON),
    ("remedy", ("x",), A_REASON),
]


@pytest.mark.parametrize(("name", "args", "sentence"), WRONG_TYPES)
def test_a_wrong_type_gets_a_sentence_that_says_what_was_expected(name, args, sentence):
    with pytest.raises(TypeError) as caught:
        getattr(nimprofile, name)(*args)
    assert sentence == str(caught.value)


def test_keyword_arguments_of_a_wrong_type_get_one_too():
    for call, sentence in (
        (lambda: nimprofile.discover(environ=3), "discover: environ is a mapping, not the int 3"),
        (lambda: nimprofile.discover(host="/"), "discover: host is a Host, not the str '/'"),
        (
            lambda: nimprofile.deployed("k8s", JOB, replicas="2"),
            "deployed: replicas is an int, not the str '2'",
        ),
        (
            lambda: nimprofile.deployed("k8s", JOB, gpus_per_node=None),
            "deployed: gpus_per_node is an int, not None",
        ),
        (
            lambda: Request.from_env(3),
            "Request.from_env: environ is a mapping, not the int 3; os.environ is one",
        ),
        (
            lambda: Setup.from_env(None),
            "Setup.from_env: environ is a mapping, not None; os.environ is one",
        ),
        (lambda: Request(serving=3), "Request: serving is a Serving, not the int 3"),
        (lambda: Request(pin=3), "Request: pin is a Pin, not the int 3"),
        (
            lambda: Request(tags="tp=2"),
            'Request: tags is a tuple, not the str \'tp=2\'; tags={"precision": "fp8"} will do',
        ),
        (lambda: Inventory(("h100",)), "Inventory: gpus holds a Gpu, not the str 'h100'"),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert sentence == str(caught.value)


NO_ARGUMENTS = {"bundled_manifests", "known_advisories", "products"}
OTHERWISE_TESTED = {"discover", "plain_shape"}
"""Functions of keywords and of numbers: in other tests of this file."""


def test_every_public_function_with_arguments_is_tested_with_a_wrong_type():
    functions = {
        name
        for name in nimprofile.__all__
        if inspect.isfunction(inspect.unwrap(getattr(nimprofile, name)))
    }
    assert functions == {name for name, _, _ in WRONG_TYPES} | NO_ARGUMENTS | OTHERWISE_TESTED


IMPOSSIBLE = {
    "max_ttft_ms 0 is no number above 0": lambda: Goals(0),
    "max_tpot_ms '5' is no number above 0": lambda: Goals(max_tpot_ms="5"),
    "min_tokens_per_second nan is no number above 0": lambda: Goals(
        min_tokens_per_second=float("nan")
    ),
    "tp 0 is not a whole number from 1 on": lambda: Serving(tp=0),
    "tp '2' is not a whole number from 1 on": lambda: Serving(tp="2"),
    "tp True is not a whole number from 1 on": lambda: Serving(tp=True),
    "pp -1 is not a whole number from 1 on": lambda: Serving(pp=-1),
    "concurrency 0 is not a whole number from 1 on": lambda: Serving(concurrency=0),
    "max_model_len 0 is not a whole number from 1 on": lambda: Serving(max_model_len=0),
    "max_num_seqs -3 is not a whole number from 1 on": lambda: Serving(max_num_seqs=-3),
    "max_num_batched_tokens -1 is not a whole number from 0 on": lambda: Serving(
        max_num_batched_tokens=-1
    ),
    "speculative_tokens -1 is not a whole number from 0 on": lambda: Serving(speculative_tokens=-1),
    "memory_fraction 0 is not above 0 and up to 1": lambda: Serving(memory_fraction=0),
    "memory_fraction 2 is not above 0 and up to 1": lambda: Serving(memory_fraction=2),
    "memory_fraction '0.9' is not above 0 and up to 1": lambda: Serving(memory_fraction="0.9"),
    "memory_fraction nan is not above 0 and up to 1": lambda: Serving(memory_fraction=float("nan")),
    "engine_version 'abc' is no version such as 0.19.0": lambda: Serving(engine_version="abc"),
    "engine_version 0.19 is no version such as 0.19.0": lambda: Serving(engine_version=0.19),
    "engine: 'vlm' is not an engine; known: tensorrt_llm, vllm, sglang": lambda: Serving("vlm"),
    "precision: 'fp7' is not a precision; known: fp32, bf16, fp16, fp8, int8, int8wo, int4, "
    "int4_awq, w4a16, mxfp4, nvfp4": lambda: Serving(precision="fp7"),
    "kv_cache_dtype 'fp3' is not known; known: auto, bf16, bfloat16, fp16, float16, fp32, "
    "float32, int8, fp8, fp8_e4m3, fp8_e5m2, nvfp4": lambda: Serving(kv_cache_dtype="fp3"),
    "NIM_MODEL_PROFILE: '' names no profile; leave out the pin": lambda: Pin(""),
    "--profile: ' ' names no profile; leave out the pin": lambda: Pin(" ", "--profile"),
    "engines is a tuple such as (Engine.VLLM,), not 'vllm'": lambda: Request(engines="vllm"),
    "engines: 'vlm' is not an engine; known: tensorrt_llm, vllm, sglang": lambda: Request(
        engines=("vlm",)
    ),
    "tags: ('tp', 2) is not a tag and its value, both texts": lambda: Request(tags={"tp": 2}),
    "tags: 'tp' is not a tag and its value, both texts": lambda: Request(tags=("tp",)),
    "max_tp 0 is not a whole number from 1 on": lambda: Wanted(max_tp=0),
    "max_nodes 0 is not a whole number from 1 on": lambda: Wanted(max_nodes=0),
    "engine_version 'new' is no version such as 0.19.0": lambda: Wanted(engine_version="new"),
    "engines is a tuple such as (Engine.VLLM,), not 3": lambda: Wanted(engines=3),
    "precisions: 'fp7' is not a precision; known: fp32, bf16, fp16, fp8, int8, int8wo, int4, "
    "int4_awq, w4a16, mxfp4, nvfp4": lambda: Wanted(precisions=("fp7",)),
    "'8000' is no port from 1 to 65535": lambda: Setup(port="8000"),
    "'vlm' is not a server; known: vllm, sglang, tensorrt_llm, triton, nim": lambda: Setup("vlm"),
    "max_lora_rank 0 is not a whole number from 1 on": lambda: Setup(max_lora_rank=0),
    "max_loras 0 is not a whole number from 1 on": lambda: Setup(max_loras=0),
    "max_cpu_loras -1 is not a whole number from 1 on": lambda: Setup(max_cpu_loras=-1),
    "parameters 0 is not a whole number from 1 on": lambda: plain_shape(0, 1, 1, 1, 1),
    "num_hidden_layers 0 is not a whole number from 1 on": lambda: plain_shape(1, 0, 1, 1, 1),
    "num_hidden_layers 2001 is more than any model has": lambda: plain_shape(1, 2001, 1, 1, 1),
    "num_key_value_heads 0 is not a whole number from 1 on": lambda: plain_shape(1, 1, 0, 1, 1),
    "head_dim 1.5 is not a whole number from 1 on": lambda: plain_shape(1, 1, 1, 1.5, 1),
    "max_position_embeddings 0 is not a whole number from 1 on": lambda: plain_shape(1, 1, 1, 1, 0),
    "there is no GPU 7 in the inventory": lambda: nimprofile.cuda_devices(BOX, (0, 7)),
    "timeout '3' is no number of seconds up to 3600": lambda: nimprofile.discover(timeout="3"),
}


@pytest.mark.parametrize(("sentence", "make"), IMPOSSIBLE.items())
def test_an_impossible_value_is_a_request_error(sentence, make):
    with pytest.raises(RequestError) as caught:
        make()
    assert sentence == str(caught.value)


FACTS = {
    "index -1 is not one": lambda: Gpu(-1),
    "index 0.0 is not one": lambda: Gpu(0.0),
    "memory_total_mib 0 is no size; leave out what is unknown": lambda: Gpu(0, memory_total_mib=0),
    "memory_free_mib 1.5 is no size; leave out what is unknown": lambda: Gpu(
        0, memory_free_mib=1.5
    ),
    "(9, 0): write ComputeCapability.parse('9.0') for 9.0": lambda: Gpu(
        0, compute_capability=(9, 0)
    ),
    "gpus [1, 0] are not two indices, the lower first": lambda: Connection((1, 0), Link.SYS),
    "gpus [-1, 0] are not two indices, the lower first": lambda: Connection((-1, 0), Link.SYS),
    "MigInstance(board=-1, gpu_instance=None, compute_instance=None) has a number below 0": (
        lambda: MigInstance(-1)
    ),
    "0 is not a number of GPUs": lambda: Profile("a", "b", {}, tp=0),
    "'2' is not a number of GPUs": lambda: Profile("a", "b", {}, pp="2"),
}


@pytest.mark.parametrize(("sentence", "make"), FACTS.items())
def test_an_impossible_fact_is_a_value_error(sentence, make):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared
        make()
    assert sentence == str(caught.value)


def test_names_are_taken_for_what_they_name():
    assert Serving(Engine.VLLM, precision=Precision.FP8) == Serving("vLLM", precision="FP8")
    assert Engine is type(Serving("trtllm").engine)
    assert Request(engines=(Engine.VLLM,)) == Request(engines=["vllm"])
    assert Wanted(engines=(Engine.SGLANG,), precisions=(Precision.FP8,)) == Wanted(
        engines=("sglang",), precisions=["fp8"]
    )
    assert ((ComputeCapability.parse("9.0")), 1) == (
        Gpu(0, compute_capability=ComputeCapability((9, 0))).compute_capability,
        Serving().tp,
    )


def test_a_manifest_of_no_model_is_refused():
    with pytest.raises(nimprofile.ModelError, match="no checkpoint is given"):
        nimprofile.build_manifest([])


def test_an_inventory_of_a_file_still_says_where_a_figure_is_wrong():
    with pytest.raises(InventoryError, match=r"gpus\[0\].*memory_total_mib 0 is no size"):
        nimprofile.parse_inventory('{"gpus": [{"memory_total_mib": 0}]}')
