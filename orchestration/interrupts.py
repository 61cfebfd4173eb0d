"""Ctrl-C that is not lost.

Python drops an exception that rises where nobody can catch it: in a weak reference's callback or a finaliser, which run
whenever memory is tidied up. An interrupt that strikes just there would be dropped too, and the run would go on as if
nobody had asked it to stop. Seen about once in twenty interrupts of a run that was loading torch.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster import DagsterExecutionInterruptedError

_INTERRUPTS = (KeyboardInterrupt, DagsterExecutionInterruptedError)
_AGAIN_AFTER = 0.05  # seconds: by then the callback that swallowed the first one is over


@contextmanager
def heard() -> Iterator[None]:
    """Inside, an interrupt that Python had to drop is raised again a moment later."""
    usual = sys.unraisablehook

    def again(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, _INTERRUPTS):
            usual(unraisable)
            return
        threading.Timer(_AGAIN_AFTER, os.kill, (os.getpid(), signal.SIGINT)).start()

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = usual
