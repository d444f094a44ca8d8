"""Does the check find each slip of the pen, name its line, and leave a sound manifest alone?"""

import json
from typing import NamedTuple

import pytest
import yaml

from nimprofile.authoring.lint import check_manifest
from nimprofile.authoring.lint_rules import RULES
from nimprofile.manifest.profile_tags import profile_from_tags
from tests.support.dialect_samples import ID_1, ID_2, LISTING, METADATA, V1, V2
from tests.support.model_configs import LLAMA_8B

GENERIC = {"llm_engine": "vllm", "precision": "bf16", "tp": "1", "pp": "1", "feat_lora": "false"}
COMPILED = GENERIC | {"llm_engine": "tensorrt_llm", "profile": "latency", "gpu": "h100"}
CHECKPOINTS = [{"name": "m", "path": "models/m", "model_shape": LLAMA_8B}]


def profile(id="a", *, name=None, requires=None, tags=GENERIC, **changes):
    """A profile with these tags changed; one that is None is left out."""
    tags = {tag: text for tag, text in (tags | changes).items() if text is not None}
    own = {"name": name, "requires": requires}
    return {"id": id, "tags": tags} | {key: each for key, each in own.items() if each is not None}


class Dumper(yaml.SafeDumper):
    """YAML without aliases."""

    def ignore_aliases(self, data):
        return True


def written(*profiles, **head):
    """Schema v2 with a line for every key, so that a line is a key's."""
    document = {"schema_version": "2.0", **head, "profiles": [*profiles]}
    return yaml.dump(document, Dumper=Dumper, sort_keys=False)


def at(text, words, nth=1):
    """The line on which words stand for the n-th time."""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if words in line]
    return lines[nth - 1]


def found(text):
    return [(each.rule, str(each.severity), each.place) for each in check_manifest(text)]


def only(text):
    (finding,) = check_manifest(text)
    return finding


def problems(text):
    return [finding.problem for finding in check_manifest(text)]


WEIGHED = {"model_shape": LLAMA_8B}
SERVED = {"checkpoints": CHECKPOINTS}


class Case(NamedTuple):
    """The smallest manifest that breaks a rule, its corrected twin, and what is said of it."""

    rule: str
    severity: str
    place: str
    line: tuple
    wrong: str
    right: str
    problem: str
    suggestion: str = ""


def tag(name, wrong, right, *said, head=None, **others):
    """A tag with a wrong and with a right value, None without it; and what is said of it."""
    rule, severity, *words = said
    texts = [written(profile(**others, **{name: text}), **(head or {})) for text in (wrong, right)]
    return Case(rule, severity, f"profiles[0].tags.{name}", (f"{name}:",), *texts, *words)


CASES = {
    "a tag that is nearly a known one": tag(
        *("presicion", "bf16", None, "unknown_tags", "warning"),
        "the tag presicion is not known: nothing is selected by it",
        "did you mean precision?",
    ),
    "a tag that is like nothing known": tag(
        *("zzzzzz", "1", None, "unknown_tags", "warning"),
        "the tag zzzzzz is not known: nothing is selected by it",
    ),
    "an engine that is nearly a known one": tag(
        *("llm_engine", "vlm", "vllm", "unknown_values", "warning"),
        "'vlm' is not known; known: tensorrt_llm, vllm, sglang",
        "did you mean vllm?",
    ),
    "a precision that is nearly a known one": tag(
        *("precision", "fp9", "fp8", "unknown_values", "warning"),
        "'fp9' is not known; known: fp32, bf16, fp16, fp8, int8, int8wo, int4, int4_awq, w4a16, "
        "mxfp4, nvfp4",
        "did you mean fp8?",
    ),
    "an objective that is nearly a known one": tag(
        *("profile", "troughput", "throughput", "unknown_values", "warning"),
        "'troughput' is not known; known: latency, balanced, throughput",
        "did you mean throughput?",
    ),
    "an engine that is like nothing known": tag(
        *("llm_engine", "triton", "vllm", "unknown_values", "warning"),
        "'triton' is not known; known: tensorrt_llm, vllm, sglang",
    ),
    "the name of a GPU with a slip": tag(
        *("gpu", "l4Os", "l40s", "unknown_gpus", "warning"),
        "no known GPU is called 'l4Os'",
        "did you mean l40s?",
    ),
    "a pattern that is not searched": tag(
        *("product_name_regex", "(?R)", "^NVIDIA-L40S$", "patterns_searched", "warning"),
        "it is not searched: '(?R)' is more than a plain pattern has",
        "a plain pattern of the product's label, such as ^NVIDIA-A10(?!0).*",
        gpu="l40s",
    ),
    "a PCI id that nobody knows": tag(
        *("gpu_device", "ffff:10de", "2330:10de", "unknown_gpus", "warning"),
        "no known GPU has the PCI id ffff:10de",
    ),
    "an L40S with the L40's PCI id": tag(
        *("gpu_device", "26b5:10de", "26b9:10de", "gpu_contradiction", "error"),
        "26b5:10de is the NVIDIA L40, but gpu says l40s",
        "l40s has 26b9:10de",
        gpu="L40S",
    ),
    "one of two PCI ids is of another board": tag(
        *("gpu_device", "2330:10de,26b5:10de", "2330:10de", "gpu_contradiction", "error"),
        "26b5:10de is the NVIDIA L40, but gpu says h100",
        "h100 has 2330:10de",
        gpu="h100",
    ),
    "fewer GPUs than tp": tag(
        *("number_of_gpus", "1", "2", "gpu_count", "error"),
        "1 is too few: tp 2 x pp 1 is 2",
        tp="2",
    ),
    "fewer GPUs than tp x pp": tag(
        *("number_of_gpus", "2", "4", "gpu_count", "error"),
        "2 is too few: tp 2 x pp 2 is 4",
        tp="2",
        pp="2",
    ),
    "more GPUs than it uses": tag(
        *("number_of_gpus", "8", "2", "gpu_count", "warning"),
        "8 is more than it uses: tp 2 x pp 1 is 2",
        tp="2",
    ),
    "memory below the weights, in a tag": tag(
        *("min_vram_per_device_gb", "10", "33", "memory_below_weights", "error"),
        "10.0 GiB per GPU is stated; its share of the weights alone is 15.0 GiB (tp 1, pp 1)",
        head=WEIGHED,
    ),
    "memory below each GPU's share of the weights": tag(
        *("min_vram_per_device_gb", "3", "10", "memory_below_weights", "error"),
        "3.0 GiB per GPU is stated; its share of the weights alone is 3.7 GiB (tp 2, pp 2)",
        head=WEIGHED,
        tp="2",
        pp="2",
    ),
    "memory below the weights, as required": Case(
        *("memory_below_weights", "error", "profiles[0].requires.memory_gib_per_gpu"),
        ("memory_gib_per_gpu:",),
        written(profile(requires={"memory_gib_per_gpu": 10}), **WEIGHED),
        written(profile(requires={"memory_gib_per_gpu": 20}), **WEIGHED),
        "10.0 GiB per GPU is stated; its share of the weights alone is 15.0 GiB (tp 1, pp 1)",
    ),
    "the requirement of another engine": Case(
        *("wrong_engine", "error", "profiles[0].requires.engine"),
        ("engine: sglang",),
        written(profile(requires={"engine": "sglang>=0.5"})),
        written(profile(requires={"engine": "vllm>=0.5"})),
        "sglang>=0.5 is about sglang; the profile is served by vllm",
    ),
    "a precision that the checkpoint is not served in": tag(
        *("precision", "nvfp4", "fp8", "unsupported_checkpoint", "warning"),
        "vllm is not known to serve a checkpoint stored as 16 bits in nvfp4",
        "one of bf16, fp16, fp8",
        head=SERVED,
    ),
    "a number of GPUs that does not divide the heads": tag(
        *("tp", "3", "4", "never_runs", "error"),
        "32 attention heads cannot be divided by tp 3",
        head=WEIGHED,
    ),
    "a capability that no GPU has": Case(
        *("never_runs", "warning", "profiles[0]", ("- id: a",)),
        written(profile(requires={"compute_capability": ">=99"})),
        written(profile(requires={"compute_capability": ">=8.0"})),
        "no known GPU can run it; on NVIDIA GB300: requires compute capability >=99; GPU 0 has "
        "10.3",
    ),
    "more memory than its GPU has": Case(
        *("never_runs", "warning", "profiles[0]", ("- id: a",)),
        written(profile(gpu="l4", min_vram_per_device_gb="80")),
        written(profile(gpu="h100", min_vram_per_device_gb="80")),
        "no known GPU can run it; on NVIDIA L4: needs at least 74.5 GiB per GPU (tag "
        "min_vram_per_device_gb); GPU 0 has 22.5 GiB in total, 52.0 GiB too little",
    ),
    "the same memory for one GPU and for two": Case(
        *("memory_of_all_gpus", "warning", "profiles[1].tags.min_vram_per_device_gb"),
        ("min_vram_per_device_gb:", 2),
        written(*(profile(n, tp=n, min_vram_per_device_gb="31") for n in "12")),
        written(
            profile("1", min_vram_per_device_gb="31"),
            profile("2", tp="2", min_vram_per_device_gb="18"),
        ),
        "31.0 GiB per GPU on 2 GPUs, as on 1",
        "state what one GPU needs, not what all of them need together",
    ),
    "profiles that only their names tell apart": Case(
        *("twins", "warning", "profiles[1]", ("- id: b",)),
        written(profile("a", name="x"), profile("b", name="y")),
        written(profile("a", name="x"), profile("b", name="y", feat_lora="true")),
        "2 profiles that only their names tell apart: x, y",
        "remove all but one, or pin the one that is meant (first: a)",
    ),
    "two profiles of one name": Case(
        *("same_names", "warning", "profiles[1]", ("- id: b",)),
        written(profile("a", name="mine"), profile("b", name="Mine", tp="2")),
        written(profile("a", name="mine"), profile("b", name="yours", tp="2")),
        "2 profiles are called mine: pin them by their ids",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_rule_speaks_of_the_smallest_manifest_that_breaks_it(case):
    finding = only(case.wrong)
    assert (case.rule, case.severity, case.place, case.suggestion) == (
        finding.rule,
        finding.severity,
        finding.place,
        finding.suggestion,
    )
    assert case.problem == finding.problem
    assert at(case.wrong, *case.line) == finding.line


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_rule_is_silent_on_the_corrected_twin(case):
    assert () == check_manifest(case.right)


def test_every_rule_has_a_smallest_manifest():
    named = {case.rule for case in CASES.values()} | {"edited_tags"}
    assert {rule.__name__ for rule in RULES} == named


# Ids and tags.


def hashed(**changes):
    """A profile whose id is the hash of its tags, as NIM makes it."""
    tags = profile(**changes)["tags"]
    return profile(profile_from_tags("", tags, name="").computed_id, **changes)


def test_tags_that_were_edited_show_where_most_ids_are_hashes():
    others = [hashed(tp=tp) for tp in "24"]
    edited = hashed() | {"tags": GENERIC | {"precision": "fp16"}}
    text = written(edited, *others)
    finding = only(text)
    assert ("edited_tags", "warning", "profiles[0].id", at(text, edited["id"])) == (
        finding.rule,
        finding.severity,
        finding.place,
        finding.line,
    )
    right = hashed(precision="fp16")
    assert f"with these tags it is {right['id']}" == finding.suggestion
    assert () == check_manifest(written(right, *others))


def test_ids_of_ones_own_are_no_hint_that_tags_were_edited():
    assert () == check_manifest(written(*(profile(f"mine-{tp}", tp=tp) for tp in "124")))


def test_half_of_the_ids_are_not_most_of_them():
    assert () == check_manifest(written(hashed(), profile("mine", tp="2")))


# What a rule leaves alone.


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(written(profile(llm_engine="trtllm")), id="an alias of an engine"),
        pytest.param(written(profile(llm_engine="vLLM", precision="FP8")), id="capital letters"),
        pytest.param(written(profile(profile="throughput-lora")), id="an objective of NIM 1.3"),
        pytest.param(written(profile(tags=COMPILED, gpu="H100")), id="a GPU in capital letters"),
        pytest.param(written(profile(gpu="h100,a100")), id="one of two GPUs"),
        pytest.param(written(profile(tp=None, number_of_gpus="8")), id="a count without tp"),
        pytest.param(written(profile(min_vram_per_device_gb="3")), id="memory without a shape"),
        pytest.param(
            written(profile(precision="nvfp4"), **WEIGHED), id="a shape that is no checkpoint's"
        ),
        pytest.param(
            written(profile(tags=COMPILED, precision="fp8"), **SERVED),
            id="a profile that NIM compiled, with files of its own",
        ),
        pytest.param(
            written(
                profile("a", gpu="h100", min_vram_per_device_gb="31"),
                profile("b", gpu="a100", min_vram_per_device_gb="31", tp="2"),
            ),
            id="the same memory on GPUs of two kinds",
        ),
        pytest.param(written(profile(tags={})), id="no tags at all"),
    ],
)
def test_what_may_be_meant_is_left_alone(text):
    assert () == check_manifest(text)


def test_an_unknown_engine_is_one_finding_and_not_a_profile_that_never_runs():
    assert [("unknown_values", "warning", "profiles[0].tags.llm_engine")] == found(
        written(profile(llm_engine="triton", requires={"compute_capability": ">=99"}))
    )


def test_a_gpu_that_is_not_known_is_one_finding_and_not_a_profile_that_never_runs():
    assert [("unknown_gpus", "warning", "profiles[0].tags.gpu")] == found(
        written(profile(gpu="zzz9000"))
    )


def test_more_gpus_than_a_machine_has_are_not_tried():
    assert () == check_manifest(written(profile(tp="9999", pp="9999")))


def test_several_twins_are_one_finding_with_the_first_four_names():
    text = written(*(profile(id, name=f"n{id}") for id in "abcde"))
    assert ["5 profiles that only their names tell apart: na, nb, nc, nd, …"] == problems(text)


def test_each_of_two_slips_is_found():
    assert [
        ("unknown_values", "warning", "profiles[0].tags.precision"),
        ("gpu_count", "error", "profiles[1].tags.number_of_gpus"),
        ("unknown_tags", "warning", "profiles[1].tags.tpp"),
    ] == found(
        written(profile("a", precision="fp9"), profile("b", tp="2", number_of_gpus="1", tpp="2"))
    )


def test_the_shape_of_a_profile_is_that_of_its_checkpoint():
    small = LLAMA_8B | {"num_hidden_layers": 2}
    both = [*CHECKPOINTS, {"name": "small", "model_shape": small}]
    stated = [
        profile(name, checkpoint=name, min_vram_per_device_gb=memory)
        for name, memory in (("m", "10"), ("small", "11"))
    ]
    findings = check_manifest(written(*stated, checkpoints=both))
    assert ["profiles[0].tags.min_vram_per_device_gb"] == [
        each.place for each in findings if each.rule == "memory_below_weights"
    ]


# What cannot be read.


def test_every_profile_that_cannot_be_read_is_reported():
    text = written(
        profile("a", tp="x"),
        profile("b", pp="0"),
        profile("c", feat_lora="maybe"),
        profile("d", requires={"drivr": ">=550"}),
        profile("e", requires={"compute_capability": "ninety"}),
    )
    assert [
        (1, "profiles[0].tags.tp"),
        (1, "profiles[1].tags.pp"),
        (1, "profiles[2].tags.feat_lora"),
        (1, "profiles[3].requires.drivr"),
        (1, "profiles[4].requires.compute_capability"),
    ] == [(bool(each.line), each.place) for each in check_manifest(text)]
    assert {("unreadable", "error")} == {(rule, severity) for rule, severity, _ in found(text)}


def test_a_profile_that_cannot_be_read_names_its_line():
    text = written(profile("a"), profile("b", tp="two"))
    finding = only(text)
    assert (at(text, "tp: two"), "'two' is not a number of GPUs; write 1 to 9999") == (
        finding.line,
        finding.problem,
    )


def test_the_head_is_read_too_when_a_profile_cannot_be():
    text = written(profile("a", tp="x"), engine_version="new", model_shape={"parameters": 1})
    assert {"engine_version", "model_shape", "profiles[0].tags.tp"} == {
        each.place for each in check_manifest(text)
    }


def test_the_profiles_that_can_be_read_are_checked_beside_those_that_cannot():
    text = written(profile("a", tp="x"), profile("b", gpu="l4Os"))
    assert [
        ("unreadable", "error", "profiles[0].tags.tp"),
        ("unknown_gpus", "warning", "profiles[1].tags.gpu"),
    ] == found(text)


def test_an_id_that_stands_twice_is_an_error_at_the_second():
    text = written(profile("a"), profile("b", tp="2"), profile("a", tp="4"))
    finding = only(text)
    assert ("unreadable", "error", "profiles[2].id", at(text, "id: a", 2)) == (
        finding.rule,
        finding.severity,
        finding.place,
        finding.line,
    )
    assert "the id a is that of profiles[0] too" == finding.problem


def test_an_id_that_stands_thrice_is_two_errors():
    text = written(*(profile("a", tp=tp) for tp in "124"))
    assert ["profiles[1].id", "profiles[2].id"] == [each.place for each in check_manifest(text)]


@pytest.mark.parametrize(
    ("text", "line", "place", "problem"),
    [
        pytest.param("", None, "", "the file is empty", id="nothing"),
        pytest.param(" \n\n", None, "", "the file is empty", id="blank lines"),
        pytest.param("# a remark\n", 2, "", "the file is empty", id="a remark"),
        pytest.param("{", 2, "", "not YAML: did not find expected node content", id="half of JSON"),
        pytest.param("a: [\n", 2, "", "not YAML: did not find expected node", id="half of YAML"),
        pytest.param("[]", None, "", "a manifest is a mapping, this is a list", id="a list"),
        pytest.param("hello", None, "", "a manifest is a mapping, this is the text", id="a word"),
        pytest.param("a: &x 1\nb: *x\n", 2, "b", "YAML aliases are not read", id="an alias"),
        pytest.param("a: 1\na: 2\n", 2, "a", "this key stands twice", id="a key twice"),
        pytest.param("a: 1\n---\nb: 2\n", 2, "", "a second document", id="two documents"),
        pytest.param("a\0b", 1, "", "not YAML: control characters", id="a NUL"),
        pytest.param("\ud800", None, "", "holds half a character", id="half a character"),
        pytest.param("[" * 100, 1, "[0]", "nested more than 64 levels", id="deep"),
        pytest.param("a: b\n", 1, "a", "expected a profile with tags", id="something else"),
        pytest.param("!!python/object:os.system {a: b}", 1, "a", "expected a profile", id="code"),
        pytest.param("features: {}\n", None, "", "the Metadata API without", id="no profiles"),
    ],
)
def test_what_is_no_manifest_is_one_error(text, line, place, problem):
    finding = only(text)
    assert ("unreadable", "error", line) == (finding.rule, finding.severity, finding.line)
    assert finding.place.startswith(place)
    assert finding.problem.startswith(problem) or problem in finding.problem


@pytest.mark.parametrize(
    ("profiles", "problem"),
    [
        ("[]", "no profiles in it"),
        ("{}", "profiles is a list, this is a mapping"),
        ("[text]", "a profile is a mapping, this is the text 'text'"),
        ("[{tags: {}}]", "this profile has no id"),
        ("[{id: a}]", "this profile has no tags; write `tags: {}` if it has none"),
        ("[{id: a, tags: [tp]}]", "tags is a mapping of texts, this is a list"),
        ("[{id: a, tags: {tp: {a: b}}}]", "a tag is a text or a list of texts, this is a mapping"),
    ],
)
def test_profiles_of_the_wrong_form_are_an_error(profiles, problem):
    finding = only(f"schema_version: '2.0'\n\nprofiles: {profiles}\n")
    assert ("error", problem, 3) == (finding.severity, finding.problem, finding.line)


def test_checkpoints_and_a_shape_beside_them_are_an_error():
    text = written(profile(), **WEIGHED, **SERVED)
    finding = only(text)
    assert ("model_shape", at(text, "model_shape:") + 1) == (finding.place, finding.line)
    assert "each of the checkpoints has its own; leave this out" == finding.problem


def test_a_checkpoint_that_is_not_there_is_an_error():
    both = [*CHECKPOINTS, CHECKPOINTS[0] | {"name": "n"}]
    profiles = profile("a", checkpoint="m"), profile("b", checkpoint="o", tp="2")
    text = written(*profiles, checkpoints=both)
    finding = only(text)
    assert ("unreadable", "profiles[1].tags.checkpoint") == (finding.rule, finding.place)
    assert at(text, "checkpoint: o") == finding.line


# Dialects.


def test_a_manifest_without_a_version_is_taken_for_schema_v1_by_nims_tools():
    finding = only(json.dumps({"profiles": [profile()]}))
    assert ("schema_version", "warning", "", None) == (
        finding.rule,
        finding.severity,
        finding.place,
        finding.line,
    )
    assert 'write schema_version: "2.0"' == finding.suggestion


def test_schema_v1_has_no_version_and_needs_none():
    assert () == check_manifest(json.dumps({"a": {"tags": GENERIC}}))


def test_a_place_in_schema_v1_begins_with_the_id():
    (finding,) = check_manifest(V1)
    assert ("gpu_contradiction", "error", f"{ID_1}.tags.gpu_device") == (
        finding.rule,
        finding.severity,
        finding.place,
    )
    assert at(V1, "26b5:10de") == finding.line
    assert () == check_manifest(V1.replace("26b5", "26b9"))


def test_what_schema_v1_says_in_each_profile_is_used():
    tags = GENERIC | {"min_vram_per_device_gb": "10"}
    text = yaml.safe_dump({"a": {"model_shape": LLAMA_8B, "tags": tags}})
    assert [("memory_below_weights", "error", "a.tags.min_vram_per_device_gb")] == found(text)


def test_a_sound_manifest_of_schema_v2_is_left_alone():
    assert () == check_manifest(V2)


def test_the_fields_of_the_metadata_api_are_no_unknown_tags():
    assert not {"unknown_tags", "edited_tags"} & {
        rule for rule, _, _ in found(json.dumps(METADATA))
    }


def test_a_contradiction_shows_in_the_metadata_api_too():
    entry = METADATA["profiles"][0] | {
        "gpu": ["h100", "l4"],
        "gpu_device": ["2330:10de", "26b5:10de"],
    }
    text = json.dumps({"schema_version": "1", "profiles": [entry]})
    assert [("gpu_contradiction", "error", "profiles[0].tags.gpu_device")] == found(text)


def test_a_printout_is_checked_without_lines():
    assert () == check_manifest(LISTING)
    finding = only(LISTING.replace("h100-fp8", "l4Os-fp8"))
    assert ("unknown_gpus", "warning", None) == (finding.rule, finding.severity, finding.line)
    assert "tensorrt_llm-l4Os-fp8-tp2-pp1-latency.tags.gpu" == finding.place


def test_two_profiles_of_one_name_in_a_printout_are_found():
    name = "(tensorrt_llm-h100-fp8-tp2-pp1-latency)"
    text = f"MODEL PROFILES\n- Compatible with system and runnable:\n  - {ID_1} {name}\n"
    assert {"twins", "same_names"} == {rule for rule, _, _ in found(f"{text}  - {ID_2} {name}\n")}
    assert () == check_manifest(text)


def test_a_printout_without_profiles_is_an_error():
    assert "a printout without any profile in it" == only("MODEL PROFILES\n").problem


# Findings.


def test_findings_are_in_the_order_of_the_text():
    text = written(
        profile("a", gpu="l4Os", zzzzzz="1"),
        profile("b", tp="2", number_of_gpus="1"),
        profile("c", tp="x"),
        profile("d", precision="fp9"),
    )
    lines = [finding.line for finding in check_manifest(text)]
    assert sorted(lines) == lines
    assert 5 == len(lines) == len(set(lines))


def test_a_finding_is_plain_values():
    finding = only(written(profile(gpu="l4Os")))
    assert {
        "severity": "warning",
        "rule": "unknown_gpus",
        "place": "profiles[0].tags.gpu",
        "problem": "no known GPU is called 'l4Os'",
        "suggestion": "did you mean l40s?",
        "line": 10,
    } == json.loads(json.dumps(finding.to_dict()))


@pytest.mark.parametrize("form", ["YAML in lines", "YAML in flow", "JSON"])
def test_the_form_of_the_text_changes_no_finding(form):
    document = {"schema_version": "2.0", "profiles": [profile(gpu="l4Os", tp="x"), profile("b")]}
    write = {
        "YAML in lines": yaml.safe_dump,
        "YAML in flow": lambda each: yaml.safe_dump(each, default_flow_style=True),
        "JSON": lambda each: json.dumps(each, indent=1),
    }[form]
    assert [("unreadable", "error", "profiles[0].tags.tp")] == found(write(document))


# What is not held against a manifest, and what is told all the same.


def test_an_answer_of_the_metadata_api_needs_no_schema_version():
    rules = {found.rule for found in check_manifest(json.dumps(METADATA))}
    assert "schema_version" not in rules


@pytest.mark.parametrize("spelled", ["vLLM>=0.9", "VLLM"])
def test_an_engine_may_be_spelled_otherwise(spelled):
    text = json.dumps(
        {
            "schema_version": "2.0",
            "profiles": [
                {"id": "a", "tags": {"llm_engine": "vllm"}, "requires": {"engine": spelled}},
                {
                    "id": "b",
                    "tags": {"llm_engine": "tensorrt_llm"},
                    "requires": {"engine": "TensorRT-LLM>=1.0"},
                },
            ],
        }
    )
    assert "wrong_engine" not in {found.rule for found in check_manifest(text)}


def test_every_unreadable_entry_and_every_unknown_checkpoint_is_told():
    shape = {"model_type": "llama", "hidden_size": 8, "num_hidden_layers": 1, "vocab_size": 9}
    shape |= {"num_attention_heads": 2, "intermediate_size": 16}
    text = json.dumps(
        {
            "schema_version": "2.0",
            "checkpoints": [{"name": name, "model_shape": shape} for name in ("m", "n")],
            "profiles": [
                {"tags": {}},
                "text",
                {"id": "a", "tags": {"tp": "x"}},
                {"id": "b", "tags": {"checkpoint": "o"}},
                {"id": "c", "tags": {"checkpoint": "p"}},
            ],
        }
    )
    places = {found.place for found in check_manifest(text) if found.severity == "error"}
    assert {
        *("profiles[0]", "profiles[1]", "profiles[2].tags.tp"),
        *("profiles[3].tags.checkpoint", "profiles[4].tags.checkpoint"),
    } == places


def test_what_v1_says_in_every_profile_has_the_line_of_the_first():
    text = "a:\n  tags: {}\nb:\n  tags: {}\n  engine_version: new\n"
    (found,) = [each for each in check_manifest(text) if each.severity == "error"]
    assert ("b.engine_version", 5) == (found.place, found.line)


def test_a_suggestion_does_not_mind_capitals():
    text = json.dumps({"schema_version": "2", "profiles": [{"id": "a", "tags": {"TP": "1"}}]})
    (found,) = [each for each in check_manifest(text) if each.rule == "unknown_tags"]
    assert "did you mean tp?" == found.suggestion


@pytest.mark.parametrize("count", ["many", "9" * 5000])
def test_a_count_that_is_no_number_is_told(count):
    (found,) = check_manifest(written(profile(tp="1", number_of_gpus=count)))
    assert ("gpu_count", "warning") == (found.rule, found.severity)


@pytest.mark.parametrize(
    ("gpu", "device", "severity"),
    [
        pytest.param("A100", "20b5:10de", "warning", id="another A100"),
        pytest.param("l40s", "26b5:10de", "error", id="an L40 is no L40S"),
        pytest.param("rtx5090", "26b9:10de", "error", id="another board altogether"),
    ],
)
def test_boards_of_one_family_are_only_a_warning(gpu, device, severity):
    found = check_manifest(written(profile(gpu=gpu, gpu_device=device)))
    assert [severity] == [one.severity for one in found if one.rule == "gpu_contradiction"]


def test_two_checkpoints_of_one_format_can_be_told_apart_by_their_tag():
    shape = {**LLAMA_8B, "quantization_config": {"quant_method": "fp8"}}
    tags = {"llm_engine": "vllm", "precision": "fp8", "tp": "1"}
    text = json.dumps(
        {
            "schema_version": "2.0",
            "checkpoints": [{"name": name, "model_shape": shape} for name in ("m", "n")],
            "profiles": [
                {"id": name, "name": name, "tags": tags | {"checkpoint": name}}
                for name in ("m", "n")
            ],
        }
    )
    (found,) = check_manifest(text)
    assert ("twins", "--tags checkpoint=m selects one") == (found.rule, found.suggestion)


def test_the_only_checkpoint_is_not_another():
    block = {"name": "m", "model_shape": LLAMA_8B}
    tags = {"llm_engine": "vllm", "checkpoint": "n"}
    text = json.dumps(
        {"schema_version": "2", "checkpoints": [block], "profiles": [{"id": "a", "tags": tags}]}
    )
    (found,) = check_manifest(text)
    assert ("profiles[0].tags.checkpoint", "'n' is none of the checkpoints: m") == (
        found.place,
        found.problem,
    )
