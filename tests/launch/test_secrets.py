"""Which arguments hold a secret, and how they are shown."""

import pytest

from nimprofile.launch.secrets import redacted, secret_flags, secret_variables

SECRETS = [
    ("--api-key", "hunter2"),
    ("--api-key=hunter2",),
    ("--api_key", "hunter2"),
    ("--api-k", "hunter2"),
    ("--admin-api-key", "hunter2"),
    ("--hf-token", "hunter2"),
    ("--ssl-keyfile-password", "hunter2"),
    ("--grpc-restricted-protocol=inference:admin-key=hunter2",),
    ("--http-restricted-api", "inference:key=hunter2"),
    ("--cache-config=redis,password=hunter2",),
    ("--model-loader-extra-config", '{"api_key": "hunter2"}'),
]


@pytest.mark.parametrize("words", SECRETS)
def test_a_secret_is_seen_and_starred(words):
    assert secret_flags(["--seed", "7", *words])
    assert not any("hunter2" in found for found in secret_flags(words))
    shown = redacted(["--seed", "7", *words, "--port", "8000"])
    assert not any("hunter2" in word for word in shown)
    assert ["--seed", "7"] == shown[:2]
    assert ["--port", "8000"] == shown[-2:]


@pytest.mark.parametrize(
    "words",
    [
        ("--max-num-batched-tokens", "8192"),
        ("--tokenizer", "acme/llama"),
        ("--num-speculative-tokens=4",),
        ("--skip-tokenizer-init",),
        ("--a", "b"),
        ("--ssl-keyfile", "/etc/key.pem"),
        ("--speculative-config", '{"num_speculative_tokens": 4}'),
    ],
)
def test_what_is_no_secret_is_shown(words):
    assert [] == secret_flags(words)
    assert [*words] == redacted(words)


def test_a_secret_among_the_arguments_of_the_variable_is_starred():
    (shown,) = redacted(["NIM_PASSTHROUGH_ARGS=--seed 7 --api-key hunter2 --name 'a b'"])
    assert "NIM_PASSTHROUGH_ARGS=--seed 7 --api-key '***' --name 'a b'" == shown


@pytest.mark.parametrize("address", ["https://me:hunter2@example.com/x", "s3://:hunter2@bucket"])
def test_a_password_in_the_address_of_a_variable_is_starred_and_the_variable_named(address):
    assert ["NIM_REPOSITORY_OVERRIDE"] == secret_variables([("NIM_REPOSITORY_OVERRIDE", address)])
    shown = redacted([f"NIM_REPOSITORY_OVERRIDE={address}", "NIM_CACHE_PATH=/a"])
    assert ["NIM_REPOSITORY_OVERRIDE=***", "NIM_CACHE_PATH=/a"] == shown


@pytest.mark.parametrize("value", ["https://example.com/a@b", "/a", "hf://a/b", "tcp://1.2.3.4:80"])
def test_an_address_without_a_password_is_shown(value):
    assert [] == secret_variables([("NIM_REPOSITORY_OVERRIDE", value)])
    assert [f"NIM_X={value}"] == redacted([f"NIM_X={value}"])
