"""A document is what was decided, whatever ordinary values the environment has."""

import pytest
from hypothesis import given, strategies as st

from tests.support.hostile.written import written

MODEL = ["--manifest", "llama-3.1-8b-instruct", "--gpus", "1xh100"]
PROFILE = "vllm-bf16-tp1-pp1"
IMAGE = "nvcr.io/nim/meta/llama-3.1-8b-instruct:1.8.4"
VLLM = [*MODEL, "--engine", "vllm"]
DOCUMENTS = [
    *(["select", *MODEL, "--json"], ["list", *MODEL, "--json"], ["explain", *MODEL, "--json"]),
    *(["select", *MODEL, "--format", form] for form in ("env", "cuda", "id", "name")),
    *(["launch", *VLLM], ["launch", *VLLM, "--json"], ["launch", *VLLM, "--format", "argv"]),
    *(["render", target, *VLLM] for target in ("docker", "compose", "k8s", "kserve")),
    ["render", "k8s", *MODEL, "--server", "nim", "--image", IMAGE],
    ["render", "k8s", *VLLM, "--pull-secret", "regcred-prod"],
    *(
        ["manifest", "convert", "llama-3.1-8b-instruct", "--to", "v1"],
        ["manifest", "list", "--json"],
    ),
    *(["gpus", "--gpus", "8xh100", "--json"], ["schema", "decision"]),
    *(["memory", "llama-3.1-8b-instruct", "--gpus", "1xh100", "--json"], ["policies", "--json"]),
]
NAMES = """
    IMAGE_PULL_SECRET HF_SECRET NGC_SECRET TLS_SECRET REDIS_PASSWORD DB_PASSWORD HOST_PWD API_KEY
    GOOGLE_APPLICATION_CREDENTIALS DOCKER_CREDENTIALS ACCESS_TOKEN MODEL_METADATA EXTRA_HEADERS
"""
WORDS = f"""
    ngc-secret hf-token ngc-api-secret regcred-prod llama-3.1-8b-instruct instruct throughput
    meta/llama-3.1-8b-instruct meta-llama/Llama-3.1-8B-Instruct {PROFILE} {IMAGE} tensorrt_llm
    Deployment nvidia.com/gpu profiles candidates selected schema_version NVIDIA containers
    00000000 131072 000000 85899345920 /opt/nim/.cache /model-cache /dev/shm /tmp/x ./x
    {{"name":"llama-3.1-8b-instruct"}} model=llama-3.1-8b-instruct,a=Deployment
"""
VALUES = st.sampled_from(WORDS.split()) | st.integers(0, 10**12).map(str)


@given(
    st.sampled_from(DOCUMENTS),
    st.dictionaries(st.sampled_from(NAMES.split()), VALUES, min_size=1, max_size=4),
)
def test_no_ordinary_value_of_a_variable_changes_a_document(line, variables):
    plain = written(line)[:2]
    assert 0 == plain[0]
    assert plain == written(line, **variables)[:2]


@pytest.mark.parametrize(
    "line",
    [
        ["launch", *VLLM, "--name", "Zq7kP3vVn2Lw7Rt5"],
        ["select", "--manifest", "Zq7kP3vVn2Lw7Rt5", "--gpus", "1xh100", "--json"],
        ["manifest", "build", "llama=Zq7kP3vVn2Lw7Rt5"],
    ],
)
def test_a_key_of_the_environment_is_refused_and_not_starred_in_a_document(line):
    code, text, _ = written(line, HF_TOKEN="Zq7kP3vVn2Lw7Rt5")
    assert code in {2, 3}
    assert "Zq7kP3vVn2Lw7Rt5" not in text


def test_a_document_that_would_have_a_key_is_refused_whole():
    line = ["select", *MODEL, "--format", "id"]
    chosen = written(line)[1].strip()
    code, text, _ = written(line, HF_TOKEN=chosen)
    assert 2 == code
    assert "would have a secret" in text
    assert chosen not in text
