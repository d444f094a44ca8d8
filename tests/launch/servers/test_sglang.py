"""The command of SGLang, and what changed from version to version."""

import pytest

from nimprofile import LaunchError, Server
from tests.support.launch.cases import manifest_of, on_load, plan_for, value_after


def test_sglang_is_told_to_quantise():
    argv = plan_for(Server.SGLANG, manifest=on_load("sglang")).argv
    assert "fp8" == argv[argv.index("--quantization") + 1]


@pytest.mark.parametrize(
    ("version", "start"),
    [
        ("0.5.23", ("sglang", "serve", "--model-path")),
        ("0.5.10", ("sglang", "serve", "--model-path")),
        ("0.5.9", ("python3", "-m", "sglang.launch_server")),
    ],
)
def test_sglang_starts_as_its_version_recommends(version, start):
    assert start == plan_for(Server.SGLANG, engine_version=version).argv[:3]


@pytest.mark.parametrize(
    ("version", "path"), [("0.4.10.post2", "/health"), ("0.4.10", "/health_generate")]
)
def test_sglang_is_asked_where_the_answer_means_that_it_serves(version, path):
    assert path == plan_for(Server.SGLANG, engine_version=version).health


@pytest.mark.parametrize(
    ("version", "dtype", "word"),
    [
        ("0.5.23", "nvfp4", "nvfp4"),
        ("0.5.15", "nvfp4", "fp4_e2m1"),
        ("0.5.23", "fp8", "fp8_e4m3"),
        ("0.5.23", "bf16", "bf16"),
        ("0.5.4", "bf16", "auto"),
    ],
)
def test_sglangs_kv_cache_is_named_as_its_version_does(version, dtype, word):
    manifest = manifest_of("sglang", {"precision": "nvfp4"})
    argv = plan_for(
        Server.SGLANG, "nvfp4", manifest=manifest, engine_version=version, kv_cache_dtype=dtype
    ).argv
    assert word == value_after(argv, "--kv-cache-dtype")


def test_sglang_is_told_what_to_make_room_for_where_no_adapter_is_there_at_the_start():
    argv = plan_for(Server.SGLANG, "lora", adapters=(), max_lora_rank=None).argv
    assert "32" == value_after(argv, "--max-lora-rank")
    assert "all" == value_after(argv, "--lora-target-modules")
    assert "--lora-paths" not in argv
    argv = plan_for(Server.SGLANG, "lora", engine_version="0.4.9").argv
    assert "--enable-lora" not in argv
    assert "german=/adapters/german" == value_after(argv, "--lora-paths")


def test_sglang_takes_no_colon_in_a_name():
    with pytest.raises(LaunchError, match="SGLang takes no colon in a served name"):
        plan_for(Server.SGLANG, served_name="llama:8b")


def test_a_beginning_of_a_flag_is_the_flag_to_sglang():
    with pytest.raises(
        LaunchError, match=r"your --tp 4 \(--tp-size 4\) contradicts what was judged"
    ):
        plan_for(Server.SGLANG, extra=("--tp", "4"))
    with pytest.raises(LaunchError, match=r"your --context-len=4096 \(--context-length 4096\)"):
        plan_for(Server.SGLANG, extra=("--context-len=4096",))
