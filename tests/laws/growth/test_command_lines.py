"""The time that a command takes grows with its arguments and its variables."""

import json
from itertools import count

import pytest

from nimprofile import (
    Inventory,
    NimProfileError,
    load_manifest,
    mock_inventory,
)
from nimprofile.base.formats.shell_words import split_words
from nimprofile.base.names.nearest import nearest
from nimprofile.base.printable import quoted
from nimprofile.base.secrets.arguments import redacted, secret_variables
from nimprofile.base.units import parse_tokens
from nimprofile.base.versions import is_specifier_set, is_version, split_requirement
from nimprofile.engines.arguments import as_started
from nimprofile.engines.serving import DEFAULTS
from nimprofile.hardware.conditions import with_condition
from nimprofile.launch.server_spec import version_in_tag
from nimprofile.manifest.nim_version import nim_version
from nimprofile.manifest.profile_conditions import Condition, matches, parse_conditions, parse_tags
from nimprofile.manifest.profile_names import parse_name
from nimprofile.selection.policies import POLICIES
from nimprofile.selection.ranking.preference import prefer
from nimprofile.selection.request import Pin, find_pin
from tests.support.growth.ratio import command, grows_with_the_square

WORDS = {
    "letters": lambda n: "x" * n,
    "spaces": lambda n: "a" + " " * n + "b",
    "commas": lambda n: "a=b," * (n // 4),
    "equals signs": lambda n: "=" * n,
    "digits": lambda n: "9" * n,
    "colons": lambda n: ":1.1" * (n // 4) + ":" + "1" * n + ".1" + "1" * n + "!",
    "versions": lambda n: "1." * (n // 2),
    "addresses": lambda n: "://" + "a:" * (n // 2),
    "secrets": lambda n: "api_key " * (n // 8),
    "braces": lambda n: '{"a":' * (n // 5),
    "stars": lambda n: "*a" * (n // 2),
    "slashes": lambda n: "/" * n,
    "relations": lambda n: "tp=1" + " " * n + "x",
    "quotes": lambda n: "'" * (n - n % 2),
    "GPUs": lambda n: ",".join(["1xh100"] * (n // 7)),
    "a name of a GPU": lambda n: "a" + " " * n + "x8",
    "dashes": lambda n: "-" * n,
}
HERE = ("--manifest", "llama-3.1-8b-instruct", "--gpus", "8xh100")
READERS = {
    "GPUs": mock_inventory,
    "tags": lambda word: parse_tags(word, ""),
    "a requirement": parse_conditions,
    "a preference": lambda word: prefer(word, POLICIES["nim"]),
    "a profile": lambda word: find_pin(Pin(word), MANIFEST),
    "a name that is required": lambda word: matches(_named(word), "vllm-fp8"),
    "a version": is_version,
    "a specifier set": is_specifier_set,
    "a requirement of an engine": split_requirement,
    "a version of NIM": lambda word: nim_version(word, ""),
    "an image": version_in_tag,
    "a context": parse_tokens,
    "a line of words": split_words,
    "arguments of an engine": lambda word: as_started(DEFAULTS, [word, f"--a={word}"], ""),
    "arguments that are shown": lambda word: redacted([word, f"--a={word}"]),
    "a variable that is shown": lambda word: list(secret_variables([("A", word)])),
    "the name of a profile": parse_name,
    "a condition of a machine": with_condition,
    "a message": quoted,
    "what may be meant": lambda word: nearest(word, [word + "a", "precision"]),
}
MANIFEST = load_manifest("llama-3.1-8b-instruct")


def _named(word):
    """A condition that is new each time: `fnmatch` keeps the last patterns."""
    return Condition("name", "=", f"{word}{next(NUMBERS)}")


NUMBERS = count()


@pytest.mark.parametrize("reader", READERS)
def test_a_word_is_read_in_time_in_proportion_to_its_length(reader):
    def work_of(size, word):
        text = word(size)

        def work():
            try:
                return READERS[reader](text)
            except (NimProfileError, ValueError) as error:
                return str(error)

        return work

    slow = {
        kind: more
        for kind, word in WORDS.items()
        if (more := grows_with_the_square(lambda size, word=word: work_of(size, word), 4_000))
    }
    assert {} == slow


MANY = {
    "options": lambda n: ("select", *HERE, *["--lora"] * n),
    "tags": lambda n: ("select", *HERE, *["--tags", "tp=1"] * n),
    "words": lambda n: ("select", *HERE, *["x"] * n),
    "options that are not known": lambda n: ("select", *HERE, *(f"--x{at}" for at in range(n))),
    "flags of the engine": lambda n: (
        *("launch", *HERE, "--engine", "vllm", "--"),
        *(f"--x{at}=1" for at in range(n)),
    ),
    "words for the engine": lambda n: ("launch", *HERE, "--engine", "vllm", "--", *["x"] * n),
    "flags of the engine that are read": lambda n: (
        *("launch", *HERE, "--engine", "vllm", "--"),
        *["--seed", "7"] * n,
    ),
}


@pytest.mark.parametrize("kind", MANY)
def test_many_arguments_take_time_in_proportion_to_their_number(kind):
    assert "" == grows_with_the_square(lambda size: command(*MANY[kind](size)), 200)


SOME = ("letters", "addresses", "colons")
PLACES = {
    "a command": lambda word: (word,),
    "an option": lambda word: ("select", *HERE, f"--{word}"),
    "a file": lambda word: ("select", "--manifest", word),
    "a profile that is explained": lambda word: ("explain", *HERE, word),
    "what the engine is given": lambda word: ("launch", *HERE, "--engine", "vllm", "--", word),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", SOME)
def test_a_long_argument_takes_time_in_proportion_to_its_length(place, kind):
    def work_of(size):
        return command(*PLACES[place](WORDS[kind](size)))

    assert "" == grows_with_the_square(work_of, 10_000)


@pytest.mark.parametrize("kind", SOME)
def test_a_long_variable_takes_time_in_proportion_to_its_length(kind, monkeypatch):
    def work_of(size):
        launch = command("launch", *HERE, "--engine", "vllm")

        def work():
            monkeypatch.setenv("NIM_PASSTHROUGH_ARGS", WORDS[kind](size))
            launch()

        return work

    assert "" == grows_with_the_square(work_of, 10_000)


@pytest.mark.parametrize(
    "name",
    ["NIM_X{}", "NIM_MODEL_{}", "A{}_SERVICE_HOST", "NIM_A{}_SERVICE_HOST", "A{}_PORT"],
)
def test_many_variables_take_time_in_proportion_to_their_number(name, monkeypatch):
    def work_of(size):
        variables = command("variables")

        def work():
            with monkeypatch.context() as patch:
                for at in range(size):
                    patch.setenv(name.format(at), "tcp://1")
                variables()

        return work

    assert "" == grows_with_the_square(work_of, 100)


REMARKS = {
    "names": lambda n: (
        "GPU 0: the PCI id is that of " + "a, the name that of " * n + "; the id counts"
    ),
    "values": lambda n: "CUDA_VISIBLE_DEVICES=" + " hides GPU 1x" * n,
    "calls": lambda n: "x" + " (nvmlA" * n,
    "runs": lambda n: "GPUs " + "1-2," * n,
    "spaces": lambda n: "no answer within " + "1" * n + " s",
}


@pytest.mark.parametrize("kind", REMARKS)
def test_reading_a_remark_takes_time_in_proportion_to_its_length(kind):
    def work_of(size):
        text = REMARKS[kind](size)
        return lambda: with_condition(text)

    assert "" == grows_with_the_square(work_of, 500)


def test_selecting_on_a_machine_takes_time_in_proportion_to_its_gpus(tmp_path):
    def work_of(size):
        (gpu,) = mock_inventory("1xh100").gpus
        gpus = [gpu.replace(index=at, memory_free_mib=80_000 - at) for at in range(size)]
        path = tmp_path / f"{size}.json"
        path.write_text(json.dumps(Inventory(tuple(gpus)).to_dict()), encoding="utf-8")
        return command("select", *HERE[:2], "--inventory", str(path))

    assert "" == grows_with_the_square(work_of, 100)
