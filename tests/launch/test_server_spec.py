"""What a server's specification reads from an image's tag."""

import pytest

from nimprofile import Server
from nimprofile.launch.server_spec import server_spec


@pytest.mark.parametrize(
    ("server", "image", "version"),
    [
        (Server.VLLM, "vllm/vllm-openai:v0.12.0", "0.12.0"),
        (Server.VLLM, "registry.example:5000/vllm:0.12.0-cuda", "0.12.0"),
        (Server.VLLM, "vllm/vllm-openai:latest", None),
        (Server.VLLM, "registry.example:5000/vllm", None),
        (Server.SGLANG, "lmsysorg/sglang:v0.5.9", "0.5.9"),
        (Server.TENSORRT_LLM, "nvcr.io/nvidia/tensorrt-llm/release:1.3.0rc7", "1.3.0rc7"),
        (Server.TRITON, "nvcr.io/nvidia/tritonserver:26.03-vllm-python-py3", "0.17.1"),
        (Server.TRITON, "nvcr.io/nvidia/tritonserver:24.05-vllm-python-py3", None),
        (Server.NIM, "nvcr.io/nim/meta/llama:2.0.12", None),
    ],
)
def test_an_images_tag_says_which_version_it_has(server, image, version):
    assert version == server_spec(server).engine_in_image(image)
