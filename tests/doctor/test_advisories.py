"""Known issues of what would be started are warnings, each with what to do."""

from nimprofile import Request, mock_inventory, select
from nimprofile.doctor.advisories import advisories
from nimprofile.doctor.problems import NO_PROFILE
from tests.support.builders import make_manifest, make_profile
from tests.support.doctor.subjects import host, served, told

B200 = mock_inventory("1xb200").replace(driver_version="570.133.20")
FP8 = make_profile("id", name="an-fp8", llm_engine="vllm", precision="fp8", tp="1", pp="1")


def selected(inventory, request=None, manifest=None):
    manifest = manifest or make_manifest(FP8).replace(model="acme/some-model")
    decision = select(manifest, inventory, request or Request())
    return host(inventory=inventory, manifest=manifest, decision=decision)


def test_one_that_applies_is_a_warning_with_what_to_do():
    warning, *others = advisories(selected(B200, Request(nim="2.0.12")))
    assert "warning" == warning.status
    assert warning.finding.startswith("hangs: the driver hangs after 66 days (driver-b200-570-66")
    assert "restart the host before that, or ask for a fixed driver" == warning.fix
    assert all(each.status == "unknown" for each in others)


def test_those_that_may_apply_are_one_finding_with_what_is_not_known():
    (finding,) = advisories(selected(mock_inventory("1xrtx6000_blackwell_sv")))
    assert "unknown" == finding.status
    assert finding.finding.startswith("the version of vllm is not known, so these issues may apply")
    assert "vllm-0.28-fp8-capability-12" in finding.finding


def test_where_none_is_known_that_is_said():
    box = mock_inventory("1xh100").replace(driver_version="580.65.06")
    text = "no issue of an-fp8 is known on these GPUs"
    assert [("ok", text)] == told(advisories(selected(box, Request(nim="1.14.0"))))


def test_without_a_profile_there_are_those_of_the_driver():
    (finding,) = advisories(host(inventory=B200))
    assert ("warning", True) == (finding.status, "driver-b200-570-66-days" in finding.finding)


def test_a_driver_that_is_not_known_may_have_them():
    (finding,) = advisories(host(inventory=mock_inventory("2xb200,1xl4")))
    assert "unknown" == finding.status
    assert finding.finding.startswith("the version of the driver is not known")


def test_without_a_profile_and_without_such_a_driver_it_is_skipped():
    for subject in (host(), host(inventory=mock_inventory("1xh100"))):
        assert [("skipped", NO_PROFILE)] == told(advisories(subject))


def test_a_profile_that_is_to_be_started_is_looked_at():
    statuses = {each.status for each in advisories(served())}
    assert statuses <= {"ok", "unknown"}
