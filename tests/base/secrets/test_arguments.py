"""Which arguments hold a secret, and how they are shown."""

import shlex

import pytest
from hypothesis import given, strategies as st

from nimprofile.base.environment import PASSTHROUGH
from nimprofile.base.formats.shell_words import split_words
from nimprofile.base.secrets.arguments import (
    redacted,
    secret_flags,
    secret_values,
    secret_variables,
)

SECRETS = [
    ("--api-key", "hunter2"),
    ("--api-key=hunter2",),
    ("--api_key", "hunter2"),
    ("--api-k", "hunter2"),
    ("--api-key", "other", "hunter2"),
    ("--api-key", "-hunter2"),
    ("--api-key hunter2",),
    ("--api-key:hunter2",),
    ("-api-key", "hunter2"),
    ("api_key=hunter2",),
    ("--admin-api-key", "hunter2"),
    ("--hf-token", "hunter2"),
    ("--ssl-keyfile-password", "hunter2"),
    ("--ssl-keyfile-pass", "hunter2"),
    ("--secret-key", "hunter2"),
    ("--access-key=hunter2",),
    ("--passphrase", "hunter2"),
    ("--clientSecret", "hunter2"),
    ("--grpc-restricted-protocol=inference:admin-key=hunter2",),
    ("--http-restricted-api", "inference:key=hunter2"),
    ("--cache-config=redis,password=hunter2",),
    ("--model-loader-extra-config", '{"api_key": "hunter2"}'),
    ("--model-loader-extra-config", '{"token":"hunter2"}'),
    ("--model-loader-extra-config={'accessToken': 'hunter2'}",),
    ("--model-loader-extra-config.secret_key", "hunter2"),
    ("--kv-transfer-config", '{"a": {"credentials": {"user": "hunter2"}}}'),
    ("--otlp-traces-headers", "authorization=Bearer hunter2"),
    ("--otlp-traces-headers", "x-team=hunter2"),
    ("--header", "Authorization: Bearer hunter2"),
    ("-H", "Authorization: Bearer hunter2"),
    ("-H", "Authorization:", "Bearer", "hunter2"),
    ("--otlp-traces-headers", "x-team:", "hunter2"),
    ("--note", "password:", "hunter2"),
    ("--otlp-traces-endpoint", "https://me:hunter2@example.com"),
    ("--download-dir=https://example.com/?token=hunter2",),
    ("--unknown", "https://example.com/?X-Amz-Signature=hunter2"),
    ("--words", "--seed 7 --api-key hunter2"),
    ("--words", r'--seed 7 --api-key "\"hunter2"'),
    ("-e", "HF_TOKEN=hunter2"),
    ("—api-key", "hunter2"),
    ("−−api-key", "hunter2"),
    ("api-key", "hunter2"),
    ("--api-keyX9hunter2",),
    ("--url", "me:hunter2@h:5432/db"),
    ("--image", "me:hunter2@reg.io/a:v1"),
    ("-u", "bob:X9hunter2"),
    ("--proxy-user", "bob:X9hunter2"),
    ("--psk", "hunter2"),
    ("--storepass", "hunter2"),
    ("--ngc-cli-key", "hunter2"),
    ("--encryption_key_hex", "hunter2"),
    ("--hook", "https://hooks.slack.com/services/T/B/hunter2"),
    ("--env=NGC_API_KEY=hunter2",),
]


@pytest.mark.parametrize("words", SECRETS)
def test_a_secret_is_seen_and_starred(words):
    assert secret_flags(["--seed", "7", *words])
    assert not any("hunter2" in found for found in secret_flags(words))
    shown = redacted(["--seed", "7", *words, "--port", "8000"])
    assert not any("hunter2" in word for word in shown)
    assert ["--seed", "7"] == shown[:2]
    assert ["--port", "8000"] == shown[-2:]
    assert any("hunter2" in value for value in secret_values(words, {}))


def test_what_stays_of_an_argument_is_the_name_of_its_flag():
    words = ["--api-key=a", "--api-key", "b", "-x", "-e", "HF_TOKEN=c", "--x", '{"token": "d"}']
    shown = ["--api-key=***", "--api-key", "***", "-x", "-e", "HF_TOKEN=***", "--x", "***"]
    assert shown == redacted(words)


def test_a_line_of_words_that_is_not_closed_is_starred_too():
    words = ["NIM_PASSTHROUGH_ARGS=--seed 7 --api-key 'hunter2", "--x", "'--api-key \"hunter2"]
    assert ["NIM_PASSTHROUGH_ARGS=--seed 7 --api-key '***'", "--x", "***"] == redacted(words)


@given(st.lists(st.text("a\"'\\ $-*", min_size=1), min_size=1, max_size=4))
def test_a_secret_is_known_as_the_engine_gets_it(keys):
    line = shlex.join(["--seed", "7", "--api-key", *(f"hunter2{key}" for key in keys)])
    values = [*secret_values([], {PASSTHROUGH: line})]
    assert all(word in values for word in split_words(line)[3:])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HF_TOKEN", "hunter2"),
        ("WANDB_API_KEY", "hunter2"),
        ("NIM_PASSTHROUGH_ARGS", "--seed 7 --api-key hunter2"),
        ("NIM_PASSTHROUGH_ARGS", "--seed 7 --api-key 'hunter2"),
        ("HTTPS_PROXY", "http://me:hunter2@proxy:3128"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=hunter2"),
    ],
)
def test_a_secret_in_a_variable_is_found(name, value):
    assert [name] == secret_variables([(name, value), ("PWD", "/srv/app"), ("NIM_X", "1")])
    assert "hunter2" in secret_values([], {name: value})


@pytest.mark.parametrize(
    "words",
    [
        ("--max-num-batched-tokens", "8192"),
        ("--tokenizer", "acme/llama"),
        ("--num-speculative-tokens=4",),
        ("--skip-tokenizer-init",),
        ("--a", "b"),
        ("--middleware", "app.auth:check"),
        ("--allowed-headers", '["Authorization","X-Api-Key"]'),
        ("--lora-modules", "auth=/adapters/auth", "token=/adapters/token"),
        ("--served-model-name", "bearer llama"),
        ("--root-path", "/api/token=/x"),
        ("--end-of-turn-token", "a"),
        ("--channel-token=a",),
        ("--fim-hole-token", "<h>"),
        ("--chat-template", "{% for m in all %}token={{x}} {{ m }}"),
        ("--image", "vllm/vllm-openai:v0.11.0@sha256:0abc"),
        ("--user", "1000:1000"),
        ("--credentials", "/dir"),
        ("--max-num-batched-tokens=8k", "--seed", "7"),
        ("--reasoning-config", '{"eos_token": "</s>", "max_token": 4}'),
        ("--speculative-token-map", "acme/map"),
        ("--otlp-traces-endpoint", "http://10.0.0.1:4317"),
        ("--otlp-traces-headers", "content-type=text/plain"),
        ("--enable-auth-token=true",),
        ("--allowed-origins", '["*"]'),
        ("-tp", "2"),
        ("--ssl-keyfile", "/etc/key.pem"),
        ("--speculative-config", '{"num_speculative_tokens": 4}'),
    ],
)
def test_what_is_no_secret_is_shown(words):
    assert [] == secret_flags(words)
    assert [*words] == redacted(words)
    assert [] == [*secret_values(words, {})]


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
