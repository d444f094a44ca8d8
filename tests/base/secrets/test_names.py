"""Which names are those of a secret, in whatever spelling."""

import re

import pytest
from hypothesis import given, strategies as st

from nimprofile.base.enums import Server
from nimprofile.base.secrets.names import (
    _ENDINGS,
    _FORMS,
    _OF_A_KEY,
    _OF_TOKENS,
    _PAIRS,
    _SECRETS,
    is_secret_name,
    is_secret_parameter,
    is_token_of_text,
)
from nimprofile.base.secrets.output import _may_have
from nimprofile.base.variables.table import VARIABLES
from nimprofile.launch.server_spec import server_spec
from tests.support.paths import ROOT

SECRET = """
    --api-key --api_key apiKey APIKey API_KEY api.key --admin-api-key x-api-key apikey api_keys
    --hf-token HF_TOKEN hfToken HUGGING_FACE_HUB_TOKEN token auth_token accessToken access-token
    ACCESS.TOKEN accesstoken authTokens refresh_token id_token user_token csrf-token token2
    --secret-key secretKey secret_access_key AWS_SECRET_ACCESS_KEY aws_access_key_id AccountKey
    SharedAccessKey private-key signing_key license-key encryptionKey --secret client_secret
    clientSecret secret_value --passphrase --password db_password dbpassword passwd --pwd
    --ssl-keyfile-password PASS user-pass credentials credential creds bearer Authorization
    pass_phrase passKey secret_id auth-code wandb_key SharedAccessSignature private_key_pem
    credentials_json password_base64 totp Proxy-Authorization --basic-auth cookie Set-Cookie jwt SENTRY_DSN connectionString
"""

PLAIN = """
    --max-num-batched-tokens --num-speculative-tokens --tokenizer --tokenizer-mode token_ids
    --skip-tokenizer-init --return-tokens-as-token-ids --enable-prompt-tokens-details max_tokens
    --speculative-token-map --tokenizer-worker-num eos_token pad-token bosToken mask_token
    image_token --max-total-tokens tokens_per_block next_token num_draft_tokens token_type
    --ssl-keyfile --ssl-certfile --ssl-ca-certs secretName secretKeyRef secret_file password-file
    api_key_file token_url auth-type key --sort-key partition_key cache_key keys keyfile monkey
    primary keyboard --bypass pass_rate compass --first-pass author authority secretary tokenized
    --seed --model --enable-lora passage compassion NIM_SSL_KEY_PATH CUDA_VISIBLE_DEVICES
    XAUTHORITY SSH_AUTH_SOCK keepalive turkey 7 - ""
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_the_name_of_a_secret_is_one_in_every_spelling(name):
    assert is_secret_name(name)


_PARTS = sorted({*_SECRETS, *_ENDINGS, *_OF_A_KEY, *_OF_TOKENS, *_FORMS, *" ".join(_PAIRS).split()})


@given(st.lists(st.sampled_from([*_PARTS, "key", "token", "pass", "id"]), min_size=1, max_size=4))
def test_what_is_named_like_a_secret_is_looked_into(words):
    for name in ("_".join(words), "".join(word.title() for word in words)):
        assert _may_have(f"{name.upper()}=x") or not is_secret_name(name)


@pytest.mark.parametrize("name", PLAIN.split())
def test_a_name_of_something_else_is_none(name):
    assert not is_secret_name(name)


def test_a_text_is_no_name():
    assert not is_secret_name("a " * 200 + "token")


def test_a_token_of_a_text_is_no_secret():
    assert is_token_of_text("token", "<|im_end|>")
    assert is_token_of_text("stop_token", "[SEP]")
    assert is_token_of_text("draft_token", "4", number=True)


@pytest.mark.parametrize("name", ["access_token", "api-token", "token", "password"])
def test_a_number_can_be_a_key(name):
    assert not is_token_of_text(name, "12345678", number=True)


@pytest.mark.parametrize("name", ["sig", "X-Amz-Signature", "key", "access_token", "code"])
def test_a_signature_in_an_address_is_a_secret(name):
    assert is_secret_parameter(name)


@pytest.mark.parametrize("name", ["ref", "revision", "X-Amz-Expires", "sv", "page"])
def test_other_parameters_are_none(name):
    assert not is_secret_parameter(name)


def test_no_flag_that_a_plan_writes_or_reads_and_no_variable_is_taken_for_a_secret():
    specs = [server_spec(server) for server in Server]
    syntaxes = [syntax for spec in specs for syntax in (spec.flags, spec.engine_flags) if syntax]
    names = [name for syntax in syntaxes for name in (*syntax.aliases, *syntax.decisive)]
    assert [] == [name for name in (*names, *VARIABLES) if is_secret_name(name)]


def test_no_key_of_a_recorded_model_and_no_argument_of_a_recorded_plan_is_taken_for_one():
    keys = set()
    for file in (ROOT / "tests" / "corpus").rglob("*.*"):
        keys |= set(re.findall(r"--[a-zA-Z][\w-]+|[A-Za-z_]{3,}(?=[\"']?[:=])", file.read_text()))
    assert len(keys) > 500
    names_of_kubernetes_secrets = {"authSecret", "pullSecret", "pullSecrets"}
    told_by_servers = {"VLLM_SECRET", "--api-key", "api_key", "admin_api_key", "hf_token"}
    told_by_servers |= {"ssl_keyfile_password"}
    assert names_of_kubernetes_secrets | told_by_servers == {
        key for key in keys if is_secret_name(key)
    }
