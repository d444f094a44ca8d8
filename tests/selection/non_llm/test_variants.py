"""Of several variants the one is first that the documents name as the default."""

import pytest

from nimprofile.selection.non_llm.variants import VARIANT
from tests.support.builders import decide, make_profile

PREBUILT = {"model_type": "prebuilt", "name": "magpie"}


def order(*tags):
    """The profiles with these tags as they rank, by what the criterion says of them."""
    profiles = [make_profile(id=str(at), **each) for at, each in enumerate(tags)]
    return [VARIANT.describe(verdict) for verdict in decide(profiles, "1xa100").ranked]


def test_the_smallest_batch_is_first_by_number_and_not_by_the_alphabet():
    expected = ["batch_size 8", "batch_size 32", "batch_size 64", "batch_size 128"]
    assert expected == order(*(PREBUILT | {"batch_size": n} for n in ("32", "128", "64", "8")))


def test_all_and_default_are_before_any_other_value():
    databases = ("pdb70", "uniref30,pdb", "all", "uniref30")
    assert "databases all" == order(*({"databases": each} for each in databases))[0]
    assert ["bs default", "bs 8"] == order({"bs": "8"}, {"bs": "default"})


def test_the_modes_stand_in_the_order_of_the_documents():
    modes = [{"mode": mode, "vad": "x"} for mode in ("ofl", "new", "str-thr", "str")]
    assert ["mode str", "mode str-thr", "mode ofl", "mode new"] == order(*modes)


@pytest.mark.parametrize("batch", ["", "many", "1" * 20, "²"])
def test_a_batch_that_is_no_number_counts_as_none(batch):
    assert ["batch_size " + batch, "batch_size 1"] == order(
        {"batch_size": "1"}, {"batch_size": batch}
    )


def test_language_models_have_no_variants():
    tags = {"llm_engine": "vllm", "precision": "bf16", "tp": "1", "mode": "ofl"}
    (verdict,) = decide([make_profile(min_vram_per_device_gb="1", **tags)], "1xa100").ranked
    assert (0, 0, 0) == VARIANT.key(verdict)


def test_what_has_no_variant_says_so():
    assert ["no variant"] == order({"model_type": "onnx"})
