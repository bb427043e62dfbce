"""`coremltools` without its noise: warnings of untested versions and of what only a Mac has, and
progress bars that would cross ours. Errors are raised, not printed, and so are not lost."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what runs inside; import `coremltools` inside too."""
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        import coremltools  # noqa: F401 - its loggers take their stream when it is imported

        logger = logging.getLogger("coremltools")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
