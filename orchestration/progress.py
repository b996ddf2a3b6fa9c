"""What a person sees while a command works."""

import time
from typing import Protocol

from rich.console import Console
from rich.markup import escape

from orchestration.log import WARNING, emit


class Progress(Protocol):
    """Told what is being done."""

    def __call__(self, step: str) -> None:
        """A step begins; the one before it is done."""

    def result(self, result: object) -> None:
        """A model, seed or test of the step is done."""

    def note(self, text: str) -> None:
        """Something the person should know, though the work goes on."""


class Silent:
    """Shows nothing."""

    def __call__(self, step: str) -> None:
        """Show nothing."""

    def result(self, result: object) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""


class Steps:
    """Shows the step that is running and, when it ends, how long it took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step = ""
        self._started = 0.0
        self._results = 0
        self._noted: set[str] = set()

    def __call__(self, step: str) -> None:
        """Ends the running step and starts the next."""
        self.end()
        self._step, self._started, self._results = step, time.monotonic(), 0
        self._show()

    def result(self, result: object) -> None:  # noqa: ARG002 - counted, not looked at
        """Counts a model or test of the running step."""
        self._results += 1
        self._show()

    def note(self, text: str) -> None:
        """Prints a line about the running step, once."""
        if text not in self._noted:
            self._noted.add(text)
            emit(WARNING, "note", text=text)
            self._console.print(f"  [yellow]![/] {escape(text)}", highlight=False, soft_wrap=True)

    def heading(self, text: str) -> None:
        """Ends the running step and prints a line above the next ones."""
        self.end()
        self._console.print(text, highlight=False)

    def end(self) -> None:
        """Prints the line of the running step, now done."""
        if not self._step:
            return
        seconds = time.monotonic() - self._started
        counted = f", {self._results} models and tests" if self._results else ""
        self._console.print(
            f"  [green]✓[/] {escape(self._step)} [dim]({seconds:.1f} s{counted})[/]",
            highlight=False,
            soft_wrap=True,
        )
        self._step = ""

    def _show(self) -> None:
        if self._console.is_terminal:
            counted = f" {self._results}" if self._results else ""
            self._console.print(f"  [dim]… {escape(self._step)}{counted}[/]", end="\r")
