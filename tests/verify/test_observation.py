"""What was seen of a server, as a value."""

from nimprofile.verify.observation import Fact, Observation


def test_an_observation_keeps_the_line_that_told_it():
    line = "INFO Selected profile: abc (vllm-bf16-tp4)"
    seen = Observation(Fact.TP, 4, "nim.log", place="line 7", text=line)
    assert {
        "fact": "tp",
        "value": 4,
        "source": "nim.log",
        "place": "line 7",
        "text": line,
        "process": "",
    } == (seen.to_dict())
