"""Whatever stands in the environment, the checks give findings, and none has a secret of it."""

import base64

from hypothesis import given, strategies as st

from nimprofile import Server, mock_inventory
from nimprofile.doctor.finding import Finding
from nimprofile.doctor.machine.links import nvlink_finding
from nimprofile.doctor.network.keys import CLI_KEY, TOKENS, hf_token_finding, ngc_key_findings
from nimprofile.doctor.network.proxies import proxy_findings
from nimprofile.doctor.settings.nim_variables import nim_variable_findings
from nimprofile.doctor.settings.visibility import visibility_findings
from nimprofile.hardware.visible_devices import visible
from nimprofile.launch.servers.nim import KEY

MACHINE = mock_inventory("4xh100")
PROXIES = [f"{name}_proxy" for name in ("http", "https", "all", "no")] + [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
]
SECRET = "Zq9" * 8
TEXTS = st.text(st.characters(blacklist_characters="\0", max_codepoint=0x2FF), max_size=40)
VALUES = st.one_of(
    TEXTS,
    st.sampled_from(["", "all", "none", "void", "0,1", "-1", "0,0", "compute", "1", "localhost"]),
    st.builds("{}{}{}".format, TEXTS, st.just(SECRET), TEXTS),
    st.builds("nvapi-{}{}".format, st.just(SECRET), TEXTS),
    st.builds("http://u:{}@{}".format, st.just(SECRET), TEXTS),
    st.binary(max_size=40).map(lambda data: base64.b64encode(data + SECRET.encode()).decode()),
)
SECRETS = (KEY, CLI_KEY, *TOKENS, *PROXIES, "NIM_ANYTHING", "NIM_MODEL_PROFIL")
OTHERS = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES")
ENVIRONMENTS = st.dictionaries(st.sampled_from(SECRETS), VALUES)


def every_finding(environ):
    """What the checks find that look at variables alone."""
    yield from ngc_key_findings(environ)
    yield hf_token_finding(environ | {"HF_HOME": "/nowhere"})
    for server in (None, Server.NIM, Server.VLLM):
        yield from proxy_findings(environ, server)
    yield from nim_variable_findings(environ)
    yield from visibility_findings(environ, visible(MACHINE, environ))
    yield nvlink_finding(MACHINE, MACHINE.gpus[:2], environ)


@given(ENVIRONMENTS)
def test_no_finding_has_a_key_a_token_or_the_address_of_a_proxy(environ):
    for finding in every_finding(environ):
        assert SECRET not in finding.finding + finding.fix


@given(st.dictionaries(st.sampled_from((*SECRETS, *OTHERS, "CUDA_DEVICE_ORDER")), VALUES))
def test_every_environment_has_findings_of_one_line(environ):
    findings = [*every_finding(environ)]
    assert {"ngc key", "hf token", "proxy", "nim variables", "visibility", "nvlink"} == {
        each.check for each in findings
    }
    for each in findings:
        assert isinstance(each, Finding)
        assert each.finding
        assert "\n" not in each.finding + each.fix
