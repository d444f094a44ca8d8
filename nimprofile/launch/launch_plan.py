"""From a decision to the plan that starts its server."""

from __future__ import annotations

from nimprofile.launch.job import job_of
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.setup import Setup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.launch.job import Job
    from nimprofile.launch.plan import LaunchPlan
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.selection.decision import Decision

DEFAULTS = Setup()


def launch_plan(decision: Decision, manifest: Manifest, setup: Setup = DEFAULTS) -> LaunchPlan:
    """What starts a server with the selected profile.

    Args:
        decision: what `select` said.
        manifest: of which it was said: it knows where the weights are.
        setup: what the operator wants of the server; `Setup.from_env(os.environ)` reads NIM's
            variables.

    Raises LaunchError: nothing is selected, nobody says where the weights are, or the engine does
    not serve them as the profile wants.
    """
    return plan_of(job_of(decision, manifest, setup))


def plan_of(job: Job) -> LaunchPlan:
    """The plan of a job, by its server; LaunchError when it cannot be started so."""
    _ = job.named_devices  # or the engine would take every GPU there is
    return server_spec(job.server).plan(job)
