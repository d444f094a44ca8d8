"""An engine added from outside works everywhere: one specification, and one of its server."""

import json

import pytest

from nimprofile import Engine, LaunchPlan, Precision, Server
from nimprofile.cli.main import main
from nimprofile.engines import spec as engine_specs
from nimprofile.engines.overheads import Overheads
from nimprofile.engines.spec import EngineSpec, spec_of
from nimprofile.engines.support import PLAIN, Served, ways
from nimprofile.launch import server_spec as server_specs
from nimprofile.launch.flags import FlagSyntax, flag_groups, merge_arguments
from nimprofile.launch.server_spec import ServerSpec, server_spec
from tests.support.model_configs import LLAMA_8B

GIB = 1 << 30


def plan(job):
    """`acme serve`, with what the profile asks for."""
    words, notes = merge_arguments(
        flag_groups({"--model": job.model, "--ranks": job.tp, "--port": job.port}),
        job.setup.arguments,
        ACME_FLAGS,
    )
    return LaunchPlan(
        job.server,
        ("acme", "serve", *words),
        job.devices,
        files=(),
        port=job.port,
        health="/alive",
        notes=(*job.notes, *notes),
    )


ACME_FLAGS = FlagSyntax({}, {"--ranks": "tensor parallelism"})


@pytest.fixture
def acme(monkeypatch):
    """The engine `acme` and its server, for one test."""
    monkeypatch.setattr(Engine, "_names", dict(Engine._names))
    monkeypatch.setattr(Server, "_names", dict(Server._names))
    monkeypatch.setattr(engine_specs, "_SPECS", dict(engine_specs._SPECS))
    monkeypatch.setattr(server_specs, "_SPECS", dict(server_specs._SPECS))
    engine = Engine.add("acme", "acme-serve")
    engine_specs.register(
        EngineSpec(
            engine=engine,
            label="Acme",
            newest="2.0",
            formats=ways(engine, [(PLAIN, Precision.BF16, ">=8.0", "", "acme/formats.py")]),
            models={"llama": Served()},
            overheads=(
                Overheads(
                    since="0",
                    newest="2.0",
                    source="acme/memory.py",
                    fraction=0.8,
                    batched_tokens=2048,
                    batched_tokens_large=2048,
                    seqs=64,
                    seqs_large=64,
                    context_bytes=GIB,
                    parallel_bytes=GIB,
                    parallel_bytes_large=GIB,
                    graph_bytes=(0, 0, 0),
                ),
            ),
            fraction_flag="--share",
        )
    )
    server_specs.register(
        ServerSpec(
            server=Server.add("acme"),
            program="acme",
            flags=ACME_FLAGS,
            plan=plan,
            image=lambda job: f"example.com/acme:{job.version}",
            engines=(engine,),
        )
    )
    return engine


@pytest.fixture
def manifest(acme, tmp_path, capsys):
    """The manifest of a model, built for acme and vLLM from the command line."""
    (tmp_path / "llama").mkdir()
    (tmp_path / "llama" / "config.json").write_text(json.dumps(LLAMA_8B), encoding="utf-8")
    path = tmp_path / "llama.yaml"
    build = ["manifest", "build", str(tmp_path / "llama"), "-o", str(path)]
    assert main([*build, "--engine", "acme", "--engine", "vllm"]) == 0
    capsys.readouterr()
    return str(path)


def run(capsys, *argv):
    """Exit code, standard output and standard error of a command."""
    code = main([str(word) for word in argv])
    return code, *capsys.readouterr()


def test_it_is_selected_and_explained(manifest, capsys):
    arguments = ("--manifest", manifest, "--gpus", "2xl40s", "--engine", "acme")
    code, out, _ = run(capsys, "select", *arguments)
    assert (0, "acme-bf16-tp2-pp1") == (code, out.split()[1])
    code, out, _ = run(capsys, "explain", *arguments)
    assert (0, True) == (code, "acme-bf16-tp2-pp1" in out)


def test_another_spelling_of_it_is_the_same_engine(manifest, capsys):
    arguments = ("--manifest", manifest, "--gpus", "1xl40s", "--engine", "acme-serve")
    assert (0, "acme-bf16-tp1-pp1\n") == run(capsys, "select", *arguments, "--format", "name")[:2]


def test_it_is_preferred_when_that_is_asked_for(manifest, capsys):
    arguments = ("--manifest", manifest, "--gpus", "1xl40s", "--prefer", "engine=acme")
    assert (0, "acme-bf16-tp1-pp1\n") == run(capsys, "select", *arguments, "--format", "name")[:2]


def test_the_default_policies_put_it_after_the_engines_they_know(manifest, capsys):
    arguments = ("--manifest", manifest, "--gpus", "1xl40s", "--tags", "precision=bf16")
    assert (0, "vllm-bf16-tp1-pp1\n") == run(capsys, "select", *arguments, "--format", "name")[:2]


def test_its_memory_is_that_of_its_specification(manifest, capsys):
    arguments = ("--gpus", "1xl40s", "--engine", "acme", "--json")
    code, out, _ = run(capsys, "memory", manifest, *arguments)
    answer = json.loads(out)
    assert 0 == code
    assert GIB == answer["per_gpu"]["overhead_bytes"]


def test_what_does_not_fit_names_its_own_flag(manifest, capsys):
    arguments = ("--gpus", "1xl4", "--engine", "acme", "--max-model-len", "16384")
    code, out, _ = run(capsys, "memory", manifest, *arguments)
    assert (1, True) == (code, "--share 0.95" in out)


def test_it_is_listed_among_the_engines(acme, capsys):
    code, out, _ = run(capsys, "engines", "--engine", "acme")
    assert 0 == code
    assert ["acme", "16 bits", "bf16", ">=8.0", "any", "acme/formats.py"] == out.split("\n")[
        0
    ].split("\t")
    assert "acme" in run(capsys, "engines", "--json")[1]


def test_its_server_is_launched(manifest, capsys):
    arguments = ("--manifest", manifest, "--gpus", "2xl40s", "--engine", "acme", "--port", "9000")
    code, out, _ = run(capsys, "launch", *arguments, "--format", "argv")
    assert 0 == code
    assert ["acme", "serve"] == out.split()[:2]
    assert "--ranks 2 --port 9000" in " ".join(out.split())


def test_what_contradicts_the_selection_is_refused(manifest, capsys):
    arguments = ("--manifest", manifest, "--gpus", "2xl40s", "--engine", "acme")
    code, _, err = run(capsys, "launch", *arguments, "--", "--ranks", "1")
    assert 3 == code
    assert "your --ranks 1 contradicts what was judged, tensor parallelism: select for" in err


@pytest.mark.parametrize("target", ["docker", "compose", "k8s", "kserve"])
def test_it_is_deployed_in_its_image(target, manifest, capsys):
    arguments = ("--manifest", manifest, "--gpus", "1xl40s", "--engine", "acme")
    code, out, _ = run(capsys, "render", target, *arguments)
    assert (0, True) == (code, "example.com/acme:2.0" in out)
    assert target in {"docker", "compose"} or "/alive" in out


def test_several_nodes_are_refused_with_the_reason(manifest, capsys):
    arguments = ("--manifest", manifest, "--gpus", "2xl40s", "--engine", "acme")
    code, _, err = run(capsys, "render", "k8s", *arguments, "--gpus-per-node", "1")
    assert (3, True) == (code, "acme on several nodes is not known to work" in err)


def test_a_missing_program_is_named(manifest, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    arguments = ("--manifest", manifest, "--gpus", "1xl40s", "--engine", "acme")
    code, _, err = run(capsys, "exec", *arguments)
    assert (6, True) == (code, "there is no acme on the PATH" in err)


def test_an_engine_without_a_specification_is_an_error_that_names_it(acme, monkeypatch):
    engine_specs._SPECS.pop(acme)
    with pytest.raises(ImportError, match=r"engine acme has no specification: .*facts\.acme\.SPEC"):
        spec_of(acme)


def test_a_server_without_a_specification_is_an_error_that_names_it(acme):
    server_specs._SPECS.pop(Server("acme"))
    with pytest.raises(ImportError, match=r"server acme has no specification: .*acme\.SPEC"):
        server_spec(Server("acme"))


@pytest.mark.parametrize("part", ["formats", "models", "overheads", "newest", "fraction_flag"])
def test_a_part_that_is_missing_is_named(part):
    parts = {
        "engine": Engine.VLLM,
        "label": "vLLM",
        "newest": "1",
        "formats": (),
        "models": {},
        "overheads": (),
        "fraction_flag": "--x",
    }
    del parts[part]
    with pytest.raises(TypeError, match=f"EngineSpec is missing {part}"):
        EngineSpec(**parts)


@pytest.mark.parametrize("engine", tuple(Engine))
def test_every_engine_has_a_specification_and_a_server(engine):
    assert engine is spec_of(engine).engine
    assert engine in server_spec(Server(engine)).runs


@pytest.mark.parametrize("server", tuple(Server))
def test_every_server_has_a_specification(server):
    assert server is server_spec(server).server


def test_the_made_up_engine_is_gone_after_its_test(capsys):
    assert "acme" not in tuple(Engine)
    assert 2 == main(["engines", "--engine", "acme"])
    assert "'acme' is not an engine" in capsys.readouterr().err
