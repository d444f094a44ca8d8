"""No name, path or argument is read as anything but itself: by a shell, as YAML, in a file."""

import argparse
import json
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml
from hypothesis import given, settings, strategies as st
from ruamel.yaml import YAML

from nimprofile import LaunchError, RequestError, Setup, deployed, job_of, mock_inventory, select
from nimprofile.base.enums import Server
from nimprofile.base.formats.yaml_writer import deployment_yaml
from nimprofile.launch.deploy.container import container_of, dns_label
from nimprofile.launch.deploy.kubernetes import node_selector
from nimprofile.launch.plan import LaunchPlan, PlanFile
from nimprofile.launch.shell_script import shell_script
from tests.support.builders import make_gpu
from tests.support.launch.cases import CASES, manifest_of, plan_for
from tests.support.launch.cluster_rules import containers, expanded, interpolated
from tests.support.launch.shell_scripts import words_of_script

AWKWARD = [
    *(
        "",
        " ",
        "a b",
        "-",
        "--",
        "-x",
        "--trust-remote-code",
        "'",
        '"',
        "'; touch owned; '",
        "$(touch owned)",
        "`id`",
    ),
    *("$HOME", "${IFS}", "$$", "$(LWS_LEADER_ADDRESS)", "$$(X)", "!!python/object:os.system", "!x"),
    *("&a", "*a", "- a", "a: b", "a #b", "# b", "{a: b}", "[a]", "|", ">", "%TAG", "---", "..."),
    *("yes", "no", "null", "~", "true", "1e3", "0x1f", "0o17", "1_000", "12:30:00", "2026-11-21"),
    *(
        "a\nb",
        "a\r\nb",
        "\ta",
        "\u2028",
        "\x85",
        "\x1b[31m",
        "é",
        "😀",
        "\ufeff",
        "a\\n",
        "\\",
        "*?~",
    ),
    *("../../etc", "/", "..", ".", "a/b", "hf://a/b", "x" * 200, "&&", "|", ">/dev/null", "a;b"),
]
TEXTS = st.sampled_from(AWKWARD) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20
)
WORDS = st.lists(TEXTS, max_size=8)
YAML12 = YAML(typ="safe", pure=True)


SHELLS = {
    "sh": ["sh", "-c"],
    "bash": ["bash", "--norc", "-c"],
    "dash": ["dash", "-c"],
    "busybox": ["busybox", "sh", "-c"],
    "mksh": ["mksh", "-c"],
    "zsh": ["zsh", "-f", "-c"],
    "fish": ["fish", "--no-config", "-c"],
}
IN_EACH = pytest.mark.parametrize(
    "shell",
    [
        pytest.param(
            shell,
            marks=pytest.mark.skipif(
                shutil.which(command[0]) is None, reason=f"{shell} is not installed"
            ),
        )
        for shell, command in SHELLS.items()
    ],
)
STEERING = st.text(st.sampled_from("'\\\"=~:$`!#%&*?;()[]{}<>|^@-, \n\tax0"), max_size=12)
MANY = st.lists(TEXTS | STEERING, min_size=20, max_size=60)
"""A shell takes longer to start than to read all of them."""


def said_by(shell, script):
    """What a script prints in a shell."""
    done = subprocess.run([*SHELLS[shell], script], capture_output=True, check=False)
    assert (0, b"") == (done.returncode, done.stderr)
    return done.stdout.decode()


def evaluated_by(shell, text):
    """The same of lines that are evaluated as the pages say: by `eval`, in fish by `source`."""
    script = "source" if shell == "fish" else 'lines=$(cat) && eval "$lines"'
    done = subprocess.run(
        [*SHELLS[shell], script], input=text.encode(), capture_output=True, check=False
    )
    assert (0, b"") == (done.returncode, done.stderr)
    return done.stdout.decode()


def plan_of_words(*words, env=(), files=()):
    return LaunchPlan(Server.VLLM, words, env, files=files, port=8000, health="/health")


@IN_EACH
def test_every_shell_hands_on_each_awkward_word_as_it_is(shell):
    pairs = [first + second for first in AWKWARD for second in ("=ls", "\\", "\\'", "'")]
    words = [*AWKWARD, *pairs, *("=ls", "a=~", "a==ls", "a:=ls", "%self", "\\'\"; touch owned; #")]
    script = shell_script(plan_of_words("printf", "%s\\0", *words, "end"))
    assert [*words, "end"] == said_by(shell, script).split("\0")[:-1]


@IN_EACH
@given(words=MANY)
@settings(max_examples=8)
def test_a_shell_hands_on_every_word_as_it_is(shell, words):
    script = shell_script(plan_of_words("printf", "%s\\0", *words, "end"))
    assert script.replace("\n", "").isprintable()
    assert ["printf", "%s\\0", *words, "end"] == words_of_script(script)
    assert [*words, "end"] == said_by(shell, script).split("\0")[:-1]
    assert [*words, "end"] == evaluated_by(shell, script).split("\0")[:-1]


@IN_EACH
@given(values=MANY)
@settings(max_examples=8)
def test_a_shell_sets_every_variable_as_it_is(shell, values):
    variables = {f"IT_{at}": value for at, value in enumerate(values)}
    script = shell_script(plan_of_words("env", "-0", env=tuple(variables.items())))
    lines = evaluated_by(shell, script).split("\0")
    assert variables == dict(line.split("=", 1) for line in lines if line.startswith("IT_"))


@IN_EACH
@given(texts=st.lists(TEXTS | STEERING, min_size=5, max_size=15))
@settings(max_examples=4)
def test_a_shell_writes_every_file_as_it_is(shell, texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    files = {}
    for at, text in enumerate(texts):
        name = "it" if "/" in text or len(text) > 100 else text
        files[f"{folder}/{at}{name}/it"] = text
    written = tuple(PlanFile(path, text) for path, text in files.items())
    said_by(shell, shell_script(plan_of_words("true", files=written)))
    assert files == {path: pathlib.Path(path).read_bytes().decode() for path in files}


DOCUMENTS = st.recursive(
    TEXTS | st.integers(-5, 5) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
).map(lambda value: {"value": value})


@given(st.lists(DOCUMENTS, min_size=1, max_size=3), TEXTS)
def test_yaml_of_either_version_reads_back_what_was_written(documents, comment):
    text = deployment_yaml(documents, [comment])
    assert documents == list(yaml.safe_load_all(text))
    assert documents == list(YAML12.load_all(text))


def job_for(server, *, machine="2xh100", tp="2", **setup):
    engine = "sglang" if server is Server.SGLANG else "vllm"
    engine = "tensorrt_llm" if server is Server.TENSORRT_LLM else engine
    manifest = manifest_of(engine, {"tp": tp})
    decision = select(manifest, mock_inventory(machine))
    return job_of(decision, manifest, Setup(server=server, **setup))


def argparse_reads(argv, flag):
    """What a parser of the engines' kind takes for the value of a flag."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument(flag)
    parser.add_argument("--trust-remote-code", action="store_true")
    args, _ = parser.parse_known_args(argv)
    assert not args.trust_remote_code
    return getattr(args, flag.lstrip("-").replace("-", "_"))


@given(st.sampled_from(tuple(Server)), TEXTS.filter(bool), TEXTS, WORDS)
def test_a_plan_hands_on_names_paths_and_arguments_as_they_are(server, name, model, extra):
    words = {"served_name": name, "model": f"/models/{model}", "extra": tuple(extra)}
    if name[:1] == "-" or (server is Server.SGLANG and ":" in name):
        with pytest.raises(LaunchError, match="served name"):
            plan_for(server, **words)
        return
    if server is Server.NIM and ":" in model:
        with pytest.raises(LaunchError, match="docker run -v takes no path with a colon"):
            plan_for(server, **words)
        return
    plan = plan_for(server, **words)
    assert extra == list(plan.argv[len(plan.argv) - len(extra) :])
    if server in {Server.VLLM, Server.SGLANG} and not extra:
        assert argparse_reads(plan.argv, "--served-model-name") == name
    if server is Server.VLLM:
        assert f"/models/{model}" == plan.argv[2]
    for file in plan.files:
        if file.path.endswith("model.json"):
            assert f"/models/{model}" == json.loads(file.text)["model"]


@pytest.mark.parametrize(
    "model", ["--trust-remote-code", "-x", "hf://--trust-remote-code", "hf://"]
)
def test_a_model_is_never_taken_for_an_argument(model):
    with pytest.raises(LaunchError, match="is no directory and no name of a model"):
        plan_for(Server.VLLM, model=model)


def test_an_adapter_is_never_taken_for_an_argument():
    with pytest.raises(RequestError, match="would be read as something else"):
        Setup(adapters=(("--trust-remote-code", "/a"),))


@pytest.mark.parametrize("image", ["-v/:/host", "a b", "", "a\nb", "$(id)"])
def test_an_image_is_never_taken_for_an_argument(image):
    with pytest.raises(RequestError, match="is no container image"):
        Setup(image=image)


@pytest.mark.parametrize("text", ["\0", "\udcff"])
def test_what_no_command_line_can_hold_is_refused(text):
    with pytest.raises(RequestError, match="is no text in UTF-8 without NUL"):
        Setup(extra=(text,))


@given(TEXTS.filter(bool))
def test_the_name_of_a_triton_model_is_one_directory(name):
    name = name.lstrip("-") or "-".join("ab")
    paths = [file.path for file in plan_for(Server.TRITON, served_name=name).files]
    for path in paths:
        assert re.fullmatch(
            r"\./model_repository/[A-Za-z0-9._-]+/(config\.pbtxt|1/model\.json)", path
        )
        assert ".." not in path.split("/")


@given(TEXTS)
def test_a_deployment_has_a_name_that_kubernetes_takes(text):
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", dns_label(text))


@given(st.text(min_size=1, max_size=80).filter(str.isprintable))
def test_a_product_makes_a_label_or_is_refused(product):
    try:
        label = node_selector((make_gpu(name=product),))["nvidia.com/gpu.product"]
    except LaunchError:
        label = "refused"
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", label)


HOME = {"NGC_API_KEY": "k", "HOME": "/root", "id": "0", "LWS_LEADER_ADDRESS": "leader", "X": "x"}


def words_of(target, documents):
    """What a container is started with, once Kubernetes or Compose has put its variables in."""
    if target == "compose":
        (service,) = interpolated(documents[0], HOME)["services"].values()
        return service.get("entrypoint", []), service.get("command", [])
    (container,) = [each for thing in documents for each in containers(thing)]
    return tuple(
        [expanded(word, HOME) for word in container.get(part, [])] for part in ("command", "args")
    )


@given(
    st.sampled_from(["docker", "compose", "k8s", "kserve"]),
    st.sampled_from(tuple(Server)),
    TEXTS.filter(bool),
    TEXTS,
    WORDS,
)
@settings(max_examples=60)
def test_what_is_rendered_is_what_was_meant(target, server, name, model, extra):
    name = name.replace(":", "").lstrip("-") or "it"
    job = job_for(server, served_name=name, model=f"/models/{model}", extra=tuple(extra))
    if target == "docker" and ":" in model:
        with pytest.raises(LaunchError, match="docker run -v takes no path with a colon"):
            deployed(target, job)
        return
    rendered = deployed(target, job)
    if target == "docker":
        lines = words_of_script(rendered.text)
        assert list(rendered.value["argv"]) == lines[len(lines) - len(rendered.value["argv"]) :]
    else:
        found = list(yaml.safe_load_all(rendered.text))
        assert found == list(YAML12.load_all(rendered.text))
        assert found == (rendered.value if isinstance(rendered.value, list) else [rendered.value])


DOLLARS = st.lists(
    st.sampled_from(["$", "$$", "$(HOME)", "$$(X)", "${HOME}", "$HOME", "a", "(", ")", "{X}"]),
    min_size=1,
    max_size=5,
).map("".join)


@given(
    st.sampled_from(["compose", "k8s", "kserve"]),
    st.sampled_from(tuple(Server)),
    DOLLARS,
    st.lists(DOLLARS, max_size=3),
)
def test_no_variable_is_put_into_what_was_meant(target, server, model, extra):
    job = job_for(server, model=f"/models/{model}", extra=tuple(extra))
    plan = container_of(job, gpus_per_node=8).plan
    command, args = words_of(target, list(yaml.safe_load_all(deployed(target, job).text)))
    assert [*plan.argv] == [*command, *args]


def test_the_cases_are_those_of_the_golden_plans():
    assert {"tp1", "tp2", "tp8", "fp8", "nvfp4", "lora", "long context"} <= CASES.keys()
