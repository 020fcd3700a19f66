"""The one error tree of the toolkit.

ToolkitError              anything raised on purpose; ends the command with its class name and text
  UserError               the user's side must change something; the command exits with 1
    CustomerError         hyperparameters or data of a built-in algorithm are wrong; told as a ClientError
    MissingEntryPoint     the named program is not in the user's source
    ModeNotServed         the request asks for something this framework does not do here
    HostileArchive        an archive holds a member that must not be unpacked
    InstallError          requirements or the user's package could not be installed
    ExecuteUserScriptError   the user's program ended with a non-zero exit code
    ModelServerError      the user's model or handlers could not be loaded
  ContractError           the platform did not provide what the container contract promises
RequestError              one invocation cannot be answered; carries the HTTP status
"""

from __future__ import annotations


class ToolkitError(Exception):
    """Anything raised on purpose. `details` are further lines for the failure file."""

    exit_code = 1

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class UserError(ToolkitError):
    """The user's source, requirements or request must change."""


class CustomerError(UserError):
    exit_code = 2


class MissingEntryPoint(UserError):
    pass


class ModeNotServed(UserError):
    pass


class HostileArchive(UserError):
    pass


class InstallError(UserError):
    pass


class ExecuteUserScriptError(UserError):
    """`returncode` is the program's own, or minus the number of the signal it died of."""

    def __init__(self, message: str, details: str, returncode: int) -> None:
        super().__init__(message, details)
        self.returncode = returncode
        self.exit_code = 128 - returncode if returncode < 0 else 1


class ModelServerError(UserError):
    pass


class ContractError(ToolkitError):
    """Reported like an operating system error: with the error's number where there is one."""

    def __init__(self, message: str, number: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = number or 1


class RequestError(Exception):
    """One invocation cannot be answered; the text goes to the client. No `content_type`: it is plain text."""

    def __init__(self, status: int, message: str, content_type: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.content_type = content_type
