"""A server restricts what is selected: to its engines, its version, and named adapters."""

import pytest

from nimprofile.base.enums import Engine, Server
from nimprofile.cli import launch_options
from nimprofile.cli.arguments import read_arguments
from nimprofile.cli.launch_options import restricted, setup_of
from nimprofile.cli.main import build_parser
from nimprofile.cli.parsing.parser import UsageError


def restricted_by(*words, here=False):
    """The selection that is left for the server of a command line, and what was asked for."""
    arguments = read_arguments(build_parser("launch"), ["launch", *words], {"extra": ()})[1]
    asked, server = arguments.selection, arguments.server
    named = server.adapters is not None
    return restricted(asked, setup_of(asked, server), adapters=named, here=here), asked


def test_without_a_server_the_selection_stays_as_it_is():
    left, asked = restricted_by("--manifest", "m")
    assert asked == left


def test_a_server_is_selected_for_among_its_engines():
    left, asked = restricted_by("--server", "triton")
    assert ((Engine.VLLM,), None) == (left.engine, asked.engine)


def test_nim_runs_every_engine():
    assert restricted_by("--server", str(Server.NIM))[0].engine is None


def test_an_engine_that_the_server_does_not_run_is_refused():
    with pytest.raises(UsageError, match="--server vllm runs no profile of sglang: leave --engine"):
        restricted_by("--server", "vllm", "--engine", "sglang")


@pytest.mark.parametrize(
    ("words", "lora"),
    [((), None), (("--adapters", "/a"), True), (("--adapters", "/a", "--no-lora"), False)],
)
def test_named_adapters_want_profiles_that_serve_them(words, lora):
    assert lora is restricted_by(*words)[0].lora


def test_the_version_is_that_of_the_image():
    words = ("--engine", "vllm", "--image", "vllm/vllm-openai:v0.9.2")
    assert "0.9.2" == restricted_by(*words)[0].serving.engine_version


def test_a_version_that_is_named_stays():
    words = ("--engine", "vllm", "--engine-version", "0.8.5", "--image", "vllm/vllm-openai:v0.9.2")
    assert "0.8.5" == restricted_by(*words)[0].serving.engine_version


def test_two_engines_have_no_one_version():
    left = restricted_by("--engine", "vllm", "--engine", "sglang")[0]
    assert left.serving.engine_version is None


def test_a_server_that_starts_here_has_the_version_that_is_installed(monkeypatch):
    monkeypatch.setattr(launch_options, "installed", lambda engine: "0.7.7")
    assert "0.7.7" == restricted_by("--engine", "vllm", here=True)[0].serving.engine_version
    assert "0.7.7" != restricted_by("--engine", "vllm")[0].serving.engine_version
