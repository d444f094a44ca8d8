"""Are the answers of NGC and Hugging Face told apart, and is the key sent to them alone?"""

import base64
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest

from nimprofile import Server, Setup
from nimprofile.doctor.finding import Status
from nimprofile.doctor.network.online import Hosts, online, online_findings
from tests.support.http import ways
from tests.support.http.server import serving

KEY = "nvapi-" + "aB3_-xYz" * 8
OLD = base64.b64encode(b"client:0d3c1e3a-1234-4abc-9def-0123456789ab").decode()
HF = "hf_" + "aBcD1234" * 4
ASK, TOKEN, IMAGE = "/v3/keys/get-caller-info", "/token", "nvcr.io/nim/meta/llama:1.15.4"
PULL, MANIFEST = "/proxy_auth", "/v2/nim/meta/llama/manifests/1.15.4"
WHOAMI, MODEL = "/api/whoami-v2", "/api/models/org/model/auth-check"
CALLER = {"type": "PERSONAL_KEY", "orgName": "org", "products": ["artifact-catalog"]}
"""As github.com/opendatahub-io/odh-model-controller has it,
internal/controller/nim/handlers/testdata/get_caller_info_response.json, made short."""


def hosts_of(server):
    return Hosts(keys=server.url, tokens=server.url, registry=server.url, models=server.url)


def asked(routes, environ=None, seconds=3.0, **kwargs):
    """What is found, and what was asked for it."""
    with serving(routes) as server:
        found = [
            *online_findings(
                environ or {"NGC_API_KEY": KEY}, seconds=seconds, hosts=hosts_of(server), **kwargs
            )
        ]
        return found, server.asked


def test_a_key_that_ngc_accepts_is_well_and_is_sent_in_the_body():
    (finding,), (question,) = asked({ASK: ways.answer(CALLER)})
    assert ("online", Status.OK, "NGC accepts the key") == (
        finding.check,
        finding.status,
        finding.finding,
    )
    assert "POST" == question.method
    assert {"credentials": [KEY]} == parse_qs(question.body.decode())
    assert "application/x-www-form-urlencoded" == question.headers["Content-Type"]


def test_a_legacy_key_is_asked_about_as_a_password():
    (finding,), (question,) = asked({TOKEN: ways.answer({"token": "t"})}, {"NGC_API_KEY": OLD})
    assert Status.OK is finding.status
    assert ("GET", "/token?service=ngc") == (question.method, question.path)
    basic = question.headers["Authorization"].removeprefix("Basic ")
    assert f"$oauthtoken:{OLD}" == base64.b64decode(basic).decode()


@pytest.mark.parametrize(
    ("status", "ends", "part"),
    [
        (401, Status.FAILED, "NGC does not accept the key: it is wrong, revoked or expired"),
        (402, Status.FAILED, "no NVIDIA AI Enterprise subscription, or it has ended"),
        (403, Status.FAILED, "NGC knows the key, which has not the right to this"),
        (451, Status.FAILED, "NGC gives it to nobody in this country"),
        (429, Status.UNKNOWN, "NGC has been asked too often"),
        (500, Status.UNKNOWN, "NGC has trouble of its own (status 500)"),
        (503, Status.UNKNOWN, "NGC has trouble of its own (status 503)"),
        (404, Status.UNKNOWN, "which says nothing of the key"),
        (302, Status.UNKNOWN, "which says nothing of the key"),
    ],
)
def test_each_status_is_told_apart(status, ends, part):
    (finding,), _ = asked({ASK: ways.answer(b"no", status)})
    assert ends is finding.status
    assert part in finding.finding
    assert f"status {status}" in finding.finding
    assert bool(finding.fix) is (status not in {404, 302})


def test_a_key_that_has_expired_is_told_where_the_answer_says_so():
    body = {"requestStatus": {"statusDescription": f"API key {KEY} is Expired."}}
    (finding,), _ = asked({ASK: ways.answer(body, 401)})
    assert "NGC says that the key has expired (status 401)" == finding.finding
    assert "make a new one" in finding.fix
    assert KEY not in finding.finding + finding.fix


@pytest.mark.parametrize(
    ("way", "part"),
    [
        (ways.hung_up, "it cannot be asked"),
        (ways.silent, "there is no network to it"),
        (ways.endless, "it cannot be asked"),
        (ways.redirect("http://elsewhere.example/"), "answers with status 307"),
    ],
)
def test_who_does_not_answer_is_no_fault_of_the_key(way, part):
    (finding,), _ = asked({ASK: way}, seconds=0.2 * 3)
    assert Status.UNKNOWN is finding.status
    assert part in finding.finding


def test_without_a_network_that_is_told():
    with serving({}) as server:
        gone = hosts_of(server)
    (finding,) = online_findings({"NGC_API_KEY": KEY}, seconds=2.0, hosts=gone)
    assert Status.UNKNOWN is finding.status
    assert "NGC: there is no network to it: " in finding.finding
    assert "a filled cache needs no network" in finding.fix


def test_a_server_that_speaks_no_tls_is_told_as_such():
    with serving({}) as server:
        hosts = Hosts(keys=server.url.replace("http://", "https://"))
        (finding,) = online_findings({"NGC_API_KEY": KEY}, seconds=2.0, hosts=hosts)
    assert Status.UNKNOWN is finding.status
    assert "SSL_CERT_FILE" in finding.fix


def test_without_a_key_ngc_is_not_asked():
    (finding,), questions = asked({}, {"PATH": "/bin"})
    assert (Status.SKIPPED, []) == (finding.status, questions)


def test_the_key_of_ngcs_command_line_is_asked_about_where_it_is_the_only_one():
    (finding,), _ = asked({ASK: ways.answer(CALLER)}, {"NGC_CLI_API_KEY": KEY})
    assert Status.OK is finding.status


def image_routes(status=200, pull=None):
    return {
        ASK: ways.answer(CALLER),
        PULL: pull or ways.answer({"token": "pull-token"}),
        MANIFEST: ways.answer(b"{}", status),
    }


def test_an_image_that_may_be_pulled_is_well():
    findings, questions = asked(image_routes(), image=IMAGE)
    assert [Status.OK, Status.OK] == [each.status for each in findings]
    assert f"nvcr.io of '{IMAGE}' accepts the key" == findings[1].finding
    _, pull, manifest = questions
    assert "/proxy_auth?account=$oauthtoken&scope=repository:nim/meta/llama:pull" == pull.path
    assert "Bearer pull-token" == manifest.headers["Authorization"]


@pytest.mark.parametrize(
    ("status", "part"),
    [
        (402, "subscription, or it has ended"),
        (403, "has not the right to this"),
        (404, "there is no such image or tag"),
        (451, "in this country"),
    ],
)
def test_an_image_that_may_not_be_pulled_keeps_the_nim_from_starting(status, part):
    (_, finding), _ = asked(image_routes(status), image=IMAGE)
    assert Status.FAILED is finding.status
    assert part in finding.finding


def test_a_registry_that_gives_no_token_for_want_of_payment_is_told():
    (_, finding), _ = asked(image_routes(pull=ways.answer(b"", 402)), image=IMAGE)
    assert Status.FAILED is finding.status
    assert "(status 402)" in finding.finding


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no json", b"\xff", b'{"token": "a\\nb"}'])
def test_a_registry_without_a_token_is_unknown(body):
    (_, finding), _ = asked(image_routes(pull=ways.answer(body)), image=IMAGE)
    assert Status.UNKNOWN is finding.status


def test_an_image_of_another_registry_is_not_asked_about():
    findings, questions = asked(image_routes(), image="example.com/nim:1")
    assert (1, 1) == (len(findings), len(questions))


def test_of_a_key_that_is_refused_no_image_is_asked_about():
    findings, _ = asked({**image_routes(), ASK: ways.answer(b"", 401)}, image=IMAGE)
    assert [Status.FAILED] == [each.status for each in findings]


def of_model(routes, **environ):
    return asked(routes, {"HF_HOME": "/nowhere", **environ}, nim=False, model="org/model")


def test_a_token_and_weights_that_can_be_had_are_well():
    findings, questions = of_model(
        {WHOAMI: ways.answer({"name": "n"}), MODEL: ways.answer({})}, HF_TOKEN=HF
    )
    assert [Status.OK, Status.OK] == [each.status for each in findings]
    assert {f"Bearer {HF}"} == {question.headers["Authorization"] for question in questions}


def test_a_token_that_has_expired_is_told():
    error = {"error": 'User Access Token "Read" is expired'}
    (finding,), _ = of_model({WHOAMI: ways.answer(error, 401)}, HF_TOKEN=HF)
    assert Status.FAILED is finding.status
    assert "Hugging Face says that the key has expired (status 401)" == finding.finding
    assert "huggingface.co/settings/tokens" in finding.fix


@pytest.mark.parametrize("status", [401, 403, 404])
def test_weights_that_are_gated_keep_the_server_from_starting(status):
    (finding,), (question,) = of_model({MODEL: ways.answer(b"", status)})
    assert Status.FAILED is finding.status
    assert f"(status {status})" in finding.finding
    assert "Authorization" not in question.headers


def test_where_the_hub_is_offline_it_is_not_asked():
    (finding,), questions = of_model({}, HF_HUB_OFFLINE="1")
    assert (Status.SKIPPED, []) == (finding.status, questions)


def test_weights_are_asked_for_at_the_endpoint_that_is_set():
    with serving({MODEL: ways.answer({})}) as server:
        environ = {"HF_HOME": "/nowhere", "HF_ENDPOINT": server.url}
        (finding,) = online_findings(environ, seconds=2.0, nim=False, model="org/model")
        assert Status.OK is finding.status


def test_no_finding_has_the_key():
    for status in (200, 401, 402, 403, 500):
        body = {"message": KEY, "token": KEY}
        routes = {ASK: ways.answer(body, status), PULL: ways.answer(body, status)}
        findings, _ = asked(routes, image=IMAGE)
        assert KEY not in "".join(each.finding + each.fix for each in findings)


def subject(**fields):
    known = {"online": True, "job": None, "setup": Setup(), "environ": {}, "seconds": 1.0}
    return SimpleNamespace(**(known | fields))


def test_without_online_nobody_is_asked():
    (finding,) = online(subject(online=False, environ={"NGC_API_KEY": KEY}))
    assert (Status.SKIPPED, "nobody is asked without --online") == (finding.status, finding.finding)


@pytest.mark.parametrize(
    ("server", "model", "count"),
    [(Server.NIM, "", 1), (Server.VLLM, "/weights", 0), (Server.VLLM, "org/model", 1)],
)
def test_who_is_asked_follows_from_what_is_started(server, model, count):
    job = SimpleNamespace(server=server, model=model)
    environ = {"HF_HUB_OFFLINE": "1"}
    assert count == len([*online(subject(job=job, environ=environ))])
