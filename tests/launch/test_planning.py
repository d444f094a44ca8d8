"""From a decision to a plan: what is taken from it, what is refused, and every reviewed plan.

`tests/corpus/plans.json` has the plan of every server for every case, to be read beside the pages
that the files of `nimprofile/launch/servers` name. `python -m tests.tools.write_plans` prints the
file anew.
"""

import json
import re

import pytest

from nimprofile import (
    Engine,
    LaunchError,
    Request,
    Server,
    Serving,
    Setup,
    decision_to_dict,
    launch_plan,
    launchable,
    mock_inventory,
    parse_manifest,
    select,
)
from nimprofile.launch.server_spec import server_spec
from tests.support.launch.cases import (
    CASES,
    LLAMA,
    PLANS,
    golden,
    manifest_of,
    plan_for,
    plan_on_mig,
    value_after,
)


@pytest.mark.parametrize("server", tuple(Server))
@pytest.mark.parametrize("case", CASES)
def test_the_plan_is_the_one_that_was_reviewed(server, case):
    reviewed = json.loads(PLANS.read_text(encoding="utf-8"))
    assert reviewed[server][case] == golden(server, case)


def test_a_full_context_that_does_not_fit_is_cut_when_the_operator_lets_it():
    manifest = manifest_of("vllm", {})
    request = Request(relax_memory=True)
    plan = launch_plan(select(manifest, mock_inventory("1xl4"), request), manifest)
    assert "31232" == plan.argv[plan.argv.index("--max-model-len") + 1]
    assert ("the full context does not fit, so it is cut to 31,232 tokens",) == plan.notes


def test_nothing_selected_is_nothing_to_start():
    manifest = manifest_of("vllm", {"tp": "8"})
    with pytest.raises(LaunchError, match="no profile was selected"):
        launch_plan(select(manifest, mock_inventory("1xl4")), manifest)


def test_a_server_that_does_not_run_the_profile_says_which_engine_it_does():
    with pytest.raises(LaunchError) as caught:
        plan_for(Server.TRITON, engine="sglang")
    assert (
        "sglang-bf16-tp1-pp1 is a profile of sglang, which triton does not run; --engine vllm "
        "selects among those it does"
    ) == str(caught.value)


NO_ENGINE = """\
model: nvidia/embedder
profiles:
- id: a
  name: onnx
  tags: {model_type: onnx, precision: fp16}
"""


def test_a_profile_of_no_engine_is_started_by_its_nim_alone():
    plan = plan_for(None, manifest=parse_manifest(NO_ENGINE))
    assert (Server.NIM, "NIM_MODEL_PROFILE=a") == (
        plan.server,
        value_after(plan.argv[plan.argv.index("NGC_API_KEY") :], "-e"),
    )
    assert "the profile names no engine that is known, so its NIM is started" in plan.notes
    with pytest.raises(LaunchError, match="names no engine that is known: --server nim starts it"):
        plan_for(Server.VLLM, manifest=parse_manifest(NO_ENGINE))


# What cannot be started from what is here is passed over


WALK = f"""\
checkpoints:
- name: llama
  path: acme/llama
  model_shape: {LLAMA % ""}
profiles:
- id: a
  name: trtllm-fp8
  tags: {{llm_engine: tensorrt_llm, precision: fp8, tp: '1', pp: '1'}}
- id: b
  name: vllm-fp8
  tags: {{llm_engine: vllm, precision: fp8, tp: '1', pp: '1'}}
- id: c
  name: vllm-bf16
  tags: {{llm_engine: vllm, precision: bf16, tp: '1', pp: '1'}}
"""


def decided(text, machine="1xh100", **asked):
    manifest = parse_manifest(text)
    return manifest, select(manifest, mock_inventory(machine), Request(**asked))


def test_the_next_profile_that_can_be_started_is_selected():
    manifest, decision = decided(WALK)
    started = launchable(decision, manifest)
    assert ("trtllm-fp8", "vllm-fp8") == (
        decision.selected.profile.name,
        started.selected.profile.name,
    )
    assert ["vllm", "serve", "acme/llama"] == [*launch_plan(started, manifest).argv[:3]]
    (passed,) = started.passed_over
    assert ("a", "trtllm-fp8") == (passed.id, passed.profile)
    assert passed.problem.startswith("tensorrt_llm makes no fp8 of a 16-bit checkpoint")
    assert passed == started.warnings[0]
    assert str(passed).startswith("trtllm-fp8 ranks before it and is passed over: tensorrt_llm")
    assert "vllm-bf16" == started.runner_up.profile.name
    assert "precision" == started.deciding.name


def test_what_is_passed_over_is_in_the_json_of_the_decision():
    manifest, decision = decided(WALK)
    written = decision_to_dict(launchable(decision, manifest))
    assert ["a"] == [passed["id"] for passed in written["passed_over"]]
    assert ("b", "fp8") == (written["selected"]["id"], written["deciding"]["better"])
    assert [] == decision_to_dict(decision)["passed_over"]


def test_a_decision_whose_best_can_be_started_stays_as_it_is():
    manifest, decision = decided(WALK, engines=("vllm",))
    assert decision is launchable(decision, manifest)


def test_what_is_to_be_complete_has_its_weights(tmp_path):
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    manifest, decision = decided(WALK.replace("acme/llama", str(tmp_path)))
    assert launchable(decision, manifest).selected is not None
    missing = launchable(decision, manifest, complete=True)
    assert missing.selected is None
    assert "has no weights" in missing.passed_over[-1].problem
    (tmp_path / "pytorch_model.bin").touch()
    assert "vllm-fp8" == launchable(decision, manifest, complete=True).selected.profile.name


def test_a_pin_is_not_passed_over():
    manifest, decision = decided(WALK, pin="trtllm-fp8")
    assert decision is launchable(decision, manifest)
    with pytest.raises(LaunchError, match="tensorrt_llm makes no fp8"):
        launch_plan(decision, manifest)


def test_what_no_other_profile_would_mend_is_an_error():
    manifest, decision = decided(WALK)
    with pytest.raises(LaunchError, match="the served name -x would be taken for an argument"):
        launchable(decision, manifest, Setup(served_name="-x"))


def test_nothing_is_selected_when_nothing_can_be_started():
    manifest, decision = decided(WALK, engines=("tensorrt_llm",))
    started = launchable(decision, manifest)
    assert (None, None, ("a",)) == (
        started.selected,
        started.deciding,
        tuple(passed.id for passed in started.passed_over),
    )
    with pytest.raises(LaunchError, match="no profile was selected"):
        launch_plan(started, manifest)


def test_an_installed_engine_that_is_too_old_is_passed_over():
    newer = WALK.replace("  name: vllm-fp8", "  name: vllm-fp8\n  requires: {engine: 'vllm>=0.20'}")
    manifest, decision = decided(newer, engines=("vllm",))
    installed = Setup(installed=((Engine.VLLM, "0.10.0"),))
    started = launchable(decision, manifest, installed)
    assert "vllm-bf16" == started.selected.profile.name
    assert (
        "vllm-fp8 does not run with vllm 0.10.0, which is installed here: requires vllm>=0.20; "
        "this one is 0.10.0"
    ) == started.passed_over[0].problem


def test_memory_is_judged_again_by_the_installed_engine():
    manifest, decision = decided(WALK, "1xl4", engines=("vllm",), relax_memory=True)
    setup = Setup(installed=((Engine.VLLM, "0.8.5"),))
    older = launch_plan(decision, manifest, setup).argv
    newest = launch_plan(decision, manifest).argv
    assert ["fp8", "fp8_per_tensor"] == [
        value_after(argv, "--quantization") for argv in (older, newest)
    ]
    cuts = [value_after(argv, "--max-model-len") for argv in (older, newest)]
    assert cuts[0] != cuts[1]


def test_an_engine_that_is_not_here_is_passed_over():
    manifest, decision = decided(WALK.replace("precision: fp8", "precision: bf16", 1))
    assert "tensorrt_llm" == decision.selected.profile.engine
    started = launchable(decision, manifest, Setup(startable=(Server.VLLM, Server.NIM)))
    assert "vllm" == started.selected.profile.engine
    assert (
        "there is no trtllm-serve here for trtllm-fp8: install it, or run this in its image"
    ) == started.passed_over[-1].problem


def test_the_flags_are_those_of_the_installed_engine():
    manifest, decision = decided(WALK, engines=("vllm",))
    installed = Setup(installed=((Engine.VLLM, "0.10.0"),))
    argv = launch_plan(decision, manifest, installed).argv
    assert "fp8" == value_after(argv, "--quantization")


@pytest.mark.parametrize("server", [Server.VLLM, Server.SGLANG, Server.TRITON, Server.NIM], ids=str)
def test_a_context_beyond_the_models_is_refused_as_the_engine_would(server):
    asked = {"max_model_len": 200_000, "kv_cache_dtype": "fp8"}
    with pytest.raises(LaunchError) as caught:
        plan_for(server, **asked)
    assert (
        "the model's longest context is 131,072 tokens, and engines refuse 200,000: ask for "
        "--max-model-len 131072 or less"
    ) == str(caught.value)
    assert "200000" in str(plan_for(server, longer_context=True, **asked).to_dict())


def test_tensorrt_llm_takes_its_own_context_for_a_longer_one():
    argv = plan_for(Server.TENSORRT_LLM, max_model_len=200_000).argv
    assert "200000" == value_after(argv, "--max_seq_len")


def test_a_version_that_is_guessed_is_noted():
    notes = plan_for(Server.VLLM, image="acme/vllm:mine").notes
    assert notes[0].startswith("the flags are those of vllm 0.33.0, the newest known")
    assert () == plan_for(Server.VLLM, image="acme/vllm:mine", engine_version="0.33.0").notes


def test_a_mig_instance_without_a_name_is_not_started():
    with pytest.raises(LaunchError, match="a MIG instance whose UUID is unknown cannot be named"):
        plan_on_mig(None)


@pytest.mark.parametrize("server", tuple(Server))
def test_the_longest_context_that_fits_is_told_to_every_server(server):
    manifest = manifest_of(server_spec(server).runs[-2:][0], {})
    request = Request(serving=Serving(max_model_len="auto"))
    decision = select(manifest, mock_inventory("1xl4"), request)
    plan = launch_plan(decision, manifest, Setup(server=server, image="x/y:2.0.12"))
    fits = decision.selected.need.max_model_len
    assert 256 <= fits < 131_072
    assert re.search(rf"\b{fits}\b", json.dumps(plan.to_dict()))


def test_a_tag_of_too_many_digits_says_no_rank():
    manifest = manifest_of("vllm", {"feat_lora": "true", "feat_lora_max_rank": "9" * 5000})
    argv = plan_for(Server.VLLM, "lora", manifest=manifest, max_lora_rank=None).argv
    assert "--enable-lora" in argv
    assert "--max-lora-rank" not in argv
