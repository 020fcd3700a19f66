"""Which services are known, and their botocore models, loaded when first needed.

The index below repeats a few facts of the models (signing name, target prefix, protocols), so that a request can
be told apart without loading a model: sagemaker's alone costs some 50 ms. A test keeps it true. Only models that
botocore ships are read, never those of the user's home.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from botocore.loaders import Loader
from botocore.model import ServiceModel

# botocore has no type information; the aliases say what is meant.
Service: TypeAlias = Any
Operation: TypeAlias = Any
Shape: TypeAlias = Any

CBOR = "smithy-rpc-v2-cbor"


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What is known of a service without its model. `version` is the API version query requests carry."""

    name: str
    signing_name: str
    protocols: tuple[str, ...]
    target_prefix: str = ""
    version: str = ""

    @property
    def is_rest(self) -> bool:
        return self.protocols[0].startswith("rest-")


_JSON = ("json",)
_REST = ("rest-json",)
_QUERY = ("query",)
_CBOR_JSON = (CBOR, "json")

_FACTS = (
    ServiceFacts("sagemaker", "sagemaker", _JSON, "SageMaker"),
    ServiceFacts("sagemaker-runtime", "sagemaker", _REST),
    ServiceFacts("sagemaker-featurestore-runtime", "sagemaker", _REST),
    ServiceFacts("sagemaker-metrics", "sagemaker", _REST),
    ServiceFacts("sagemaker-a2i-runtime", "sagemaker", _REST),
    ServiceFacts("sagemaker-edge", "sagemaker", _REST),
    ServiceFacts("s3", "s3", ("rest-xml",)),
    ServiceFacts("sts", "sts", _QUERY, version="2011-06-15"),
    ServiceFacts("iam", "iam", _QUERY, version="2010-05-08"),
    ServiceFacts("events", "events", _JSON, "AWSEvents"),
    ServiceFacts("scheduler", "scheduler", _REST),
    ServiceFacts("sns", "sns", _QUERY, version="2010-03-31"),
    ServiceFacts("sqs", "sqs", _JSON, "AmazonSQS"),
    ServiceFacts("ssm", "ssm", _JSON, "AmazonSSM"),
    ServiceFacts("stepfunctions", "states", _JSON, "AWSStepFunctions"),
    ServiceFacts(
        "cloudwatch", "monitoring", (CBOR, "json", "query"), "GraniteServiceVersion20100801", version="2010-08-01"
    ),
    ServiceFacts("logs", "logs", _JSON, "Logs_20140328"),
    ServiceFacts("cloudtrail", "cloudtrail", _JSON, "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"),
    ServiceFacts("application-autoscaling", "application-autoscaling", _JSON, "AnyScaleFrontendService"),
    ServiceFacts("ecr", "ecr", _JSON, "AmazonEC2ContainerRegistry_V20150921"),
    ServiceFacts("codebuild", "codebuild", _CBOR_JSON, "CodeBuild_20161006"),
    ServiceFacts("codepipeline", "codepipeline", _CBOR_JSON, "CodePipeline_20150709"),
    ServiceFacts("codecommit", "codecommit", _JSON, "CodeCommit_20150413"),
    ServiceFacts("codedeploy", "codedeploy", _CBOR_JSON, "CodeDeploy_20141006"),
    ServiceFacts("cloudformation", "cloudformation", _QUERY, version="2010-05-15"),
    ServiceFacts("lambda", "lambda", _REST),
    ServiceFacts("apigateway", "apigateway", _REST),
    ServiceFacts("kms", "kms", _JSON, "TrentService"),
    ServiceFacts("secretsmanager", "secretsmanager", _JSON, "secretsmanager"),
    ServiceFacts("servicecatalog", "servicecatalog", _CBOR_JSON, "AWS242ServiceCatalogService"),
)
FACTS = {facts.name: facts for facts in _FACTS}
SERVICES: tuple[str, ...] = tuple(FACTS)


class Catalog:
    """The models of the named services. Threads may share one; each model is loaded once."""

    def __init__(self, services: Sequence[str] = SERVICES) -> None:
        self.services: tuple[str, ...] = tuple(services)
        self.facts: dict[str, ServiceFacts] = {name: FACTS[name] for name in self.services}
        self._loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
        self._models: dict[str, Service] = {}
        self._operations: dict[tuple[str, str], Operation] = {}
        self._lock = threading.Lock()

    def service(self, name: str) -> Service:
        """The ServiceModel of a boto3 service name; KeyError when the catalog does not have it."""
        model = self._models.get(name)
        if model is None:
            if name not in self.facts:
                raise KeyError(name)
            with self._lock:
                model = self._models.get(name)
                if model is None:
                    description = self._loader.load_service_model(name, "service-2")
                    model = self._models[name] = ServiceModel(description, name)
        return model

    def operation(self, service: str, name: str) -> Operation | None:
        """The OperationModel, or None when the service has no such operation."""
        operation = self._operations.get((service, name))
        if operation is None:
            model = self.service(service)
            if name not in model.operation_names:
                return None
            operation = self._operations.setdefault((service, name), model.operation_model(name))
        return operation

    def with_target_prefix(self, prefix: str) -> ServiceFacts | None:
        """The service whose `X-Amz-Target` values start with `prefix.`."""
        return next((facts for facts in self.facts.values() if prefix and facts.target_prefix == prefix), None)

    def signing_as(self, signing_name: str) -> tuple[ServiceFacts, ...]:
        """Every service whose requests are signed with this name, in the catalog's order."""
        return tuple(facts for facts in self.facts.values() if facts.signing_name == signing_name)
