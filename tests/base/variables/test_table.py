"""The table of NIM's variables holds all that the sources name, and says what is true of each."""

import os
import re

import pytest

from nimprofile import Request, Setup
from nimprofile.base.environment import RELAX, SYNONYMS
from nimprofile.base.variables.notes import READ
from nimprofile.base.variables.table import VARIABLES, Use
from nimprofile.report.startup_log import logger_of, wants_json
from tests.support.paths import ROOT
from tests.tools.environment_page import PAGE, between, tables

HONOURED = [name for name, variable in VARIABLES.items() if variable.use is Use.HONOURED]
OTHERS = [name for name in VARIABLES if name not in HONOURED]
ASSUMED = {RELAX: "1"}
"""Beside every variable but itself: one takes effect only with it."""


def _what_is_made_of(environ):
    log = (logger_of(environ).level, wants_json(environ))
    return Request.from_env(environ).replace(notes=()), Setup.from_env(environ), log


def _changes(name, value):
    beside = {} if name in ASSUMED else ASSUMED
    setup = _what_is_made_of(beside | {name: value})
    handed = VARIABLES[name].also_handed
    without = _what_is_made_of(beside)
    if handed:  # what is handed on is no use of it here
        setup = (setup[0], setup[1].replace(variables=()), setup[2])
        without = (without[0], without[1].replace(variables=()), without[2])
    return setup != without


def _names_in(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for name in re.findall(r"\bNIM_[A-Z][A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")):
            yield name, path.relative_to(ROOT).as_posix()


CONSTANTS = {"NIM_ALLOWANCE", "NIM_LORA", "NIM_IMAGES", "NIM_VERSION"}
"""Names of the sources themselves."""


def test_every_variable_that_the_sources_name_is_in_the_table():
    assert {} == {
        name: path for name, path in _names_in("nimprofile") if name not in {*VARIABLES, *CONSTANTS}
    }


READ_ELSEWHERE = {"NIM_CACHE_PATH": "cli/test_weights.py"}
"""Variables that say where to look for a file, and the tests of what is found there."""


@pytest.mark.parametrize("name", READ_ELSEWHERE)
def test_a_variable_of_a_place_has_tests_of_what_is_found_there(name):
    assert name in (ROOT / "tests" / READ_ELSEWHERE[name]).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in HONOURED if name not in READ_ELSEWHERE])
def test_a_variable_that_is_honoured_changes_the_request_the_setup_or_the_log(name):
    assert _changes(name, VARIABLES[name].example), VARIABLES[name].how


@pytest.mark.parametrize("name", HONOURED)
def test_a_variable_that_is_honoured_says_by_what(name):
    assert VARIABLES[name].how
    assert () == Request.from_env(ASSUMED | {name: VARIABLES[name].example}).notes


@pytest.mark.parametrize("name", OTHERS)
def test_a_variable_that_is_not_honoured_changes_nothing_but_what_a_container_is_given(name):
    setup = Setup.from_env({name: "1"})
    assert setup.variables == (((name, "1"),) if VARIABLES[name].handed else ())
    assert Setup() == setup.replace(variables=())
    assert Request() == Request.from_env({name: "1"}).replace(notes=())


@pytest.mark.parametrize("name", OTHERS)
def test_one_that_bears_on_the_choice_and_is_not_honoured_is_noted_and_no_other(name):
    notes = Request.from_env({name: "1"}).notes
    assert [note.variable for note in notes] == ([name] if VARIABLES[name].bears else [])


def test_those_that_are_read_are_those_that_the_table_calls_honoured():
    assert set(HONOURED) == READ


def test_variables_that_say_the_same_thing_are_honoured():
    assert {name for names in SYNONYMS for name in names} <= READ


@pytest.mark.parametrize("name", VARIABLES)
def test_every_row_is_whole_sentences_with_a_source(name):
    variable = VARIABLES[name]
    assert variable.meaning.endswith(".")
    assert variable.generations
    assert variable.source
    assert name == variable.name
    assert bool(variable.example) is (variable.use is Use.HONOURED)
    assert variable.how or variable.use is Use.HANDED_ON, "why it is not used, or by what it is"


def test_the_variables_of_the_process_are_not_looked_at(monkeypatch):
    monkeypatch.setattr(os, "environ", {"NIM_MAX_MODEL_LEN": "1"})
    assert Request() == Request.from_env({})


def test_the_page_of_variables_is_that_of_the_table():
    page = PAGE.read_text(encoding="utf-8")
    start, end = between(page)
    assert page[start:end].rstrip() == tables(), "python -m tests.tools.environment_page writes it"
