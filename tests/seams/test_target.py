"""A target of `render` added from outside: one module, and one line of `TARGETS`."""

import json
import sys
from types import ModuleType

import pytest

from nimprofile.cli.main import main
from nimprofile.launch.deploy import documents

SERVED = ("--manifest", "llama-3.1-8b-instruct", "--gpus", "2xl40s", "--engine", "vllm")


@pytest.fixture
def nomad(monkeypatch):
    """The target `nomad`, for one test."""
    module = ModuleType("nimprofile.launch.deploy.nomad")
    module.objects = lambda container, *, replicas, pull_secret: [
        {"job": container.name, "image": container.image, "count": replicas}
    ]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(documents.TARGETS, "nomad", "nomad")


def test_it_is_rendered_and_offered(nomad, capsys):
    command = ["render", "nomad", *SERVED, "--model", "org/model", "--replicas", "3", "--json"]
    assert 0 == main(command)
    rendered = json.loads(capsys.readouterr().out)
    assert ("llama-3-1-8b-instruct", 3) == (rendered["job"], rendered["count"])
    assert 0 == main(["render", "--help"])
    assert "nim-operator, kserve, nomad" in capsys.readouterr().out


def test_what_is_no_target_is_refused_with_those_there_are(capsys):
    assert 2 == main(["render", "nomad", *SERVED])
    assert "kserve" in capsys.readouterr().err
