"""The numbers of NVML: every phrase is that of one code, and the tables agree with pynvml."""

import pynvml
import pytest

from nimprofile.hardware.nvml.codes import (
    ARCHITECTURES,
    HARMLESS,
    LOST,
    NVML_ERRORS,
    code_of,
    phrase,
)


@pytest.mark.parametrize("code", [*NVML_ERRORS, 77, 1234567])
def test_a_phrase_is_that_of_one_code(code):
    assert code == code_of(phrase(code))


@pytest.mark.parametrize("text", ["OSError: gone", "NVML error", "NVML error x", "NVML error ²"])
def test_any_other_text_is_itself(text):
    assert text == phrase(text) == code_of(text)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("NVML_ERROR_GPU_IS_LOST", 15),
        ("NVML_ERROR_RESET_REQUIRED", 16),
        ("NVML_ERROR_NOT_SUPPORTED", 3),
        ("NVML_ERROR_FUNCTION_NOT_FOUND", 13),
    ],
)
def test_codes_are_those_of_pynvml(name, code):
    assert code == getattr(pynvml, name)
    assert code in LOST | HARMLESS


@pytest.mark.parametrize("name", ["Kepler", "Turing", "Ampere", "Ada", "Hopper", "Blackwell"])
def test_architectures_are_those_of_pynvml(name):
    number = getattr(pynvml, f"NVML_DEVICE_ARCH_{name.upper()}")
    assert name == ARCHITECTURES[number]
