"""The InferenceService of KServe."""

from tests.support.launch.deployments import objects, one


def test_kserve_runs_a_container_of_our_own_as_a_deployment():
    service = one(objects("kserve", "tp1", "vllm", replicas=2), "InferenceService")
    annotations = service["metadata"]["annotations"]
    assert "Standard" == annotations["serving.kserve.io/deploymentMode"]
    predictor = service["spec"]["predictor"]
    assert (2, 2) == (predictor["minReplicas"], predictor["maxReplicas"])
    assert ["kserve-container"] == [each["name"] for each in predictor["containers"]]
