"""Lineage: artifacts, actions, contexts and the associations between them, with their dispatch table.

What jobs, the registry and endpoints add by themselves is in automatic.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.sagemaker.lineage import actions, artifacts, associations, contexts, groups, queries, vertices
from clary.services.sagemaker.lineage.vertices import ACTION, CONTEXT
from clary.services.sagemaker.names import named

OPERATIONS: Mapping[str, Operation] = {
    "AddAssociation": Operation(associations.add_association, associations.source_arn),
    "CreateAction": Operation(actions.create_action, named(ACTION, "ActionName")),
    "CreateArtifact": Operation(artifacts.create_artifact, artifacts.any_artifact),
    "CreateContext": Operation(contexts.create_context, named(CONTEXT, "ContextName")),
    "DeleteAction": Operation(actions.delete_action, named(ACTION, "ActionName")),
    "DeleteArtifact": Operation(artifacts.delete_artifact, artifacts.named_artifact),
    "DeleteAssociation": Operation(associations.delete_association, associations.source_arn),
    "DeleteContext": Operation(contexts.delete_context, named(CONTEXT, "ContextName")),
    "DescribeAction": Operation(actions.describe_action, vertices.described_arn(ACTION, "ActionName")),
    "DescribeArtifact": Operation(artifacts.describe_artifact, artifacts.named_artifact),
    "DescribeContext": Operation(contexts.describe_context, vertices.described_arn(CONTEXT, "ContextName")),
    "DescribeLineageGroup": Operation(groups.describe_lineage_group, groups.described_group),
    "GetLineageGroupPolicy": Operation(groups.get_lineage_group_policy, groups.described_group),
    "ListActions": Operation(actions.list_actions),
    "ListArtifacts": Operation(artifacts.list_artifacts),
    "ListAssociations": Operation(associations.list_associations),
    "ListContexts": Operation(contexts.list_contexts),
    "ListLineageGroups": Operation(groups.list_lineage_groups),
    "QueryLineage": Operation(queries.query_lineage),
    "UpdateAction": Operation(actions.update_action, named(ACTION, "ActionName")),
    "UpdateArtifact": Operation(artifacts.update_artifact, artifacts.named_artifact),
    "UpdateContext": Operation(contexts.update_context, named(CONTEXT, "ContextName")),
}
