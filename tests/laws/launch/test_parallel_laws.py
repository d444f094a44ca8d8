"""As many GPUs are asked for as ranks start, whatever the operator adds, or the plan is refused.

For every server and every target, with every flag of the engines that decides ranks, in each of its
spellings; how many ranks start is read by parsers of the engines' kind (`ranks_started`).
"""

import json

from hypothesis import assume, event, given, settings, strategies as st

from nimprofile import (
    LaunchError,
    Server,
    Setup,
    deployed,
    job_of,
    mock_inventory,
    parse_manifest,
    select,
)
from nimprofile.launch.deploy.container import container_of
from nimprofile.launch.deploy.documents import TARGETS
from nimprofile.launch.planning import plan_of
from tests.support.launch.ranks_started import NotStartedError, ranks_started
from tests.support.launch.told import inside_docker, started_by_target

SIZES = (*("1",) * 6, *("2", "2", "4", "4"), "0", "3", "8", "16", "04", "x")
SIZED = {
    "vllm": [
        *("--tensor-parallel-size", "-tp", "-t", "--pipeline-parallel-size", "-pp"),
        *("--data-parallel-size", "-dp", "--data-parallel-size-local", "-dpl"),
        *("--data-parallel-rank", "-dpn", "--data-parallel-start-rank", "-dpr", "-dpp"),
        *("--prefill-context-parallel-size", "-pcp", "--decode-context-parallel-size", "-dcp"),
        *("--nnodes", "-n", "--node-rank", "-r", "--api-server-count"),
    ],
    "sglang": [
        *("--tp-size", "--tensor-parallel-size", "--pp-size", "--pipeline-parallel-size"),
        *("--dp-size", "--data-parallel-size", "--ep-size", "--ep", "--expert-parallel-size"),
        *("--moe-dp-size", "--attn-cp-size", "--attention-context-parallel-size"),
        *("--dcp-size", "--decode-context-parallel-size"),
        *("--nnodes", "--node-rank", "--base-gpu-id", "--gpu-id-step"),
    ],
    "tensorrt_llm": [
        *("--tp_size", "--tensor_parallel_size", "--pp_size", "--pipeline_parallel_size"),
        *("--cp_size", "--context_parallel_size", "--ep_size", "--moe_expert_parallel_size"),
        *("--cluster_size", "--moe_cluster_parallel_size", "--gpus_per_node"),
    ],
}
OTHER = {
    "vllm": [
        *(("--headless",), ("--no-headless",), ("--enable-expert-parallel",), ("-dph",), ("-dpe",)),
        *(("--data-parallel-hybrid-lb",), ("--data-parallel-external-lb",), ("-ep",)),
        *(("--enable-elastic-ep",), ("--device", "cpu"), ("--device", "cuda")),
        *(("--distributed-executor-backend", each) for each in ("mp", "ray", "uni")),
        *(("--distributed-executor-backend=external_launcher",), ("-n2",), ("-r1",)),
        *(("--data-parallel-backend", "ray"), ("--data-parallel-address", "10.0.0.1")),
    ],
    "sglang": [
        *(("--enable-dp-attention",), ("--enable-dp-lm-head",), ("--device", "cpu")),
        *(("--enable-dp-attention", "--dp-size", size) for size in ("2", "3", "4")),
        *(("--dp", "2", "--enable-dp-attention"), ("--dp", "2", "--enable-dp-lm-head")),
    ],
    "tensorrt_llm": [("--log_level", "info")],
}
ENGINES = {
    Server.VLLM: "vllm",
    Server.TRITON: "vllm",
    Server.SGLANG: "sglang",
    Server.TENSORRT_LLM: "tensorrt_llm",
}
MACHINES = ("1xh100", "3xl40s", "4xl40s", "8xh100", "16xh100")


@st.composite
def arguments(draw, engine):
    """Flags that decide ranks, whole, cut short, joined to their values or with underscores."""
    words = []
    for _ in range(draw(st.integers(1, 2))):
        if draw(st.integers(0, 3)) == 0:
            words += draw(st.sampled_from(OTHER[engine]))
            continue
        flag, size = draw(st.sampled_from(SIZED[engine])), draw(st.sampled_from(SIZES))
        if flag.startswith("--") and engine != "tensorrt_llm":
            flag = flag[: draw(st.sampled_from([None, None, -1, -3, -5, -9]))]
        if engine == "vllm" and draw(st.booleans()):
            flag = flag[:2] + flag[2:].replace("-", "_")
        words += draw(st.sampled_from([(flag, size), (flag, size), (f"{flag}={size}",)]))
    return tuple(words)


@st.composite
def starts(draw):
    """A server, a target or none, a profile, a machine, and arguments for the engine."""
    server = draw(st.sampled_from([*ENGINES, Server.NIM]))
    engine = ENGINES.get(server) or draw(st.sampled_from(sorted({*ENGINES.values()})))
    tags = {"llm_engine": engine, "precision": "bf16"}
    for tag, sizes in (("tp", (None, None, "1", "2", "4", "8")), ("pp", (None, None, "1", "2"))):
        size = draw(st.sampled_from(sizes))
        tags |= {} if size is None else {tag: size}
    if engine == "tensorrt_llm":
        tags["trtllm_buildable"] = "true"
    words = draw(st.just(()) | arguments(engine) | arguments(engine) | arguments(engine))
    where = "passthrough" if server is Server.TRITON else draw(st.sampled_from(PLACES))
    setup = Setup(server=server, model="acme/it", image="acme/it:2.0.12", **{where: words})
    targets = [name for name in TARGETS if name != "nim-operator" or server is Server.NIM]
    return {
        "tags": tags,
        "machine": draw(st.sampled_from(MACHINES)),
        "setup": setup if server is not Server.NIM else setup.replace(model=None),
        "target": draw(st.sampled_from([None, *targets])),
    }


PLACES = ("passthrough", "extra")
UNREADABLE = ("invalid int value", "ambiguous option", "unrecognized arguments")


def started(start):
    """The GPUs that are asked for in all, the ranks that start, and how many pods there are."""
    tags, setup = start["tags"], start["setup"]
    profile = {"id": "0123456789abcdef" * 4, "tags": tags}
    manifest = parse_manifest(json.dumps({"model": "acme/it", "profiles": [profile]}))
    decision = select(manifest, mock_inventory(start["machine"]))
    assume(decision.selected is not None)
    job, nodes = job_of(decision, manifest, setup), 1
    if start["target"] is None:
        plan = plan_of(job)
        argv, env = [*plan.argv], dict(plan.env)
        texts, gpus = [file.text for file in plan.files], None
    else:
        nodes = container_of(job, gpus_per_node=8).nodes
        value = deployed(start["target"], job).value
        argv, env, texts, gpus = started_by_target(start["target"], value)
        plan = value if start["target"] == "docker" else None
    if gpus is None:
        gpus = shown_by(plan)
    if argv[:1] == ["docker"]:
        argv, env = inside_docker(argv)
    if setup.server is Server.NIM and argv[:1] != ["nim"]:
        argv = ["nim", *argv]
    ranks = ranks_started(
        argv,
        env,
        texts,
        engine=tags["llm_engine"],
        sizes=(job.tp, job.pp),
        shown=gpus // nodes,
        nodes=nodes,
    )
    return gpus, ranks, nodes


def shown_by(plan):
    """How many GPUs a command shows its server."""
    argv = plan["argv"] if isinstance(plan, dict) else plan.argv
    if "--gpus" in argv:
        return len(argv[argv.index("--gpus") + 1].strip('"').removeprefix("device=").split(","))
    return len(dict(plan.env)["CUDA_VISIBLE_DEVICES"].split(","))


@given(starts())
@settings(max_examples=settings().max_examples * 3)
def test_as_many_ranks_start_as_gpus_are_asked_for_or_the_plan_is_refused(start):
    refused = ""
    try:
        gpus, ranks, nodes = started(start)
    except LaunchError:
        event("refused")
        return
    except NotStartedError as error:
        refused = str(error)
    if refused:  # what no engine can read starts nothing
        assert any(words in refused for words in UNREADABLE)
        return
    event(f"started, {start['setup'].server}")
    assert (gpus, gpus) == (ranks.everywhere, ranks.here * nodes)
    assert tuple(range(gpus // nodes)) == ranks.gpus
