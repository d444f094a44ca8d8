"""Arguments that decide ranks: what changes nothing stays, and the others say what to do instead.

That as many GPUs are asked for as ranks start is a law: `tests/laws/launch/test_parallel_laws.py`.
"""

import pytest

from nimprofile import LaunchError, Server
from nimprofile.launch.judged.ranks import DECIDED_RANKS, fix_of_ranks
from nimprofile.launch.server_spec import server_spec
from tests.support.launch.cases import plan_for

ON_NODES = "leave it out; render k8s starts a server that spans several nodes"
SEVERAL = "leave it out; several servers are several starts, render --replicas"
REFUSED = [
    (Server.VLLM, ("-dpl", "2"), SEVERAL),
    (Server.VLLM, ("--data-parallel-size-local=0",), SEVERAL),
    (Server.VLLM, ("-dpn", "0"), SEVERAL),
    (Server.VLLM, ("-dpr", "1"), SEVERAL),
    (Server.VLLM, ("-dph",), SEVERAL),
    (Server.VLLM, ("-dpe",), SEVERAL),
    (Server.VLLM, ("--enable-elastic-ep",), SEVERAL),
    (Server.VLLM, ("-r1",), ON_NODES),
    (Server.VLLM, ("--headless",), ON_NODES),
    (Server.VLLM, ("--device", "cpu"), "leave it out: GPUs were judged"),
    (
        Server.VLLM,
        ("--distributed-executor-backend", "uni"),
        "leave it out: it does not start 2 ranks",
    ),
    (
        Server.VLLM,
        ("--distributed-executor-backend=external_launcher",),
        "leave it out: it does not start 2 ranks",
    ),
    (
        Server.SGLANG,
        ("--dp", "2"),
        "leave it out, for several servers are several starts, or add --enable-dp-attention",
    ),
    (
        Server.SGLANG,
        ("--dp", "4", "--enable-dp-attention"),
        "name a divisor of tensor parallelism, 2, whose GPUs it shares",
    ),
    (Server.VLLM, ("-dcp", "4"), "name a divisor of tensor parallelism, 2, whose GPUs it shares"),
    (Server.VLLM, ("-dcp", "0"), "name a divisor of tensor parallelism, 2, whose GPUs it shares"),
    (Server.VLLM, ("-pcp", "2"), "leave it out: no profile is judged with it"),
    (
        Server.SGLANG,
        ("--ep", "3"),
        "name a divisor of tensor parallelism, 2, whose GPUs it shares",
    ),
    (Server.SGLANG, ("--moe-dp-size", "2"), "leave it out: no profile is judged with it"),
    (
        Server.SGLANG,
        ("--base-gpu-id", "1"),
        "leave it out: the server is shown the GPUs that were selected, and takes each of them",
    ),
    (
        Server.SGLANG,
        ("--gpu-id-step", "2"),
        "leave it out: the server is shown the GPUs that were selected, and takes each of them",
    ),
    (
        Server.TENSORRT_LLM,
        ("--moe_expert_parallel_size", "4"),
        "name a divisor of tensor parallelism, 2, whose GPUs it shares",
    ),
    (
        Server.TENSORRT_LLM,
        ("--gpus_per_node", "1"),
        "leave it out: 2 GPUs of one machine are taken",
    ),
]
KEPT = [
    (Server.VLLM, ("-dpl", "1")),
    (Server.VLLM, ("--node-rank", "0")),
    (Server.VLLM, ("--no-headless",)),
    (Server.VLLM, ("--enable-expert-parallel",)),
    (Server.VLLM, ("--distributed-executor-backend", "ray")),
    (Server.VLLM, ("--device", "cuda")),
    (Server.SGLANG, ("--enable-dp-attention",)),
    (Server.SGLANG, ("--dp-size", "1", "--enable-dp-attention")),
    (Server.SGLANG, ("--ep-size", "2")),
    (Server.SGLANG, ("--base-gpu-id=0",)),
    (Server.TENSORRT_LLM, ("--ep_size", "2")),
    (Server.TENSORRT_LLM, ("--gpus_per_node", "8")),
]


@pytest.mark.parametrize(("server", "extra", "fix"), REFUSED)
def test_what_would_start_other_ranks_is_refused_with_the_fix(server, extra, fix):
    with pytest.raises(LaunchError) as caught:
        plan_for(server, "tp2", extra=extra)
    assert str(caught.value).startswith(f"your {extra[0]}")
    assert str(caught.value).endswith(f": {fix}")


@pytest.mark.parametrize(("server", "extra"), KEPT)
def test_what_starts_the_same_ranks_stays(server, extra):
    assert extra == plan_for(server, "tp2", extra=extra).argv[-len(extra) :]


@pytest.mark.parametrize(
    ("server", "extra", "said"),
    [
        (Server.VLLM, ("-dcp", "2"), "-dcp 2 (--decode-context-parallel-size 2)"),
        (Server.TRITON, ("--decode-context-parallel-size", "2"), None),
        (Server.SGLANG, ("--dcp-size=2",), "--dcp-size=2"),
        (Server.SGLANG, ("--enable-dp-attention", "--dp-size", "2"), "--dp-size 2"),
        (Server.SGLANG, ("--dp", "2", "--enable-dp-att"), "--dp 2 (--dp-size 2)"),
    ],
)
def test_what_the_ranks_share_stays_with_a_note(server, extra, said):
    where = "passthrough" if server is Server.TRITON else "extra"
    plan = plan_for(server, "tp2", **{where: extra})
    note = f"your {said or ' '.join(extra)} is shared by the GPUs; memory was judged without it"
    assert [note] == [each for each in plan.notes if "shared" in each]


@pytest.mark.parametrize("extra", [("-dcp", "1"), ("--enable-expert-parallel",)])
def test_what_changes_nothing_needs_no_note(extra):
    assert plan_for(Server.VLLM, "tp2").notes == plan_for(Server.VLLM, "tp2", extra=extra).notes


def test_one_rank_may_be_started_in_the_process_itself():
    extra = ("--distributed-executor-backend", "uni")
    assert extra == plan_for(Server.VLLM, "tp1", extra=extra).argv[-2:]


def test_a_beginning_of_several_flags_is_refused():
    with pytest.raises(LaunchError) as caught:
        plan_for(Server.VLLM, extra=("--data-parallel", "4"))
    assert (
        "your --data-parallel 4 may be --data-parallel-size or "
        "--data-parallel-multi-port-external-lb: write the flag out, as engines take no beginning "
        "of several"
    ) == str(caught.value)


def test_every_word_of_ranks_is_that_of_a_flag():
    words = {word for server in Server for word in server_spec(server).flags.decisive.values()}
    assert words >= DECIDED_RANKS


def test_a_flag_that_decides_no_ranks_is_not_asked_about():
    with pytest.raises(KeyError):
        fix_of_ranks("memory", "1", None)
