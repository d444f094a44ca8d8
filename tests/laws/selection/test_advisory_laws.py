"""Known issues warn, and change no choice unless they are to be avoided; then none is chosen."""

from unittest import mock

from hypothesis import given, strategies as st

from nimprofile import Request, Serving, mock_inventory, select
from nimprofile.selection import decision as deciding
from nimprofile.selection.request import Pin
from nimprofile.selection.warnings import Advised
from tests.support.builders import make_manifest, make_profile

TAGS = st.fixed_dictionaries(
    {
        "llm_engine": st.sampled_from(["vllm", "sglang", "tensorrt_llm"]),
        "precision": st.sampled_from(["fp8", "nvfp4", "mxfp4", "bf16"]),
        "tp": st.sampled_from(["1", "2", "4"]),
        "pp": st.sampled_from(["1", "2"]),
    }
)
MODELS = st.sampled_from(
    [None, "meta/llama-3.3-70b-instruct", "openai/gpt-oss-120b", "google/gemma-4-26b"]
)
BOARDS = ("h100", "b200", "rtx6000_blackwell_sv", "rtx5090", "dgx_spark", "gb200")
VERSIONS = st.sampled_from([None, "0.11.1", "0.12.0", "0.20.0", "0.25.0", "0.28.0", "1.3.0rc24"])


@st.composite
def situations(draw):
    """A manifest, a machine and wishes of which many have a known issue."""
    rows = draw(
        st.lists(TAGS, min_size=1, max_size=8, unique_by=lambda tags: str(sorted(tags.items())))
    )
    profiles = [make_profile(f"p{at}", **tags) for at, tags in enumerate(rows)]
    manifest = make_manifest(*profiles).replace(model=draw(MODELS))
    boards = draw(st.lists(st.sampled_from(BOARDS), min_size=1, max_size=2, unique=True))
    driver = draw(st.sampled_from([None, "570.133.20", "570.86.15", "595.71.05"]))
    box = mock_inventory(",".join(f"4x{board}" for board in boards))
    request = Request(
        nim=draw(st.sampled_from([None, "1.12.2", "1.13.1", "1.15.5", "2.0.2"])),
        serving=Serving(engine_version=draw(VERSIONS)),
        avoid_advised=draw(st.booleans()),
    )
    return manifest, box.replace(driver_version=driver), request


def decide(situation, **changes):
    manifest, inventory, request = situation
    return select(manifest, inventory, request.replace(**changes))


def chosen(decision):
    """What becomes of each profile, and on which GPUs."""
    return [(each.profile.id, each.gpus) for each in (*decision.ranked, *decision.rejected)]


def avoided(verdict):
    return any(known.avoidable for known in verdict.advisories)


@given(situations())
def test_to_be_told_of_issues_changes_no_choice(situation):
    with mock.patch.object(deciding, "_advised", return_value=lambda *_: ()):
        unaware = decide(situation, avoid_advised=False)
    aware = decide(situation, avoid_advised=False)
    assert chosen(unaware) == chosen(aware)
    assert [] == [one for one in unaware.warnings if isinstance(one, Advised)]


@given(situations())
def test_the_issues_of_the_selected_profile_are_warnings(situation):
    decision = decide(situation)
    told = [one.advisory for one in decision.warnings if isinstance(one, Advised)]
    assert [*(() if decision.selected is None else decision.selected.advisories)] == told


@given(situations())
def test_to_avoid_issues_takes_away_the_profiles_that_have_one_on_all_gpus_and_no_other(situation):
    free, careful = (decide(situation, avoid_advised=avoid) for avoid in (False, True))
    assert not any(map(avoided, careful.ranked))
    kept = [each.profile.id for each in careful.ranked]
    assert kept == [each.profile.id for each in free.ranked if each.profile.id in kept]
    lost = [each for each in free.ranked if each.profile.id not in kept]
    assert all(map(avoided, lost))
    kinds = {each.profile.id: {reason.kind for reason in each.reasons} for each in careful.rejected}
    assert all(kinds[each.profile.id] == {"advised"} for each in lost)


@given(situations(), st.data())
def test_a_pin_sets_them_aside(situation, data):
    free = decide(situation, avoid_advised=False)
    ids = [each.profile.id for each in free.ranked]
    if ids:
        pin = Pin(data.draw(st.sampled_from(ids)))
        pinned = decide(situation, avoid_advised=True, pin=pin)
        assert pinned.selected is not None
        assert pin.value == pinned.selected.profile.id
