"""What is required of a profile, against what would be started of it."""

from __future__ import annotations

from nimprofile.base.enums import Server
from nimprofile.base.environment import PASSTHROUGH
from nimprofile.base.errors import RequirementError
from nimprofile.launch.flags import decided
from nimprofile.launch.judged.on_load import WAYS_OUT
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.setup import Setup
from nimprofile.manifest.profile_conditions import unmet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from nimprofile.launch.judged.weights_source import WeightsSource
    from nimprofile.manifest.profile import Profile
    from nimprofile.manifest.profile_conditions import Condition
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.verdict import Verdict


def keep_required(
    require: tuple[Condition, ...], verdict: Verdict, setup: Setup, server: Server
) -> None:
    """Refuse arguments for the server that break what is required of the profile.

    Args:
        require: what is required.
        verdict: of the profile that would be started, which meets it.
        setup: it has the arguments.
        server: what starts it.

    Raises RequirementError.
    """
    if not require or not setup.arguments:
        return
    spec, profile = server_spec(server), verdict.profile
    given = (
        *decided(setup.passthrough, spec.engine_flags or spec.flags, profile.precision),
        *decided(setup.extra, spec.flags, profile.precision),
    )
    for condition in require:
        for tag, argument, value in given:
            if tag != condition.tag:
                continue
            if value is None:
                problem = f"{condition} is required, and what it would be then is not known"
            elif any(unmet((condition,), profile, len(verdict.gpus), {tag: value})):
                problem = f"{condition} is required, and it would be {value}"
            else:
                continue
            raise RequirementError(
                f"{profile.title} is selected and is as required, but not with your {argument}: "
                f"{problem}; leave that argument out"
            )


def keep_required_by_variable(decision: Decision, environ: Mapping[str, str]) -> None:
    """The same of a selection that nothing is started of: its variable of arguments is refused.

    They are read by the names of the profile's own engine and by those of a NIM.

    Raises RequirementError.
    """
    chosen = decision.selected
    if chosen is None or not environ.get(PASSTHROUGH, "").strip():
        return
    engine, setup = chosen.profile.engine, Setup.from_env(environ)
    for server in (Server.NIM,) if engine is None else (Server(engine), Server.NIM):
        keep_required(decision.request.require, chosen, setup, server)


def require_seen(require: tuple[Condition, ...], profile: Profile, weights: WeightsSource) -> None:
    """Refuse weights whose storage nobody has looked at, where their precision is required.

    Raises RequirementError.
    """
    precision = next((condition for condition in require if condition.tag == "precision"), None)
    unseen = weights.stands_for is not None or (weights.shape is None and not weights.own)
    if precision is not None and unseen:
        raise RequirementError(
            f"{precision} is required, and whether {weights.model} meets it is not known: nothing "
            f"says how it is stored, and {profile.title} was judged by other weights; {WAYS_OUT}"
        )
