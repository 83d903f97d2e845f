"""What a person sees while a run works: one line as each step begins and ends, on standard error."""

import logging
import re
import time
from collections.abc import Mapping

import dagster as dg
from rich.console import Console
from rich.markup import escape

from orchestration.core.printable import printable


class _ProgressHandler(logging.Handler):
    """Turns Dagster's log records into lines; of other messages only warnings are shown."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        super().__init__(level=logging.DEBUG)
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._titles = titles
        self._started: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {}) or {}
        event, step = meta.get("dagster_event"), meta.get("step_key") or ""
        title = self._titles.get(step, step.replace("__", "/"))
        if event is None:
            if record.levelno == logging.WARNING and meta.get("orig_message"):
                # A message may hold what a file holds: its brackets are no markup here, and its control characters do nothing.
                self._console.print(f"  [yellow]![/] {escape(printable(meta['orig_message']))}")
            return
        kind = event.event_type_value
        if kind == "STEP_START":
            self._started[step] = time.monotonic()
            self._console.print(f"[cyan]>[/] {title} ...")
        elif kind == "STEP_UP_FOR_RETRY":
            wait = event.step_retry_data.seconds_to_wait or 0
            self._console.print(f"  [yellow]again [/] {title}: it failed, and is tried again in {wait:.0f} s")
        elif kind in ("STEP_SUCCESS", "STEP_FAILURE"):
            seconds = time.monotonic() - self._started.get(step, time.monotonic())
            mark = "[green]done  [/]" if kind == "STEP_SUCCESS" else "[red]failed[/]"
            self._console.print(f"  {mark} {title}  {seconds:.1f} s")


def progress_logger(titles: Mapping[str, str]) -> dg.LoggerDefinition:
    """A Dagster logger that shows progress; `titles` gives steps names for people."""

    def console(_context: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("quarterdeck.progress", level=logging.DEBUG)
        logger.addHandler(_ProgressHandler(titles))
        return logger

    return dg.LoggerDefinition(console, description="One line a step, for the command line.")


def failure_sentence(result: dg.ExecuteInProcessResult) -> str:
    """Why a run failed, in the words of the step that failed first."""
    for event in result.filter_events(lambda event: event.is_step_failure):
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            return str(data.user_failure_data.description)
        error = data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            # Our own errors are written for people and stand alone; of others, the class belongs to the message.
            return re.sub(r"^(orchestration|ml_assets)(\.\w+)+: ", "", error.message.strip())
    return "The run failed; its log in the Dagster UI says more (`quarterdeck ui`)."
