"""Secrets inside of texts: by what stands before them, and by their own form."""

import json

import pytest

from nimprofile.base.secrets.shapes import secret_parts, without_shapes

KEY = "Kx7-hunter2/q+Z"


def parts(text, **options):
    return set(secret_parts(text, **options))


@pytest.mark.parametrize(
    "value",
    [
        {"token": KEY},
        {"a": [{"b": {"secretKey": KEY}}]},
        {"credentials": {"user": "me", "it": KEY}},
        {"credentials": ["me", [KEY]]},
        {"env": [{"name": "API_KEY", "value": KEY}]},
        {"headers": {"x-team": KEY}},
        {"pairs": [["password", KEY]]},
        {"url": f"https://me:{KEY}@example.com"},
        {"inner": json.dumps({"accessToken": KEY})},
    ],
)
def test_a_secret_is_found_wherever_it_stands_in_json(value):
    assert KEY in parts(json.dumps(value))


def test_the_first_of_two_equal_keys_is_found_too():
    assert {KEY, "other-one"} <= parts(f'{{"token": "{KEY}", "token": "other-one"}}')


def test_a_key_of_digits_is_found_and_a_number_of_tokens_is_none():
    assert {"1234567890"} == parts('{"api_key": 1234567890, "draft_token": 12, "token_ids": [7]}')


@pytest.mark.parametrize(
    "value",
    [
        {"eos_token": "</s>", "pad_token": "[PAD]", "token": "<|end|>"},
        {"use_auth_token": True, "password": None, "token": ""},
        {"token_file": KEY, "secretName": KEY, "max_tokens": 4096, "tokenizer": KEY},
        {"credentials": "/etc/gcp/service-account.json"},
        {"key": "value", "url": "http://10.0.0.1:8000/v1/x@y"},
    ],
)
def test_json_without_a_secret_has_none(value):
    assert set() == parts(json.dumps(value))


@pytest.mark.parametrize(
    "text",
    [
        f"token={KEY}",
        f"redis,password={KEY},db=1",
        f"inference:admin-key={KEY}",
        f"{{'accessToken': '{KEY}',}}",
        f"{{token: {KEY}}}",
        f'api_key => "{KEY}"',
        f"AccountName=a;AccountKey={KEY};Suffix=b",
        f"https://h/x?a=1&token={KEY}&b=2",
        f"Authorization: Bearer {KEY}",
    ],
)
def test_a_secret_is_found_by_the_name_before_it(text):
    assert KEY in parts(text)


def test_a_password_with_a_comma_is_found_whole():
    assert {"ab,cd ef"} < parts("password=ab,cd ef")


def test_every_header_is_a_secret_but_those_that_are_known_to_be_none():
    text = f"x-honeycomb-team={KEY},content-type=text/plain,lightstep:abcdefg"
    assert {KEY, "abcdefg"} <= parts(text, headers=True)
    assert "text/plain" not in parts(text, headers=True)
    assert set() == parts(text)


ADDRESSES = {
    f"https://me:{KEY}@example.com/x": "https://me:***@example.com/x",
    "https://me:a@b/c@example.com/x": "https://me:***@example.com/x",
    "s3://:hunter2@bucket/x": "s3://:***@bucket/x",
    f"https://{'t' * 20}@example.com": "https://***@example.com",
    "https://h/x?token=abc&v=1": "https://h/x?token=***&v=1",
    "https://h/x?v=1&X-Amz-Signature=abc#y": "https://h/x?v=1&X-Amz-Signature=***#y",
    "https://h/x?sv=2&sig=a%2Bb": "https://h/x?sv=2&sig=***",
    "https://h/x?t%6Fken=abc": "https://h/x?t%6Fken=***",
    "https://h/x#access_token=abc": "https://h/x#access_token=***",
    "https://h?a=1 and https://u:pw@h2": "https://h?a=1 and https://u:***@h2",
}


@pytest.mark.parametrize(("text", "shown"), ADDRESSES.items())
def test_an_address_is_shown_without_its_secret(text, shown):
    assert shown == without_shapes(text)
    assert f"'{shown}': no such file" == without_shapes(f"'{text}': no such file")


@pytest.mark.parametrize(
    "text",
    [
        *("https://example.com/a@b", "hf://a/b@main", "tcp://1.2.3.4:80", "ssh://git@host/x"),
        *("http://10.0.0.1:8000/v1/x@y", "http://[::1]:80/x@y", "https://h/x?ref=main&page=2"),
        *("docker://repo@sha256:abc", "Basic principles", "hf_overrides", "task-force", "://", "@"),
        *('{"a": "https://h:80", "b": "c@d"}', "no address", "disk-" + "a" * 30),
        *("sk-model-llama-3-8b-instruct-v2", "hf_abcdefgh12345678"),
        "bearer of",
    ],
)
def test_a_text_without_a_secret_stays_as_it_is(text):
    assert text == without_shapes(text)


@pytest.mark.parametrize(
    "token",
    [
        *("hf_" + "a" * 34, "nvapi-" + "a-b_" * 16, "sk-proj-" + "a" * 40, "ghp_" + "a" * 36),
        *("github_pat_" + "a" * 30, "glpat-" + "a" * 20, "xoxb-" + "1" * 12, "AKIA" + "A" * 16),
        *("AIza" + "a" * 35, "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"),
    ],
)
def test_a_token_is_known_by_the_mark_of_who_issued_it(token):
    assert "no profile '***'" == without_shapes(f"no profile '{token}'")
    assert token in parts(f"--x {token}")


def test_what_follows_the_scheme_of_an_authorization_is_starred():
    assert "a Bearer *** b" == without_shapes("a Bearer abcdef123 b")
    assert "a Basic *** b" == without_shapes("a Basic bWU6aHVudGVyMg== b")
    assert "a Basic *** b" == without_shapes("a Basic dXNlcjpwYXNz b")


def test_a_private_key_is_starred_to_the_end():
    text = "x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
    assert "x ***" == without_shapes(text)
