"""Which services are known, and the few facts of their models by which requests are told apart.

The facts (signing name, target prefix, protocols) are repeated here so that neither a model nor botocore itself need
be loaded for them: doors verify signatures without either. A test keeps them true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CBOR = "smithy-rpc-v2-cbor"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What is known of a service without its model.

    `version` is the API version that query requests carry; a service with a version speaks the query protocol, even
    when its model has left that behind (`former_query`). `most_body` is the size of the largest body that is taken,
    of those that are read at once: what the service allows with all of its characters escaped. `most_bodies` are the
    sizes of operations that take more.
    """

    name: str
    signing_name: str
    protocols: tuple[str, ...]
    target_prefix: str = ""
    version: str = ""
    most_body: int = MEBIBYTE
    most_bodies: Mapping[str, int] = field(default_factory=dict)

    def most_body_of(self, operation: str) -> int:
        return self.most_bodies.get(operation, self.most_body)

    @property
    def is_rest(self) -> bool:
        return self.protocols[0].startswith("rest-")

    @property
    def speaks_query(self) -> bool:
        return bool(self.version)


_JSON = ("json",)
_REST = ("rest-json",)
_QUERY = ("query",)
_CBOR_JSON = (CBOR, "json")

_WITH_CODE = dict.fromkeys(("CreateFunction", "UpdateFunctionCode"), 70_167_211)  # a zip file of 50 MB in base64

_FACTS = (
    ServiceFacts("sagemaker", "sagemaker", _JSON, "SageMaker", most_body=6 * MEBIBYTE),
    ServiceFacts("sagemaker-runtime", "sagemaker", _REST),
    ServiceFacts("sagemaker-featurestore-runtime", "sagemaker", _REST),
    ServiceFacts("sagemaker-metrics", "sagemaker", _REST),
    ServiceFacts("sagemaker-a2i-runtime", "sagemaker", _REST),
    ServiceFacts("sagemaker-edge", "sagemaker", _REST),
    ServiceFacts("s3", "s3", ("rest-xml",), most_body=8 * MEBIBYTE),
    ServiceFacts("sts", "sts", _QUERY, version="2011-06-15"),
    ServiceFacts("iam", "iam", _QUERY, version="2010-05-08"),
    ServiceFacts("organizations", "organizations", _JSON, "AWSOrganizationsV20161128"),
    ServiceFacts("events", "events", _JSON, "AWSEvents", most_body=4 * MEBIBYTE),
    ServiceFacts("scheduler", "scheduler", _REST),
    ServiceFacts("sns", "sns", _QUERY, version="2010-03-31"),
    ServiceFacts("sqs", "sqs", _JSON, "AmazonSQS", version="2012-11-05", most_body=6 * MEBIBYTE),
    ServiceFacts("ssm", "ssm", _JSON, "AmazonSSM"),
    ServiceFacts("stepfunctions", "states", _JSON, "AWSStepFunctions"),
    ServiceFacts(
        "cloudwatch",
        "monitoring",
        (CBOR, "json", "query"),
        "GraniteServiceVersion20100801",
        version="2010-08-01",
        most_body=4 * MEBIBYTE,
    ),
    ServiceFacts("logs", "logs", _JSON, "Logs_20140328", most_body=6 * MEBIBYTE),
    ServiceFacts("cloudtrail", "cloudtrail", _JSON, "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"),
    ServiceFacts("application-autoscaling", "application-autoscaling", _JSON, "AnyScaleFrontendService"),
    ServiceFacts("ecr", "ecr", _JSON, "AmazonEC2ContainerRegistry_V20150921"),
    ServiceFacts("codebuild", "codebuild", _CBOR_JSON, "CodeBuild_20161006"),
    ServiceFacts("codepipeline", "codepipeline", _CBOR_JSON, "CodePipeline_20150709"),
    ServiceFacts("codecommit", "codecommit", _JSON, "CodeCommit_20150413"),
    ServiceFacts("codedeploy", "codedeploy", _CBOR_JSON, "CodeDeploy_20141006"),
    ServiceFacts("cloudformation", "cloudformation", _QUERY, version="2010-05-15"),
    ServiceFacts("lambda", "lambda", _REST, most_body=16 * MEBIBYTE, most_bodies=_WITH_CODE),
    ServiceFacts("apigateway", "apigateway", _REST),
    ServiceFacts("kms", "kms", _JSON, "TrentService"),
    ServiceFacts("secretsmanager", "secretsmanager", _JSON, "secretsmanager"),
    ServiceFacts("servicecatalog", "servicecatalog", _CBOR_JSON, "AWS242ServiceCatalogService"),
)
FACTS = {facts.name: facts for facts in _FACTS}
SERVICES: tuple[str, ...] = tuple(FACTS)
