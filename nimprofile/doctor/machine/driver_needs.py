"""Which CUDA an image is built on, and which driver that needs.

A table: a row for each release of a server from which on its images are built on another CUDA.
"""

from __future__ import annotations

import re

from nimprofile.base.enums import Server
from nimprofile.base.record import Record
from nimprofile.base.versions import is_version, satisfies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

OLDEST_DRIVER = {11: "450", 12: "525", 13: "580"}
"""The oldest driver that runs programs built on a CUDA of this major version.

docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html, table 1 (CUDA 13.x:
>= 580, 12.x: >= 525, 11.x: >= 450). An older driver of a data center GPU may do with the package
`cuda-compat` (forward-compatibility.html beside it); that of other GPUs does not.
"""


class CudaNeed(Record):
    """What the images of a server need of the driver.

    Attributes:
        server: whose images they are.
        since: the first version that needs it; "" is the first there was.
        cuda: the major version of the CUDA that they are built on.
        driver: the oldest driver that their own page asks for; None where it names none.
        source: where that is from.
    """

    server: Server
    since: str
    cuda: int
    _: KW_ONLY
    source: str
    driver: str | None = None


_NIM = "docs.nvidia.com/nim/large-language-models"

NEEDS = (
    CudaNeed(Server.NIM, "1.0", 12, driver="535", source=f"{_NIM}/1.2.0/support-matrix.html"),
    CudaNeed(
        # Of a data center GPU the page takes R470, R525, R535 and R545 as well.
        Server.NIM,
        "1.3",
        12,
        driver="560",
        source=f"{_NIM}/1.3.0/support-matrix.html: CUDA 12.6.1",
    ),
    CudaNeed(
        Server.NIM,
        "1.15",
        13,
        source=f"{_NIM}/1.15.0/release-notes.html: CUDA 12.9 is updated to 13.0",
    ),
    CudaNeed(
        # Its page names CUDA "12.9 or later", and the oldest driver is that of CUDA 13.
        Server.NIM,
        "2.0",
        13,
        driver="580",
        source=f"{_NIM}/latest/common/get-started-model-specific.html: GPU driver 580 or later",
    ),
    CudaNeed(
        Server.VLLM,
        "0.3",
        12,
        source="docs.vllm.ai/en/v0.3.3/getting_started/installation.html: CUDA 12.1; "
        "github.com/vllm-project/vllm, docker/Dockerfile at 0000977: 12.8.1, at 275de34: 12.9.1",
    ),
    CudaNeed(
        Server.VLLM,
        "0.20",
        13,
        source="github.com/vllm-project/vllm/pull/39878: CUDA 13.0 is the default from 0.20.0 on",
    ),
    CudaNeed(
        Server.SGLANG,
        "0.4.9",
        12,
        source="github.com/sgl-project/sglang/issues/8430: CUDA 12.6; issues/21498: 12.9",
    ),
    CudaNeed(
        Server.SGLANG,
        "0.5.11",
        13,
        source="github.com/sgl-project/sglang/issues/21498: CUDA 13.0 is the default; the release "
        "notes of 0.5.11, as github.com/gpustack/gpustack/issues/5285 has them",
    ),
    CudaNeed(
        Server.TENSORRT_LLM,
        "1.2",
        13,
        source="github.com/NVIDIA/TensorRT-LLM, README.md at 1.2.0rc6: CUDA 13.0.0",
    ),
    CudaNeed(
        Server.TRITON,
        "23.5",
        12,
        source="docs.nvidia.com/deeplearning/triton-inference-server/release-notes/rel-23-05.html: "
        "CUDA 12.1.1",
    ),
    CudaNeed(
        # The page asks for driver 575 "or later", which no table of CUDA 13 has.
        Server.TRITON,
        "25.8",
        13,
        source="docs.nvidia.com/deeplearning/triton-inference-server/release-notes/rel-25-08.html: "
        "CUDA 13.0.0.044",
    ),
)
"""The rows of a server, oldest first."""

_TAGGED = re.compile(r"[-.]cu(?:da)?(1[1-9])(?:\d|\.\d+)?(?:[-.]|$)")
"""A tag that says its CUDA, as `v0.19.1-cu130` (vLLM), `v0.5.19-cu129` (SGLang)."""


def need_of(server: Server, version: str | None, image: str | None = None) -> CudaNeed | None:
    """What an image needs, or a server of this version; None where nothing is known of it.

    Args:
        server: what is started.
        version: of the server: of the NIM, of Triton's release, of the engine; None: not known.
        image: the image that is named; a tag that names its CUDA counts before the version.
    """
    if image is not None and (tagged := _TAGGED.search(image.rpartition("/")[2])) is not None:
        return CudaNeed(server, version or "", int(tagged[1]), source=f"the tag of {image}")
    if version is None or not is_version(version):
        return None
    since = [need for need in NEEDS if need.server is server]
    return next((need for need in reversed(since) if satisfies(version, f">={need.since}")), None)
