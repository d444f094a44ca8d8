"""Every rule rejects what it should, and nothing one step short of it."""

import pytest

from nimprofile import (
    Engine,
    MigInstance,
    Precision,
    Request,
    Requires,
    Serving,
    load_manifest,
    plain_shape,
    select,
    shape_from_config,
)
from nimprofile.base.units import MIB, ComputeCapability
from nimprofile.engines.compute_floors import NATIVE_FROM, RUNS_FROM
from nimprofile.hardware.catalog import mock_inventory
from nimprofile.selection.messages import message
from nimprofile.selection.reasons import (
    CapabilityTooLow,
    CapabilityUnmet,
    ContextTooLong,
    CudaTooOld,
    Doubt,
    DriverTooOld,
    EngineUnavailable,
    EngineVersionUnmet,
    GpuNotEmpty,
    LoraMismatch,
    MigAlone,
    PrecisionUnknown,
    TagMismatch,
    TooLittleFree,
    TooLittleMemory,
    WrongGpu,
)
from nimprofile.selection.remedies import remedies
from tests.support.builders import (
    H100_MIB,
    gib,
    judge,
    kinds,
    make_gpu,
    make_h100,
    make_inventory,
    make_profile,
    needing,
)
from tests.support.model_configs import LLAMA_8B

CC = ComputeCapability.parse
VLLM = make_profile(llm_engine="vllm", tp="1", pp="1")


# Engine and precision.


def test_an_engine_the_container_lacks_is_named_with_those_it_has():
    verdict = judge(VLLM, "1xh100", Request(engines=(Engine.SGLANG,)))
    assert (EngineUnavailable("vllm", (Engine.SGLANG,)),) == verdict.reasons
    assert "incompatible" == verdict.grade


@pytest.mark.parametrize("engines", [None, (Engine.VLLM,), (Engine.SGLANG, Engine.VLLM)])
def test_an_engine_the_container_has_is_no_reason(engines):
    assert () == judge(VLLM, "1xh100", Request(engines=engines)).reasons


def test_an_engine_nobody_knows_rejects_the_profile_by_its_own_name():
    verdict = judge(make_profile(llm_engine="lmdeploy"), "1xh100")
    assert (EngineUnavailable("lmdeploy", tuple(Engine)),) == verdict.reasons


def test_a_profile_that_names_no_engine_runs_in_any_container():
    assert () == judge(make_profile(model_type="onnx"), "1xh100", Request(engines=())).reasons


def test_a_precision_nobody_knows_rejects_the_profile():
    verdict = judge(make_profile(llm_engine="vllm", precision="fp6"), "1xh100")
    assert (PrecisionUnknown("fp6"),) == verdict.reasons


# The engine's version.


@pytest.mark.parametrize(
    ("version", "reasons"),
    [
        pytest.param("0.10.0", (EngineVersionUnmet("vllm>=0.10.1", "0.10.0"),), id="one short"),
        pytest.param("0.10.1", (), id="exactly that"),
        pytest.param(
            "0.10.1rc1", (EngineVersionUnmet("vllm>=0.10.1", "0.10.1rc1"),), id="not yet that"
        ),
        pytest.param("0.33.0", (), id="thirty-three is newer than ten"),
        pytest.param(None, (), id="of no stated version: the newest"),
    ],
)
def test_the_engines_version_is_compared_as_a_version(version, reasons):
    profile = make_profile(requires=Requires(engine="vllm>=0.10.1"))
    request = Request(serving=Serving(engine_version=version))
    assert reasons == judge(profile, make_inventory(make_gpu()), request).reasons


# Driver and CUDA.


@pytest.mark.parametrize(
    ("driver", "reasons"),
    [
        pytest.param("549.99.99", (DriverTooOld(">=550.54", "549.99.99"),), id="older"),
        pytest.param("550.53", (DriverTooOld(">=550.54", "550.53"),), id="one short"),
        pytest.param("550.54", (), id="exactly that"),
        pytest.param("550.54.0", (), id="exactly that with a zero"),
        pytest.param("570.124.06", (), id="newer"),
    ],
)
def test_the_driver_is_compared_as_a_version(driver, reasons):
    profile = make_profile(requires=Requires(driver=">=550.54"))
    assert reasons == judge(profile, make_inventory(make_gpu(), driver=driver)).reasons


def test_an_unknown_driver_is_a_doubt_and_no_reason():
    verdict = judge(make_profile(requires=Requires(driver=">=550")), make_inventory(make_gpu()))
    assert () == verdict.reasons
    assert (Doubt("driver", "the driver version", "driver >=550"),) == verdict.doubts


@pytest.mark.parametrize(
    ("cuda", "reasons"),
    [
        pytest.param("12.3", (CudaTooOld(">=12.4,<13", "12.3"),), id="one short"),
        pytest.param("12.4", (), id="exactly that"),
        pytest.param("12.10", (), id="twelve-ten is newer than twelve-four"),
        pytest.param("13.0", (CudaTooOld(">=12.4,<13", "13.0"),), id="beyond the upper bound"),
    ],
)
def test_cuda_is_compared_as_a_version(cuda, reasons):
    profile = make_profile(requires=Requires(cuda=">=12.4,<13"))
    assert reasons == judge(profile, make_inventory(make_gpu(), cuda=cuda)).reasons


def test_an_unknown_cuda_version_is_a_doubt_and_no_reason():
    verdict = judge(make_profile(requires=Requires(cuda=">=12.4")), make_inventory(make_gpu()))
    assert ((), (Doubt("cuda", "the CUDA version", "cuda >=12.4"),)) == (
        verdict.reasons,
        verdict.doubts,
    )


# Which GPU.


@pytest.mark.parametrize(
    ("tags", "spec"),
    [
        pytest.param({"gpu": "h100"}, "1xh100", id="short name"),
        pytest.param({"gpu": "H100"}, "1xh100", id="short name in capitals"),
        pytest.param({"gpu": "NVIDIA-H100-80GB-HBM3"}, "1xh100", id="product name with dashes"),
        pytest.param({"gpu_device": "2330:10de"}, "1xh100", id="PCI id"),
        pytest.param({"gpu": "l40s", "gpu_device": "26b5:10de"}, "1xl40s", id="name but not id"),
        pytest.param({"gpu": "made-up", "gpu_device": "26b9:10de"}, "1xl40s", id="id but not name"),
        pytest.param({"gpu": "a100,h100"}, "1xh100", id="second of two names"),
        pytest.param({"gpu_device": "20b2:10de,2330:10de"}, "1xh100", id="second of two ids"),
        pytest.param({"gpu": "dgx-spark"}, "1xdgx_spark", id="dash for underscore"),
        pytest.param({"key": "NVIDIA-A10G_10.0.1_12"}, "1xa10g", id="schema v1 key"),
    ],
)
def test_a_gpu_is_matched_by_id_or_by_whole_name(tags, spec):
    assert [] == kinds(judge(make_profile(**tags), spec))


@pytest.mark.parametrize(
    ("tag", "spec"),
    [
        ("a10", "1xa100"),
        ("a100", "1xa10"),
        ("a10", "1xa10g"),
        ("l4", "1xl40"),
        ("l4", "1xl40s"),
        ("l40", "1xl40s"),
        ("h100", "1xh100_nvl"),
        ("h100", "1xh100_pcie"),
        ("h100", "1xgh200_480gb"),
        ("h20", "1xh200"),
        ("b200", "1xgb200"),
        ("a100", "1xa100_sxm4_40gb"),
    ],
    ids=lambda value: value,
)
def test_a_name_within_another_name_is_no_match(tag, spec):
    verdict = judge(make_profile(gpu=tag), spec)
    have = mock_inventory(spec).gpus[0].name
    assert (WrongGpu((tag,), have, (0,)),) == verdict.reasons


def test_the_wrong_gpu_names_both_the_name_and_the_id_it_wants():
    verdict = judge(make_profile(gpu="h100", gpu_device="2330:10de"), "2xa100")
    expected = WrongGpu(
        ("h100", "2330:10de"), "NVIDIA A100-SXM4-80GB", (0, 1), device_id="20b2:10de"
    )
    assert (expected,) == verdict.reasons
    assert message(expected).endswith("; GPUs 0-1 are NVIDIA A100-SXM4-80GB / 20b2:10de")


def test_the_wrong_gpu_has_no_id_where_none_is_wanted_or_the_id_is_its_name():
    (reason,) = judge(make_profile(gpu="h100"), "1xa100").reasons
    assert None is reason.device_id
    nameless = make_inventory(make_gpu(name=None, device_id="ffff"))
    (reason,) = judge(make_profile(gpu_device="2330:10de"), nameless).reasons
    assert (None, "ffff:10de") == (reason.device_id, reason.have)


def test_a_gpu_whose_name_is_another_products_is_told_by_both():
    gpu = make_gpu(name="NVIDIA L40", device_id="26b9")
    (reason,) = judge(make_profile(gpu="l40", gpu_device="26b5"), make_inventory(gpu)).reasons
    assert ("NVIDIA L40 (by its PCI id NVIDIA L40S)", "26b9:10de") == (
        reason.have,
        reason.device_id,
    )


def test_a_gpu_that_is_told_by_its_name_alone_says_so():
    gpu = make_gpu(name="NVIDIA L40S", device_id="26b5")
    (reason,) = judge(make_profile(gpu="l40", gpu_device="26b5"), make_inventory(gpu)).reasons
    assert "NVIDIA L40S (by its name; its PCI id is that of NVIDIA L40)" == reason.have


@pytest.mark.parametrize("gpu", ["rtx5060_ti", "rtx5060_ti_8gb"])
@pytest.mark.parametrize("device", [{}, {"gpu_device": "2d04:10de"}], ids=["name", "name and id"])
@pytest.mark.parametrize(("mib", "own"), [(8151, "rtx5060_ti_8gb"), (16311, "rtx5060_ti")])
def test_of_two_boards_with_one_id_the_name_and_the_memory_decide(gpu, device, mib, own):
    machine = make_inventory(
        make_gpu(name="NVIDIA GeForce RTX 5060 Ti", device_id="2d04", total=mib, free=mib)
    )
    verdict = judge(make_profile(gpu=gpu, **device), machine)
    assert (gpu == own) is verdict.fits
    assert gpu == own or f"NVIDIA GeForce RTX 5060 Ti ({own})" == verdict.reasons[0].have


def test_of_two_boards_with_one_id_the_id_alone_is_enough():
    gpu = make_gpu(name="NVIDIA GeForce RTX 5060 Ti", device_id="2d04", total=8151, free=8151)
    assert judge(make_profile(gpu_device="2d04"), make_inventory(gpu)).fits


def test_a_gpu_without_a_pci_id_is_known_by_its_name():
    gpu = make_gpu(name="NVIDIA H100 80GB HBM3", capability=None)
    assert [] == kinds(judge(make_profile(gpu="h100", precision="fp8"), make_inventory(gpu)))


def test_the_catalogue_supplies_a_missing_compute_capability():
    gpu = make_gpu(name="Tesla T4", capability=None)
    verdict = judge(make_profile(precision="bf16"), make_inventory(gpu))
    assert (CapabilityTooLow(Precision.BF16, CC("8.0"), CC("7.5"), gpus=(0,)),) == verdict.reasons


def test_a_gpu_nobody_knows_is_matched_by_its_own_name():
    assert [] == kinds(judge(make_profile(gpu="acme_x1"), make_inventory(make_gpu())))


def test_a_gpu_of_which_nothing_is_known_is_a_wrong_one():
    verdict = judge(
        make_profile(gpu="h100", gpu_device="2330"), make_inventory(make_gpu(name=None))
    )
    expected = WrongGpu(("h100", "2330:10de"), "GPU of unknown product", (0,))
    assert (expected,) == verdict.reasons


def test_a_gpu_of_unknown_name_matches_no_name():
    gpu = make_gpu(name=None, device_id="ffff")
    verdict = judge(make_profile(gpu="h100"), make_inventory(gpu))
    assert (WrongGpu(("h100",), "ffff:10de", (0,)),) == verdict.reasons


def test_a_gpu_known_by_its_name_alone_has_the_ids_of_the_catalogue():
    gpus = make_inventory(make_gpu(name="NVIDIA H100 80GB HBM3"))
    assert [] == kinds(judge(make_profile(gpu_device="2330"), gpus))
    assert ["gpu"] == kinds(judge(make_profile(gpu_device="2331"), gpus))


@pytest.mark.parametrize(
    ("tags", "reasons"),
    [
        pytest.param({"gpu": "h100", "gpu_device": "20b2"}, ["gpu"], id="the name matches"),
        pytest.param({"gpu": "a100", "gpu_device": "2330"}, [], id="the id matches"),
    ],
)
def test_of_a_name_and_an_id_that_disagree_the_id_decides(tags, reasons):
    assert reasons == kinds(judge(make_profile(**tags), "1xh100"))


def test_a_gpu_nobody_knows_is_matched_by_its_own_id():
    gpus = make_inventory(make_gpu(name=None, device_id="ffff"))
    assert [] == kinds(judge(make_profile(gpu_device="ffff"), gpus))


A10_BUT_NO_A100 = "^NVIDIA-A10(?!0).*"


@pytest.mark.parametrize(
    ("board", "runs"),
    [("a10", True), ("a10g", True), ("a100", False), ("a100_pcie", False), ("h100", False)],
)
def test_a_product_name_regex_is_searched_in_the_products_label(board, runs):
    profile = make_profile(product_name_regex=A10_BUT_NO_A100)
    assert runs is judge(profile, f"1x{board}").fits


@pytest.mark.parametrize("board", ["a10", "a10g"])
def test_either_the_key_or_the_pattern_names_the_gpu(board):
    tags = {"key": "NVIDIA-A10G_10.0.1_12", "product_name_regex": "^NVIDIA-A10$"}
    assert () == judge(make_profile(**tags), f"1x{board}").reasons


@pytest.mark.parametrize("tags", [{"gpu": "h100"}, {"gpu_device": "2330"}])
def test_a_name_or_an_id_that_matches_is_enough_beside_a_pattern_that_does_not(tags):
    assert () == judge(make_profile(product_name_regex="x", **tags), "1xh100").reasons


def test_an_id_that_does_not_match_is_not_made_up_for_by_a_pattern():
    profile = make_profile(product_name_regex="H100", gpu_device="2331")
    assert ["gpu"] == kinds(judge(profile, "1xh100"))


@pytest.mark.parametrize(
    ("pattern", "unread"),
    [
        ("(", "it is no regular expression: missing )"),
        ("(?R)", "'(?R)' is more than a plain pattern has"),
        ("x" * 201, "it is longer than 200 characters"),
        ("(?:a?){9999}", "its counts in braces amount to more than 1000 repetitions"),
        (r"(a|A|AA|[A-Z]|-)+\d\d\d\d\d", "it takes more than 0.05 s"),
    ],
    ids=["invalid", "recursive", "long", "repeated", "catastrophic"],
)
def test_a_pattern_that_cannot_be_searched_in_bounds_rejects_its_profile_and_says_why(
    pattern, unread
):
    gpu = make_gpu(name="NVIDIA " + "A" * 60, device_id=None)
    (reason,) = judge(make_profile(product_name_regex=pattern), make_inventory(gpu)).reasons
    assert unread == reason.unread
    assert message(reason).endswith(f"; its product_name_regex was not searched: {unread}")
    assert len(message(reason)) < 400


def test_a_gpu_nobody_can_name_is_none_that_a_pattern_means():
    gpus = make_inventory(make_gpu(name=None, device_id="ffff"))
    assert ["gpu"] == kinds(judge(make_profile(product_name_regex=".*"), gpus))


def test_a_key_that_is_a_backend_is_no_gpu():
    profile = make_profile(backend="onnx", key="onnx", precision="fp16")
    assert (False, ()) == (profile.gpu_specific, judge(profile, "1xl4").reasons)


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        pytest.param("7.5", ["gpu"], id="Turing"),
        pytest.param("8.0", [], id="exactly Ampere"),
        pytest.param("9.0", [], id="Hopper"),
        pytest.param(None, ["gpu"], id="unknown"),
    ],
)
def test_a_speech_profile_marked_ampereplus_runs_on_ampere_and_newer(capability, expected):
    profile = make_profile(gpu_device="20b2:10de", ampereplus="enabled")
    assert expected == kinds(judge(profile, make_inventory(make_gpu(capability=capability))))


def test_a_profile_not_marked_ampereplus_stays_with_its_gpu():
    profile = make_profile(gpu_device="20b2:10de", ampereplus="disabled")
    assert ["gpu"] == kinds(judge(profile, make_inventory(make_gpu(capability="9.0"))))


# Compute capability.


def one_below(floor):
    capability = ComputeCapability((floor[0], floor[1] - 1) if floor[1] else (floor[0] - 1, 9))
    return str(capability)


@pytest.mark.parametrize("precision", list(RUNS_FROM), ids=str)
def test_each_precision_runs_from_its_floor_on_and_not_one_below(precision):
    floor = RUNS_FROM[precision]
    profile = make_profile(precision=str(precision))
    at = judge(profile, make_inventory(make_gpu(capability=str(floor))))
    below = judge(profile, make_inventory(make_gpu(capability=one_below(floor))))
    assert () == at.reasons
    too_low = CapabilityTooLow(precision, floor, CC(one_below(floor)), gpus=(0,))
    assert (too_low,) == below.reasons


def test_the_floors_are_those_of_the_sources():
    floors = {str(precision): str(floor) for precision, floor in RUNS_FROM.items()}
    assert {
        "fp16": "7.0",
        "int8": "7.5",
        "int8wo": "7.5",
        "int4": "7.5",
        "int4_awq": "7.5",
        "w4a16": "7.5",
        "bf16": "8.0",
        "mxfp4": "8.0",
        "fp8": "8.9",
        "nvfp4": "10.0",
    } == floors


def test_fp32_runs_on_any_gpu():
    verdict = judge(make_profile(precision="fp32"), make_inventory(make_gpu(capability="3.5")))
    assert () == verdict.reasons


def test_capability_ten_is_above_nine_and_not_above_two():
    fp8 = make_profile(precision="fp8")
    assert [] == kinds(judge(fp8, make_inventory(make_gpu(capability="10.0"))))


def test_an_unknown_compute_capability_is_a_doubt_and_no_reason():
    gpus = make_inventory(make_gpu(capability=None))
    verdict = judge(make_profile(precision="fp8"), gpus)
    assert () == verdict.reasons
    assert (
        Doubt("compute_capability", "the compute capability", "fp8 needs 8.9", gpus=(0,)),
    ) == verdict.doubts


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        pytest.param("7.9", ["compute_capability"], id="one below the emulation floor"),
        pytest.param("8.0", [], id="exactly the emulation floor"),
        pytest.param("9.0", [], id="Hopper"),
        pytest.param("10.0", [], id="native"),
    ],
)
def test_emulation_lets_nvfp4_run_from_ampere_on(capability, expected):
    request = Request(allow_nvfp4_emulation=True)
    profile = make_profile(precision="nvfp4")
    verdict = judge(profile, make_inventory(make_gpu(capability=capability)), request)
    assert expected == kinds(verdict)


def test_emulation_does_not_lower_another_floor():
    request = Request(allow_nvfp4_emulation=True)
    verdict = judge(
        make_profile(precision="fp8"), make_inventory(make_gpu(capability="8.6")), request
    )
    assert ["compute_capability"] == kinds(verdict)


@pytest.mark.parametrize(
    ("precision", "capability", "emulated"),
    [
        ("nvfp4", "9.0", True),
        ("nvfp4", "10.0", False),
        ("mxfp4", "9.0", False),
        ("fp8", "8.9", False),
        ("bf16", "9.0", False),
        ("nvfp4", None, True),
        ("fp8", None, True),
        ("bf16", None, False),
    ],
)
def test_a_format_the_gpu_is_not_known_to_compute_in_is_emulated(precision, capability, emulated):
    request = Request(allow_nvfp4_emulation=True)
    gpus = make_inventory(make_gpu(capability=capability))
    assert emulated is judge(make_profile(precision=precision), gpus, request).emulated


HALF = {
    "vllm on 7.5": ({"llm_engine": "vllm"}, "7.5", None, True),
    "vllm on 7.0": ({"llm_engine": "vllm"}, "7.0", None, True),
    "vllm 0.19 on 7.0": ({"llm_engine": "vllm"}, "7.0", "0.19.0", True),
    "vllm 0.20 on 7.0": ({"llm_engine": "vllm"}, "7.0", "0.20.0", False),
    "vllm on 6.1": ({"llm_engine": "vllm"}, "6.1", None, False),
    "an engine built here on 7.5": (
        {"llm_engine": "tensorrt_llm", "trtllm_buildable": "true"},
        "7.5",
        None,
        True,
    ),
    "an engine built before on 7.5": ({"llm_engine": "tensorrt_llm"}, "7.5", None, False),
    "sglang on 7.5": ({"llm_engine": "sglang"}, "7.5", None, False),
    "no engine on 7.5": ({}, "7.5", None, False),
}


@pytest.mark.parametrize(("tags", "capability", "version", "runs"), HALF.values(), ids=list(HALF))
def test_bf16_runs_in_fp16_where_there_is_no_bf16_on_the_engines_that_do_so(
    tags, capability, version, runs
):
    request = Request(serving=Serving(engine_version=version))
    gpus = make_inventory(make_gpu(capability=capability))
    verdict = judge(make_profile(precision="bf16", tp="1", **tags), gpus, request)
    assert (runs, runs) == (verdict.fits, verdict.in_half)
    assert ["compute_capability"] * (not runs) == kinds(verdict)


def test_a_model_that_is_not_run_in_fp16_needs_bf16():
    profile = make_profile(llm_engine="vllm", precision="bf16", tp="1")
    request = Request(serving=Serving(max_model_len=256))
    gpus = make_inventory(make_gpu(capability="7.5"))
    gemma = shape_from_config({**LLAMA_8B, "model_type": "gemma2"})
    llama = shape_from_config(LLAMA_8B)
    assert ["compute_capability"] == kinds(judge(profile, gpus, request, gemma))
    assert [] == kinds(judge(profile, gpus, request, llama))


def test_the_memory_of_bf16_and_fp16_is_the_same():
    shape = shape_from_config(LLAMA_8B)
    gpus = make_inventory(make_gpu(capability="7.5"))
    needs = [
        judge(make_profile(llm_engine="vllm", precision=precision, tp="1"), gpus, None, shape).need
        for precision in ("bf16", "fp16")
    ]
    assert needs[0].full_bytes == needs[1].full_bytes


def test_what_a_gpu_computes_in_only_from_a_capability_on():
    assert {Precision.FP8: (8, 9), Precision.NVFP4: (10, 0)} == NATIVE_FROM


@pytest.mark.parametrize(
    ("capability", "reasons"),
    [
        pytest.param("12.0", (), id="the very one"),
        pytest.param("12.1", (CapabilityUnmet("==12.0", CC("12.1"), (0,)),), id="a newer one"),
        pytest.param("10.0", (CapabilityUnmet("==12.0", CC("10.0"), (0,)),), id="an older one"),
    ],
)
def test_a_compiled_engine_runs_on_its_one_capability(capability, reasons):
    profile = make_profile(compute_capability="12.0")
    assert reasons == judge(profile, make_inventory(make_gpu(capability=capability))).reasons


def test_a_compiled_engine_on_an_unknown_capability_is_a_doubt():
    gpus = make_inventory(make_gpu(capability=None))
    verdict = judge(make_profile(compute_capability="12.0"), gpus)
    assert (
        Doubt(
            "requires_compute_capability",
            "the compute capability",
            "compute_capability ==12.0",
            gpus=(0,),
        ),
    ) == verdict.doubts


@pytest.mark.parametrize(
    ("capability", "reasons"),
    [
        pytest.param("8.8", (CapabilityUnmet(">=8.9,<12", CC("8.8"), (0,)),), id="one below"),
        pytest.param("8.9", (), id="exactly that"),
        pytest.param("8.10", (), id="eight-ten is above eight-nine"),
        pytest.param("12.0", (CapabilityUnmet(">=8.9,<12", CC("12.0"), (0,)),), id="too new"),
    ],
)
def test_a_required_capability_is_compared_as_a_version(capability, reasons):
    profile = make_profile(requires=Requires(compute_capability=">=8.9,<12"))
    assert reasons == judge(profile, make_inventory(make_gpu(capability=capability))).reasons


def test_a_required_capability_that_is_unknown_is_a_doubt():
    profile = make_profile(requires=Requires(compute_capability=">=8.9"))
    verdict = judge(profile, make_inventory(make_gpu(capability=None)))
    expected = Doubt(
        "requires_compute_capability",
        "the compute capability",
        "compute_capability >=8.9",
        gpus=(0,),
    )
    assert ((), (expected,)) == (verdict.reasons, verdict.doubts)


# Total memory.


def test_memory_exactly_equal_to_the_need_is_enough():
    verdict = judge(needing(40_000 * MIB), make_inventory(make_gpu(total=40_000)))
    assert () == verdict.reasons


def test_one_byte_short_of_the_least_is_incompatible():
    need = 40_000 * MIB + 1
    verdict = judge(needing(need), make_inventory(make_gpu(total=40_000)))
    assert (TooLittleMemory(need, 40_000 * MIB, "the test", gpus=(0,)),) == verdict.reasons
    assert "incompatible" == verdict.grade


def test_one_byte_short_of_the_full_context_is_low_memory():
    need = 40_000 * MIB + 1
    verdict = judge(needing(need, least=need - 1), make_inventory(make_gpu(total=40_000)))
    assert (
        ContextTooLong(need, 40_000 * MIB, None, source="the test", gpus=(0,)),
    ) == verdict.reasons
    assert "low memory" == verdict.grade
    assert (0,) == verdict.gpus


@pytest.mark.parametrize("asked", [None, 65_536])
def test_the_context_that_was_asked_for_is_the_one_that_is_short(asked):
    shape = plain_shape(8_030_261_248, 32, 8, 128, 131072)
    profile = make_profile(llm_engine="vllm", precision="bf16", tp="1", pp="1")
    gpu = make_gpu(total=23_034, name="NVIDIA L4", capability="8.9")
    request = Request(serving=Serving(max_model_len=asked))
    (reason,) = judge(profile, make_inventory(gpu), request, shape=shape).reasons
    assert isinstance(reason, ContextTooLong)
    assert asked == reason.asked


def test_the_context_that_fits_is_said_when_the_shape_is_known():
    shape = plain_shape(8_030_261_248, 32, 8, 128, 131072)
    profile = make_profile(llm_engine="vllm", precision="bf16", tp="1", pp="1")
    gpu = make_gpu(total=32_607, name="NVIDIA GeForce RTX 5090", capability="12.0")
    verdict = judge(profile, make_inventory(gpu), shape=shape)
    (reason,) = verdict.reasons
    assert isinstance(reason, ContextTooLong)
    assert reason.max_model_len == verdict.need.longest_context(32_607 * MIB)
    assert 0 == reason.max_model_len % 256


@pytest.mark.parametrize(
    ("manifest", "gpus", "serving"),
    [
        ("llama-3.1-70b-instruct", "1xgh200_144g", {"max_model_len": 256}),
        ("mistral-7b-instruct-v0.3", "1xt4", {"max_model_len": 1024}),
        ("mistral-7b-instruct-v0.3", "1xt4", {"fit_context": True}),
        ("mixtral-8x7b-instruct-v0.1", "1xgh200_480gb", {}),
        ("llama-3.1-8b-instruct", "1xl4", {"memory_fraction": 0.1}),
    ],
)
@pytest.mark.parametrize("relaxed", [False, True])
def test_what_has_no_room_for_the_shortest_context_lacks_memory_in_total(
    manifest, gpus, serving, relaxed
):
    request = Request(relax_memory=relaxed, serving=Serving(**serving))
    decision = select(load_manifest(manifest), mock_inventory(gpus), request)
    starved = [
        verdict
        for verdict in decision.rejected
        if verdict.need and verdict.need.budget and verdict.need.budget.starved
    ]
    assert starved
    for verdict in starved:
        assert "memory_total" in [reason.kind for reason in verdict.reasons]
        assert "shorter context" not in " ".join(remedies(verdict))


def test_relaxed_memory_starts_a_pin_that_has_no_room_for_a_context():
    manifest = load_manifest("mistral-7b-instruct-v0.3")
    pin = Request(relax_memory=True).pinned("tensorrt_llm-trtllm_buildable-bf16-tp1-pp1")
    decision = select(manifest, mock_inventory("1xt4"), pin)
    assert ["memory_total"] == [reason.kind for reason in decision.selected.waived]
    (text,) = (str(each) for each in decision.warnings if each.kind == "no_room_for_cache")
    assert "of the 14.7 GiB that tensorrt_llm takes of a GPU" in text


def test_an_unknown_need_of_an_llm_is_a_doubt():
    verdict = judge(VLLM, "1xh100")
    expected = Doubt(
        "memory_total", "what memory the profile needs", "total and free memory", gpus=(0,)
    )
    assert ((), (expected,), None) == (verdict.reasons, verdict.doubts, verdict.need)


def test_an_unknown_need_of_what_is_no_llm_goes_without_saying():
    assert () == judge(make_profile(model_type="onnx"), "1xh100").doubts


def test_an_unknown_total_memory_is_a_doubt_and_unknown_is_not_zero():
    gpu = make_gpu(total=None)
    verdict = judge(needing(gib(1000)), make_inventory(gpu))
    assert () == verdict.reasons
    assert (Doubt("memory_total", "the total memory", "the test", gpus=(0,)),) == verdict.doubts


def test_a_need_of_80_gb_does_not_reject_an_80_gb_h100():
    profile = make_profile(llm_engine="vllm", tp="1", min_vram_per_device_gb="80.0")
    assert () == judge(profile, "1xh100").reasons


def test_a_need_of_81_gib_does_reject_an_80_gb_h100():
    profile = make_profile(llm_engine="vllm", tp="1", min_vram_per_device_gb="81.0")
    assert ["memory_total"] == kinds(judge(profile, "1xh100"))


# Free memory.

NO_GATE = Request(empty_gpu_gate=False)


def test_free_memory_exactly_equal_to_the_need_is_enough():
    gpu = make_gpu(total=40_000, free=10_000)
    assert () == judge(needing(10_000 * MIB), make_inventory(gpu), NO_GATE).reasons


def test_one_byte_short_of_free_memory_is_low_memory():
    need = 10_000 * MIB + 1
    verdict = judge(needing(need), make_inventory(make_gpu(total=40_000, free=10_000)), NO_GATE)
    assert (TooLittleFree(need, 10_000 * MIB, "the test", gpus=(0,)),) == verdict.reasons
    assert ("low memory", (0,)) == (verdict.grade, verdict.gpus)


def test_when_the_full_context_cannot_fit_the_least_is_asked_of_what_is_free():
    profile = needing(50_000 * MIB, least=20_000 * MIB)
    enough = judge(profile, make_inventory(make_gpu(free=20_000)), NO_GATE)
    short = judge(profile, make_inventory(make_gpu(free=19_999)), NO_GATE)
    assert ["memory_context"] == kinds(enough)
    assert ["memory_context", "memory_free"] == kinds(short)
    assert 20_000 * MIB == short.reasons[1].need_bytes


def test_what_does_not_fit_the_whole_gpu_is_not_reported_twice():
    gpu = make_gpu(total=40_000, free=30_000)
    assert ["memory_total"] == kinds(judge(needing(40_001 * MIB), make_inventory(gpu), NO_GATE))


def test_an_unknown_free_memory_is_a_doubt_and_no_reason():
    gpu = make_gpu().replace(memory_free_mib=None)
    verdict = judge(needing(10_000 * MIB), make_inventory(gpu))
    assert ((), (Doubt("memory_free", "the free memory", "the test", gpus=(0,)),)) == (
        verdict.reasons,
        verdict.doubts,
    )


def test_a_free_memory_of_zero_is_known_and_too_little():
    verdict = judge(needing(1), make_inventory(make_gpu(free=0)), NO_GATE)
    assert ["memory_free"] == kinds(verdict)


# NIM's gate: a GPU must be nearly empty.


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        pytest.param(950, [], id="exactly 95 percent"),
        pytest.param(949, ["gpu_not_empty"], id="one MiB short"),
        pytest.param(1000, [], id="all of it"),
        pytest.param(0, ["gpu_not_empty"], id="nothing"),
        pytest.param(None, [], id="unknown"),
    ],
)
def test_a_gpu_must_be_95_percent_free(free, expected):
    gpu = make_gpu(total=1000).replace(memory_free_mib=free)
    assert expected == kinds(judge(VLLM, make_inventory(gpu)))


@pytest.mark.parametrize("total", [20, 60, 15360, 40960, 81920, 143780, 275040])
def test_exactly_95_percent_is_enough_whatever_the_total(total):
    gpu = make_gpu(total=total, free=total * 95 // 100)
    assert [] == kinds(judge(VLLM, make_inventory(gpu)))


def test_the_gate_says_its_numbers_and_makes_it_low_memory():
    verdict = judge(VLLM, make_inventory(make_h100(free=70_000)))
    assert (GpuNotEmpty(70_000, H100_MIB, 0.95, gpus=(0,)),) == verdict.reasons
    assert "low memory" == verdict.grade


def test_the_gate_has_its_own_switch():
    assert () == judge(VLLM, make_inventory(make_h100(free=0)), NO_GATE).reasons


def test_the_gate_and_the_need_are_two_reasons():
    verdict = judge(needing(50_000 * MIB), make_inventory(make_h100(free=10_000)))
    assert ["memory_free", "gpu_not_empty"] == kinds(verdict)


def test_the_gate_is_not_applied_to_what_is_no_llm():
    assert [] == kinds(judge(make_profile(model_type="onnx"), make_inventory(make_h100(free=0))))


def test_the_gate_is_not_applied_to_unified_memory():
    gpu = make_gpu(free=1, unified_memory=True)
    assert [] == kinds(judge(VLLM, make_inventory(gpu)))


def test_the_gate_waits_for_a_total():
    gpu = make_gpu().replace(memory_total_mib=None, memory_free_mib=10)
    assert [] == kinds(judge(VLLM, make_inventory(gpu)))


# LoRA and tags.


@pytest.mark.parametrize(
    ("tags", "wanted", "reasons"),
    [
        pytest.param({"feat_lora": "true"}, True, (), id="served and wanted"),
        pytest.param({"feat_lora": "true"}, False, (LoraMismatch(False),), id="served, unwanted"),
        pytest.param({"feat_lora": "false"}, True, (LoraMismatch(True),), id="wanted, not served"),
        pytest.param({"feat_lora": "false"}, False, (), id="neither"),
        pytest.param({}, False, (), id="unsaid is not served"),
        pytest.param({}, True, (LoraMismatch(True),), id="unsaid is not served, but wanted"),
    ],
)
def test_lora_profiles_are_candidates_when_adapters_are_wanted(tags, wanted, reasons):
    verdict = judge(make_profile(**tags), "1xh100", Request(lora=wanted))
    assert reasons == verdict.reasons


def test_a_profile_that_is_merely_not_wanted_keeps_the_grade_of_the_machine():
    verdict = judge(make_profile(feat_lora="true"), "1xh100")
    assert (False, "runnable", (0,)) == (verdict.fits, verdict.grade, verdict.gpus)


@pytest.mark.parametrize(
    ("condition", "reasons"),
    [
        pytest.param(("precision", "fp8"), (), id="matches"),
        pytest.param(("precision", "FP8"), (), id="case does not matter"),
        pytest.param(("precision", "fp"), (TagMismatch("precision", "fp", "fp8"),), id="a part"),
        pytest.param(("mode", "str"), (TagMismatch("mode", "str", None),), id="no such tag"),
    ],
)
def test_a_tag_selector_compares_whole_values(condition, reasons):
    request = Request(tags=(condition,))
    assert reasons == judge(make_profile(precision="fp8"), "1xh100", request).reasons


def test_every_condition_of_a_selector_must_hold():
    request = Request(tags=(("precision", "bf16"), ("tp", "2"), ("pp", "1")))
    verdict = judge(make_profile(precision="fp8", tp="1", pp="1"), "1xh100", request)
    assert [
        ("precision", "fp8"),
        ("tp", "1"),
    ] == [(reason.tag, reason.have) for reason in verdict.reasons]


# MIG.


def instance(**more):
    return make_gpu(mig=MigInstance(9, 7, 0), **more)


def test_a_profile_of_one_gpu_runs_on_a_mig_instance():
    assert [] == kinds(judge(make_profile(llm_engine="vllm", tp="1"), make_inventory(instance())))


@pytest.mark.parametrize("tags", [{"tp": "2"}, {"tp": "1", "pp": "2"}])
def test_a_profile_that_spans_gpus_runs_on_no_mig_instances(tags):
    machine = make_inventory(instance(), instance(index=1))
    (reason,) = judge(make_profile(llm_engine="vllm", **tags), machine).reasons
    assert MigAlone(2, (0, 1)) == reason


def test_what_is_held_against_a_gpu_is_in_the_order_of_the_report():
    profile = make_profile(llm_engine="vllm", tp="2", gpu="h100", precision="fp8")
    machine = make_inventory(instance(capability="7.5"), instance(index=1, capability="7.5"))
    assert ["gpu", "mig", "compute_capability"] == kinds(judge(profile, machine))


def test_an_engine_that_asks_for_its_fraction_at_start_is_refused_when_that_is_not_free():
    """One MiB decides: vLLM of this version wants its 0.92 of the whole GPU free, however little
    the profile needs."""
    (gpu,) = mock_inventory("1xl40s").gpus
    profile = make_profile(llm_engine="vllm", precision="bf16", tp="1")
    shape = shape_from_config(LLAMA_8B)
    request = Request(empty_gpu_gate=False, serving=Serving(max_model_len=256))
    budget = judge(profile, "1xl40s", request, shape).need.budget
    asked = budget.of_size(gpu.memory_total_mib * MIB).asked_at_start
    enough = -(-asked // MIB)

    def reasons(free):
        machine = make_inventory(gpu.replace(memory_free_mib=free))
        return judge(profile, machine, request, shape).reasons

    assert () == reasons(enough)
    source = "vllm asks for 0.92 of a GPU at start"
    expected = TooLittleFree(asked, (enough - 1) * MIB, source, gpus=(0,))
    assert (expected,) == reasons(enough - 1)
