"""From a decision to the plan that starts its server."""

from __future__ import annotations

from contextlib import suppress

from nimprofile.base.enums import Engine, Server
from nimprofile.base.errors import LaunchError
from nimprofile.base.expect import expect
from nimprofile.base.variables.notes import for_nim_alone
from nimprofile.base.versions import satisfies
from nimprofile.engines.spec import spec_of
from nimprofile.hardware.visible_devices import BUS_ORDER, CudaDevices, cuda_devices
from nimprofile.launch.job import Job
from nimprofile.launch.judged.arguments import refuse_contradictions
from nimprofile.launch.judged.required import keep_required, require_seen
from nimprofile.launch.judged.served_facts import require_own_context, served_facts
from nimprofile.launch.judged.weights_source import missing_weights, weights_source
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.setup import Setup, is_path
from nimprofile.manifest.manifest import Manifest
from nimprofile.selection.decision import Decision, select
from nimprofile.selection.messages import message
from nimprofile.selection.reasons import ContextTooLong
from nimprofile.selection.warnings import PassedOver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.hardware.inventory import Gpu
    from nimprofile.launch.plan import LaunchPlan
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.verdict import Verdict

DEFAULTS = Setup()


def launch_plan(decision: Decision, manifest: Manifest, setup: Setup = DEFAULTS) -> LaunchPlan:
    """What starts a server with the selected profile.

    Args:
        decision: what `select` said.
        manifest: of which it was said: it knows where the weights are.
        setup: what the operator wants of the server; `Setup.from_env(os.environ)` reads NIM's
            variables.

    Raises LaunchError: nothing is selected, the weights are named nowhere, or the engine does
    not serve them as the profile wants.
    """
    _expect("launch_plan", decision, manifest, setup)
    return plan_of(job_of(decision, manifest, setup))


def launchable(
    decision: Decision, manifest: Manifest, setup: Setup = DEFAULTS, *, complete: bool = False
) -> Decision:
    """The decision that selects the first candidate which can be started from what is here.

    Its weights are known, its engine makes its precision of them, and the server runs it. The
    candidates before it are in `passed_over`, each with its reason. A pin is left as it is.

    Args:
        decision: what `select` said.
        manifest: of which it was said.
        setup: what the operator wants of the server.
        complete: a directory here must also hold all of its weights, not a config.json alone.

    Raises LaunchError for what no other profile would mend.
    """
    _expect("launchable", decision, manifest, setup)
    if decision.request.pin is not None:
        return decision
    passed = []
    for verdict in decision.ranked:
        try:
            job = _job_of(verdict, decision, manifest, setup)
            if complete:
                _require_weights(job)
        except LaunchError as error:
            if not error.of_profile:
                raise
            passed.append(PassedOver(verdict.profile.id, verdict.profile.name, str(error)))
        else:
            break
    if not passed:
        return decision
    decision = decision.passing_over(tuple(passed))
    if decision.selected is None and decision.request.require:
        free = decision.request.replace(require=())
        other = select(manifest, decision.inventory, free, decision.policy)
        decision = decision.replace(
            otherwise=launchable(other, manifest, setup, complete=complete).selected
        )
    return decision


def _require_weights(job: Job) -> None:
    """Refuse a directory that lacks weights: nothing can be started of it."""
    if is_path(job.model) and (lacks := missing_weights(job.model)) is not None:
        raise LaunchError(
            f"{job.model} has {lacks}: fetch them (`hf download NAME --local-dir DIR`), or name "
            "another directory with --model",
            of_profile=True,
        )


def with_less_context(
    decision: Decision, manifest: Manifest, setup: Setup
) -> tuple[Verdict, int] | None:
    """The first profile that could be started if only the context were shorter, and how short."""
    for verdict in decision.rejected:
        longest = [
            reason.max_model_len if isinstance(reason, ContextTooLong) else None
            for reason in verdict.reasons
        ]
        context = longest[0]
        if len(longest) > 1 or context is None:
            continue
        with suppress(LaunchError):
            _job_of(verdict, decision, manifest, setup)
            return verdict, context
    return None


def _expect(function: str, decision: Decision, manifest: Manifest, setup: Setup) -> None:
    expect(f"{function}: decision", decision, Decision, hint="select(…) makes one")
    expect(f"{function}: manifest", manifest, Manifest, hint="load_manifest(path) reads one")
    expect(f"{function}: setup", setup, Setup, hint='Setup(server="vllm", …) makes one')


def plan_of(job: Job) -> LaunchPlan:
    """The plan of a job, by its server; LaunchError when it cannot be started so."""
    _ = job.named_devices  # or the engine would take every GPU there is
    return server_spec(job.server).plan(job)


def job_of(decision: Decision, manifest: Manifest, setup: Setup) -> Job:
    """What there is to start, once something is selected.

    Raises LaunchError: nothing is selected, the server does not run the profile, the weights are
    named nowhere, or the engine does not make this precision of them. RequirementError, a
    LaunchError: an argument would make it another than is required.
    """
    _expect("job_of", decision, manifest, setup)
    verdict = decision.selected
    if verdict is None:
        raise LaunchError("no profile was selected, so there is nothing to start")
    return _job_of(verdict, decision, manifest, setup)


def _job_of(verdict: Verdict, decision: Decision, manifest: Manifest, setup: Setup) -> Job:
    name = setup.served_name or manifest.model
    if name is not None and name[:1] == "-":
        raise LaunchError(f"the served name {name} would be taken for an argument: name another")
    profile = verdict.profile
    engine, server = _served_by(profile, setup.server, setup.startable)
    keep_required(decision.request.require, verdict, setup, server)
    serving = decision.request.serving
    installed = None
    if serving.engine_version is None and engine is not None and server is not Server.NIM:
        installed = dict(setup.installed).get(engine)
    verdict = as_installed(verdict, installed, engine, decision=decision, of=manifest)
    gpus = tuple(gpu for gpu in decision.inventory.gpus if gpu.index in verdict.gpus)
    named = cuda_devices(decision.inventory, verdict.gpus)
    version = serving.engine_version or installed or manifest.engine_version
    known = version or server_spec(server).newest_version(engine)
    weights = weights_source(profile, manifest, setup, server)
    require_seen(decision.request.require, profile, weights)
    by_image = server is Server.NIM
    facts, notes = served_facts(
        verdict, gpus, serving, weights=weights, version=None if by_image else known
    )
    require_own_context(facts, weights, engine, allowed=setup.longer_context)
    readers = [server] if not by_image or engine is None else [server, Server(engine)]
    specs = [server_spec(reader) for reader in readers]
    refuse_contradictions(facts, weights, serving, setup=setup, specs=specs)
    if version is None and setup.image is not None and not by_image:
        flags = f"the flags are those of {engine} {known}, the newest known"
        notes = (*notes, f"{flags}: --engine-version names the image's")
    if setup.server is None and engine is None:
        notes = (*notes, "the profile names no engine that is known, so its NIM is started")
    if profile.lora and not setup.adapters and server is not Server.NIM:
        where = setup.peft_source and f"none lies in {setup.peft_source}"
        adapters = f"no adapter is served at the start: {where or 'no --adapters names them'}"
        notes = (*notes, adapters)
    if not by_image and (names := for_nim_alone(setup.variables)):
        notes = (*notes, f"{server} is not told of {', '.join(names)}: NIM's own server reads it")
    return Job(
        server,
        engine,
        known,
        profile=profile,
        facts=facts,
        gpus=gpus,
        devices=() if named is None else _devices(gpus, named, engine, version),
        visible_devices=None if named is None else named.devices,
        model=weights.model,
        serving=serving,
        setup=setup,
        request=decision.request,
        name=manifest.model,
        shape=weights.shape,
        own_weights=weights.own,
        notes=notes,
    )


def as_installed(
    verdict: Verdict,
    version: str | None,
    engine: Engine | None,
    *,
    decision: Decision,
    of: Manifest,
) -> Verdict:
    """The verdict on the same profile with the version of its engine that is installed here.

    Args:
        verdict: on a profile.
        version: of the engine; None where it was judged with the right one.
        engine: that of the profile.
        decision: of which the verdict is.
        of: the manifest of the profile.

    Raises LaunchError when it does not run with that.
    """
    request = decision.request
    if version is None or engine is None:
        return verdict
    serving = request.serving.replace(engine_version=version)
    request = request.replace(serving=serving, engines=(engine,))
    profile = verdict.profile
    alone = of.replace(profiles=(profile,))  # the verdict is the same whatever stands beside it
    again = select(alone, decision.inventory, request, decision.policy)
    judged = again.pinned or again.verdict(profile)
    if judged.fits:
        return judged
    raise LaunchError(
        f"{profile.title} does not run with {engine} {version}, which is installed here: "
        f"{message(judged.reasons[0])}",
        of_profile=True,
    )


def _devices(
    gpus: tuple[Gpu, ...], named: CudaDevices, engine: Engine | None, version: str | None
) -> tuple[tuple[str, str], ...]:
    """The variables that show an engine its GPUs; by number, which every engine understands."""
    if any(gpu.mig for gpu in gpus):
        spec = None if engine is None else spec_of(engine)
        since = None if spec is None else spec.uuids_from
        if spec and since and version is not None and not satisfies(version, f">={since}"):
            problem = f"{spec.label} {version} takes no MIG instance by its UUID"
            raise LaunchError(f"{problem}; {since} does")
        return tuple(named.environ.items())
    numbers = ",".join(str(gpu.index) for gpu in gpus)
    return tuple(CudaDevices(numbers, BUS_ORDER).environ.items())


def _served_by(
    profile: Profile, server: Server | None, startable: tuple[Server, ...] | None
) -> tuple[Engine | None, Server]:
    engine = profile.engine
    if server is Server.NIM or (server is None and engine is None):
        return engine, Server.NIM  # it brings what its profiles need
    if engine is None:
        problem = f"{profile.title} names no engine that is known"
        raise LaunchError(f"{problem}: --server nim starts it in its container", of_profile=True)
    if server is None:
        own = Server(engine)
        if startable is not None and own not in startable:
            problem = f"there is no {server_spec(own).program} here for {profile.title}"
            raise LaunchError(f"{problem}: install it, or run this in its image", of_profile=True)
        return engine, own
    able = server_spec(server).runs
    if engine not in able:
        flags = " or ".join(f"--engine {name}" for name in able)
        problem = f"{profile.title} is a profile of {engine}, which {server} does not run"
        raise LaunchError(f"{problem}; {flags} selects among those it does", of_profile=True)
    return engine, server
