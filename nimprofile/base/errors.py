"""The errors that a caller can meet."""

from __future__ import annotations

from nimprofile.base.printable import message_line, shown


class NimProfileError(Exception):
    """Base of every error this package raises on purpose.

    `str(error)` is a complete message: what is wrong, where, and what to do. Control characters of
    what it repeats are escapes, secrets are stars, and long values are without their middle.
    """

    def __init__(self, problem: str = "", *below: str):
        """Word an error: what is wrong, and the lines below it, which are indented."""
        super().__init__(problem, *below)

    def __str__(self) -> str:
        return "\n  ".join(message_line(str(line)) for line in self.args)


class ManifestError(NimProfileError, ValueError):
    """A manifest cannot be read.

    Attributes:
        source: the file, or what stood for one (`<stdin>`, `<string>`).
        place: where in it, as a path (`profiles[3].tags.tp`) or "".
        line: 1-based line of that place, or None when it is not known.
    """

    def __init__(
        self,
        problem: str,
        *below: str,
        source: str = "",
        place: str = "",
        line: int | None = None,
    ):
        self.problem, self.source, self.place, self.line = problem, source, place, line
        where = source + (f":{line}" if line else "")
        parts = where, shown(place), problem  # a place has the keys of another's document
        super().__init__(": ".join(part for part in parts if part), *below)


class ModelError(ManifestError):
    """A model's `config.json`, or what lies beside it, cannot be read."""


class LockError(ManifestError):
    """A lock cannot be read or written."""


class DriftError(NimProfileError):
    """What would be started is not what a lock has."""


class ResultsError(ManifestError):
    """The results of a program that measures servers cannot be read."""


class NothingToldError(NimProfileError, ValueError):
    """A server was looked at, and nothing of what it says tells what runs."""


class InventoryError(NimProfileError, ValueError):
    """An inventory or a GPU description cannot be read."""


class UnknownGpuError(InventoryError):
    """A GPU name is in no catalogue row, or in several."""


class RequestError(NimProfileError, ValueError):
    """The operator's wishes contradict themselves or cannot be read."""


class PinError(RequestError):
    """A pinned profile is not in the manifest, or names several."""


class NoGpuError(NimProfileError, RuntimeError):
    """No GPU could be read on this machine."""


class GpuMissingError(NimProfileError, RuntimeError):
    """There are fewer or more usable GPUs than were expected."""


class LaunchError(NimProfileError, ValueError):
    """What was selected cannot be started as it is asked for.

    Attributes:
        of_profile: it holds of this profile, with the weights and the server that are here; another
            may be started.
    """

    def __init__(self, problem: str, *, of_profile: bool = False):
        super().__init__(problem)
        self.of_profile = of_profile


class RequirementError(LaunchError):
    """What would be started is not what was required."""


class NotStartedError(NimProfileError, RuntimeError):
    """Something on this host keeps the server from starting."""
