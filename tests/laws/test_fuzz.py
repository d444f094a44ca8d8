"""Whatever text comes in, only documented errors come out, and what is read can be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, strategies as st

from nimprofile import (
    POLICIES,
    Inventory,
    InventoryError,
    Manifest,
    ManifestError,
    NimProfileError,
    Pin,
    Request,
    RequestError,
    decision_to_dict,
    dump_inventory,
    load_manifest,
    mock_inventory,
    parse_inventory,
    parse_manifest,
    prefer,
    select,
)
from nimprofile.authoring import lint
from nimprofile.authoring.diff import diff
from nimprofile.authoring.writer import to_document, to_json, to_v1, to_yaml
from nimprofile.base.enums import parse_engine
from nimprofile.base.formats import yaml_reader
from nimprofile.base.formats.nim_printout import read_listing
from nimprofile.base.formats.text_files import decode
from nimprofile.manifest.profile_conditions import parse_tags
from nimprofile.manifest.reader import bundled_manifests, read_tree
from nimprofile.report.blocks import plain_text
from nimprofile.report.explain import explain_decision, explain_profile
from nimprofile.report.manifests import diff_blocks, diff_to_dict, manifest_blocks, manifest_to_dict
from nimprofile.report.nim_listing import LAYOUTS, nim_listing
from nimprofile.report.tables import list_blocks
from nimprofile.selection.request import find_pin
from tests.support.report_cases import in_colour, on_terminal

MACHINE = mock_inventory("2xh100,1xl4")
MANIFEST = load_manifest("llama-3.1-8b-instruct")

# Texts that break readers: numbers too long for Python, halves of surrogate pairs, references, …
AWKWARD = (
    "9" * 5000,
    "1e999",
    "-1",
    "nan",
    "\ud800",
    "\\ud800",
    "\\UFFFFFFFF",
    "\x00",
    "\x1b[31m",
    "\u2028",
    "\ufeff",
    "²",
    "&a [*a]",
    "<<: *a",
    "!!python/object/apply:os.system [id]",
    "!!binary",
    "? ",
    "%YAML 9.9\n---\n",
    "---\n",
    "...\n",
    "\t",
    "{",
    "[" * 100,
    "- " * 100,
    "'",
    '"',
    "|\n",
    "null",
    "~",
    "MODEL PROFILES\n",
    "- Compatible with system and runnable:\n",
    "Valid profile: 12345678 (a) on GPUs [0]",
    "[requires >=1.2.3 GB/gpu]",
    "schema_version",
    "profiles:",
)
CHUNKS = st.one_of(st.sampled_from(AWKWARD), st.text(max_size=8))


def surrogates_too():
    return st.text(st.characters(exclude_categories=()))


def outcome(documented, read, *args, **kwargs):
    """What a reader gives, or the one kind of error that it may raise."""
    try:
        return read(*args, **kwargs)
    except documented as error:
        return error


def check_manifest(text: str) -> None:
    """Read a text; when it is a manifest, everything that uses one must work on it."""
    findings = lint.check_manifest(text, "fuzz")
    unreadable = [found for found in findings if found.rule == "unreadable"]
    match outcome(ManifestError, parse_manifest, text, "fuzz"):
        case Manifest() as manifest:
            assert [] == unreadable
            use(manifest, MACHINE)
            compare(manifest)
            if manifest.dialect != "listing":
                rewrite(manifest, text)
        case error:
            assert unreadable
            assert str(error).startswith("fuzz")
            assert str(error).isprintable()


def compare(manifest):
    """A manifest shown, and compared with itself."""
    found = diff(manifest, manifest)
    assert found.empty
    assert plain_text(diff_blocks(found, None)).encode()
    assert on_terminal(manifest_blocks(manifest)).encode()
    assert json.dumps([manifest_to_dict(manifest), diff_to_dict(found, None)])


def rewrite(manifest, text):
    """The same profiles in every form that it can be written in."""
    document, _ = to_document(read_tree(text, "fuzz", whole=True))
    for written in (to_yaml(document), to_json(document), to_yaml(to_v1(document)[0])):
        again = parse_manifest(written, "fuzz")
        assert [p.tags for p in manifest.profiles] == [p.tags for p in again.profiles]
        assert [p.requires for p in manifest.profiles] == [p.requires for p in again.profiles]
        assert manifest.model_shape == again.model_shape


def check_inventory(text: str) -> None:
    """Likewise for an inventory."""
    match outcome(InventoryError, parse_inventory, text, "fuzz"):
        case Inventory() as inventory:
            assert inventory == parse_inventory(json.dumps(dump_inventory(inventory)))
            use(MANIFEST, inventory)
        case error:
            assert str(error).startswith("fuzz")


def use(manifest, inventory):
    decision = select(manifest, inventory)
    for style in (plain_text, in_colour):
        texts = [style(list_blocks(decision)), style(explain_decision(decision))]
        verdict = (*decision.ranked, *decision.rejected)[-1]
        texts.append(style(explain_profile(decision, verdict)))
        assert all(text.encode() for text in texts)
    for layout in LAYOUTS:
        assert nim_listing(decision, layout).encode()
    assert json.dumps(decision_to_dict(decision)).encode()


def trees():
    """Random YAML and JSON trees, of our own keys as well as any."""
    keys = st.one_of(st.sampled_from(KEYS), st.text(max_size=5))
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.sampled_from(VALUES),
        st.text(max_size=8),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=5)
        ),
        max_leaves=20,
    )


KEYS = (
    *("schema_version", "profiles", "model", "model_shape", "id", "profile_id", "tags", "name"),
    *("requires", "workspace", "files", "llm_engine", "precision", "tp", "pp", "profile"),
    *("gpu", "gpu_device", "feat_lora", "compute_capability", "min_vram_per_device_gb"),
    *("driver", "cuda", "memory_gib_per_gpu", "parameters", "num_hidden_layers"),
    *("engine", "checkpoints", "checkpoint", "engine_version", "sources", "path", "model_type"),
    *("gpus", "index", "memory_total_mib", "memory_free_mib", "device_id", "driver_version"),
)
VALUES = (
    *("vllm", "fp8", "1", "0", "2", "true", "h100", "2330:10de", "9.0", ">=8.9", ">=", "80.0"),
    *(
        "===x",
        ">=1,<2",
        "vllm>=0.1",
        "llama",
        "1e5",
        "inf",
        "nan",
        "latency",
        "570.124.06",
        "-",
        "9" * 400,
    ),
)


@st.composite
def shaped_trees(draw):
    """Trees in the shape of a manifest with anything in the places where values stand."""
    anything = st.one_of(st.sampled_from(VALUES), trees())
    tags = st.dictionaries(st.sampled_from(KEYS), anything, max_size=6)
    entry = st.fixed_dictionaries(
        {"id": anything, "tags": tags}, optional={"requires": tags, "name": anything}
    )
    return draw(
        st.one_of(
            st.fixed_dictionaries(
                {"profiles": st.lists(entry, max_size=3)},
                optional={"model": anything, "model_shape": tags},
            ),
            st.dictionaries(st.text(max_size=4), entry, max_size=3),
            st.fixed_dictionaries(
                {"profiles": st.lists(tags.map(lambda t: {"profile_id": "a"} | t), max_size=3)}
            ),
        )
    )


@st.composite
def machine_trees(draw):
    """Trees in the shape of an inventory with anything in the places where values stand."""
    numbers = st.one_of(st.integers(-1, 100_000), st.none(), st.sampled_from(VALUES), trees())
    gpu = st.fixed_dictionaries(
        {},
        optional={
            "index": numbers,
            "memory_total_mib": numbers,
            "memory_free_mib": numbers,
            "name": numbers,
            "device_id": numbers,
            "compute_capability": numbers,
            "unified_memory": numbers,
            "memory_totl_mib": numbers,
        },
    )
    return {"gpus": draw(st.lists(gpu, max_size=3))} | draw(
        st.dictionaries(st.sampled_from(("driver_version", "cuda_version", "x")), numbers)
    )


@st.composite
def mutated(draw, originals: tuple[str, ...]) -> str:
    """A real text with a few chunks or lines deleted, doubled, swapped or replaced."""
    text = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 4))):
        by_lines = draw(st.booleans())
        units: list[str] | str = text.splitlines(keepends=True) if by_lines else text
        first = draw(st.integers(0, len(units)))
        last = draw(st.integers(first, min(len(units), first + 40)))
        head, cut, tail = units[:first], units[first:last], units[last:]
        join = "".join
        match draw(st.sampled_from(["delete", "double", "swap", "replace", "insert"])):
            case "delete":
                text = join(head) + join(tail)
            case "double":
                text = join(head) + join(cut) * 2 + join(tail)
            case "swap":
                middle = len(cut) // 2
                text = join(head) + join(cut[middle:]) + join(cut[:middle]) + join(tail)
            case "replace":
                text = join(head) + draw(CHUNKS) + join(tail)
            case "insert":
                text = join(head) + draw(CHUNKS) + join(cut) + join(tail)
    return text


LOG = """\
Valid profile: 3807be802a8ab1d999bf280c96dcd8cf (tensorrt_llm-l40s-bf16-tp1-throughput) on GPUs [0]
Valid profile: 6a3ba475d3215ca28f1a8c8886ab4a56 (vllm-fp16-tp2) on GPUs [0, 1]
Selected profile: 3807be802a8ab1d999bf280c96dcd8cf
"""
REQUIREMENTS = """\
SYSTEM INFO
- Free GPUs:
  -  [2b85:10de] (0) NVIDIA GeForce RTX 5090 [current utilization: 1%]
MODEL PROFILES
- Compatible with system and runnable: <None>
  - With LoRA support: <None>
- Compatible with system but low memory:
    - 0123456789abcdef (vllm-bf16-tp1-pp1-33.0) [requires >=33 GB/gpu, try --max-model-len=84992 to reduce to >=28 GB/gpu]
- Compilable to TRT-LLM using just-in-time compilation of HF models to TRTLLM engines: <None>
- Incompatible with system:
    - fedcba9876543210 - llm_engine:vllm|precision:fp8
"""
BUNDLED = tuple(Path(path).read_text("utf-8") for path in bundled_manifests().values())
LISTINGS = (
    LOG,
    REQUIREMENTS,
    *(
        nim_listing(select(load_manifest(name), MACHINE), layout)
        for name in ("llama-3.1-8b-instruct", "nemotron-3-nano")
        for layout in LAYOUTS
    ),
)
METADATA = json.dumps(
    {
        "profiles": [
            {
                "profile_id": profile.id,
                "inference_backend": "vllm",
                "gpu": ["H100", "H200"],
                "tensor_parallel_size": "2",
                "min_vram_per_device_gb": "80.0",
            }
            for profile in MANIFEST.profiles[:3]
        ]
    },
    indent=1,
)
INVENTORIES = tuple(
    json.dumps(dump_inventory(mock_inventory(spec)), indent=1)
    for spec in ("8xh100", "4xl40s,1xt4", "dgx_spark")
)


def reads(data: bytes, check) -> None:
    try:
        text = decode(data, "fuzz")
    except ManifestError:
        return
    check(text)


@given(st.binary(max_size=400))
def test_bytes_are_a_manifest_or_a_manifest_error(data):
    reads(data, check_manifest)


@given(st.binary(max_size=400))
def test_bytes_are_an_inventory_or_an_inventory_error(data):
    reads(data, check_inventory)


@given(st.one_of(surrogates_too(), st.lists(CHUNKS, max_size=12).map("".join)))
@example("a: &a [*a]")
@example('{"profiles": [{"id": "\\ud800", "tags": {"llm_engine": "vllm"}}]}')
def test_text_is_a_manifest_or_a_manifest_error(text):
    check_manifest(text)


@given(st.one_of(surrogates_too(), st.lists(CHUNKS, max_size=12).map("".join)))
@example('{"gpus": [{"name": "\\ud800"}]}')
@example('{"gpus": [{"index": %s}]}' % ("9" * 5000))
def test_text_is_an_inventory_or_an_inventory_error(text):
    check_inventory(text)


@given(st.one_of(trees(), shaped_trees()))
def test_a_json_tree_is_a_manifest_or_a_manifest_error(tree):
    check_manifest(json.dumps(tree))


@given(st.one_of(trees(), shaped_trees()), st.sampled_from([None, False, True]))
def test_a_yaml_tree_is_a_manifest_or_a_manifest_error(tree, style):
    check_manifest(yaml.safe_dump(tree, default_flow_style=style, allow_unicode=True))


@given(st.one_of(trees(), machine_trees()))
def test_a_json_tree_is_an_inventory_or_an_inventory_error(tree):
    check_inventory(json.dumps(tree))


@given(mutated((*BUNDLED, METADATA)))
def test_a_damaged_manifest_is_a_manifest_or_a_manifest_error(text):
    check_manifest(text)


@given(mutated(LISTINGS))
def test_a_damaged_printout_is_a_manifest_or_a_manifest_error(text):
    check_manifest(text)


@given(mutated(LISTINGS))
def test_a_damaged_printout_is_read_as_a_printout_or_is_a_manifest_error(text):
    listing = outcome(ManifestError, read_listing, text, source="fuzz")
    if isinstance(listing, ManifestError):
        assert listing.source == "fuzz"
        return
    rows, gpus = listing
    assert all(row.id and row.line <= len(text.splitlines()) for row in rows)
    assert len({gpu.index for gpu in gpus}) == len(gpus)


@given(mutated((*INVENTORIES, *LISTINGS)))
def test_a_damaged_inventory_is_an_inventory_or_an_inventory_error(text):
    check_inventory(text)


@given(st.one_of(st.lists(CHUNKS, max_size=12).map("".join), mutated((*BUNDLED[:2], METADATA))))
def test_the_slow_yaml_parser_gives_documented_errors_too(text):
    """PyYAML may have been built without libyaml."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_reader, "Parser", yaml.SafeLoader)
        check_manifest(text)


def words(*known: str) -> st.SearchStrategy[str]:
    """Arguments: known words put together wrongly, and any text."""
    pieces = st.one_of(st.sampled_from((*known, *AWKWARD)), st.text(max_size=5))
    return st.one_of(st.text(), st.lists(pieces, max_size=8).map("".join))


@given(words("8", "x", "h100", ",", "l40s", " ", "2330:10de", "0x", "NVIDIA", "1024", "²"))
@example("9" * 5000 + "xh100")
@example("1024xh100,1xh100")
def test_a_gpu_description_is_a_machine_or_an_inventory_error(text):
    try:
        machine = mock_inventory(text)
    except InventoryError:
        return
    assert 1 <= len(machine.gpus) <= 1024
    use(MANIFEST, machine)


@given(words("precision", "=", "fp8", ",", "tp", " "))
def test_a_tag_selector_is_conditions_or_a_request_error(text):
    try:
        conditions = parse_tags(text, "--tags")
    except RequestError:
        return
    assert all(tag and value for tag, value in conditions)
    assert conditions or not text.strip()


@given(words("vllm", "TRTLLM", " ", "tensorrt_llm"))
def test_an_engine_is_known_or_a_request_error(text):
    try:
        engine = parse_engine(text, "--engine")
    except RequestError:
        return
    assert engine in ("vllm", "sglang", "tensorrt_llm")


@given(
    words("objective", "=", "throughput", ",", "tp", "low", "pp", "4", "id", "engine", "vllm"),
    st.sampled_from(list(POLICIES.values())),
)
@example("tp=" + "9" * 5000, POLICIES["nim"])
def test_a_chain_is_a_policy_or_a_request_error(text, base):
    try:
        policy = prefer(text, base)
    except RequestError:
        return
    decision = select(MANIFEST, mock_inventory("2xh100"), policy=policy)
    assert decision.selected is not None
    assert len(decision.ranked) > 1


PINS = (
    *(profile.id for profile in MANIFEST.profiles[:3]),
    *(profile.name for profile in MANIFEST.profiles[:3]),
    *("auto", " (", ")", "…", "default"),
)


@given(words(*PINS))
def test_a_pin_is_a_profile_or_a_request_error(text):
    found = outcome(RequestError, lambda: find_pin(Pin(text), MANIFEST))
    if isinstance(found, RequestError):
        assert str(found).startswith("NIM_MODEL_PROFILE")
    else:
        assert found in MANIFEST.profiles


VARIABLES = (
    "NIM_MODEL_PROFILE",
    "NIM_TAGS_SELECTOR",
    "NIM_PEFT_SOURCE",
    "NIM_RELAX_MEM_CONSTRAINTS",
    "NIM_MANIFEST_ALLOW_UNSAFE",
    "NIM_ALLOW_NVFP4_EMULATION",
    "NIM_MANIFEST_PATH",
    "HOME",
)


@given(
    st.dictionaries(
        st.sampled_from(VARIABLES), words("0", "1", "true", "tp=1", "default", *PINS), max_size=4
    )
)
def test_an_environment_is_a_request_or_a_request_error(environ):
    request = outcome(RequestError, Request.from_env, environ)
    if isinstance(request, RequestError):
        assert any(name in str(request) for name in environ)
        return
    decision = outcome(NimProfileError, select, MANIFEST, MACHINE, request)
    if isinstance(decision, NimProfileError):
        assert request.pin is not None
        assert "NIM_MODEL_PROFILE" in str(decision)
