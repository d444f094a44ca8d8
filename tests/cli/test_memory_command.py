"""`nimprofile memory` answers its three questions, in words and in JSON."""

import json

import pytest

from nimprofile.cli.main import main
from tests.support.model_configs import LLAMA_8B
from tests.support.schemas import check

KEYS = (*("weights_bytes", "kv_cache_bytes", "activation_bytes", "overhead_bytes", "total_bytes"),)


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "llama"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA_8B))
    return str(folder)


def run(capsys, *args):
    code = main(["memory", *map(str, args)])
    return code, *capsys.readouterr()


def answer(capsys, *args):
    code, out, _ = run(capsys, *args, "--json")
    data = json.loads(out)
    assert (0 if data["fits"] else 1) == code
    check("memory", data)
    return data


def test_the_json_has_every_key_that_is_promised(capsys, model):
    data = answer(capsys, model, "--gpus", "1xh100")
    assert {
        *("per_gpu", "kv_cache_tokens", "max_model_len", "max_concurrency", "fits", "reasons"),
        *("model", "profile", "gpus", "engine", "engine_version", "precision", "tp", "pp"),
        *("serving", "required_bytes", "changes", "warnings", "notes", "grade"),
        *("printed_kv_cache_tokens", "kv_cache_bytes_per_request", "schema_version"),
    } == data.keys()
    per_gpu = data["per_gpu"]
    assert set(KEYS) <= per_gpu.keys()
    assert set(KEYS) == per_gpu["source"].keys()
    assert set(per_gpu["source"].values()) <= {"exact", "estimated", "manifest"}
    assert per_gpu["total_bytes"] == sum(per_gpu[key] for key in KEYS[:-1])
    assert (True, [], 131072) == (data["fits"], data["reasons"], data["max_model_len"])


def test_what_does_not_fit_says_how_long_a_context_does(capsys, model):
    data = answer(capsys, model, "--gpus", "1xl4")
    longest = data["max_model_len"]
    assert (False, "low memory", 0) == (data["fits"], data["grade"], longest % 256)
    assert answer(capsys, model, "--gpus", "1xl4", "--max-model-len", longest)["fits"]
    assert not answer(capsys, model, "--gpus", "1xl4", "--max-model-len", longest + 256)["fits"]


def test_a_model_is_divided_among_all_the_gpus_unless_told_otherwise(capsys, model):
    assert 4 == answer(capsys, model, "--gpus", "4xl4")["tp"]
    assert 2 == answer(capsys, model, "--gpus", "4xl4", "--tp", 2)["tp"]
    assert (2, 2) == tuple(
        answer(capsys, model, "--gpus", "4xl4", "--pp", 2)[k] for k in ("tp", "pp")
    )


def test_what_does_not_divide_is_a_reason(capsys, model):
    data = answer(capsys, model, "--gpus", "3xl4")
    assert "divisibility" in {reason["kind"] for reason in data["reasons"]}


@pytest.mark.parametrize(
    ("flags", "key", "value"),
    [
        (["--engine", "sglang"], "engine", "sglang"),
        (["--precision", "fp8"], "precision", "fp8"),
        (["--engine-version", "0.6.6"], "engine_version", "0.6.6"),
    ],
)
def test_a_flag_is_in_the_answer(capsys, model, flags, key, value):
    assert value == answer(capsys, model, "--gpus", "1xh100", *flags)[key]


@pytest.mark.parametrize(
    ("flags", "key", "value"),
    [
        (["--gpu-memory-utilization", "0.5"], "memory_fraction", 0.5),
        (["--mem-fraction-static", "0.5"], "memory_fraction", 0.5),
        (["--free-gpu-memory-fraction", "0.5"], "memory_fraction", 0.5),
        (["--max-num-batched-tokens", "512"], "max_num_batched_tokens", 512),
        (["--max-num-seqs", "7"], "max_num_seqs", 7),
        (["--max-model-len", "4096"], "max_model_len", 4096),
        (["--kv-cache-dtype", "fp8"], "kv_cache_dtype", "fp8"),
        (["--concurrency", "3"], "concurrency", 3),
        (["--speculative-tokens", "2"], "speculative_tokens", 2),
        (["--enforce-eager"], "eager", True),
    ],
)
def test_a_flag_of_serving_is_in_the_answer(capsys, model, flags, key, value):
    assert value == answer(capsys, model, "--gpus", "1xh100", *flags)["serving"][key]


def test_more_requests_at_once_shorten_the_context(capsys, model):
    one, many = (
        answer(capsys, model, "--gpus", "1xl4", "--concurrency", n)["max_model_len"] for n in (1, 8)
    )
    assert many * 8 <= one + 8 * 256


def test_weights_that_leave_nothing_are_a_warning_even_where_a_switch_forces_it(capsys, tmp_path):
    big = LLAMA_8B | {"hidden_size": 8192, "intermediate_size": 28672}
    big |= {"num_hidden_layers": 80, "num_attention_heads": 64}
    (tmp_path / "config.json").write_text(json.dumps(big))
    data = answer(capsys, tmp_path, "--gpus", "1xh100")
    assert "leave 0.0 GiB for the KV cache" in data["warnings"][0]
    assert "incompatible" == data["grade"]
    tags = {"llm_engine": "vllm", "precision": "bf16", "tp": "1", "pp": "1"}
    manifest = {"model_shape": big, "profiles": [{"id": "a", "tags": tags}]}
    (tmp_path / "m.yaml").write_text(json.dumps(manifest))
    asked = ["select", "--manifest", str(tmp_path / "m.yaml"), "--gpus", "1xh100", "--profile", "a"]
    assert 0 == main([*asked, "--allow-unsafe", "--relax-memory"])
    assert "leave 0.0 GiB for the KV cache" in capsys.readouterr().err


def test_a_gpu_in_use_is_told_what_the_engine_asks_for(capsys, model, tmp_path):
    main(["gpus", "--gpus", "1xh100", "--json"])
    machine = json.loads(capsys.readouterr().out)
    machine["gpus"][0]["memory_free_mib"] = 60_000
    (tmp_path / "box.json").write_text(json.dumps(machine))
    data = answer(capsys, model, "--inventory", tmp_path / "box.json", "--max-model-len", 4096)
    assert not data["fits"]
    assert "vllm asks for 0.92 of a GPU at start" in data["reasons"][0]["message"]
    (warning,) = data["warnings"]
    assert "it starts now, and 4,096 tokens fit" in warning
    fraction = warning.split()[4]
    args = ["--inventory", tmp_path / "box.json", "--max-model-len", 4096]
    assert answer(capsys, model, *args, "--gpu-memory-utilization", fraction)["fits"]


def test_nim_2_0_has_its_own_arithmetic(capsys):
    data = answer(
        *(capsys, "llama-3.1-8b-instruct", "--gpus", "1xh100", "--policy", "nim-2.0"),
        *("--profile", "vllm-bf16-tp1-pp1"),
    )
    assert 33 == -(-data["required_bytes"]["estimated"] // 2**30)


def test_a_stated_need_wins_and_the_estimate_stands_beside(capsys, tmp_path):
    manifest = {
        "profiles": [
            {
                "id": "a",
                "tags": {"llm_engine": "vllm", "precision": "bf16", "tp": "1"},
                "requires": {"memory_gib_per_gpu": 20},
            }
        ],
        "model_shape": LLAMA_8B,
    }
    (tmp_path / "m.yaml").write_text(json.dumps(manifest))
    data = answer(capsys, tmp_path / "m.yaml", "--gpus", "1xl4")
    assert 20 * 2**30 == data["required_bytes"]["stated"] < data["required_bytes"]["estimated"]
    main(["select", "--manifest", str(tmp_path / "m.yaml"), "--gpus", "1xl4"])
    assert "by the model's shape it is" in capsys.readouterr().err


def test_without_a_shape_what_is_stated_is_all_there_is(capsys):
    data = answer(capsys, "llama-nemotron-embed-300m-v2", "--gpus", "1xl4")
    assert data["per_gpu"] is None or "manifest" == data["per_gpu"]["source"]["total_bytes"]


def test_an_unknown_model_says_so(capsys, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "mystery"}')
    code, out, _ = run(capsys, tmp_path, "--gpus", "1xl4")
    assert 1 == code
    assert "whether it fits is not known" in out
    assert "'mystery' is not known" in out
    assert None is json.loads(run(capsys, tmp_path, "--gpus", "1xl4", "--json")[1])["fits"]


@pytest.mark.parametrize(
    ("args", "code", "problem"),
    [
        (["nowhere"], 3, "no such file"),
        (["llama-3.1-8b-instruct", "--profile", "nope"], 3, "nope"),
        (["llama-3.1-8b-instruct", "--kv-cache-dtype", "fp9"], 2, "fp9"),
        (["llama-3.1-8b-instruct", "--gpu-memory-utilization", "2"], 2, "no fraction"),
        (["llama-3.1-8b-instruct", "--engine-version", "new"], 2, "no version"),
        (["llama-3.1-8b-instruct", "--precision", "fp7"], 2, "not a precision"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_code(capsys, args, code, problem):
    try:
        got = main(["memory", *args, "--gpus", "1xl4"])
    except SystemExit as left:
        got = left.code
    assert code == got
    assert problem in capsys.readouterr().err


def test_bars_are_drawn_on_a_terminal_only(capsys, model, monkeypatch):
    _, plain, _ = run(capsys, model, "--gpus", "2xl4")
    assert "█" not in plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    _, drawn, _ = run(capsys, model, "--gpus", "2xl4")
    assert "of 22.1 GiB" in drawn
    parts = [line.partition("  ")[0] for line in drawn.splitlines() if "█" in line]
    assert ["weights", "KV cache"] == parts[:2]


def test_the_flags_describe_a_profile_of_a_manifest(capsys):
    data = answer(capsys, "llama-3.1-8b-instruct", "--gpus", "2xl4", "--engine", "vllm", "--tp", 2)
    assert ("vllm", 2) == (data["engine"], data["tp"])


def test_what_does_not_run_for_another_reason_is_a_warning(capsys, model):
    data = answer(capsys, model, "--gpus", "4xgtx1080", "--max-model-len", 4096)
    assert "it does not run here: bf16 needs compute capability 7.0" in data["warnings"][0]


def test_a_context_beyond_the_models_own_is_a_warning(capsys, model):
    data = answer(capsys, model, "--gpus", "8xh100", "--max-model-len", 1_000_000)
    assert "1,000,000 tokens are more than the model's own 131,072" in data["warnings"]


def test_one_answer_names_one_longest_context(capsys, model):
    for more in ([], ["--concurrency", "3"]):
        data = answer(capsys, model, "--gpus", "1xl4", *more)
        (reason,) = data["reasons"]
        assert data["max_model_len"] == reason["max_model_len"] == data["changes"][0]["value"]


def test_unified_memory_is_not_asked_for_what_nvml_cannot_tell(capsys, model):
    assert answer(capsys, model, "--gpus", "1xgb10")["fits"]


def test_select_and_memory_agree_on_what_the_engine_asks_for_at_start(capsys, tmp_path):
    main(["gpus", "--gpus", "1xh100", "--json"])
    machine = json.loads(capsys.readouterr().out)
    machine["gpus"][0]["memory_free_mib"] = 60_000
    (tmp_path / "box.json").write_text(json.dumps(machine))
    box = ["--inventory", str(tmp_path / "box.json"), "--max-model-len", "4096"]
    data = answer(capsys, "llama-3.1-8b-instruct", "--profile", "vllm-bf16-tp1-pp1", *box)
    main(
        [
            "explain",
            "--manifest",
            "llama-3.1-8b-instruct",
            *box,
            "--no-empty-gpu-gate",
            "--json",
            VLLM,
        ]
    )
    told = json.loads(capsys.readouterr().out)
    assert ["memory_free"] == [reason["kind"] for reason in told["reasons"]]
    assert told["reasons"] == data["reasons"]


VLLM = "vllm-bf16-tp1-pp1"


def test_what_nims_arithmetic_does_not_use_is_said(capsys, model):
    args = [model, "--gpus", "1xh100", "--policy", "nim-2.0", "--kv-cache-dtype", "fp8"]
    assert ["NIM 2.x's arithmetic does not use kv_cache_dtype"] == answer(capsys, *args)["warnings"]


def test_a_version_that_nobody_has_seen_is_said(capsys, model):
    (warning,) = answer(capsys, model, "--gpus", "1xh100", "--engine-version", "99.0")["warnings"]
    assert "vllm 99.0 is newer than the newest whose habits are known, 0.33.0" in warning


@pytest.mark.parametrize(
    ("flags", "asked"),
    [
        (["--tp", "32"], "tp=32"),
        (["--precision", "int4"], "precision=int4"),
        (["--engine", "sglang", "--tp", "2"], "engine=sglang, tp=2"),
    ],
)
def test_what_no_profile_has_is_told_as_select_tells_it(capsys, flags, asked):
    said = f"No profile found for what is asked: no profile of this manifest has {asked}."
    assert (1, "", f"{said}\n") == run(capsys, "llama-3.1-8b-instruct", "--gpus", "1xl4", *flags)
    machine = ["--gpus", "1xl4", "--json"]
    code, out, _ = run(capsys, "llama-3.1-8b-instruct", *machine, *flags)
    error = json.loads(out)["error"]
    assert (1, "nothing_runs", said) == (code, error["kind"], error["message"])


@pytest.mark.parametrize("flags", [["--tp", "3"], ["--precision", "int4"]])
def test_select_and_memory_end_alike_where_no_profile_is_as_asked(capsys, flags):
    code, _, err = run(capsys, "llama-3.1-8b-instruct", "--gpus", "1xl4", *flags)
    words = ["select", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xl4", *flags]
    assert 1 == code == main(words)
    assert err.strip() == capsys.readouterr().err.splitlines()[-1]
