"""The exit codes of the code, of the help and of `docs/cli.md` are the same."""

import re
import signal

from nimprofile.__main__ import ENDING
from nimprofile.cli import exit_codes
from tests.support.paths import DOCS

CODES = {
    name: value for name, value in vars(exit_codes).items() if name.isupper() and type(value) is int
}
TABLE = (DOCS / "cli.md").read_text(encoding="utf-8").partition("## Exit codes")[2]
TABLE = TABLE.partition("\n## ")[0]


def test_each_code_means_one_thing():
    assert len(CODES) == len(set(CODES.values()))


def test_the_page_lists_every_code():
    cells = re.findall(r"^\| (\d[\d, ]*) \|", TABLE, re.MULTILINE)
    documented = [int(code) for cell in cells for code in cell.split(", ")]
    by_signals = {128 + getattr(signal, name) for name in ENDING}
    assert sorted({*CODES.values(), *by_signals}) == documented


def test_the_help_lists_the_codes_of_the_commands_own(run):
    listed = run("--help")[1].partition("exit codes:\n")[2]
    own = [code for code in CODES.values() if code < 64]  # sysexits.h and signals are above
    assert sorted(own) == [int(code) for code in re.findall(r"(?:^|  )(\d) ", listed, re.MULTILINE)]


def test_the_page_and_the_code_agree_on_the_numbers():
    assert {
        "DONE": 0,
        "NOTHING_RUNS": 1,
        "USAGE": 2,
        "BAD_INPUT": 3,
        "NO_GPU": 4,
        "NOT_AS_REQUIRED": 5,
        "NOT_STARTED": 6,
        "FAILED": 70,
        "OUTPUT_FAILED": 74,
        "INTERRUPTED": 130,
    } == CODES
