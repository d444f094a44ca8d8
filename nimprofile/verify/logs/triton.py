"""The lines of Triton that tell whether it serves.

The texts were read in the sources of triton-inference-server/server and core, and in its user
guide: https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/. What the model
is, its backend tells: the tables of vLLM and TensorRT-LLM.
"""

from __future__ import annotations

from nimprofile.verify.logs.patterns import Line, Table
from nimprofile.verify.observation import Fact

LINES = (
    Line(
        "Started HTTPService at ",
        r"Started HTTPService at ",
        source="src/http_server.cc of the server, 20.09 to 25.x; printed with all models loaded",
        sets={Fact.READY: True},
    ),
    Line(
        "failed to load ",
        r"failed to load '.{1,200}?' version ",
        source="src/model_repository_manager/model_lifecycle.cc of the core, 20.x to 25.x",
        fails=True,
    ),
    Line(
        '"failed to load ',
        r"\"failed to load '.{1,200}?' version ",
        source="the same with the quotes of the log format of 24.x",
        fails=True,
    ),
    Line(
        "error: creating server: ",
        r"error: creating server: ",
        source="src/main.cc of the server, in public logs since 2020",
        fails=True,
    ),
    Line(
        '"Started HTTPService at ',
        r"\"Started HTTPService at ",
        source="the same with the quotes of the log format of 24.x",
        sets={Fact.READY: True},
    ),
)

TABLE = Table(LINES)
