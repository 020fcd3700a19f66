"""Lineage through boto3: from the data over a job, a version and a deployment to the endpoint, and back."""

from __future__ import annotations

from typing import Any

from tests.server import ECHO_MODEL, INSTANCE, SKLEARN, Server, archive, put


def test_an_endpoint_leads_back_to_what_it_is_made_of(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    data = put(server, "tests", "lineage/m.tar.gz", archive({"name.txt": "x", "code/inference.py": ECHO_MODEL}))
    raw = sagemaker.create_artifact(Source={"SourceUri": "s3://tests/lineage/raw"}, ArtifactType="DataSet")
    made = sagemaker.create_artifact(ArtifactName="by-hand", Source={"SourceUri": data}, ArtifactType="Model")
    sagemaker.add_association(
        SourceArn=raw["ArtifactArn"], DestinationArn=made["ArtifactArn"], AssociationType="DerivedFrom"
    )
    sagemaker.create_model_package_group(ModelPackageGroupName="Lineage-Group")
    container = {"Image": SKLEARN, "ModelDataUrl": data, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}}
    package = sagemaker.create_model_package(
        ModelPackageGroupName="Lineage-Group",
        ModelApprovalStatus="Approved",
        InferenceSpecification={"Containers": [container]},
    )["ModelPackageArn"]
    name = "Lineage-Endpoint"
    sagemaker.create_model(
        ModelName=name, PrimaryContainer={"ModelPackageName": package}, ExecutionRoleArn=server.role
    )
    variant = {"VariantName": "A", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": INSTANCE}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    endpoint = sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)["EndpointArn"]
    sagemaker.delete_endpoint(EndpointName=name)

    found = sagemaker.query_lineage(StartArns=[endpoint], Direction="Ascendants", IncludeEdges=True)
    kinds = [(vertex["LineageType"], vertex["Type"]) for vertex in found["Vertices"]]
    assert kinds[:2] == [("Context", "Endpoint"), ("Action", "ModelDeployment")]
    assert sorted(kinds[2:]) == [
        ("Action", "Approval"),
        ("Artifact", "DataSet"),
        ("Artifact", "Image"),
        ("Artifact", "Model"),
        ("Artifact", "Model"),
    ]
    assert raw["ArtifactArn"] in [vertex["Arn"] for vertex in found["Vertices"]]
    assert _edge(found, raw["ArtifactArn"]) == {
        "DestinationArn": made["ArtifactArn"],
        "AssociationType": "DerivedFrom",
    }
    context = sagemaker.list_contexts(SourceUri=endpoint)["ContextSummaries"][0]["ContextName"]
    assert sagemaker.describe_context(ContextName=context)["ContextType"] == "Endpoint"
    tags = [{"Key": "a", "Value": "b"}]
    sagemaker.add_tags(ResourceArn=made["ArtifactArn"], Tags=tags)
    assert sagemaker.list_tags(ResourceArn=made["ArtifactArn"])["Tags"] == tags


def _edge(found: dict[str, Any], source: str) -> dict[str, str]:
    (edge,) = [edge for edge in found["Edges"] if edge["SourceArn"] == source]
    return {name: edge[name] for name in ("DestinationArn", "AssociationType")}
