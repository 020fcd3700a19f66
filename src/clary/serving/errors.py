"""What can go wrong with an invocation, in AWS's words. Raised by fleets and by the door's invocation chain."""

from __future__ import annotations

from clary.base.errors import ApiError
from clary.base.snapshots import Endpoint

# The container that a variant's only model runs in has no name of its own; AWS calls it so in messages.
CONTAINER = "primary"
_LONGEST_ORIGINAL_MESSAGE = 4096


class ValidationError(ApiError):
    """The runtime API says ValidationError where other operations say ValidationException."""

    code = "ValidationError"
    status = 400


class ModelError(ApiError):
    """The model's container answered with an error, or not at all."""

    code = "ModelError"
    status = 424


class ModelTimedOut(ModelError):
    """The model's container was silent for too long."""


class ServiceUnavailable(ApiError):
    """No replica could take the call in time."""

    code = "ServiceUnavailable"
    status = 503


class InternalDependency(ApiError):
    """Something that Clary needs for this call failed."""

    code = "InternalDependencyException"
    status = 530


def endpoint_not_found(name: str, account: str) -> ApiError:
    return ValidationError(f"Endpoint {name} of account {account} not found.")


def endpoint_not_in_service(endpoint: Endpoint) -> ApiError:
    return ValidationError(
        f"Endpoint {endpoint.name} of account {endpoint.account} is not InService; its status is {endpoint.status}."
    )


def variant_not_found(endpoint: Endpoint, variant: str) -> ApiError:
    return ValidationError(
        f"Variant {variant} for endpoint {endpoint.name} of account {endpoint.account} was not found."
    )


def session_not_found(endpoint: Endpoint) -> ApiError:
    """The id was never given out here, or the model server that held the session has gone."""
    return ValidationError(f"The session was not found on endpoint {endpoint.name} of account {endpoint.account}.")


def target_model_refused(endpoint: Endpoint) -> ApiError:
    return ValidationError(
        f"Endpoint {endpoint.name} is not a multi-model endpoint and does not support target model header."
    )


def target_container_refused(endpoint: Endpoint) -> ApiError:
    return ValidationError(
        f"Endpoint {endpoint.name} is not a multi-container endpoint and does not support target container hostname "
        "header."
    )


def container_failed(endpoint: Endpoint, status: int, body: bytes) -> ApiError:
    """The container answered with something other than 2xx."""
    kind = "client" if 400 <= status < 500 else "server"
    original = body[:_LONGEST_ORIGINAL_MESSAGE].decode("utf-8", "replace")
    return _model_error(
        endpoint, status, original, f'Received {kind} error ({status}) from {CONTAINER} with message "{original}".'
    )


def container_timed_out(endpoint: Endpoint) -> ApiError:
    reason = (
        f"Your invocation timed out while waiting for a response from container {CONTAINER}. Review the latency "
        "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
    )
    message = f'Received server error (0) from {CONTAINER} with message "{reason}".'
    return _model_error(endpoint, 0, reason, message, ModelTimedOut)


def container_broke_off(endpoint: Endpoint) -> ApiError:
    """The connection ended before a whole answer had come, and trying again was not possible or not allowed."""
    reason = f"Container {CONTAINER} closed the connection before it had answered."
    return _model_error(endpoint, 0, reason, f'Received server error (0) from {CONTAINER} with message "{reason}".')


def answer_too_large(endpoint: Endpoint, limit: int) -> ApiError:
    reason = f"The answer of container {CONTAINER} exceeded {limit} bytes."
    return _model_error(endpoint, 0, reason, f'Received server error (0) from {CONTAINER} with message "{reason}".')


def no_capacity(endpoint: Endpoint) -> ApiError:
    return ServiceUnavailable(
        f"Endpoint {endpoint.name} of account {endpoint.account} has no model server that can answer now. Try again."
    )


def _model_error(
    endpoint: Endpoint, status: int, original: str, message: str, kind: type[ModelError] = ModelError
) -> ApiError:
    group = f"/aws/sagemaker/Endpoints/{endpoint.name}"
    return kind(
        f"{message} See log group {group} in account {endpoint.account} for more information.",
        OriginalStatusCode=status,
        OriginalMessage=original,
        LogStreamArn=f"arn:aws:logs:{endpoint.region}:{endpoint.account}:log-group:{group}",
    )
