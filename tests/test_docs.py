"""README and docs: every command is run, every Python block executed, every manifest read."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from nimprofile import Connection, Link, load_inventory, parse_manifest
from nimprofile.testing import FakeNvml
from tests.support.pages import PAGES, blocks_of, pages_with
from tests.support.paths import ROOT


def _having(language):
    return [
        pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in pages_with(language)
    ]


def _gpu_box():
    """The machine on which the pages are read: a real one's capture, with its NVLinks."""
    box = load_inventory(ROOT / "tests" / "corpus" / "machines" / "8xh100.json")
    links = [Connection((a, b), Link.NVLINK) for a in range(8) for b in range(a + 1, 8)]
    return FakeNvml(box.replace(connections=tuple(links)))


def _environment():
    environ = _gpu_box().environ
    steering = ("NIM_", "NO_COLOR", "FORCE_COLOR")
    environ = {name: value for name, value in environ.items() if not name.startswith(steering)}
    scripts = sysconfig.get_path("scripts") + os.pathsep + str(Path(sys.executable).parent)
    return environ | {"PATH": scripts + os.pathsep + environ.get("PATH", "")}


def _commands(block):
    """(command, expected output) pairs; a command line may be continued with a backslash."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        end = next(i for i, line in enumerate(lines) if not line.endswith("\\\n")) + 1
        yield "".join(lines[:end]).strip(), "".join(lines[end:])


def _matches(expected, actual):
    """A line of three dots stands for any lines; three dots in a line for any text."""
    pattern = re.escape(expected.strip()).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, actual.strip(), re.DOTALL) is not None


def _follow(page, folder):
    """Give every command of a page in a folder, and hold what it prints to what the page says."""
    for block in blocks_of(page, "console"):
        for command, expected in _commands(block):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=folder,
                env=_environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
                check=False,
            )
            assert _matches(expected, done.stdout), f"$ {command}\n{done.stdout}"


def _contents(folder):
    """Every file below a folder, with what is in it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("page", _having("console"))
def test_every_command_prints_what_the_page_says(page, tmp_path):
    _follow(page, tmp_path)


def test_pages_followed_in_one_folder_write_in_try_and_never_the_same_file(tmp_path):
    for page in pages_with("console"):
        before = _contents(tmp_path)
        _follow(page, tmp_path)
        after = _contents(tmp_path)
        assert before == {name: after[name] for name in before}, page
        assert {"try"} >= {name.split("/")[0] for name in after}, page
    assert len(after) > 5


@pytest.mark.parametrize("page", _having("python"))
def test_every_python_block_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("NIM_"):
            monkeypatch.delenv(name)
    for command, _ in (pair for block in blocks_of(page, "console") for pair in _commands(block)):
        if ">" in command:  # a file the Python blocks may read
            subprocess.run(["bash", "-c", command], env=_environment(), check=True)
    namespace = {"__name__": "page"}
    for block in blocks_of(page, "python"):
        # No file's name, or Hypothesis looks for the source at these lines of the page.
        exec(compile(block, f"<{page.name}>", "exec"), namespace)


@pytest.mark.parametrize("page", _having("yaml"))
def test_every_manifest_shown_is_read(page):
    for block in blocks_of(page, "yaml"):
        assert parse_manifest(block).profiles


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def _anchors(page):
    """The places of a page that a link can name: its headings, as GitHub names them, and ids."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_place_in_a_page_finds_it(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text("utf-8")):
        assert anchor in _anchors(page.parent / target if target else page), (target, anchor)


def test_readme_links_the_words_of_the_field_where_they_are_first_used():
    text = re.sub(r"```.*?```", "", PAGES[0].read_text("utf-8"), flags=re.DOTALL)
    linked = set(re.findall(r"glossary\.md#([\w-]+)", text))
    assert linked >= {"manifest", "tp", "policy", "pin", "objective", "shape", "printout", "lora"}
    assert linked >= {"grade", "selector", "kv-cache", "budget", "nvml", "ecc", "mig"}
    for word in ("NVML", "MIG", "ECC", "LoRA", "KV cache", "PEFT", "Metadata API"):
        first = re.search(rf"(?<![\w_]){word}(?![\w_])", text)
        assert text[first.end() :].startswith("](docs/glossary.md#"), word
