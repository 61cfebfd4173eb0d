"""An interrupt that strikes where nothing can be raised is raised later; other lost exceptions are told as ever."""

import signal
import sys
import time
from collections.abc import Iterator

import pytest

from orchestration import interrupts


class Finalised:
    """Does something, or raises, where nobody can catch it."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error

    def __del__(self) -> None:
        if self.error is None:
            signal.raise_signal(signal.SIGINT)
        else:
            raise self.error


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C raises here, whatever the shell that runs the tests has told them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_in_a_finaliser_is_raised_again() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts.heard():
        Finalised(None)
        time.sleep(30)  # ended at once by the interrupt; where it is lost, the test fails after it


@pytest.mark.usefixtures("ctrl_c")
def test_other_exceptions_are_left_to_the_usual_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_value))
    with interrupts.heard():
        Finalised(ValueError("lost"))
    assert [str(error) for error in told] == ["lost"]
    Finalised(ValueError("lost later"))
    assert len(told) == 2
