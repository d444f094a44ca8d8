"""The InferenceService of KServe that serves a job.

github.com/kserve/kserve v0.20.0: a predictor with a container of its own
(pkg/apis/serving/v1beta1/predictor_custom.go), mode `Standard` (pkg/constants/constants.go), in
which port 80 of its service leads to the container's first port.
"""

from __future__ import annotations

from nimprofile.launch.deploy.container import needs_one_node
from nimprofile.launch.deploy.kubernetes import ROLLING, claims, config_map, metadata, pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nimprofile.launch.deploy.container import Container

    Object = dict[str, Any]


def objects(container: Container, *, replicas: int, pull_secret: str | None) -> list[Object]:
    """The cache's claim, a ConfigMap where there are files, and the InferenceService.

    Raises LaunchError for several nodes.
    """
    needs_one_node(container, "an InferenceService of one container")
    head = metadata(container)
    head["annotations"]["serving.kserve.io/deploymentMode"] = "Standard"
    documents = claims(container, replicas)
    if container.files:
        documents.append(config_map(container))
    spec = pod(container, "kserve-container", pull_secret)
    documents.append(
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": head,
            "spec": {
                "predictor": {
                    "minReplicas": replicas,
                    "maxReplicas": replicas,
                    "deploymentStrategy": ROLLING,
                    **spec,
                }
            },
        }
    )
    return documents
