"""Are keys known by their form, and never told?"""

import base64
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st

from nimprofile import Server
from nimprofile.doctor.finding import Status
from nimprofile.doctor.network.keys import (
    LEGACY,
    PERSONAL,
    Form,
    form_of,
    hf_token,
    hf_token_finding,
    ngc_key,
    ngc_key_findings,
    token_of,
)

GOOD = "nvapi-" + "aB3_-xYz" * 8
UUID = "0d3c1e3a-1234-4abc-9def-0123456789ab"
OLD = base64.b64encode(f"client123:{UUID}".encode()).decode()
HF = "hf_" + "aBcD1234" * 4


@pytest.mark.parametrize(("key", "kind"), [(GOOD, PERSONAL), (OLD, LEGACY)])
def test_a_key_of_a_form_that_ngc_gives_is_known(key, kind):
    assert Form(kind) == form_of(key)


@pytest.mark.parametrize(
    ("key", "part", "refused"),
    [
        (GOOD + "\n", "white space around it", True),
        (f'"{GOOD}"', "quotation marks around it", True),
        ("<your-key-here>", "placeholder", True),
        ("nvapi-<your-key-here>", "placeholder", True),
        ("nvapi-xxxxxxxxxxxx", "placeholder", True),
        ("nvapi-...", "placeholder", True),
        ("nvapi-your-key", "placeholder", True),
        ("$NGC_API_KEY", "placeholder", True),
        (HF, "Hugging Face", True),
        (GOOD[:-1], "shorter than such keys are", False),
        (GOOD + "a", "longer than such keys are", False),
        (GOOD[:-1] + "!", "characters that no such key has", False),
        ("hello", "no form that NGC's keys have", False),
        (base64.b64encode(b"client:no-uuid").decode(), "no form that NGC's keys have", False),
        (base64.b64encode(b"\xff\xfe").decode(), "no form that NGC's keys have", False),
    ],
)
def test_what_is_wrong_with_a_key_is_told(key, part, refused):
    form = form_of(key)
    assert part in form.problem
    assert refused is form.refused


@given(st.text(st.characters(max_codepoint=0x2FF), max_size=100))
def test_every_text_has_a_form_and_no_finding_has_the_text(text):
    key = "nvapi-" + text
    for finding in ngc_key_findings({"NGC_API_KEY": key}):
        assert key not in finding.finding + finding.fix
        own = ngc_key_findings({"NGC_API_KEY": "nvapi-" + "\0" * len(text)})
        words = "".join(each.finding + each.fix for each in own)
        told = finding.finding + finding.fix
        assert len(text) < 8 or text not in told or text in words, "its words have it of their own"


def only(environ):
    (finding,) = ngc_key_findings(environ)
    return finding


@pytest.mark.parametrize(
    ("key", "status", "part"),
    [
        (GOOD, Status.OK, "NGC_API_KEY has the form of a personal or service key"),
        (OLD, Status.WARNING, "NGC_API_KEY is a legacy key (base64)"),
        (GOOD[:20], Status.WARNING, "it was not copied whole"),
        (f" {GOOD}", Status.FAILED, "white space"),
        ("<key>", Status.FAILED, "placeholder"),
    ],
)
def test_a_key_is_judged_by_its_form(key, status, part):
    finding = only({"NGC_API_KEY": key})
    assert ("ngc key", status) == (finding.check, finding.status)
    assert part in finding.finding
    assert bool(finding.fix) is (status is not Status.OK)


@pytest.mark.parametrize(("around", "what"), [(" ", "white space"), ('"', "quotation marks")])
def test_what_stands_around_a_key_is_left_out_and_no_new_key_is_made(around, what):
    finding = only({"NGC_API_KEY": f"{around}{GOOD}{around}"})
    assert f"NGC_API_KEY is set, and it has {what} around it" in finding.finding
    assert "set NGC_API_KEY without them" == finding.fix


@pytest.mark.parametrize("environ", [{}, {"NGC_API_KEY": ""}, {"NGC_API_KEY": " "}])
def test_a_key_that_is_not_set_is_told_in_the_words_of_the_start(environ):
    finding = only(environ)
    assert Status.WARNING is finding.status
    assert "NGC_API_KEY is not set" == finding.finding
    assert finding.fix.startswith("set it: NGC wants it for images and weights")


def test_where_the_key_of_ngcs_command_line_is_set_that_is_told():
    assert "NGC_API_KEY is not set, though NGC_CLI_API_KEY is" == (
        only({"NGC_CLI_API_KEY": GOOD}).finding
    )


def test_two_different_keys_are_told_and_the_same_twice_is_not():
    first, _ = ngc_key_findings({"NGC_API_KEY": GOOD, "NGC_CLI_API_KEY": GOOD[:-1] + "Z"})
    assert Status.WARNING is first.status
    assert "NGC_API_KEY and NGC_CLI_API_KEY are two different keys" in first.finding
    assert Status.OK is only({"NGC_API_KEY": GOOD, "NGC_CLI_API_KEY": GOOD}).status


@pytest.mark.parametrize(
    ("server", "status"),
    [(None, Status.OK), (Server.NIM, Status.OK), (Server.VLLM, Status.SKIPPED)],
)
def test_an_engine_needs_no_key_of_ngcs(server, status):
    plan = None if server is None else SimpleNamespace(server=server)
    (finding,) = ngc_key(SimpleNamespace(plan=plan, environ={"NGC_API_KEY": GOOD}))
    assert status is finding.status


@pytest.mark.parametrize(
    ("token", "status"),
    [(HF, Status.OK), (HF + "\n", Status.FAILED), (GOOD, Status.WARNING), ("hf_x", Status.WARNING)],
)
def test_a_token_of_hugging_face_is_judged_by_its_form(token, status, tmp_path):
    finding = hf_token_finding({"HF_TOKEN": token, "HF_HOME": str(tmp_path)})
    assert ("hf token", status) == (finding.check, finding.status)
    assert token not in finding.finding + finding.fix


def test_public_weights_need_no_token(tmp_path):
    finding = hf_token_finding({"HF_HOME": str(tmp_path)})
    assert Status.OK is finding.status
    assert "HF_TOKEN is not set: enough for weights that are public and not gated" == (
        finding.finding
    )


def test_the_token_is_where_huggingface_hub_looks_for_it(tmp_path):
    (tmp_path / "token").write_text(f"{HF}\n", encoding="utf-8")
    home = {"HF_HOME": str(tmp_path)}
    assert HF == token_of(home)[0]
    assert ("a", "HF_TOKEN") == token_of({**home, "HF_TOKEN": "a", "HUGGING_FACE_HUB_TOKEN": "b"})
    assert ("b", "HUGGING_FACE_HUB_TOKEN") == token_of({**home, "HUGGING_FACE_HUB_TOKEN": "b"})
    assert HF == token_of({"HF_TOKEN_PATH": str(tmp_path / "token")})[0]
    assert None is token_of({"HF_HOME": str(tmp_path / "none")})
    assert Status.OK is hf_token_finding(home).status


@pytest.mark.parametrize(
    ("model", "status"),
    [("org/model", Status.OK), ("/weights", Status.SKIPPED), ("", Status.SKIPPED)],
)
def test_a_token_matters_where_weights_come_from_hugging_face(model, status):
    subject = SimpleNamespace(job=SimpleNamespace(model=model), environ={"HF_TOKEN": HF})
    (finding,) = hf_token(subject)
    assert status is finding.status


def test_without_a_selection_it_is_not_known_where_weights_come_from():
    (finding,) = hf_token(SimpleNamespace(job=None, environ={}))
    assert Status.SKIPPED is finding.status
