"""Laws of locks: what is written is read back, and drift is just what starts something else."""

from hypothesis import assume, given, strategies as st

from nimprofile import Lock, LockError, drift, lock_of, lock_text, parse_lock, select
from nimprofile.testing import inventories, requests, situations
from tests.support.lock.locks import make_lock

TEXT = lock_text(make_lock())
PIECES = st.sampled_from(
    [
        *("", "\n", ": ", "- ", "{", "]", "&a", "*a", "'", "\x00", "\x1b", "\ud800", "9" * 5000),
        *("null", "~", "true", "1.0", "-1", "  ", "\t", "#", "|", "é", "lock_version", "choice:"),
    ]
)


def _decision(situation, **changes):
    values = {"inventory": situation.inventory, "request": situation.request} | changes
    return select(situation.manifest, values["inventory"], values["request"])


def _locked(situation, **options):
    decision = _decision(situation)
    assume(decision.selected is not None)
    return lock_of(decision, situation.manifest, **options)


def _id(decision):
    return None if decision.selected is None else decision.selected.profile.id


@given(situations())
def test_a_lock_is_read_back_as_it_was_written(situation):
    lock = _locked(situation, words=("--gpus", "8xh100"), uuids=True)
    text = lock_text(lock)
    assert lock == parse_lock(text)
    assert text == lock_text(parse_lock(text))


@given(situations())
def test_on_the_same_machine_nothing_has_moved(situation):
    lock = _locked(situation)
    assert drift(lock, _decision(situation), situation.manifest).unchanged


@given(situations(), inventories(), st.data())
def test_another_choice_is_drift_with_a_cause_and_without_it_is_none(situation, inventory, data):
    lock = _locked(situation)
    changes = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "inventory": st.just(inventory),
                "request": requests(manifest=situation.manifest),
            },
        )
    )
    after = _decision(situation, **changes)
    found = drift(lock, after, situation.manifest)
    if _id(after) != lock.choice.id:
        assert found.drifted
        assert found.at
        assert found.why
    assert not drift(lock, _decision(situation), situation.manifest).drifted


@given(situations(), st.data())
def test_a_profile_that_is_gone_is_drift_and_one_that_never_ran_is_not(situation, data):
    assume(situation.request.pin is None)
    manifest, inventory, request = situation
    # `auto` may take another policy for fewer profiles.
    decision = select(manifest, inventory, request, "nim")
    assume(decision.selected is not None and len(manifest.profiles) > 1)
    lock = lock_of(decision, manifest)
    dropped = data.draw(st.sampled_from(manifest.profiles)).id
    left = tuple(profile for profile in manifest.profiles if profile.id != dropped)
    fewer = manifest.replace(profiles=left)
    found = drift(lock, select(fewer, inventory, request, "nim"), fewer)
    assert found.drifted is (dropped == lock.choice.id)
    assert "manifest digest" in {edit.what for edit in found.causes}


@given(st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, 40), PIECES), max_size=4))
def test_a_damaged_lock_is_read_or_refused_with_a_sentence(damages):
    text = TEXT
    for at, length, piece in damages:
        text = text[:at] + piece + text[at + length :]
    said = ""
    try:
        assert isinstance(parse_lock(text, "x.lock"), Lock)
    except LockError as error:
        said = str(error)
    assert said == "" or said.startswith("x.lock")
    assert "\n" not in said
    assert len(said) < 1000
