"""What has moved since a lock was written: what is started otherwise, where it moved, and why."""

import pytest

from nimprofile import (
    Engine,
    Inventory,
    Request,
    Serving,
    Setup,
    drift,
    load_manifest,
    lock_of,
    mock_inventory,
    select,
)
from nimprofile.authoring.diff import Edit
from nimprofile.launch.planning import launchable
from nimprofile.lock.drift import gone

MANIFEST = load_manifest("llama-3.1-70b-instruct")
BOX = mock_inventory("8xh100")
TP8, TP4 = "tensorrt_llm-h100-fp8-tp8-pp1-latency", "tensorrt_llm-h100-fp8-tp4-pp1-throughput"


def _locked(request=None, setup=None, box=BOX):
    return lock_of(select(MANIFEST, box, request or Request()), MANIFEST, setup or Setup())


def _drift(lock, *, box=BOX, request=None, manifest=MANIFEST, setup=None, preferring=None):
    decision = select(manifest, box, request or Request(), preferring=preferring)
    return drift(lock, decision, manifest, setup or Setup())


def _causes(found):
    return {edit.what: (edit.old, edit.new) for edit in found.causes}


def test_right_after_the_lock_nothing_has_moved():
    found = _drift(_locked())
    assert (False, True, "", "") == (found.drifted, found.unchanged, found.at, found.why)


def test_a_gpu_that_hangs_is_drift_with_the_gate_and_the_figures():
    hung = BOX.gpus[7].replace(unavailable="it did not answer within 15 s")
    found = _drift(_locked(), box=BOX.replace(gpus=(*BOX.gpus[:7], hung)))
    assert found.drifted
    assert (TP8, TP4) == (found.locked.name, found.today.name)
    assert "GPU count" == found.at
    assert found.why.startswith("no longer runs: needs 8 GPUs of one product; there are 7")
    assert ("8 × NVIDIA H100 80GB HBM3", "7 × NVIDIA H100 80GB HBM3") == _causes(found)["GPUs"]
    assert ("0", "1") == _causes(found)["unavailable GPUs"]
    assert Edit("tp", "8", "4") in found.choice


def test_a_profile_that_is_gone_is_drift_of_the_manifest():
    others = tuple(profile for profile in MANIFEST.profiles if profile.name != TP8)
    found = _drift(_locked(), manifest=MANIFEST.replace(profiles=others, source="x"))
    assert ("manifest", "is gone") == (found.at, found.why)
    assert {"manifest", "manifest digest", "profiles of the manifest"} == set(_causes(found))


def test_a_profile_of_the_same_name_and_another_id_is_told():
    profiles = tuple(
        profile.replace(id="0" * 64) if profile.name == TP8 else profile
        for profile in MANIFEST.profiles
    )
    found = _drift(_locked(), manifest=MANIFEST.replace(profiles=profiles, source="x"))
    assert f"is gone; the profile of its name has the id {'0' * 64}" == found.why
    assert found.drifted


def test_a_profile_that_is_beaten_has_the_criterion():
    found = _drift(_locked(), preferring="tp=low")
    assert found.drifted
    assert ("tp", "comes behind on tp: ") == (found.at, found.why[:20])
    assert ("nim", "nim preferring tp=low") == _causes(found)["policy"]


def test_another_pin_is_named():
    found = _drift(_locked(), request=Request().pinned(TP4, "--profile"))
    assert ("pin", f"is not what --profile pins: {TP4}") == (found.at, found.why)
    assert (None, TP4) == _causes(found)["pin"]


def test_a_pin_that_is_refused_today_has_its_reasons():
    request = Request().pinned(TP8, "--profile")
    found = _drift(_locked(request), request=request, box=mock_inventory("4xh100"))
    assert (None, "GPU count") == (found.today, found.at)
    assert found.why.startswith("no longer runs: needs 8 GPUs")
    other = _drift(
        _locked(box=mock_inventory("4xh100")), request=request, box=mock_inventory("4xh100")
    )
    assert other.why.startswith(f"is not what --profile pins: {TP8}, which does not run: needs 8")


def test_nothing_runs_any_more():
    found = _drift(_locked(), box=mock_inventory("1xt4"))
    assert None is found.today
    assert found.choice == (Edit("profile", f"{TP8} (704e14b35498)", None),)


def test_a_candidate_that_cannot_be_started_is_passed_over_with_its_reason():
    setup = Setup(startable=("vllm",))
    decision = launchable(select(MANIFEST, BOX), MANIFEST, setup)
    found = drift(_locked(), decision, MANIFEST, setup)
    assert "start" == found.at
    assert found.why.startswith("cannot be started: there is no trtllm-serve here")


def test_the_same_profile_with_another_context_is_drift():
    found = _drift(_locked(), request=Request(serving=Serving(max_model_len=8192)))
    assert (Edit("context", "131072", "8192"),) == found.choice
    assert ("context", "") == (found.at, found.why)
    assert (None, "8192") == _causes(found)["max_model_len"]


def test_another_version_of_the_engine_is_drift_and_an_unknown_one_is_not():
    request = Request(engines=(Engine.VLLM,))
    setups = [Setup(installed=((Engine.VLLM, version),)) for version in ("0.26.0", "0.31.0")]
    lock = _locked(request, setups[0])
    moved = _drift(lock, request=request, setup=setups[1])
    assert Edit("engine version", "0.26.0", "0.31.0") in moved.choice
    unknown = _drift(lock, request=request)
    assert not unknown.drifted
    assert ("0.26.0", None) == _causes(unknown)["engine version"]


@pytest.mark.parametrize(
    ("change", "what", "new"),
    [
        ({"driver_version": "580.65.06"}, "driver", "580.65.06"),
        ({"cuda_version": "13.0"}, "CUDA", "13.0"),
        ({"cpu_architecture": "aarch64"}, "CPU architecture", "aarch64"),
    ],
)
def test_what_does_not_change_the_choice_is_a_note(change, what, new):
    found = _drift(_locked(), box=BOX.replace(**change))
    assert (False, {what: (None, new)}) == (found.drifted, _causes(found))


def test_more_memory_of_the_gpus_is_a_note():
    gpus = tuple(gpu.replace(memory_total_mib=81_920) for gpu in BOX.gpus)
    found = _drift(_locked(), box=BOX.replace(gpus=gpus))
    assert ("81559 MiB", "81920 MiB") == _causes(found)["GPU memory"]
    assert not found.drifted


def test_weights_that_lie_elsewhere_are_the_same_and_another_config_is_a_note(tmp_path):
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
        text = '{"c": 1}' if folder.name == "c" else "{}"
        (folder / "config.json").write_text(text, encoding="utf-8")
    a, b, c = (Setup(model=str(folder)) for folder in folders)
    assert _drift(_locked(setup=a), setup=b).unchanged
    assert {"weights", "weights config_sha256"} == set(_causes(_drift(_locked(setup=a), setup=c)))


def test_another_digest_of_the_image_is_a_note():
    setups = [Setup(server="nim", image="nvcr.io/nim/m:1@sha256:" + digit * 64) for digit in "ab"]
    found = _drift(_locked(setup=setups[0]), setup=setups[1])
    assert {"image digest"} == set(_causes(found))


def test_uuids_count_where_they_were_locked():
    def box(first):
        gpus = tuple(gpu.replace(uuid=f"GPU-{first + gpu.index}") for gpu in BOX.gpus)
        return Inventory(gpus)

    locks = [lock_of(select(MANIFEST, box(0)), MANIFEST, uuids=uuids) for uuids in (False, True)]
    assert [set(), {"GPU UUIDs"}] == [set(_causes(_drift(lock, box=box(9)))) for lock in locks]


def test_a_lock_whose_pin_is_gone_has_nothing_today():
    found = gone(_locked(), "is gone")
    assert (True, None, "manifest") == (found.drifted, found.today, found.at)
