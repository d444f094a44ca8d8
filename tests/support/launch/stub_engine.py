"""A machine whose engine is a stub on the PATH and whose driver is a fake: the rest is real."""

import json
import os
import socket
import subprocess
import sys
import time

from nimprofile import mock_inventory
from nimprofile.testing import FakeNvml

STUB = f"""\
#!{sys.executable}
import json, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))
with open(os.environ["STUB_SAID"] + ".new", "w") as said:
    json.dump({{"argv": sys.argv[1:], "env": dict(os.environ), "pid": os.getpid()}}, said)
os.rename(os.environ["STUB_SAID"] + ".new", os.environ["STUB_SAID"])
print("served")
if "--wait" in sys.argv:
    signal.pause()
sys.exit(int(os.environ.get("STUB_EXITS", "0")))
"""


MANIFEST = """\
schema_version: '2.0'
model: acme/tiny
checkpoints:
- name: it
  path: hf://acme/tiny
  model_shape: {parameters: 8000000000, num_hidden_layers: 32, num_key_value_heads: 8, head_dim: 128,
    max_position_embeddings: 8192}
profiles:
- id: 'aaaa1111'
  tags: {llm_engine: vllm, precision: bf16, tp: '2', pp: '1'}
- id: 'bbbb2222'
  tags: {llm_engine: vllm, precision: bf16, tp: '1', pp: '1'}
- id: 'cccc3333'
  tags: {llm_engine: vllm, precision: bf16, tp: '8', pp: '1'}
"""


class Box:
    def __init__(self, folder):
        self.folder, self.said = folder, folder / "said.json"
        environ = FakeNvml(mock_inventory("2xh100")).environ
        environ = {name: value for name, value in environ.items() if not name.startswith("NIM_")}
        path = os.pathsep.join([str(folder / "bin"), "/usr/bin", "/bin"])
        more = {"PATH": path, "STUB_SAID": str(self.said), "HF_HOME": str(folder / "hub")}
        self.environ = environ | more
        self.port = free_port()
        self.started = []
        self.install("vllm")

    def install(self, name, text=STUB):
        program = self.folder / "bin" / name
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)

    def start(self, *words, **variables):
        options = ["--manifest", "manifest.yaml", "--port", str(self.port)]
        process = subprocess.Popen(
            [sys.executable, "-m", "nimprofile", "exec", *options, *words],
            cwd=self.folder,
            env=self.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def stop(self):
        """End what a failed test has left running, or the next one would hear of it."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def run(self, *words, **variables):
        process = self.start(*words, **variables)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def heard(self):
        return json.loads(self.said.read_text(encoding="utf-8"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(path):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, "the stub was not started"
        time.sleep(0.02)
