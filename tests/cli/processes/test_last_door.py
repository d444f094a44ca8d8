"""Whatever nothing else catches is one line, with an exit code that no answer has."""

import io
import json
import re
import sys

import pytest

import nimprofile
from nimprofile import ManifestError
from nimprofile.cli.console import print_json
from nimprofile.cli.main import main
from nimprofile.cli.processes import last_door
from nimprofile.report.schemas.errors import failure
from tests.support.command_line import process, shell

SELECT = ("select", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xh100")
VERSION = ".".join(map(str, sys.version_info[:3]))
PROGRAM = re.escape(f"(nimprofile {nimprofile.__version__}, Python {VERSION}, {sys.platform})")
REPORT = "please report this line and the command as an issue of nimprofile"
MORE = "NIMPROFILE_TRACEBACK=1 prints where it happened"
UNFORESEEN = rf"nimprofile: an error that nothing foresaw, {{}} {PROGRAM}; {REPORT}; {MORE}\n"


class _Panic(BaseException):
    """As the PanicException of PyO3, which is no Exception."""


def _deeper():
    return _deeper()


def _too_much():
    return bytearray(sys.maxsize)


def _fails(monkeypatch, raises):
    """Let the command that reads a manifest meet something that nobody thought of."""

    def load(path):
        if isinstance(raises, BaseException):
            raise raises
        return raises()

    monkeypatch.setattr("nimprofile.manifest.reader.load_manifest", load)


@pytest.mark.parametrize(
    ("raises", "what"),
    [
        (KeyError("a"), "KeyError: 'a'"),
        (RuntimeError(), "RuntimeError"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), "UnicodeEncodeError: 'utf-8' .*"),
        (_deeper, "RecursionError: maximum recursion depth exceeded"),
        (ModuleNotFoundError("No module named 'x'"), "ModuleNotFoundError: No module named 'x'"),
        (_Panic("of Rust"), "_Panic: of Rust"),
        (GeneratorExit(), "GeneratorExit"),
        (SystemExit(1), "SystemExit: 1"),
        (SystemExit(), "SystemExit"),
    ],
)
def test_70_and_one_line_for_what_nothing_foresaw(run, monkeypatch, raises, what):
    _fails(monkeypatch, raises)
    code, out, err = run(*SELECT)
    assert (70, "") == (code, out)
    assert re.fullmatch(UNFORESEEN.format(what), err), err


def test_70_and_what_to_do_when_there_is_too_little_memory(run, monkeypatch):
    _fails(monkeypatch, _too_much)
    code, out, err = run(*SELECT)
    assert (70, "") == (code, out)
    enough = "a command needs 128 MiB of address space, and more for long files"
    assert re.fullmatch(rf"nimprofile: out of memory {PROGRAM}; {enough}; {MORE}\n", err), err


@pytest.mark.parametrize("raises", [KeyError("a"), _too_much, _deeper])
def test_with_json_standard_output_has_the_error_and_nothing_else(run, monkeypatch, raises):
    _fails(monkeypatch, raises)
    code, out, err = run(*SELECT, "--json")
    assert 70 == code
    message = err.removeprefix("nimprofile: ").removesuffix("\n")
    assert failure("internal", message, code=70) == json.loads(out)


def test_the_traceback_is_printed_where_it_is_asked_for(run, monkeypatch):
    _fails(monkeypatch, KeyError("a"))
    monkeypatch.setenv("NIMPROFILE_TRACEBACK", "1")
    code, _, err = run(*SELECT)
    first, *_, error, last = err.splitlines()
    assert (70, "Traceback (most recent call last):") == (code, first)
    assert "KeyError: 'a'" == error
    assert last.startswith("nimprofile: an error that nothing foresaw, KeyError: 'a' (")


def test_an_error_of_many_words_is_cut(run, monkeypatch):
    _fails(monkeypatch, KeyError("a" * 100_000))
    assert len(run(*SELECT)[2]) < 1000


def test_an_error_that_steers_a_terminal_is_one_line_and_steers_none(run, monkeypatch):
    _fails(monkeypatch, ValueError("a\nnimprofile: forged \x1b]0;x\x07"))
    (line,) = run(*SELECT)[2].splitlines()
    assert line.isprintable()


class _MuteError(Exception):
    def __str__(self):
        raise ValueError


def test_an_error_without_words_is_told_by_its_name(run, monkeypatch):
    _fails(monkeypatch, _MuteError())
    assert "an error that nothing foresaw, _MuteError (" in run(*SELECT)[2]


def test_an_interrupt_is_no_failure(capsys):
    assert 130 == last_door.tell_failure(KeyboardInterrupt(), SELECT)
    assert ("", "") == capsys.readouterr()


def test_the_last_door_needs_no_other_module_of_the_command_line(monkeypatch, capsys):
    for name in ("console", "parsing.failures"):
        monkeypatch.setitem(sys.modules, f"nimprofile.cli.{name}", None)
    assert 70 == last_door.tell_failure(ValueError("\x1b"), (*SELECT, "--json"))
    out, err = capsys.readouterr()
    assert "internal" == json.loads(out)["error"]["kind"]
    assert "an error that nothing foresaw, ValueError: \\x1b (" in err


class Full(io.StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("without_us", [False, True])
@pytest.mark.parametrize("stream", [None, Full()])
def test_streams_that_are_full_or_closed_lose_the_words_and_not_the_code(
    monkeypatch, stream, without_us
):
    if without_us:
        monkeypatch.setitem(sys.modules, "nimprofile.cli.console", None)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    assert 70 == last_door.tell_failure(ValueError(), (*SELECT, "--json"))


def test_a_failure_after_the_json_adds_none(run, monkeypatch):
    def fail(*_):
        raise KeyError

    monkeypatch.setattr("nimprofile.cli.commands._warn", fail)
    code, out, err = run(*SELECT, "--json")
    assert (70, "KeyError") == (code, err.partition("foresaw, ")[2].partition(" ")[0])
    assert isinstance(json.loads(out), dict)


def test_an_error_of_ours_after_the_json_adds_none(run, monkeypatch):
    def fail(value):
        print_json(value)
        raise ManifestError("late")

    monkeypatch.setattr("nimprofile.cli.commands.print_json", fail)
    code, out, err = run(*SELECT, "--json")
    assert (3, "nimprofile: late\n") == (code, err)
    assert json.loads(out)["selected"] is not None


def test_a_command_line_after_a_failure_prints_its_own_json(run, monkeypatch):
    assert 0 == run(*SELECT, "--json")[0]
    code, out, _ = run("select", "--manifest", "nope", "--gpus", "1xt4", "--json")
    assert (3, "manifest") == (code, json.loads(out)["error"]["kind"])


@pytest.mark.parametrize("traceback", ["", "1"])
def test_the_error_has_no_secret_and_no_control_character(run, monkeypatch, traceback):
    monkeypatch.setenv("NIMPROFILE_TRACEBACK", traceback)
    _fails(monkeypatch, ValueError("https://me:hunter2hunter2@host \x1b]0;x"))
    code, out, err = run(*SELECT, "--json")
    assert 70 == code
    for text in (out, err):
        assert "hunter2hunter2" not in text
        assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("raised", [KeyError, _Panic, SystemExit])
def test_a_record_of_the_log_of_exec_is_one_too(run, monkeypatch, raised):
    _fails(monkeypatch, raised("a"))
    monkeypatch.setenv("NIM_JSONL_LOGGING", "1")
    code, out, err = run("exec", *SELECT[1:3])
    assert (70, "") == (code, out)
    (record,) = map(json.loads, err.splitlines())
    assert "CRITICAL" == record["level"]
    assert record["message"].startswith(f"an error that nothing foresaw, {raised.__name__}: ")


def test_what_vanishes_is_not_called_an_output_that_cannot_be_written(run, monkeypatch):
    _fails(monkeypatch, FileNotFoundError(2, "No such file or directory", "gone"))
    code, out, err = run(*SELECT)
    assert (70, "") == (code, out)
    said = r"FileNotFoundError: \[Errno 2\] No such file or directory: 'gone'"
    assert re.fullmatch(UNFORESEEN.format(said), err), err


# Whole processes.


@pytest.mark.parametrize("module", ["yaml", "argparse", "nimprofile.cli.main"])
def test_70_when_an_import_fails(module):
    """A module that is broken, of another's making or of ours, is no answer to the question."""
    script = f"import sys; sys.modules[{module!r}] = None; from nimprofile.__main__ import entry; entry()"
    done = shell(f'"$0" -c {script!r} {" ".join(SELECT)} --json')
    assert 70 == done.returncode
    assert 70 == json.loads(done.stdout)["error"]["exit_code"]
    assert 1 == done.stderr.count(b"\n")
    assert b"nimprofile: an error that nothing foresaw, ModuleNotFoundError: " in done.stderr


@pytest.mark.parametrize("raised", ["SystemExit(1)", "SystemExit", "GeneratorExit"])
@pytest.mark.parametrize("module", ["yaml", "nimprofile.cli.main"])
def test_70_when_an_import_ends_the_process(raised, module, tmp_path):
    """A program answers 1 where no profile runs; a module that leaves with 1 says no such thing."""
    script = f"""
import sys
class Ends:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise {raised}
sys.meta_path.insert(0, Ends())
from nimprofile.__main__ import entry
entry()
"""
    (tmp_path / "it.py").write_text(script, encoding="utf-8")
    done = shell(f'"$0" {tmp_path}/it.py {" ".join(SELECT)}')
    assert (70, b"", 1) == (done.returncode, done.stdout, done.stderr.count(b"\n"))
    name = raised.partition("(")[0].encode()
    assert b"nimprofile: an error that nothing foresaw, " + name in done.stderr


def test_70_when_not_even_the_last_door_can_be_imported():
    script = "import sys; sys.modules.update({'nimprofile.cli': None}); "
    script += "from nimprofile.__main__ import entry; entry()"
    done = shell(f'"$0" -c {script!r} policies')
    expected = b"nimprofile: ModuleNotFoundError: nothing can be imported\n"
    assert (70, b"", expected) == (done.returncode, done.stdout, done.stderr)


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of the address space as Linux has it")
@pytest.mark.parametrize("mebibytes", [48, 64, 80])
@pytest.mark.parametrize("json", ["", "--json"])
def test_70_or_the_answer_when_there_is_little_memory(mebibytes, json):
    done = shell(f'ulimit -v {mebibytes << 10}; "$0" -m nimprofile {" ".join(SELECT)} {json}')
    assert done.returncode in {0, 70}, done.stderr
    assert b"Traceback" not in done.stderr
    assert (done.returncode == 70) is (b"nimprofile: " in done.stderr)


def test_128_mebibytes_are_enough():
    command = f'ulimit -v {128 << 10}; "$0" -m nimprofile {" ".join(SELECT)}'
    done = shell(command, PYTHONIOENCODING="utf-8")
    assert 0 == done.returncode, done.stderr
    assert process(*SELECT).stdout == done.stdout


def test_main_tells_what_entry_would_tell(run, monkeypatch):
    _fails(monkeypatch, KeyError("a"))
    assert 70 == main(SELECT)


@pytest.mark.parametrize("where", ["words", "variable", "form"])
def test_what_nothing_foresaw_is_told_without_secrets(run, monkeypatch, where):
    key = "https://me:Kx7hunter2@h/" if where == "form" else "Kx7hunter2"
    monkeypatch.setenv(last_door.TRACEBACK, "1")
    monkeypatch.setenv("NGC_API_KEY", key if where == "variable" else "")
    _fails(monkeypatch, ValueError("x" * (last_door.MOST_OF_WORDS - 4) + key))
    flags = ["--json", *(["--tags", f"api_key={key}"] if where == "words" else ())]
    code, out, err = run(*SELECT, *flags)
    assert 70 == code
    assert "Kx7" not in out + err
    assert "Traceback" in err
