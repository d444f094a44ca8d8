"""A criterion added from outside: `because`, `--prefer` and JSON know it with no edit elsewhere."""

import json
import pickle

import pytest

from nimprofile import (
    POLICIES,
    Criterion,
    RequestError,
    decision_to_dict,
    mock_inventory,
    parse_manifest,
    prefer,
    select,
)
from nimprofile.cli.main import main
from nimprofile.selection.rank import Count, OneOf

TAGS = {"llm_engine": "vllm", "precision": "bf16", "tp": "1", "pp": "1"}
PROFILES = [
    {"id": "a", "tags": TAGS | {"licence": "open", "seats": "2"}},
    {"id": "b", "tags": TAGS | {"licence": "paid", "seats": "9"}},
    {"id": "c", "tags": TAGS},
]
GPUS = "1xh100"


def licence(verdict):
    return verdict.profile.tags.get("licence", "unclear")


def open_first(verdict):
    return int(licence(verdict) != "open")


def seats(verdict):
    count = verdict.profile.tags.get("seats")
    return None if count is None else int(count)


def fewest_seats(verdict):
    return seats(verdict) or 1


def describe_seats(verdict):
    return f"{seats(verdict) or '?'} seats"


LICENCE = Criterion(
    "licence",
    open_first,
    "an open licence",
    source="the test",
    describe=licence,
    accepts=OneOf(("open", "paid", "unclear"), licence),
)
SEATS = Criterion(
    "seats",
    fewest_seats,
    "the fewest seats",
    source="the test",
    describe=describe_seats,
    accepts=Count(seats),
)


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "manifest.yaml"
    path.write_text(json.dumps({"profiles": PROFILES}), encoding="utf-8")
    return path


@pytest.fixture
def with_criteria(monkeypatch):
    """A policy of one's own beside the others, which looks at the licence and at the seats first."""
    nim = POLICIES["nim"]
    own = nim.replace(name="own", criteria=(LICENCE, SEATS, *nim.criteria), about="Ours.")
    monkeypatch.setitem(POLICIES, "own", own)


@pytest.fixture
def run(capsys, manifest, with_criteria):
    def run(*argv):
        code = main([argv[0], "--manifest", str(manifest), "--gpus", GPUS, *argv[1:]])
        done = capsys.readouterr()
        return code, done.out, done.err

    return run


def because(text):
    (line,) = (line for line in text.splitlines() if line.startswith("because"))
    return line.removeprefix("because").strip()


@pytest.mark.parametrize(
    ("options", "chosen", "said"),
    [
        (["--policy", "own"], "a", "licence: open before unclear"),
        (["--prefer", "licence"], "a", "licence: open before paid"),
        (["--prefer", "licence=paid"], "b", "licence: paid before open"),
        (["--prefer", "seats"], "c", "seats: ? seats before 2 seats"),
        (["--prefer", "seats=high"], "b", "seats: 9 seats before 2 seats"),
        (["--prefer", "seats=low"], "c", "seats: ? seats before 2 seats"),
        (["--prefer", "seats=2"], "a", "seats: 2 seats before ? seats"),
    ],
)
def test_because_is_worded_by_the_criterion(run, options, chosen, said):
    code, out, _ = run("select", *options)
    assert (0, chosen) == (code, out.split("id ")[1].split()[0])
    assert because(out).startswith(f"{said};")


def test_explain_and_policies_name_it(run, capsys):
    assert "licence puts it before" in run("explain", "a", "--policy", "own")[1]
    main(["policies"])
    assert "licence" in capsys.readouterr().out
    main(["policies", "--json"])
    (own,) = (policy for policy in json.loads(capsys.readouterr().out) if policy["name"] == "own")
    assert {"name": "licence", "prefers": "an open licence", "source": "the test"} == (
        own["criteria"][0]
    )


def test_json_has_what_each_verdict_shows_at_it(run):
    deciding = json.loads(run("select", "--policy", "own", "--json")[1])["deciding"]
    assert {
        "criterion": "licence",
        "prefers": "an open licence",
        "over": "c",
        "better": "open",
        "worse": "unclear",
    } == deciding


@pytest.mark.parametrize(
    ("chain", "problem"),
    [
        ("licence=free", "--prefer: licence=free is not one of open, paid, unclear"),
        ("seats=some", "--prefer: seats takes low, high or a number, not 'some'"),
        ("nonsense", "pp, variant, name, id, licence, seats"),
    ],
)
def test_prefer_says_which_values_it_takes(run, chain, problem):
    code, _, err = run("select", "--prefer", chain)
    assert code
    assert problem in err


def test_a_criterion_that_takes_no_value_says_so(monkeypatch):
    plain = LICENCE.replace(accepts=None)
    base = POLICIES["nim"].replace(criteria=(plain, *POLICIES["nim"].criteria))
    with pytest.raises(RequestError, match="--prefer: licence takes no value; write just licence"):
        prefer("licence=open", base)


def test_a_criterion_without_its_words_is_refused_where_it_is_made():
    with pytest.raises(TypeError, match="Criterion is missing describe"):
        Criterion("licence", open_first, "an open licence", source="the test")


def test_a_decision_by_it_is_pickled_and_comes_back_the_same(with_criteria):
    policy = prefer("licence=paid,seats=2,tp=low", POLICIES["own"])
    parsed = parse_manifest(json.dumps({"profiles": PROFILES}))
    decision = select(parsed, mock_inventory(GPUS), policy=policy)
    again = pickle.loads(pickle.dumps(decision))
    assert again == decision
    assert decision_to_dict(again) == decision_to_dict(decision)
