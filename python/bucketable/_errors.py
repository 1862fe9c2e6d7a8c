"""What goes wrong, by kind: the codes of bucketable/error.h."""

from __future__ import annotations

from typing import Any


class Error(Exception):
    """One line for people; `name` and `code` are the library's, as in "EPARSE"."""

    def __init__(self, code: int, name: str, http_status: int, retriable: bool,
                 message: str) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.http_status = http_status  # 0: no answer was read
        self.retriable = retriable  # the same call may succeed later
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.name, self.http_status, self.retriable, self.message)


class ConfigError(Error, ValueError):
    """A field that does not exist, a bad value, values that do not fit together."""


class NetworkError(Error, ConnectionError):
    """The server was not reached, or what it said was cut off."""


class ServerError(Error):
    """The server refused: `http_status` says how."""


class CredentialsError(Error, PermissionError):
    """There are no usable credentials."""


class NoRowError(Error, LookupError):
    """The key is no row."""


class TextError(NoRowError, ValueError):
    """It would be a row, but its bytes are not text (text_errors="strict")."""


class TargetError(Error):
    """The target failed, or is another source's."""


class GuardError(TargetError):
    """More rows would go than max_deletes allows; none went."""


class CanceledError(Error):
    """It was closed while it waited."""


KINDS: dict[str, type[Error]] = {
    "ECONFIG": ConfigError, "ENET": NetworkError, "ES3": ServerError, "ECREDS": CredentialsError,
    "ENOROW": NoRowError, "ETEXT": TextError, "ETARGET": TargetError, "EFOREIGN": TargetError,
    "EGUARD": GuardError, "ECANCELED": CanceledError,
}


def make(code: int, name: str, http_status: int, retriable: bool, message: str) -> Exception:
    if name == "ENOMEM":
        return MemoryError(message)
    return KINDS.get(name, Error)(code, name, http_status, retriable, message)
