"""Does each kind of answer, and of silence, have its words and something to do?"""

import pytest

from nimprofile.base.web.faults import Fault, WebError
from nimprofile.doctor.finding import Status
from nimprofile.doctor.network.answers import no_answer, of_status


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        (200, Status.OK),
        *((status, Status.FAILED) for status in (401, 402, 403, 451)),
        *((status, Status.UNKNOWN) for status in (204, 400, 404, 418, 429, 500, 502, 599)),
    ],
)
def test_a_status_says_whether_a_key_is_accepted_refused_or_neither(status, ends):
    finding = of_status("NGC", status, expired=False)
    assert ends is finding.status
    assert ("accepts the key" in finding.finding) is (status == 200)


@pytest.mark.parametrize("what", ["NGC", "Hugging Face"])
def test_a_key_that_has_expired_is_renewed_where_it_was_made(what):
    finding = of_status(what, 401, expired=True)
    assert f"{what} says that the key has expired (status 401)" == finding.finding
    assert ("org.ngc.nvidia.com" in finding.fix) is (what == "NGC")


def test_the_word_expired_in_an_answer_of_another_status_says_nothing():
    assert Status.OK is of_status("NGC", 200, expired=True).status
    assert Status.UNKNOWN is of_status("NGC", 500, expired=True).status


@pytest.mark.parametrize("fault", Fault)
def test_every_way_not_to_be_answered_says_nothing_of_the_key_and_has_something_to_do(fault):
    finding = no_answer("NGC", WebError(fault, "https://api.example: it is so"))
    assert Status.UNKNOWN is finding.status
    assert finding.finding.endswith(": https://api.example: it is so")
    assert finding.fix


def test_no_network_tls_and_a_proxy_are_told_apart():
    fixes = {
        no_answer("NGC", WebError(fault, "x")).fix
        for fault in (Fault.NAME, Fault.TLS, Fault.PROXY, Fault.NOT_HTTP)
    }
    assert 4 == len(fixes)
