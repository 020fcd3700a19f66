"""Lineage: what people record, what jobs, versions and endpoints add by themselves, and what queries find."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from clary.services.context import Context
from clary.services.iam import OPERATIONS as IAM
from clary.services.sagemaker import OPERATIONS
from tests.services.calling import ACCOUNT, NOW, Client, Permissions

ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}


@pytest.fixture
def sagemaker(context: Context, permissions: Permissions) -> Client:
    return Client("sagemaker", OPERATIONS, context, permissions)


@pytest.fixture
def role(context: Context, permissions: Permissions) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = Client("iam", IAM, context, permissions)
    return str(iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"])


def artifact(sagemaker: Client, uri: str, kind: str = "DataSet", **more: Any) -> str:
    return str(sagemaker("CreateArtifact", Source={"SourceUri": uri}, ArtifactType=kind, **more)["ArtifactArn"])


def action(sagemaker: Client, name: str, uri: str = "s3://b/a", **more: Any) -> str:
    given = {"ActionName": name, "Source": {"SourceUri": uri}, "ActionType": "Act", **more}
    return str(sagemaker("CreateAction", **given)["ActionArn"])


def join(sagemaker: Client, source: str, destination: str, kind: str = "ContributedTo") -> None:
    sagemaker("AddAssociation", SourceArn=source, DestinationArn=destination, AssociationType=kind)


def reached(sagemaker: Client, start: str, direction: str, **more: Any) -> list[str]:
    found = sagemaker("QueryLineage", StartArns=[start], Direction=direction, **more)
    return [vertex["Arn"] for vertex in found["Vertices"]]


def data_channel(uri: str) -> dict[str, Any]:
    return {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}


def train(sagemaker: Client, role: str, name: str, uri: str = "s3://b/train") -> str:
    job = sagemaker(
        "CreateTrainingJob",
        TrainingJobName=name,
        RoleArn=role,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={"sagemaker_submit_directory": '"s3://b/code/sourcedir.tar.gz"', "sagemaker_program": "t.py"},
        InputDataConfig=[data_channel(uri)],
        OutputDataConfig={"S3OutputPath": "s3://b/out/"},
        ResourceConfig=RESOURCES,
    )
    return str(job["TrainingJobArn"])


# What people record


def test_there_is_one_artifact_for_a_uri(sagemaker: Client) -> None:
    arn = artifact(sagemaker, "s3://b/one", ArtifactName="One", Properties={"rows": "7"})
    error = sagemaker.fails(
        "CreateArtifact", "ValidationException", Source={"SourceUri": "s3://b/one"}, ArtifactType="Other"
    )
    assert "already exists" in error.message
    assert arn in error.message
    found = sagemaker("DescribeArtifact", ArtifactArn=arn)
    assert (found["ArtifactName"], found["Source"], found["ArtifactType"]) == (
        "One",
        {"SourceUri": "s3://b/one"},
        "DataSet",
    )
    assert found["CreatedBy"]["IamIdentity"]["Arn"].endswith(":root")
    assert "LastModifiedBy" not in found
    later = sagemaker.at(now=NOW + timedelta(hours=1))
    later("UpdateArtifact", ArtifactArn=arn, Properties={"columns": "2"}, PropertiesToRemove=["rows"])
    found = sagemaker("DescribeArtifact", ArtifactArn=arn)
    assert (found["Properties"], found["ArtifactName"]) == ({"columns": "2"}, "One")
    assert found["LastModifiedTime"] > found["CreationTime"]
    too_many = {str(number): "x" for number in range(30)}
    sagemaker.fails("UpdateArtifact", "ValidationException", ArtifactArn=arn, Properties=too_many)
    assert sagemaker("DeleteArtifact", Source={"SourceUri": "s3://b/one"}) == {"ArtifactArn": arn}
    sagemaker.fails("DescribeArtifact", "ResourceNotFound", ArtifactArn=arn)
    assert artifact(sagemaker, "s3://b/one") == arn


def test_actions_and_contexts_have_names(sagemaker: Client) -> None:
    arn = action(sagemaker, "Act-One", Status="InProgress", Properties={"a": "1"})
    assert arn == f"{ARN}action/act-one"
    assert (
        "already exists"
        in sagemaker.fails(
            "CreateAction",
            "ValidationException",
            ActionName="ACT-one",
            Source={"SourceUri": "s3://b/a"},
            ActionType="Act",
        ).message
    )
    sagemaker("UpdateAction", ActionName="Act-One", Status="Completed", Description="done")
    for name in ("act-one", arn):
        found = sagemaker("DescribeAction", ActionName=name)
        assert (found["ActionName"], found["Status"], found["Description"]) == ("Act-One", "Completed", "done")
    given = {"ContextName": "My_Context", "Source": {"SourceUri": "s3://b/c"}, "ContextType": "Team"}
    assert sagemaker("CreateContext", **given) == {"ContextArn": f"{ARN}context/my_context"}
    sagemaker("UpdateContext", ContextName="My_Context", Properties={"k": "v"})
    found = sagemaker("DescribeContext", ContextName=f"{ARN}context/my_context")
    assert (found["ContextName"], found["Properties"]) == ("My_Context", {"k": "v"})
    sagemaker("DeleteContext", ContextName="My_Context")
    sagemaker("DeleteAction", ActionName="act-one")
    for operation, member in (("DescribeAction", "ActionName"), ("DescribeContext", "ContextName")):
        sagemaker.fails(operation, "ResourceNotFound", **{member: "act-one"})


def test_lists_filter_sort_and_page(sagemaker: Client) -> None:
    for number in range(5):
        at = sagemaker.at(now=NOW + timedelta(minutes=number))
        artifact(at, f"s3://b/{number}", "Model" if number % 2 else "DataSet")
        action(at, f"a{number}", "s3://b/shared" if number > 1 else "s3://b/other")
    found = sagemaker("ListArtifacts", ArtifactType="DataSet", MaxResults=2)
    assert [item["Source"]["SourceUri"] for item in found["ArtifactSummaries"]] == ["s3://b/4", "s3://b/2"]
    rest = sagemaker("ListArtifacts", ArtifactType="DataSet", MaxResults=2, NextToken=found["NextToken"])
    assert [item["Source"]["SourceUri"] for item in rest["ArtifactSummaries"]] == ["s3://b/0"]
    assert "NextToken" not in rest
    (one,) = sagemaker("ListArtifacts", SourceUri="s3://b/3")["ArtifactSummaries"]
    assert one["ArtifactType"] == "Model"
    assert sagemaker("ListArtifacts", SourceUri="s3://b/3", ArtifactType="Image")["ArtifactSummaries"] == []
    window = {"CreatedAfter": NOW + timedelta(minutes=2), "CreatedBefore": NOW + timedelta(minutes=4)}
    for more in ({}, {"SourceUri": "s3://b/shared"}):
        names = [item["ActionName"] for item in sagemaker("ListActions", **window, **more)["ActionSummaries"]]
        assert names == ["a3"]
    for order, expected in (("Ascending", ["a2", "a3", "a4"]), ("Descending", ["a4", "a3", "a2"])):
        seen: list[str] = []
        token: dict[str, str] = {}
        while True:
            asked = {"SourceUri": "s3://b/shared", "SortBy": "Name", "SortOrder": order, "MaxResults": 1, **token}
            page = sagemaker("ListActions", **asked)
            seen += [item["ActionName"] for item in page["ActionSummaries"]]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        assert seen == expected


def test_associations_are_made_once_listed_and_taken_apart(sagemaker: Client) -> None:
    data, model = artifact(sagemaker, "s3://b/d", ArtifactName="data"), artifact(sagemaker, "s3://b/m", "Model")
    act = action(sagemaker, "deploy")
    join(sagemaker, data, act)
    join(sagemaker.at(now=NOW + timedelta(minutes=1)), act, model, "Produced")
    error = sagemaker.fails("AddAssociation", "ValidationException", SourceArn=data, DestinationArn=act)
    assert "already exists" in error.message
    sagemaker.fails("AddAssociation", "ValidationException", SourceArn=data, DestinationArn=data)
    sagemaker.fails("AddAssociation", "ResourceNotFound", SourceArn=data, DestinationArn=f"{ARN}action/none")
    other = data.replace(ACCOUNT, "999999999999")
    sagemaker.fails("AddAssociation", "ResourceNotFound", SourceArn=other, DestinationArn=model)

    def listed(**asked: Any) -> list[tuple[str, str]]:
        found = sagemaker("ListAssociations", **asked)["AssociationSummaries"]
        return [(item["SourceType"], item["DestinationType"]) for item in found]

    assert listed() == [("Act", "Model"), ("DataSet", "Act")]
    assert listed(SortBy="SourceType", SortOrder="Descending") == [("DataSet", "Act"), ("Act", "Model")]
    assert listed(SourceArn=data) == listed(DestinationType="Act") == listed(DestinationType="Action")
    assert listed(AssociationType="Produced") == listed(CreatedAfter=NOW) == [("Act", "Model")]
    assert listed(SourceType="Artifact", DestinationType="Artifact") == []
    (first,) = sagemaker("ListAssociations", SourceArn=data)["AssociationSummaries"]
    assert (first["SourceName"], first["DestinationName"], first["AssociationType"]) == (
        "data",
        "deploy",
        "ContributedTo",
    )
    page = sagemaker("ListAssociations", MaxResults=1)
    rest = sagemaker("ListAssociations", MaxResults=1, NextToken=page["NextToken"])
    assert (page["AssociationSummaries"][0]["SourceArn"], rest["AssociationSummaries"][0]["SourceArn"]) == (act, data)
    assert "NextToken" not in rest
    refused = sagemaker.fails("DeleteArtifact", "ValidationException", ArtifactArn=data)
    assert "associations" in refused.message
    sagemaker("DeleteAssociation", SourceArn=data, DestinationArn=act)
    sagemaker.fails("DeleteAssociation", "ResourceNotFound", SourceArn=data, DestinationArn=act)
    sagemaker("DeleteArtifact", ArtifactArn=data)


def test_both_ends_of_an_association_need_permission(sagemaker: Client, permissions: Permissions) -> None:
    data, model = artifact(sagemaker, "s3://b/d"), artifact(sagemaker, "s3://b/m")
    for denied in (data, model):
        permissions.denied = [f"sagemaker:AddAssociation {denied}"]
        sagemaker.fails("AddAssociation", "AccessDeniedException", SourceArn=data, DestinationArn=model)


# Queries


@pytest.fixture
def chain(sagemaker: Client) -> list[str]:
    """Five artifacts in a row, and an action that hangs on the third."""
    kinds = ("DataSet", "Step", "Step", "Model", "Report")
    arns = [artifact(sagemaker, f"s3://b/{n}", kind, Properties={"n": str(n)}) for n, kind in enumerate(kinds)]
    for before, after in pairwise(arns):
        join(sagemaker, before, after, "DerivedFrom")
    side = action(sagemaker, "side")
    join(sagemaker, arns[2], side)
    return [*arns, side]


def test_queries_walk_in_a_direction_to_a_depth(sagemaker: Client, chain: list[str]) -> None:
    assert reached(sagemaker, chain[2], "Ascendants") == [chain[2], chain[1], chain[0]]
    assert reached(sagemaker, chain[2], "Descendants", MaxDepth=1) == [chain[2], chain[3], chain[5]]
    assert set(reached(sagemaker, chain[5], "Both")) == set(chain)
    assert set(reached(sagemaker, chain[5], "Ascendants", IncludeEdges=False)) == set(chain[:3])
    for asked in ({"MaxDepth": 0}, {"MaxDepth": -1}, {"MaxResults": 0}):
        sagemaker.fails("QueryLineage", "ValidationException", StartArns=[chain[0]], **asked)
    sagemaker.fails("QueryLineage", "ValidationException", StartArns=[])
    sagemaker.fails("QueryLineage", "ResourceNotFound", StartArns=[f"{ARN}artifact/none"])
    sagemaker.fails("QueryLineage", "ResourceNotFound", StartArns=[f"{ARN}endpoint/none"])


def test_filters_choose_and_edges_show_the_way(sagemaker: Client, chain: list[str]) -> None:
    models = {"Types": ["Model"]}
    assert reached(sagemaker, chain[0], "Descendants", Filters=models, IncludeEdges=False) == [chain[3]]
    found = sagemaker("QueryLineage", StartArns=[chain[0]], Direction="Descendants", Filters=models)
    assert [vertex["Arn"] for vertex in found["Vertices"]] == chain[:4]
    assert [(edge["SourceArn"], edge["DestinationArn"]) for edge in found["Edges"]] == list(pairwise(chain[:4]))
    assert found["Edges"][0]["AssociationType"] == "DerivedFrom"
    assert found["Vertices"][3] == {"Arn": chain[3], "Type": "Model", "LineageType": "Artifact"}
    for filters, expected in (
        ({"LineageTypes": ["Action"]}, [chain[5]]),
        ({"Properties": {"n": "4", "other": "x"}}, [chain[4]]),
        ({"CreatedAfter": NOW}, []),
        ({"CreatedBefore": NOW + timedelta(seconds=1), "Types": ["Step"]}, chain[1:3]),
        ({"ModifiedAfter": NOW}, []),
        ({"ModifiedBefore": NOW}, []),
    ):
        assert reached(sagemaker, chain[0], "Descendants", Filters=filters, IncludeEdges=False) == expected


def test_pages_tell_every_vertex_and_every_edge_once(sagemaker: Client, chain: list[str]) -> None:
    vertices: list[str] = []
    edges: list[tuple[str, str]] = []
    token: dict[str, str] = {}
    while True:
        page = sagemaker("QueryLineage", StartArns=[chain[2]], MaxResults=2, **token)
        vertices += [vertex["Arn"] for vertex in page["Vertices"]]
        edges += [(edge["SourceArn"], edge["DestinationArn"]) for edge in page["Edges"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert sorted(vertices) == sorted(chain)
    assert sorted(edges) == sorted([*pairwise(chain[:5]), (chain[2], chain[5])])
    sagemaker.fails("QueryLineage", "ValidationException", StartArns=[chain[1]], NextToken=token["NextToken"])


def test_circles_end(sagemaker: Client) -> None:
    one, two = artifact(sagemaker, "s3://b/1"), artifact(sagemaker, "s3://b/2")
    join(sagemaker, one, two, "SameAs")
    join(sagemaker, two, one, "SameAs")
    found = sagemaker("QueryLineage", StartArns=[one], Direction="Both")
    assert (len(found["Vertices"]), len(found["Edges"])) == (2, 2)


# What Clary records by itself


def test_a_training_job_knows_its_inputs_and_outputs(sagemaker: Client, role: str) -> None:
    job = train(sagemaker, role, "Train-1")
    component = f"{ARN}experiment-trial-component/train-1-aws-training-job"
    into = sagemaker("ListAssociations", DestinationArn=component)["AssociationSummaries"]
    uris = {sagemaker("DescribeArtifact", ArtifactArn=edge["SourceArn"])["Source"]["SourceUri"] for edge in into}
    assert uris == {"s3://b/train", "s3://b/code/sourcedir.tar.gz", IMAGE}
    assert {(edge["SourceType"], edge["AssociationType"]) for edge in into} == {
        ("DataSet", "ContributedTo"),
        ("Image", "ContributedTo"),
    }
    (made,) = sagemaker("ListAssociations", SourceArn=component)["AssociationSummaries"]
    assert (made["SourceType"], made["DestinationType"], made["AssociationType"]) == (
        "SageMakerTrainingJob",
        "Model",
        "Produced",
    )
    (model,) = sagemaker("ListArtifacts", SourceUri="s3://b/out/Train-1/output/model.tar.gz")["ArtifactSummaries"]
    assert model["ArtifactArn"] == made["DestinationArn"]
    found = sagemaker("QueryLineage", StartArns=[job], Direction="Descendants", IncludeEdges=False)
    assert [vertex["Arn"] for vertex in found["Vertices"]] == [made["DestinationArn"]]
    jobs = reached(
        sagemaker, model["ArtifactArn"], "Ascendants", Filters={"Types": ["TrainingJob"]}, IncludeEdges=False
    )
    assert jobs == [component]
    assert len(sagemaker("ListArtifacts", MaxResults=100)["ArtifactSummaries"]) == 4
    train(sagemaker, role, "Train-2")
    assert len(sagemaker("ListArtifacts", MaxResults=100)["ArtifactSummaries"]) == 5


def test_processing_and_transform_are_joined_by_their_uris(sagemaker: Client, role: str) -> None:
    output = {"S3Uri": "s3://b/prepared", "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}
    sagemaker(
        "CreateProcessingJob",
        ProcessingJobName="prepare",
        RoleArn=role,
        AppSpecification={"ImageUri": IMAGE},
        ProcessingResources={"ClusterConfig": RESOURCES},
        ProcessingInputs=[
            {
                "InputName": "raw",
                "S3Input": {
                    "S3Uri": "s3://b/raw",
                    "LocalPath": "/opt/ml/processing/in",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "o", "S3Output": output}]},
    )
    train(sagemaker, role, "train", "s3://b/prepared")
    model = {"Image": IMAGE, "ModelDataUrl": "s3://b/out/train/output/model.tar.gz"}
    sagemaker("CreateModel", ModelName="7", PrimaryContainer=model, ExecutionRoleArn=role)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/batch"}}
    job = sagemaker(
        "CreateTransformJob",
        TransformJobName="score",
        ModelName="7",
        TransformInput={"DataSource": source, "ContentType": "text/csv"},
        TransformOutput={"S3OutputPath": "s3://b/scores"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )["TransformJobArn"]
    found = sagemaker("QueryLineage", StartArns=[job], Direction="Ascendants", IncludeEdges=False)
    kinds = sorted((vertex["LineageType"], vertex["Type"]) for vertex in found["Vertices"])
    assert kinds.count(("TrialComponent", "ProcessingJob")) == kinds.count(("TrialComponent", "TrainingJob")) == 1
    raw = sagemaker("ListArtifacts", SourceUri="s3://b/raw")["ArtifactSummaries"][0]["ArtifactArn"]
    assert raw in [vertex["Arn"] for vertex in found["Vertices"]]
    scores = sagemaker("ListArtifacts", SourceUri="s3://b/scores")["ArtifactSummaries"][0]["ArtifactArn"]
    assert scores in reached(sagemaker, raw, "Descendants")


def register(sagemaker: Client, group: str) -> str:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://b/out/Train/output/model.tar.gz"}
    specification = {
        "Containers": [container],
        "SupportedContentTypes": ["a/b"],
        "SupportedResponseMIMETypes": ["a/b"],
    }
    return str(
        sagemaker(
            "CreateModelPackage",
            ModelPackageGroupName=group,
            InferenceSpecification=specification,
            MetadataProperties={"GeneratedBy": "arn:of:a:run"},
        )["ModelPackageArn"]
    )


def test_versions_approvals_and_endpoints_lead_back_to_the_data(sagemaker: Client, role: str) -> None:
    job = train(sagemaker, role, "Train")
    sagemaker("CreateModelPackageGroup", ModelPackageGroupName="Churn")
    package = register(sagemaker, "Churn")
    register(sagemaker, "Churn")
    (group,) = sagemaker("ListContexts", SourceUri=f"{ARN}model-package-group/churn")["ContextSummaries"]
    assert group["ContextType"] == "ModelGroup"
    assert group["ContextName"].startswith("Churn-")
    assert group["ContextName"].endswith("-aws-model-group")
    described = sagemaker("DescribeContext", ContextName=group["ContextName"])
    assert described["Properties"] == {"PipelineExecutionArn": "arn:of:a:run"}
    sagemaker.at(now=NOW + timedelta(seconds=5))(
        "UpdateModelPackage", ModelPackageArn=package, ModelApprovalStatus="Approved"
    )
    sagemaker("UpdateModelPackage", ModelPackageArn=package, ApprovalDescription="no other decision")
    actions = sagemaker("ListActions", SourceUri=package)["ActionSummaries"]
    decisions = [item["ActionName"].split("-")[:3] for item in actions]
    assert decisions == [["Churn", "1", "Approved"], ["Churn", "1", "PendingManualApproval"]]
    version = sagemaker("ListArtifacts", SourceUri=package)["ArtifactSummaries"][0]["ArtifactArn"]
    into = sagemaker("ListAssociations", DestinationArn=version)["AssociationSummaries"]
    assert sorted(edge["SourceType"] for edge in into) == ["Approval", "Approval", "Image", "Model"]

    sagemaker("CreateModel", ModelName="m", PrimaryContainer={"ModelPackageName": package}, ExecutionRoleArn=role)
    variant = {"VariantName": "A", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker(
        "CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[{"InitialVariantWeight": 1.0, **variant}]
    )
    endpoint = sagemaker("CreateEndpoint", EndpointName="Live", EndpointConfigName="c")["EndpointArn"]
    (live,) = sagemaker("ListContexts", ContextType="Endpoint")["ContextSummaries"]
    assert live["Source"] == {"SourceUri": endpoint, "SourceType": "ARN"}
    component = f"{ARN}experiment-trial-component/train-aws-training-job"
    before = reached(sagemaker, endpoint, "Ascendants", IncludeEdges=False)
    assert {component, version} <= set(before)
    filters = {"LineageTypes": ["Context"], "Types": ["Endpoint"]}
    assert reached(sagemaker, job, "Descendants", Filters=filters, IncludeEdges=False) == [live["ContextArn"]]


def test_a_group_may_be_made_again(sagemaker: Client) -> None:
    for _ in range(2):
        sagemaker("CreateModelPackageGroup", ModelPackageGroupName="again")
        package = register(sagemaker, "again")
        sagemaker("DeleteModelPackage", ModelPackageName=package)
        sagemaker("DeleteModelPackageGroup", ModelPackageGroupName="again")
    assert len(sagemaker("ListActions", SourceUri=package)["ActionSummaries"]) == 2


def test_a_component_that_is_deleted_takes_its_associations_along(sagemaker: Client) -> None:
    component = sagemaker("CreateTrialComponent", TrialComponentName="run")["TrialComponentArn"]
    data = artifact(sagemaker, "s3://b/d")
    join(sagemaker, data, component)
    (edge,) = sagemaker("ListAssociations", SourceArn=data)["AssociationSummaries"]
    assert edge["DestinationType"] == "SageMakerExperimentTrialComponent"
    sagemaker("DeleteTrialComponent", TrialComponentName="run")
    assert sagemaker("ListAssociations", SourceArn=data)["AssociationSummaries"] == []


def test_there_is_one_group_for_all(sagemaker: Client) -> None:
    name = "sagemaker-default-lineage-group"
    assert sagemaker("ListLineageGroups") == {"LineageGroupSummaries": []}
    sagemaker.fails("DescribeLineageGroup", "ResourceNotFound", LineageGroupName=name)
    arn = artifact(sagemaker, "s3://b/d")
    (group,) = sagemaker("ListLineageGroups")["LineageGroupSummaries"]
    assert sagemaker("DescribeArtifact", ArtifactArn=arn)["LineageGroupArn"] == group["LineageGroupArn"]
    assert sagemaker("DescribeLineageGroup", LineageGroupName=name)["CreationTime"] == NOW
    assert sagemaker("ListLineageGroups", CreatedAfter=NOW) == {"LineageGroupSummaries": []}
    assert sagemaker("ListLineageGroups", CreatedBefore=NOW) == {"LineageGroupSummaries": []}
    sagemaker.fails("GetLineageGroupPolicy", "ResourceNotFound", LineageGroupName=group["LineageGroupArn"])
    sagemaker.fails("DescribeLineageGroup", "ResourceNotFound", LineageGroupName="another")
