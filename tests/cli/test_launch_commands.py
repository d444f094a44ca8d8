"""`launch` and `render` print what starts a server, or what is wrong when they cannot."""

import json
import shlex

import pytest
import yaml

from nimprofile import (
    Request,
    Serving,
    Setup,
    launch_plan,
    launchable,
    load_manifest,
    mock_inventory,
    select,
)
from nimprofile.cli import main as cli

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 32768,
}
SECRETS = {"NGC_API_KEY": "nvapi-hunter2", "HF_TOKEN": "hf_hunter2", "VLLM_API_KEY": "hunter2"}


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command line in an empty directory; its exit code, what it printed and what it said."""
    monkeypatch.chdir(tmp_path)

    def run(line, **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        try:
            code = cli.main(shlex.split(line))
        except SystemExit as stop:
            code = stop.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "my-model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA), encoding="utf-8")
    return folder


BUNDLED = "--manifest llama-3.1-70b-instruct --gpus 2xh100 --engine vllm --max-model-len 8192"


def test_launch_prints_lines_for_a_shell(run):
    code, out, err = run(f"launch {BUNDLED}")
    assert (0, "") == (code, err)
    assert (
        """\
export CUDA_DEVICE_ORDER=PCI_BUS_ID
export CUDA_VISIBLE_DEVICES=0,1
vllm serve meta-llama/Llama-3.1-70B-Instruct --host 0.0.0.0 --port 8000 \
--served-model-name meta/llama-3.1-70b-instruct --tensor-parallel-size 2 --dtype bfloat16 \
--max-model-len 8192
"""
        == out
    )


def test_launch_prints_the_command_alone(run):
    out = run(f"launch {BUNDLED} --format argv --served-model-name 'a b'")[1]
    assert 1 == out.count("\n")
    assert "a b" == shlex.split(out)[shlex.split(out).index("--served-model-name") + 1]


def test_launch_prints_json(run):
    plan = json.loads(run(f"launch {BUNDLED} --json")[1])
    assert {
        *("schema_version", "server", "argv", "env", "files", "port", "health", "notes"),
    } == plan.keys()
    assert ("vllm", 8000, "/health") == (plan["server"], plan["port"], plan["health"])
    assert {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,1"} == plan["env"]


def test_what_follows_two_dashes_goes_to_the_engine(run):
    code, out, err = run(f"launch {BUNDLED} -- --tensor-parallel-size 2 --seed 7")
    assert (0, "") == (code, err)
    assert out.endswith(" --tensor-parallel-size 2 --seed 7\n")


@pytest.mark.parametrize("command", ["launch", "render k8s", "render docker", "exec"])
@pytest.mark.parametrize("variable", [True, False])
def test_an_argument_that_contradicts_what_was_judged_is_refused(run, command, variable):
    words = "--tensor-parallel-size 4"
    passed = {"NIM_PASSTHROUGH_ARGS": words} if variable else {}
    code, out, err = run(f"{command} {BUNDLED}" + ("" if variable else f" -- {words}"), **passed)
    assert (3, "") == (code, out)
    assert (
        "your --tensor-parallel-size 4 contradicts what was judged, tensor parallelism: select for "
        "it with --tags tp=4, or leave it out"
    ) in err


def test_a_model_beside_a_manifest_is_where_the_weights_are(run, model):
    out = run(f"launch {BUNDLED} --model acme/llama-70b")[1]
    assert "vllm serve acme/llama-70b " in out
    out = run(
        "launch --manifest llama-3.1-8b-instruct --model my-model --gpus 1xh100 --engine vllm"
    )[1]
    assert f"vllm serve {model} " in out


def test_two_models_beside_a_manifest_are_one_too_many(run):
    code, _, err = run(f"launch {BUNDLED} --model a --model b")
    problem = "nimprofile: --model beside --manifest is where the weights are: name one\n"
    assert (2, f"{problem}help: nimprofile launch --help\n") == (code, err)


def test_a_model_of_ones_own_needs_no_manifest(run, model):
    code, out, _ = run("launch --model my-model --gpus 1xl4")
    assert 0 == code
    assert f"vllm serve {model} --host" in out
    assert "--quantization fp8_per_tensor" in out


@pytest.mark.parametrize("command", ["launch", "render k8s"])
def test_a_directory_without_weights_is_noted(run, model, command):
    line = f"{command} --model my-model --gpus 1xl4 --server vllm"
    said = f"note: {model} has no weights (*.safetensors, *.bin, …) beside its config.json: nothing"
    assert said in run(line)[2]
    (model / "pytorch_model.bin").touch()
    assert said not in run(line)[2]


@pytest.mark.parametrize("name", ["NIM_MODEL_PATH", "NIM_MODEL_NAME"])
def test_nims_variable_names_a_model_of_ones_own(run, model, name):
    assert f"vllm serve {model} " in run("launch --gpus 1xl4", **{name: str(model)})[1]


def test_nims_variable_says_where_the_weights_of_a_manifest_are(run):
    out = run(f"launch {BUNDLED}", NIM_MODEL_PATH="hf://acme/llama")[1]
    assert "vllm serve acme/llama " in out


def test_an_empty_variable_names_no_manifest(run):
    line = "launch --gpus 1xl4 --model a/b --model a/c"
    assert run(line) == run(line, NIM_MANIFEST_PATH="")


def test_a_flag_beats_its_variable(run):
    variables = {"NIM_MODEL_PATH": "x", "NIM_SERVER_PORT": "x", "NIM_SERVED_MODEL_NAME": "x"}
    flags = "--model acme/llama --port 9000 --served-model-name llama"
    code, out, err = run(f"launch {BUNDLED} {flags}", **variables)
    assert 0 == code, err
    assert "vllm serve acme/llama --host 0.0.0.0 --port 9000 --served-model-name llama " in out


def test_nims_variables_are_honoured(run):
    variables = {
        "NIM_MAX_MODEL_LEN": "4096",
        "NIM_SERVER_PORT": "9000",
        "NIM_SERVED_MODEL_NAME": "llama",
        "NIM_PASSTHROUGH_ARGS": "--seed 7",
        "NIM_MAX_NUM_SEQS": "16",
        "NIM_DISABLE_CUDA_GRAPH": "1",
    }
    line = "launch --manifest llama-3.1-8b-instruct --gpus 1xh100 --engine vllm"
    words = run(line, **variables)[1].split()
    for flag, value in (
        ("--max-model-len", "4096"),
        ("--port", "9000"),
        ("--served-model-name", "llama"),
        ("--seed", "7"),
        ("--max-num-seqs", "16"),
    ):
        assert value == words[words.index(flag) + 1]
    assert "--enforce-eager" in words


def test_adapters_are_found_in_their_directory(run, tmp_path):
    for name, rank in (("legal", 24), ("german", 8)):
        make_adapter(tmp_path / "adapters" / name, rank)
    (tmp_path / "adapters" / "cache").mkdir()
    (tmp_path / "adapters" / "README").write_text("no adapter")
    line = "launch --manifest llama-3.1-8b-instruct --gpus 1xh100 --engine vllm --adapters adapters"
    words = run(line)[1].split()
    at = words.index("--lora-modules")
    folder = tmp_path / "adapters"
    assert [f"german={folder}/german", f"legal={folder}/legal"] == words[at + 1 : at + 3]
    assert "--enable-lora" in words
    assert "32" == words[words.index("--max-lora-rank") + 1]  # the smallest that holds 24


def make_adapter(folder, rank=8):
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank}))


def test_nims_source_of_adapters_is_the_same(run, tmp_path):
    make_adapter(tmp_path / "legal")
    line = "launch --manifest llama-3.1-8b-instruct --gpus 1xh100 --engine vllm"
    assert f"legal={tmp_path}/legal" in run(line, NIM_PEFT_SOURCE=str(tmp_path))[1]


def test_a_server_selects_among_the_profiles_it_runs(run):
    line = "launch --manifest llama-3.1-8b-instruct --gpus 1xh100 --server"
    assert "vllm serve " in run(f"{line} vllm")[1]
    assert "tritonserver " in run(f"{line} triton")[1]
    assert "docker run " in run(f"{line} nim")[1]


def test_tensorrt_llm_is_known_by_its_other_names(run):
    line = "launch --manifest llama-3.1-70b-instruct --gpus 2xh100 --server trtllm --model a/b"
    assert "trtllm-serve a/b " in run(line + " --max-model-len 8192")[1]


def test_triton_is_judged_as_the_vllm_that_its_image_has(run, model):
    out = run("launch --model my-model --gpus 1xl4 --server triton")[1]
    assert '"quantization": "fp8"' in out  # fp8_per_tensor came with 0.31


@pytest.mark.parametrize("command", ["launch", "render k8s", "select --launchable"])
def test_what_cannot_be_started_is_passed_over_and_said(run, command):
    line = f"{command} --manifest llama-3.1-70b-instruct --gpus 8xh100 --format json"
    code, out, err = run(line)
    assert 0 == code, err
    assert (
        "warning: tensorrt_llm-h100-fp8-tp8-pp1-latency ranks before it and is passed over: "
        "tensorrt_llm makes no fp8 of a 16-bit checkpoint"
    ) in err
    assert "tensorrt_llm-h100-bf16-tp8-pp1-latency" in out or "--tp_size" in out


def test_nothing_that_can_be_started_is_said_with_the_reason(run):
    line = "select --manifest llama-3.3-nemotron-super-49b-v1.5 --gpus 1xh100"
    assert 0 == run(line)[0]
    code, out, err = run(f"{line} --launchable")
    assert (1, "") == (code, out)
    assert err.startswith("No profile can be started from what is here: ")
    assert "nobody says where the weights of" in err


def test_weights_that_are_named_are_what_is_here(run):
    line = "select --launchable --manifest llama-3.3-nemotron-super-49b-v1.5 --gpus 2xh100"
    code, out, err = run(f"{line} --engine vllm --format name", NIM_MODEL_NAME="acme/super")
    assert (0, "vllm-bf16-tp2-pp1") == (code, out[:17]), err


def test_a_directory_without_weights_is_not_launchable_and_launch_notes_it(run, model):
    code, out, err = run("select --model my-model --launchable --gpus 1xl4")
    assert (1, "") == (code, out)
    assert "my-model has no weights (*.safetensors, *.bin, …) beside its config.json: fetch" in err
    (model / "pytorch_model.bin").touch()
    assert 0 == run("select --model my-model --launchable --gpus 1xl4")[0]


def test_the_library_and_the_command_line_give_the_same_command(run, model, tmp_path):
    assert 0 == run("manifest build my-model --engine vllm -o manifest.yaml")[0]
    assert "path: my-model" in (tmp_path / "manifest.yaml").read_text(encoding="utf-8")
    line = "--manifest manifest.yaml --gpus 1xl4 --server vllm --max-model-len 8192"
    printed = shlex.split(run(f"launch {line} --format argv")[1])
    manifest = load_manifest("manifest.yaml")
    request = Request(engines=("vllm",), serving=Serving(max_model_len=8192))
    setup = Setup("vllm")
    decision = launchable(select(manifest, mock_inventory("1xl4"), request), manifest, setup)
    plan = launch_plan(decision, manifest, setup)
    assert (str(model), printed) == (plan.argv[2], [*plan.argv])


# What goes wrong


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("launch --gpus 1xl4 --model a/b", 3, "a/b: no such directory here; a model that is not"),
        ("launch --gpus 1xl4 --manifest x --server foo", 2, "'foo' is not a server; known: vllm,"),
        ("launch --gpus 1xl4 --manifest x --port 0", 2, "'0' is no port from 1 to 65535"),
        (
            "launch --gpus 1xl4 --manifest x --server triton --engine sglang",
            2,
            "--server triton runs no profile of sglang: leave --engine out",
        ),
        ("launch --manifest llama-3.1-8b-instruct --gpus 1xt4", 1, "No profile found for the"),
        (
            "launch --manifest llama-3.1-70b-instruct --gpus 8xh100 --require precision=fp8",
            5,
            (
                "Without that, tensorrt_llm-h100-bf16-tp8-pp1-latency would run on GPUs 0-7:\n"
                "  precision=fp8 is required; the profile has precision=bf16\n"
                "tensorrt_llm-h100-fp8-tp8-pp1-latency meets it and cannot be started: tensorrt_llm"
            ),
        ),
        (
            "launch --manifest gpt-oss-120b --gpus 4xh100 --require tp=4 -- -tp 2",
            5,
            "tp=4 is required, and it would be 2; leave that argument out",
        ),
        (
            "render docker --manifest gpt-oss-120b --gpus 4xh100 --require tp=4 -- -tp 2",
            5,
            "tp=4 is required, and it would be 2; leave that argument out",
        ),
        (
            "launch --manifest llama-3.1-70b-instruct --gpus 4xl40s",
            3,
            "tensorrt_llm-trtllm_buildable-bf16-tp4-pp1 can be started with --max-model-len 80384",
        ),
        (
            "launch --manifest llama-3.3-nemotron-super-49b-v1.5 --gpus 1xh100",
            3,
            "or let NIM find its own with --server nim",
        ),
        (
            "launch --manifest llama-3.1-8b-instruct --gpus 2xh100 --tags precision=fp8",
            3,
            "; none of the 2 candidates can be started",
        ),
        ("render k9s --manifest x --gpus 1xl4", 2, "TARGET: 'k9s' is not known; did you mean k8s?"),
        (
            f"render kserve {BUNDLED} --gpus-per-node 1",
            3,
            "takes 2 nodes of 1 GPUs: render k8s spans them",
        ),
        (
            f"render nim-operator {BUNDLED} --server vllm",
            3,
            "the NIM Operator runs NIMs, not vllm: leave --server out",
        ),
        (f"launch {BUNDLED} --image '-v /:/host'", 3, "'-v /:/host' is no container image"),
        (f"launch {BUNDLED} -- --api-key x", 2, "--api-key has a secret"),
        (f"render docker {BUNDLED} -- --hf-token=x", 2, "--hf-token has a secret"),
    ],
)
def test_what_is_wrong_is_said_with_its_exit_code(run, line, code, said):
    found, out, err = run(line)
    assert (code, "") == (found, out)
    assert said in err
    assert "Traceback" not in err


def test_a_model_elsewhere_stands_beside_the_manifest_of_the_variable(run):
    line = "launch --model acme/llama --gpus 2xh100 --engine vllm --max-model-len 8192"
    out = run(line, NIM_MANIFEST_PATH="llama-3.1-70b-instruct")[1]
    assert "vllm serve acme/llama " in out


def test_a_name_of_what_is_deployed_is_not_what_clients_call_it(run, model):
    out = run("render k8s --model my-model --gpus 1xl4 --name web --server vllm")[1]
    assert "name: web\n" in out
    assert '"--served-model-name"\n        - my-model\n' in out


def test_an_images_tag_decides_the_flags(run, model):
    line = (
        "render docker --model my-model --gpus 1xl4 --server vllm --image vllm/vllm-openai:v0.12.0"
    )
    assert "--quantization fp8'" in run(line)[1] or "--quantization fp8\n" in run(line)[1]


def test_two_dashes_are_somebody_elses_in_other_commands(run):
    code, _, err = run("explain --manifest llama-3.1-8b-instruct --gpus 1xl4 -- launch")
    assert 3 == code
    assert "'launch' is not a profile of this manifest" in err


def test_nothing_is_started_where_a_file_could_not_be_written(run):
    out = run(f"launch {BUNDLED} --server triton")[1]
    lines = out.splitlines()
    assert all(line.endswith(" &&") for line in lines if line.startswith(("mkdir", "export")))
    assert lines[-1].startswith("tritonserver ")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--replicas 0", "'0' is no number above 0"),
        ("--secret 'Bad Name'", "what is given for the secret is no name of a Kubernetes secret"),
        ("--pull-secret 'A'", "what is given for the pull secret is no name of a Kubernetes"),
        ("--gpus-per-node 1 -- --nnodes 3", "your --nnodes 3 contradicts what was judged"),
        ("--gpus-per-node 1 -- --nnodes 1", "--nnodes is told to each pod by the LeaderWorkerSet"),
        (
            "--gpus-per-node 1 -- --master-addr x",
            "--master-addr is told to each pod by the LeaderWorkerSet",
        ),
    ],
)
def test_what_no_cluster_takes_is_refused(run, flags, said):
    code, out, err = run(f"render k8s {BUNDLED} {flags}")
    assert code in (2, 3)
    assert "" == out
    assert said in err


def test_a_secret_in_nims_variable_is_not_printed_either(run):
    code, out, err = run(f"launch {BUNDLED}", NIM_PASSTHROUGH_ARGS="--api-key hunter2")
    assert (2, "") == (code, out)
    assert "hunter2" not in err


@pytest.mark.parametrize("server", ["vllm", "sglang", "tensorrt_llm", "triton", "nim"])
@pytest.mark.parametrize(
    "command", ["launch", "render docker", "render compose", "render k8s", "render kserve"]
)
@pytest.mark.parametrize("form", ["", "--json"])
def test_no_secret_of_the_environment_is_ever_printed(run, server, command, form, model):
    line = f"{command} --model my-model --gpus 1xh100 --server {server} {form}"
    if server == "nim":
        line += " --image acme/nim:1"
    code, out, err = run(line, **SECRETS)
    assert 0 == code, err
    assert "hunter2" not in out + err


def test_a_nim_of_the_catalogue_needs_its_key_and_it_is_only_named(run):
    line = "--manifest llama-3.1-8b-instruct --gpus 1xh100 --server nim"
    out = run(f"render docker {line}", **SECRETS)[1]
    assert " -e NGC_API_KEY " in out
    objects = list(yaml.safe_load_all(run(f"render k8s {line}")[1]))
    env = objects[-2]["spec"]["template"]["spec"]["containers"][0]["env"]
    key = next(each for each in env if each["name"] == "NGC_API_KEY")
    assert {"name": "ngc-api-secret", "key": "NGC_API_KEY"} == key["valueFrom"]["secretKeyRef"]


def test_render_names_replicas_secrets_and_images_as_it_is_told(run):
    flags = "--replicas 2 --secret mine --pull-secret pull --image acme/vllm:1 --name llama"
    out = run(f"render k8s {BUNDLED} {flags}")[1]
    deployment = next(each for each in yaml.safe_load_all(out) if each["kind"] == "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    assert ("llama", 2) == (deployment["metadata"]["name"], deployment["spec"]["replicas"])
    assert [{"name": "pull"}] == spec["imagePullSecrets"]
    assert "acme/vllm:1" == spec["containers"][0]["image"]
    assert "mine" == spec["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["name"]


def test_render_prints_json_of_the_same_objects(run):
    text = run(f"render k8s {BUNDLED}")[1]
    assert list(yaml.safe_load_all(text)) == json.loads(run(f"render k8s {BUNDLED} --json")[1])


def test_an_adapter_that_cannot_be_read_is_named(run, tmp_path):
    (tmp_path / "adapters" / "a").mkdir(parents=True)
    (tmp_path / "adapters" / "a" / "adapter_config.json").write_text("[")
    code, out, err = run(f"launch {BUNDLED} --adapters adapters")
    assert (3, "") == (code, out)
    config = tmp_path / "adapters" / "a" / "adapter_config.json"
    assert err == f"nimprofile: {config}:1: not JSON: Expecting value\n"


@pytest.mark.parametrize("text", ['{"r": "x"}', "{}", "[]", '{"r": 0}', '{"r": true}'])
def test_an_adapter_without_a_rank_leaves_it_to_the_engine(run, tmp_path, text):
    (tmp_path / "adapters" / "a").mkdir(parents=True)
    (tmp_path / "adapters" / "a" / "adapter_config.json").write_text(text)
    line = "launch --manifest llama-3.1-8b-instruct --gpus 1xh100 --engine vllm --adapters adapters"
    out = run(line)[1]
    assert "--lora-modules a=" in out
    assert "--max-lora-rank" not in out


def test_a_variable_with_a_password_in_its_address_is_not_printed(run):
    address = "https://me:hunter2@example.com"
    line = f"launch {BUNDLED} --server nim --image a/b:2.0.12"
    code, out, err = run(line, NIM_REPOSITORY_OVERRIDE=address)
    assert 2 == code
    assert "hunter2" not in out + err
    assert "NIM_REPOSITORY_OVERRIDE has a secret" in err


@pytest.mark.parametrize(
    ("options", "policy"),
    [
        ("--server nim --image nvcr.io/nim/meta/llama:1.13.1", "nim-1.13"),
        ("--server nim --image mirror.example:5000/llama:1.8.4", "nim-1.3"),
        ("--server nim --image nvcr.io/nim/meta/llama:latest", None),
        ("--server nim", None),
        ("--server vllm --image vllm/vllm-openai:v0.33.0", None),
    ],
)
@pytest.mark.parametrize("command", ["launch", "render docker"])
def test_the_image_of_a_nim_tells_the_policy(run, command, options, policy):
    line = f"{command} --manifest llama-3.1-8b-instruct --gpus 1xl40s {options}"
    code, _, err = run(line)
    assert 0 == code
    said = [line for line in err.splitlines() if line.startswith("note: policy")]
    image = options.partition("--image ")[2]
    assert said == ([f"note: policy {policy}, from image {image}"] if policy else [])
