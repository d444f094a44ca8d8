"""Do the entrypoints of docs/entrypoint.md start the servers that they promise?"""

import json
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.launch.stub_engine import MANIFEST, Box
from tests.support.paths import DOCS

PAGE = DOCS / "entrypoint.md"
SCRIPTS = re.findall(
    r"^```(?:sh|py)\n((?:#!|import ).*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
)
VLLM, TRITON, PYTHON = SCRIPTS


@pytest.fixture
def box(tmp_path):
    (tmp_path / "bin").mkdir()
    box = Box(tmp_path)
    nimprofile = Path(sysconfig.get_path("scripts")) / "nimprofile"
    shutil.copy(nimprofile, tmp_path / "bin" / "nimprofile")
    (tmp_path / "manifest.yaml").write_text(MANIFEST, encoding="utf-8")
    box.environ["NIM_MANIFEST_PATH"] = str(tmp_path / "manifest.yaml")
    box.environ["NIM_SERVER_PORT"] = str(box.port)
    return box


def run(box, script, *words, program="sh", **variables):
    path = box.folder / "entrypoint"
    path.write_text(script, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return subprocess.run(
        [program, str(path), *words],
        env=box.environ | variables,
        cwd=box.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_entrypoint_has_fifteen_lines_at_most(script):
    assert len(script.splitlines()) <= 15


def test_there_are_three_entrypoints():
    assert 3 == len(SCRIPTS)


def test_the_entrypoint_of_a_vllm_image_becomes_vllm(box):
    done = run(box, VLLM, "--max-num-seqs", "8", STUB_EXITS="7")
    assert 7 == done.returncode, done.stderr
    argv = box.heard()["argv"]
    assert ["serve", "acme/tiny", "--max-num-seqs", "8"] == argv[:2] + argv[-2:]
    assert "0,1" == box.heard()["env"]["CUDA_VISIBLE_DEVICES"]


def test_the_entrypoint_of_a_vllm_image_wants_as_many_gpus_as_it_is_told(box):
    done = run(box, VLLM, EXPECT_GPUS="8")
    assert 5 == done.returncode, done.stderr
    assert not box.said.exists()


def test_the_entrypoint_of_a_triton_image_becomes_tritonserver(box):
    box.install("tritonserver")
    done = run(box, TRITON)
    assert 0 == done.returncode, done.stderr
    argv = box.heard()["argv"]
    repository = Path(argv[argv.index("--model-repository") + 1])
    model = json.loads((repository / "acme-tiny" / "1" / "model.json").read_text())
    assert "acme/tiny" == model["model"]
    shutil.rmtree(repository.parent)


def test_the_call_from_python_becomes_vllm(box):
    done = run(box, PYTHON, program=sys.executable, STUB_EXITS="7")
    assert 7 == done.returncode, done.stderr
    assert "serving vllm-bf16-tp2-pp1, ready at /health\nserved\n" == done.stdout
    assert "acme/tiny" == box.heard()["argv"][1]


def test_the_call_from_python_says_when_nothing_runs(box):
    done = run(box, PYTHON, program=sys.executable, NIM_TAGS_SELECTOR="tp=8")
    assert 1 == done.returncode
    assert done.stderr.startswith("no profile runs here; the nearest is vllm-bf16-tp")
