"""The library's log (bucketable/log.h), told to the logger "bucketable"."""

import logging

_logger = logging.getLogger("bucketable")
_LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)


def level() -> int:
    """How far the logger lets them through, as the library counts them; -1: none."""
    return sum(map(_logger.isEnabledFor, _LEVELS)) - 1


def write(level: int, message: str) -> None:
    _logger.log(_LEVELS[level], "%s", message)
