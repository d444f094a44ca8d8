"""The checks of a host, in the order in which they are told.

To add one: a function in a file of its subject, which takes a `Subject` and gives a `Finding` or
several, and its row here. It may wait as long as it likes: it runs in a process of its own, which
is ended when its time is up.
"""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.doctor import advisories, memory, start
from nimprofile.doctor.files import cache, leftovers, room, speed
from nimprofile.doctor.machine import driver, gpus, links
from nimprofile.doctor.network import keys, online, ports, proxies
from nimprofile.doctor.settings import nim_variables, visibility

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nimprofile.doctor.finding import Finding
    from nimprofile.doctor.subject import Subject


class Check(Record):
    """A check of a host.

    Attributes:
        name: what its findings are called.
        find: gives at least one finding.
        about: what it looks at, for the page on them.
    """

    name: str
    find: Callable[[Subject], Iterator[Finding]]
    about: str


CHECKS: tuple[Check, ...] = (
    Check("program", start.program, "the program that is started, on the `PATH`"),
    Check(
        "cache",
        cache.cache,
        "the directory of downloaded models: there, of whom, on which file system; a file is "
        "written, synced, renamed and deleted in it as the user of the server",
    ),
    Check("space", room.space, "free bytes of the cache, against what is to be downloaded"),
    Check(
        "read speed",
        speed.read_speed,
        "how fast the largest file of the weights or of the cache, or one that is written for it, "
        "is read",
    ),
    Check(
        "leftovers",
        leftovers.leftovers,
        "downloads that were not finished, and a manifest that an earlier NIM left in its cache",
    ),
    Check(
        "weights",
        start.weights,
        "the directory or the name of the weights, which the user of the server can read, and "
        "their adapters",
    ),
    Check("files", start.files, "the directory of the files that the server reads"),
    Check("shared memory", memory.shared_memory, "the size of `/dev/shm`, for several GPUs"),
    Check("host memory", memory.host_memory, "the host's memory, where the engine is built here"),
    Check(
        "advisories",
        advisories.advisories,
        "the known issues of the selected profile on its GPUs, or of the driver alone where "
        "nothing is selected",
    ),
    Check("variables", start.variables, "variables that vLLM takes for its port and its copies"),
    Check(
        "port",
        ports.ports,
        "every port of the server, on every address that leads to it, and who holds it",
    ),
    Check(
        "driver",
        driver.driver,
        "the driver's version, against the CUDA of the image and what the profile requires",
    ),
    Check("gpus", gpus.gpus, "the chosen GPUs: there, healthy, and their memory free"),
    Check(
        "nvlink",
        links.nvlink,
        "how the chosen GPUs are joined, and variables that keep NCCL from it",
    ),
    Check("fabric manager", links.fabric, "that it runs, where there are NVSwitches"),
    Check("imex", links.imex, "the channel by which hosts of one rack share memory (GB200, GB300)"),
    Check(
        "visibility",
        visibility.visibility,
        "variables that hide GPUs, or the driver, from a server",
    ),
    Check(
        "nim variables",
        nim_variables.nim_variables,
        "NIM's variables that are set and change nothing, and those it does not know",
    ),
    Check(
        "proxy",
        proxies.proxy,
        "variables of proxies: addresses, which agree, leave out this host and reach the server",
    ),
    Check("ngc key", keys.ngc_key, "NGC's key: set, of a form that NGC gives, and the only one"),
    Check(
        "hf token", keys.hf_token, "the token of Hugging Face's, where the weights come from there"
    ),
    Check(
        "online",
        online.online,
        "with `--online`: what NGC, nvcr.io and Hugging Face say to the keys",
    ),
)
"""Every check. None of them starts a server, or changes anything but its own files."""
