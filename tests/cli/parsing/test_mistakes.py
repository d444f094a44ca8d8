"""What is wrong with a command line is told with what was meant, and with no secret."""

import pytest

MEANT = {
    "selct": "there is no command 'selct'; did you mean select? commands: select, list,",
    "sel": "there is no command 'sel'; did you mean select? commands: select, list,",
    "select --gpu 1xt4": "select has no option --gpu; did you mean --gpus?",
    "select --man x": "select has no option --man; did you mean --manifest?",
    "select --Manifest x": "select has no option --Manifest; did you mean --manifest?",
    "memory --presicion fp8 x": "memory has no option --presicion; did you mean --precision?",
    "memory --tensor-parallel-size 4 x": "memory has no option --tensor-parallel-size; did you mean --tp?",
    "select --quantization fp8": "select has no option --quantization; did you mean --precision?",
    "memory --context-length 4 x": "memory has no option --context-length; did you mean --max-model-len?",
    "manifest build x --tp 4": "manifest build has no option --tp; did you mean --max-tp?",
    "manifest biuld": "there is no action 'biuld'; did you mean build? actions: list, build,",
    "gpus --concurrency 4": "gpus has no option --concurrency; memory, verify have it",
    "select --colour": "select has no option --colour",
    "select --format jsn": "--format: 'jsn' is not known; did you mean json? known: text, json, id",
    "select --policy nim-2": "--policy: 'nim-2' is not a policy; did you mean nim-2.0? known: ",
    "select --engine vlm": "--engine: 'vlm' is not an engine; did you mean vllm? known: tensorrt_llm",
    "select --precision bf61": "--precision: 'bf61' is not a precision; did you mean bf16? known: ",
    "launch --server sglan": "--server: 'sglan' is not a server; did you mean sglang? known: vllm",
    "select --policy best": "--policy: 'best' is not a policy; known: ",
    "select --gpus": "--gpus needs a value: --gpus SPEC",
    "select --format": "--format needs a value: text, json, id, name, env, cuda",
    "select --gpus 1xt4 --inventory x": "--inventory and --gpus exclude each other: give one of them",
    "select --json=1": "--json takes no value",
    "memory": "MODEL_OR_MANIFEST is missing",
    "manifest diff x": "NEW is missing",
    "policies extra": "policies has a word too many: 'extra'",
    "--gpus 1xt4 select": "--gpus comes after the command: nimprofile COMMAND --gpus",
    "manifest --to v1 convert": "--to comes after the action: nimprofile manifest ACTION --to",
    "--colour": "there is no option --colour",
    "help": "there is no command 'help'; did you mean --help? commands: select, list,",
    "manifest help": "there is no action 'help'; did you mean --help? actions: list, build,",
    "launch --color always": "launch has no option --color; select, list, explain, … have it\n",
    "launch --colour always": "launch has no option --colour; what is meant for the server comes",
    "select --color": "--color needs a value: auto, always, never",
    "select --max-model-len all": "--max-model-len: 'all' is no number of tokens above 0 and below",
}


@pytest.mark.parametrize(("line", "said"), MEANT.items())
def test_what_was_meant_is_told(run, line, said):
    code, out, err = run(*line.split())
    assert (2, "") == (code, out)
    assert err.startswith(f"nimprofile: {said}")
    assert 2 == err.count("\n")


@pytest.mark.parametrize("command", ["launch", "exec", "render k8s", "lock", "doctor"])
@pytest.mark.parametrize("words", ["--api-key s3cr3t", "--api-key=s3cr3t", "s3cr3t"])
def test_what_is_meant_for_a_server_is_not_repeated(run, command, words):
    code, out, err = run(*command.split(), *words.split())
    assert (2, "") == (code, out)
    assert "s3cr3t" not in err
    assert "what is meant for the server comes after --" in err


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("-kKx7hunter2", "-k…"),
        ("--api-keyKx7hunter2", "--api-key…"),
        ("--hf-tokenKx7hunter2", "--hf-token…"),
        ("--my-passwordKx7hunter2", "--my-password…"),
        ("--tokenizer", "--tokenizer"),
        ("--secret-name", "--secret-name"),
        ("--authority", "--authority"),
        ("-dcp", "-dcp"),
        ("-manifest", "-manifest"),
    ],
)
@pytest.mark.parametrize("command", ["exec", "launch", "select"])
def test_what_is_glued_to_an_unknown_option_is_not_told(run, command, word, told):
    code, out, err = run(command, word)
    assert (2, "") == (code, out)
    assert f" option {told}" in err
    assert "hunter2" not in err
