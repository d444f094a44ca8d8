"""What the engines' words for stored weights mean."""

import pytest

from nimprofile.base.enums import Precision
from nimprofile.verify.precisions import MEANINGS, is_precision, meaning_of


@pytest.mark.parametrize(
    ("word", "wanted", "same"),
    [
        ("fp8", "fp8", True),
        ("modelopt_fp4", "nvfp4", True),
        ("modelopt_fp4", "fp8", False),
        ("torch.bfloat16", "bf16", True),
        ("torch.float16", "bf16", False),
        ("half", "fp16", True),
        ("awq_marlin", "int4_awq", True),
        ("awq_marlin", "w4a16", True),
        ("fbgemm_fp8", "nvfp4", False),
        ("W4A16_AWQ", "int4", True),
        ("mxfp4", "mxfp4", True),
        ("NVFP4", "nvfp4", True),
    ],
)
def test_a_word_of_one_meaning_is_compared(word, wanted, same):
    assert is_precision(word, wanted) is same


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("compressed-tensors", "fp8"),
        ("compressed-tensors", "nvfp4"),
        ("gptq_marlin", "int4"),
        ("bitsandbytes", "int8"),
        ("None", "bf16"),
        ("some_new_format", "fp8"),
    ],
)
def test_a_word_of_several_meanings_or_of_none_leaves_it_open(word, wanted):
    assert is_precision(word, wanted) is None


@pytest.mark.parametrize(
    ("word", "wanted"),
    [("compressed-tensors", "bf16"), ("gptq", "nvfp4"), ("None", "fp8"), ("modelopt", "bf16")],
)
def test_a_word_of_several_meanings_contradicts_what_is_none_of_them(word, wanted):
    assert is_precision(word, wanted) is False


@pytest.mark.parametrize("precision", Precision)
def test_every_precision_is_a_word_of_one_meaning(precision):
    assert 1 == len(meaning_of(precision))


def test_every_word_is_written_as_it_is_looked_up():
    assert [] == [word for word in MEANINGS if word != word.strip().casefold()]
