"""What `lock` wrote, a server logged and a load was measured to be, damaged, and who reads it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random

from nimprofile import load_manifest, lock_of, lock_text, mock_inventory, select
from tests.support.paths import CORPUS
from tests.tools.attack.damage import write
from tests.tools.attack.shots import SECRET
from tests.tools.attack.texts import hostile

MODEL = ["--manifest", "llama-3.1-8b-instruct"]
MACHINE = ["--gpus", "2xh100"]
LOADS = sorted((CORPUS / "loads").glob("*.json*"))


def damaged_lock(random: Random, folder: Path) -> list[list[str]]:
    """A damaged lock, and the commands that read one."""
    write(random, folder / "given" / "a.lock", lock())
    (folder / "good.log").write_text("\n".join(random.choice(logs())))
    named = ["--lock", "given/a.lock"]
    return [
        ["check", *named, *MACHINE],
        ["check", *named, *MACHINE, "--json"],
        ["check", *named, *MACHINE, "--strict", "--", "--seed", "7"],
        ["exec", *named, *MACHINE],
        ["lock", *MACHINE, "-o", "given/a.lock", "--update"],
        ["verify", *named, "--logs", "good.log"],
        ["verify", *named, "--logs", "good.log", "--json"],
    ]


def damaged_log(random: Random, folder: Path) -> list[list[str]]:
    """A damaged log of a server, and the commands that read one."""
    lines = [*random.choice(logs())]
    for _ in range(random.choice((0, 1, 5))):
        at = random.randrange(len(lines) + 1)
        line = random.choice((*lines, "server_args=", "non-default args: "))
        lines.insert(at, random.choice(DRESSES).format(line=line, hostile=hostile(random)))
    text = "\n".join(lines * random.choice((1, 1, 1, 100)))
    write(random, folder / "given" / "a.log", text, tree=False)
    (folder / "good.lock").write_text(lock())
    looked = ["--logs", "given/a.log"]
    return [
        ["verify", "--require", "precision=bf16,tp=2,engine_version>=0.9", *looked],
        ["verify", "--require", "tp=2", *MODEL, *MACHINE, *looked, "--json"],
        ["verify", "--lock", "good.lock", *looked, "--strict"],
        ["verify", "--lock", "good.lock", *looked, "--wait", "0.2"],
    ]


def damaged_results(random: Random, folder: Path) -> list[list[str]]:
    """Damaged results of a load, and the commands that read them."""
    text = random.choice(LOADS).read_text(encoding="utf-8")
    lines = text.splitlines()
    tree = not (len(lines) > 1 and lines[0].endswith("}"))
    write(random, folder / "given" / "results", text, tree=tree)
    named = ["verify", "--results", "given/results"]
    return [named, [*named, "--json"], [*named, "--max-ttft", "100", "--min-throughput", "10"]]


DRESSES = (
    "{line}",
    "{line}{hostile}",
    "{hostile}{line}",
    "a-1  | {line}",
    "[pod/a/b] {hostile}{line}",
    "(EngineCore pid=7) {line}, api_key=" + SECRET,
    '{{"log": "{line}\\n", "stream": "{hostile}"}}',
    "2026-04-22T00:46:45.123456789Z stdout P {line}",
)
"""What a line is put into."""


@cache
def lock() -> str:
    """The text of a good lock."""
    manifest = load_manifest(MODEL[1])
    decision = select(manifest, mock_inventory(MACHINE[1]))
    return lock_text(lock_of(decision, manifest, words=(*MODEL, "--policy", "nim")))


@cache
def logs() -> list[list[str]]:
    """The recorded start-up logs."""
    rows = [
        json.loads(row)
        for path in sorted((CORPUS / "logs").glob("*.jsonl"))
        for row in path.read_text(encoding="utf-8").splitlines()
    ]
    return [row["log"] for row in rows]
