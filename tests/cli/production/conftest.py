"""Fixtures of the tests of `lock` and `check`: a manifest that names its weights, and a lock."""

import pytest

from nimprofile.cli.main import main
from tests.support.schemas import check_printed

MANIFEST = """\
schema_version: 2.0.0
model: acme/m
checkpoints:
  - name: own
    path: acme/m
    model_shape: {parameters: 8000000000, num_hidden_layers: 32, num_key_value_heads: 8,
      head_dim: 128, max_position_embeddings: 8192}
profiles:
  - id: eeee8888
    tags: {llm_engine: vllm, precision: bf16, tp: "8", pp: "1"}
  - id: eeee4444
    tags: {llm_engine: vllm, precision: bf16, tp: "4", pp: "1"}
  - id: ssss4444
    tags: {llm_engine: sglang, precision: bf16, tp: "4", pp: "1"}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with a manifest in it."""
    (tmp_path / "m.yaml").write_text(MANIFEST, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def give(capsys):
    """Run a line of words; its exit code, what it printed and what it wrote to standard error."""

    def give(line, *more):
        argv = [*line.split(), *more]
        code = main(argv)
        out, err = capsys.readouterr()
        check_printed(argv, out)
        return code, out, err

    return give


@pytest.fixture
def locked(folder, give):
    """A lock of eight H100, in the file `a.lock`."""
    code, _, err = give("lock --manifest m.yaml --gpus 8xh100 -o a.lock")
    assert 0 == code, err
    return folder / "a.lock"
