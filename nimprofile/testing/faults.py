"""What goes wrong in the fake driver's library, as values."""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.testing.fake_functions import about_a_gpu, symbols_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY


class Fault(Record):
    """Something that goes wrong in the driver's library.

    Attributes:
        call: an NVML function, with its version (`nvmlDeviceGetMemoryInfo_v2`) or without for all
            of them; `*` for every function; `dlopen` for the loading of the library.
        outcome: an NVML error code, with which it fails; `hang`, `crash`, `exit` when it ends the
            process; `missing` for a function that the library lacks; `slow` for one that answers
            after `delay`; `broken` for a library that is no library (`dlopen` only).
        gpu: only calls about this GPU and its MIG instances; None is any call.
        after: that many such calls go well first.
        times: that many calls suffer; None is all from then on.
        delay: seconds that it takes.
    """

    call: str = "*"
    outcome: int | str = 999
    gpu: int | None = None
    _: KW_ONLY
    after: int = 0
    times: int | None = None
    delay: float = 0

    def __post_init__(self) -> None:
        code = isinstance(self.outcome, int) and not isinstance(self.outcome, bool)
        if self.outcome not in _OUTCOMES and not (code and int(self.outcome) > 0):
            raise ValueError(f"outcome {self.outcome!r} is no NVML code, nor of {_OUTCOMES}")
        if self.after < 0 or self.delay < 0 or (self.times is not None and self.times < 1):
            raise ValueError("after and delay are 0 or more, times 1 or more")
        always = self.gpu is None and self.after == 0 and self.times is None
        if (self.call == "dlopen") != (self.outcome == "broken") and self.outcome != "missing":
            raise ValueError(
                "of the library: Fault('dlopen', 'missing'), Fault('dlopen', 'broken')"
            )
        if self.outcome == "missing" and not always:
            raise ValueError("what the library lacks it lacks always, and for every GPU")


_OUTCOMES = ("hang", "crash", "exit", "missing", "slow", "broken")

NO_LIBRARY = Fault("dlopen", "missing")
NO_DRIVER = Fault("nvmlInit", 9)
DRIVER_MISMATCH = Fault("nvmlInit", 18)
NO_PERMISSION = Fault("nvmlInit", 4)
OLD_DRIVER = Fault("nvmlDeviceGetMemoryInfo_v2", "missing")


def lost(gpu: int, after: int = 0) -> Fault:
    """This GPU is lost after that many calls about it."""
    return Fault("*", 15, gpu, after=after)


def hanging(gpu: int, after: int = 0) -> Fault:
    """This GPU does not answer any more after that many calls about it."""
    return Fault("*", "hang", gpu, after=after)


def check_fault(fault: Fault, boards: int) -> None:
    """Refuse a fault that can never strike: a test with it would pass for nothing."""
    if fault.call not in ("*", "dlopen") and not symbols_of(fault.call):
        raise ValueError(f"{fault.call!r} is no function of the fake library")
    about_gpu = fault.call == "*" or any(map(about_a_gpu, symbols_of(fault.call)))
    if fault.gpu is not None and not about_gpu:
        raise ValueError(f"{fault.call!r} is about no GPU; leave gpu out")
    if fault.gpu is not None and not 0 <= fault.gpu < boards:
        raise ValueError(f"there is no GPU {fault.gpu} to fail; there are {boards}")
