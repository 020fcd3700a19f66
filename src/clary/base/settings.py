"""Settings: one frozen record, read once at the start of a process from CLARY_* variables.

The command line writes its options into the variables, so that every child process reads the same record.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from clary.base.errors import ConfigurationError
from clary.base.layout import Layout

_LOG_LEVELS = ("debug", "info", "warning", "error")
_LARGEST_PORT = 65535


def _default_data() -> Path:
    root = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(root) / "clary"


def _default_environments() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "clary" / "environments"


def _setting(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting has the variable CLARY_<NAME>; docs/reference/settings.md is generated from here."""

    data: Path = field(default_factory=_default_data, metadata={"doc": "Folder with everything Clary owns."})
    environments: Path = field(
        default_factory=_default_environments,
        metadata={"doc": "Folder of the content-addressed job environments; may be shared by installations."},
    )
    host: str = _setting("127.0.0.1", "Address the door listens on. Loopback unless you say otherwise.")
    port: int = _setting(8765, "HTTP port; 0 takes any free one.")
    https_port: int = _setting(8766, "HTTPS port; 0 takes any free one.")
    region: str = _setting("us-east-1", "Region of a new installation. Must be a name that AWS SDKs know.")
    doors: int = _setting(2, "Door processes (at most one per core is useful).")
    isolation: str = _setting("auto", "How jobs are kept apart: auto, bwrap, namespace or plain.")
    invocation_timeout: float = _setting(
        60.0, "Seconds a model may take for one real-time answer, and for each part of a streamed one."
    )
    startup_timeout: float = _setting(
        240.0, "Seconds until /ping must answer, unless the endpoint config says otherwise."
    )
    replica_silence_seconds: float = _setting(
        60.0, "How long a model server may leave /ping unanswered before it is killed and replaced."
    )
    parked_requests: int = _setting(1000, "Invocations per endpoint and door that wait while no replica is ready.")
    parked_seconds: float = _setting(30.0, "How long such an invocation waits before it is answered 503.")
    max_invocation_bytes: int = _setting(
        25 * 1024 * 1024, "Largest body of an invocation and of its unstreamed answer, in bytes."
    )
    retry_invocations: bool = _setting(
        True, "Send an invocation once more to another replica when no response byte has come."
    )
    describe_hold_seconds: float = _setting(
        45.0, "How long the SageMaker SDK's first Describe of a young job is held; 0 answers at once."
    )
    max_unit_memory_mb: int = _setting(
        0, "Upper limit of memory per job instance or replica in MiB; 0 means the instance type decides."
    )
    capacity: str = _setting(
        "fit",
        "What happens to an instance type with more memory or processors than the machine: fit runs it within what "
        "there is and says so in the log, strict refuses it with a CapacityError.",
    )
    max_endpoint_instances: int = _setting(32, "Most instances that the variants of one endpoint may ask for.")
    cache_contents: bool = _setting(
        False, "Caches of pipeline steps also count what is in S3 inputs (ETags), not their addresses alone."
    )
    function_processes: int = _setting(
        32, "Most processes of Lambda functions at a time; calls beyond them are answered TooManyRequestsException."
    )
    function_idle_seconds: float = _setting(300.0, "How long a process of a Lambda function waits for another call.")
    restart_pause_seconds: float = _setting(
        5.0, "Longest pause before one of Clary's own processes that keeps dying is started again."
    )
    public_url: str = _setting(
        "", "URL under which jobs reach Clary itself; set by the supervisor once it has bound its ports."
    )
    s3_endpoint_url: str = _setting(
        "", "URL of another S3 that keeps all objects; Clary's own S3 passes calls on to it. Empty for none."
    )
    s3_access_key_id: str = _setting("", "Access key for that S3.")
    s3_secret_access_key: str = field(default="", repr=False, metadata={"doc": "Secret of that access key."})
    s3_region: str = _setting("", "Region of that S3; empty for the installation's.")
    smtp_host: str = _setting("", "Mail server for e-mail subscriptions; without one, e-mail is not delivered.")
    smtp_port: int = _setting(587, "Port of the mail server.")
    smtp_from: str = _setting("", "Sender's address of e-mail.")
    smtp_user: str = _setting("", "User name at the mail server; empty for none.")
    smtp_password: str = field(default="", repr=False, metadata={"doc": "Password at the mail server."})
    smtp_tls: bool = _setting(True, "Ask the mail server for encryption (STARTTLS).")
    unit_credentials_seconds: float = _setting(
        3600.0, "Life of the credentials that jobs, replicas and functions get of their role; SDKs ask again in time."
    )
    audit_days: int = _setting(90, "How long recorded API calls are kept.")
    audit_events: int = _setting(500_000, "Most recorded API calls that are kept; the oldest go first.")
    metric_days: int = _setting(90, "How long values of metrics are kept.")
    metric_values: int = _setting(
        2_000_000, "Most stored minutes and seconds of all metrics together; the oldest go first."
    )
    log_level: str = _setting("info", "Level of Clary's own logs: debug, info, warning or error.")

    @property
    def layout(self) -> Layout:
        return Layout(self.data.absolute())

    @property
    def data_option(self) -> str:
        """What a command in another shell must be told to find this folder: nothing, or ` --data FOLDER`."""
        return "" if self.data == _default_data() else f" --data {shlex.quote(str(self.layout.data))}"

    def to_environment(self) -> dict[str, str]:
        """CLARY_* variables that give a child process this very record."""
        return {f"CLARY_{f.name.upper()}": _to_text(getattr(self, f.name)) for f in fields(self)}


def load_settings(environment: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
    """Settings from CLARY_* variables; `overrides` that are not None win (command-line options)."""
    values: dict[str, Any] = {}
    defaults = Settings()
    for item in fields(Settings):
        text = environment.get(f"CLARY_{item.name.upper()}")
        if text is not None and text != "":
            values[item.name] = _from_text(item.name, text, getattr(defaults, item.name))
    values.update({name: value for name, value in overrides.items() if value is not None})
    settings = Settings(**values)
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    if settings.capacity not in ("fit", "strict"):
        raise ConfigurationError(f"CLARY_CAPACITY={settings.capacity!r} is neither fit nor strict.")
    if settings.log_level.lower() not in _LOG_LEVELS:
        raise ConfigurationError(f"CLARY_LOG_LEVEL={settings.log_level!r} is none of {', '.join(_LOG_LEVELS)}.")
    for port, option in ((settings.port, "--port"), (settings.https_port, "--https-port")):
        if not 0 <= port <= _LARGEST_PORT:
            raise ConfigurationError(f"{port} is no port: {option} takes 0 (any free one) to {_LARGEST_PORT}.")


def _to_text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _from_text(name: str, text: str, default: object) -> object:
    try:
        if isinstance(default, bool):
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        if isinstance(default, Path):
            return Path(text).expanduser()
        return type(default)(text)  # type: ignore[call-arg]
    except (KeyError, ValueError) as error:
        raise ConfigurationError(f"CLARY_{name.upper()}={text!r} is not a valid {type(default).__name__}.") from error
