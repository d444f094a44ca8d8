"""The pods of a server that spans several nodes, and the variables that tell them apart."""

from __future__ import annotations

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.launch.job import Job

    Member = tuple[list[str], list[str], list[dict[str, object]]]
    """Command, arguments and variables of a pod."""

LEADER, SIZE, RANK = "$(LWS_LEADER_ADDRESS)", "$(LWS_GROUP_SIZE)", "$(LWS_WORKER_INDEX)"
"""Variables that LeaderWorkerSet sets in each pod; Kubernetes puts their values in."""

RAY_PORT = 6379


class Pod(Record):
    """One of the pods that serve a job together.

    Attributes:
        job: what is served.
        image: of the container.
        nodes: how many pods there are.
        rank: 0 is the first, 1 stands for each of the others.
        command, args: what it would run alone, for Kubernetes to read.
    """

    job: Job
    image: str
    nodes: int
    _: KW_ONLY
    rank: int
    command: list[str]
    args: list[str]


def literal(text: str) -> str:
    """A text that Kubernetes and Compose leave as it is: they read $(NAME) or ${NAME}, $$ as $."""
    return text.replace("$", "$$")
