"""Does a difference name what was added, is gone and changed, and what becomes of the selection?"""

import pytest

from nimprofile import mock_inventory
from nimprofile.authoring.diff import diff, selection_change
from nimprofile.manifest.reader import manifest_of
from nimprofile.selection.policies import POLICIES
from nimprofile.selection.ranking.preference import prefer
from nimprofile.selection.request import Request
from tests.support.model_configs import LLAMA_8B

GENERIC = {"llm_engine": "vllm", "precision": "bf16", "tp": "1", "pp": "1", "feat_lora": "false"}


def profile(id="a", *, name=None, requires=None, **changes):
    tags = {tag: text for tag, text in (GENERIC | changes).items() if text is not None}
    own = {"name": name, "requires": requires}
    return {"id": id, "tags": tags} | {key: each for key, each in own.items() if each is not None}


def manifest(*profiles, **head):
    return manifest_of({"profiles": [*profiles] or [profile()], **head}, "test")


def edits(found):
    """What is said otherwise in the head, or of the only changed profile."""
    of = found.head
    if not of:
        (changed,) = found.changed
        of = changed.edits
    return [(edit.what, edit.old, edit.new) for edit in of]


def counts(found):
    return [[each.id for each in found.added], [each.id for each in found.gone], found.same]


# Profiles.


def test_a_manifest_is_the_same_as_itself():
    one = manifest(profile("a"), profile("b", tp="2"), model="org/m", model_shape=LLAMA_8B)
    found = diff(one, one)
    assert found.empty
    assert ((), (), (), (), 2) == (found.head, found.added, found.gone, found.changed, found.same)


def test_the_order_of_profiles_and_the_source_are_no_change():
    profiles = profile("a"), profile("b", tp="2")
    first, second = manifest(*profiles), manifest(*reversed(profiles))
    assert diff(first, second.replace(source="elsewhere")).empty


def test_a_profile_that_is_new_is_added():
    found = diff(manifest(profile("a")), manifest(profile("b", tp="2"), profile("a")))
    assert [["b"], [], 1] == counts(found)
    assert not found.empty


def test_a_profile_that_is_not_there_any_more_is_gone():
    found = diff(manifest(profile("b", tp="2"), profile("a")), manifest(profile("a")))
    assert [[], ["b"], 1] == counts(found)
    assert not found.empty


def test_what_is_added_is_what_is_gone_the_other_way_round():
    first = manifest(profile("a"), profile("b", tp="2"), profile("c", tp="4"))
    second = manifest(profile("a"), profile("d", precision="fp8"))
    forth, back = diff(first, second), diff(second, first)
    assert (forth.added, forth.gone) == (back.gone, back.added)
    assert [["d"], ["b", "c"], 1] == counts(forth)


@pytest.mark.parametrize(
    ("changes", "edit"),
    [
        pytest.param({"tp": "2"}, ("tags.tp", "1", "2"), id="a tag changed"),
        pytest.param({"gpu": "h100"}, ("tags.gpu", None, "h100"), id="a tag more"),
        pytest.param({"pp": None}, ("tags.pp", "1", None), id="a tag less"),
        pytest.param(
            {"requires": {"driver": ">=550"}},
            ("requires.driver", None, ">=550"),
            id="a requirement",
        ),
        pytest.param(
            {"requires": {"memory_gib_per_gpu": 20}},
            ("requires.memory_gib_per_gpu", None, "20.0"),
            id="a memory",
        ),
    ],
)
def test_a_profile_of_the_same_id_says_what_changed(changes, edit):
    old, new = manifest(profile(name="n")), manifest(profile(name="n", **changes))
    found = diff(old, new)
    assert [edit] == edits(found)
    assert [[], [], 0] == counts(found)
    what, before, after = edit
    assert [(what, after, before)] == edits(diff(new, old))


def test_a_profile_of_the_same_id_and_another_name_is_changed():
    old, new = manifest(profile(name="old")), manifest(profile(name="new"))
    assert [("name", "old", "new")] == edits(diff(old, new))


def test_a_profile_without_a_name_of_its_own_is_called_by_its_tags():
    assert [
        ("name", "vllm-bf16-tp1-pp1", "vllm-bf16-tp2-pp1"),
        ("tags.tp", "1", "2"),
    ] == edits(diff(manifest(profile()), manifest(profile(tp="2"))))


def test_a_profile_of_the_same_name_and_another_id_is_changed():
    found = diff(manifest(profile("old")), manifest(profile("new", gpu_device="2330:10de")))
    assert [("id", "old", "new"), ("tags.gpu_device", None, "2330:10de")] == edits(found)
    assert [[], [], 0] == counts(found)


def test_the_same_id_comes_before_the_same_name():
    old = manifest(profile("a", name="x"), profile("b", name="y"))
    new = manifest(profile("a", name="y"), profile("c", name="x"))
    found = diff(old, new)
    assert [["c"], ["b"], 0] == counts(found)
    assert [("name", "x", "y")] == edits(found)


@pytest.mark.parametrize("several", ["old", "new"])
def test_a_name_of_several_profiles_is_no_hint(several):
    one, two = [profile("a", name="x")], [profile("b", name="x"), profile("c", name="x")]
    old, new = (two, one) if several == "old" else (one, two)
    added, gone = [each["id"] for each in new], [each["id"] for each in old]
    assert [added, gone, 0] == counts(diff(manifest(*old), manifest(*new)))


# The head.


@pytest.mark.parametrize(
    ("old", "new", "edit"),
    [
        pytest.param({"model": "a"}, {"model": "b"}, ("model", "a", "b"), id="another model"),
        pytest.param({}, {"model": "b"}, ("model", None, "b"), id="a model"),
        pytest.param(
            {"engine_version": "0.9"}, {"engine_version": "1.0"}, ("engine_version", "0.9", "1.0")
        ),
        pytest.param(
            {"model_shape": LLAMA_8B},
            {"model_shape": LLAMA_8B | {"num_hidden_layers": 16}},
            ("model_shape: parameters", "8,030,261,248", "4,540,469,248"),
            id="another shape",
        ),
        pytest.param(
            {},
            {"model_shape": LLAMA_8B | {"checkpoint_bytes": 16_060_522_496}},
            ("model_shape", None, "llama, 8,030,261,248 parameters"),
            id="a shape",
        ),
        pytest.param(
            {"checkpoints": [{"name": "m", "model_shape": LLAMA_8B}]},
            {"checkpoints": [{"name": "n", "model_shape": LLAMA_8B}]},
            [
                ("checkpoint m", "llama, 8,030,261,248 parameters", None),
                ("checkpoint n", None, "llama, 8,030,261,248 parameters"),
            ],
            id="another checkpoint",
        ),
        pytest.param(
            {"checkpoints": [{"name": "m", "model_shape": LLAMA_8B}]},
            {"checkpoints": [{"name": "m", "model_shape": LLAMA_8B | {"vocab_size": 32000}}]},
            ("checkpoint m: parameters", "8,030,261,248", "7,241,732,096"),
            id="another shape of a checkpoint",
        ),
        pytest.param(
            {"model_shape": LLAMA_8B},
            {"model_shape": LLAMA_8B | {"max_position_embeddings": 4096}},
            ("model_shape: max_position_embeddings", "131,072", "4,096"),
            id="another context",
        ),
        pytest.param(
            {"model_shape": LLAMA_8B},
            {"model_shape": LLAMA_8B | {"quantization_config": {"quant_method": "fp8"}}},
            ("model_shape: quantization", "none", "fp8"),
            id="quantised",
        ),
        pytest.param(
            {"model_shape": LLAMA_8B},
            {"model_shape": LLAMA_8B | {"tie_word_embeddings": True, "vocab_size": 256512}},
            ("model_shape", "llama, 8,030,261,248 parameters", "other layers"),
            id="other layers of as many parameters",
        ),
        pytest.param(
            {"checkpoints": [{"name": "m", "path": "/a", "model_shape": LLAMA_8B}]},
            {"checkpoints": [{"name": "m", "path": "/b", "model_shape": LLAMA_8B}]},
            ("checkpoint m: path", "/a", "/b"),
            id="another path",
        ),
        pytest.param(
            {"model_shape": LLAMA_8B},
            {"checkpoints": [{"name": "m", "model_shape": LLAMA_8B}]},
            [
                ("model_shape", "llama, 8,030,261,248 parameters", None),
                ("checkpoint m", None, "llama, 8,030,261,248 parameters"),
            ],
            id="a shape becomes a checkpoint",
        ),
    ],
)
def test_the_head_says_what_changed(old, new, edit):
    found = diff(manifest(**old), manifest(**new))
    assert (edit if isinstance(edit, list) else [edit]) == edits(found)
    assert ([[], [], 1], False) == (counts(found), found.empty)


def test_a_shape_of_five_figures_is_told_as_figures():
    shape = {"parameters": 8_030_261_248, "num_hidden_layers": 32, "num_key_value_heads": 8}
    shape |= {"head_dim": 128, "max_position_embeddings": 131_072}
    found = diff(manifest(), manifest(model_shape=shape))
    assert [("model_shape", None, "figures, 8,030,261,248 parameters")] == edits(found)


# The selection.


def changed(old, new, gpus="2xh100", policy=POLICIES["nim"], **request):
    inventory, wanted = mock_inventory(gpus), Request(**request)
    return selection_change(manifest(*old), manifest(*new), inventory, wanted, policy)


def selected(decision):
    return decision.selected and decision.selected.profile.id


def test_the_same_manifest_selects_the_same():
    one = [profile("a"), profile("b", precision="fp8")]
    change = changed(one, one)
    assert (False, "", "b", "b") == (
        change.changes,
        change.why,
        selected(change.old),
        selected(change.new),
    )


def test_a_profile_more_that_does_not_win_changes_nothing():
    old = [profile("a", precision="fp8")]
    change = changed(old, [*old, profile("b")])
    assert (False, "", "a") == (change.changes, change.why, selected(change.new))


def test_a_profile_that_is_rejected_now_says_why():
    old = [profile("a", precision="fp8", name="x"), profile("b", name="y")]
    worse = profile("a", precision="fp8", name="x", requires={"compute_capability": ">=10.0"})
    change = changed(old, [worse, old[1]])
    assert (True, "a", "b") == (change.changes, selected(change.old), selected(change.new))
    assert "no longer runs: requires compute capability >=10.0; GPUs 0-1 have 9.0" == change.why


def test_a_profile_that_is_rejected_now_says_why_where_nothing_else_runs():
    change = changed([profile("a")], [profile("a", tp="4")])
    assert (True, "a", None) == (change.changes, selected(change.old), selected(change.new))
    assert change.why.startswith("no longer runs: needs 4 GPUs")


def test_a_profile_that_is_beaten_names_the_criterion():
    old = [profile("a")]
    change = changed(old, [*old, profile("b", precision="fp8")])
    assert (True, "a", "b") == (change.changes, selected(change.old), selected(change.new))
    assert change.why.startswith("comes behind on precision: ")


def test_a_profile_that_is_gone_says_so():
    change = changed([profile("a", precision="fp8"), profile("b")], [profile("b")])
    assert (True, "a", "b", "is gone") == (
        change.changes,
        selected(change.old),
        selected(change.new),
        change.why,
    )


def test_a_profile_where_nothing_ran_before_needs_no_reason():
    change = changed([profile("a", tp="8")], [profile("a", tp="8"), profile("b")])
    assert (True, None, "b", "") == (
        change.changes,
        selected(change.old),
        selected(change.new),
        change.why,
    )


def test_nothing_runs_before_and_after():
    change = changed([profile("a", tp="8")], [profile("b", tp="16")])
    assert (False, "") == (change.changes, change.why)


def test_the_same_profile_on_more_gpus_is_a_change():
    change = changed([profile("a", name="n")], [profile("a", name="n", tp="2")])
    assert (True, "a", "a", "") == (
        change.changes,
        selected(change.old),
        selected(change.new),
        change.why,
    )
    assert ((0,), (0, 1)) == (change.old.selected.gpus, change.new.selected.gpus)


def test_the_request_is_heard_in_both():
    old = [profile("a"), profile("l", feat_lora="true")]
    new = [profile("a"), profile("l", feat_lora="true"), profile("b", precision="fp8")]
    assert changed(old, new).changes
    assert not changed(old, new, lora=True).changes


@pytest.mark.parametrize(("objective", "id"), [("latency", "a"), ("throughput", "b")])
def test_the_policy_is_heard_in_both(objective, id):
    old = [profile("a", profile="latency"), profile("b", profile="throughput")]
    change = changed(old, old, policy=prefer(f"objective={objective}", POLICIES["nim"]))
    assert (id, id, False) == (selected(change.old), selected(change.new), change.changes)
