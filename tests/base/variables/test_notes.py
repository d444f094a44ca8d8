"""A variable that is set and changes nothing is named, and its value never is."""

import pytest
from hypothesis import given, strategies as st

from nimprofile import Request
from nimprofile.base.environment import SYNONYMS
from nimprofile.base.variables.notes import VariableBeaten, VariableUnknown, variable_notes
from nimprofile.base.variables.table import VARIABLES

# Of two variables that say the same thing, the first of the list counts.


@pytest.mark.parametrize("names", SYNONYMS, ids=lambda names: names[0])
def test_of_two_variables_of_one_thing_the_first_counts_and_a_note_names_the_other(names):
    first, *others = names
    for other in others:
        values = dict.fromkeys((first, other), VARIABLES[first].example)
        assert () == variable_notes(values), "they agree"
        assert Request.from_env({first: values[first]}) == Request.from_env(values)
        note = VariableBeaten(other, first)
        different = VALUES[first]
        values[other] = different
        assert (note,) == variable_notes(values)
        assert (note,) == Request.from_env(values).notes
        assert Request.from_env({first: values[first]}) == Request.from_env(values).replace(
            notes=()
        )
        assert f"{other} is not used: {first} is set too, says another, and counts" == str(note)


VALUES = {
    "NIM_MODEL_PROFILE": "another",
    "NIM_GPU_MEM_FRACTION": "0.25",
    "NIM_MAX_NUM_SEQS": "16",
    "NIM_ENGINE_PRECISION": "bf16",
    "NIM_MODEL_PATH": "/others",
    "NIM_SERVER_PORT": "9001",
}


# What changes nothing is named.


def test_a_variable_that_is_not_known_is_named_with_the_nearest_that_is():
    (note,) = variable_notes({"NIM_MAX_MODEL_LENGTH": "4096"})
    assert VariableUnknown("NIM_MAX_MODEL_LENGTH", "NIM_MAX_MODEL_LEN") == note
    assert str(note).endswith("not known as a variable of NIM's; did you mean NIM_MAX_MODEL_LEN?")


def test_a_variable_that_is_like_none_is_named_alone():
    (note,) = variable_notes({"NIM_QUUX": "1"})
    assert "NIM_QUUX is set and not known as a variable of NIM's" == str(note)


def test_a_variable_that_is_empty_is_not_named():
    assert () == variable_notes({"NIM_QUUX": " ", "NIM_CPU_ONLY": ""})


def test_a_variable_for_the_container_says_that_it_is_handed_on():
    (note,) = variable_notes({"NIM_LOW_MEMORY_MODE": "1"})
    said = "NIM_LOW_MEMORY_MODE does not change the choice: it saves memory of the host"
    assert str(note).startswith(said)
    assert str(note).endswith("a NIM that is launched is told of it")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=12))
def test_no_note_has_a_value(value):
    environ = {"NIM_API_TOKEN": value, "NIM_CPU_ONLY": value, "NIM_MAX_MODEL_LENGHT": value}
    assert not any(value in str(note) for note in variable_notes(environ))
