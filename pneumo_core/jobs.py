"""Runs at work in the background of the server: one thread each, found again by whoever opens its page."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pneumo_core.errors import PneumoError
from pneumo_core.runs import Progress
from pneumo_core.sources import Source

if TYPE_CHECKING:
    from pneumo_core.classifier import Classifier


class Job:
    """One run at work.

    Attributes:
        source: the films; their names and bytes are known only as long as the server lives.
        folder: where the scores go.
        progress: None until the first batch is scored.
        problem: why the run stopped, as a sentence; None where it did not fail.
    """

    def __init__(self, source: Source, folder: Path, classifier: Callable[[], Classifier]) -> None:
        self.source, self.folder = source, folder
        self.progress: Progress | None = None
        self.problem: str | None = None
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(classifier,), name="run", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop after the batch at work; what is scored stays, and a new job goes on from there."""
        self._cancelled.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it has stopped."""
        self._thread.join(seconds)

    def _work(self, classifier: Callable[[], Classifier]) -> None:
        # Imported here: TensorFlow takes seconds, and the page is drawn meanwhile.
        from pneumo_core.batch import run_source

        try:
            run_source(self.source, classifier(), self.folder, self._report, self._cancelled.is_set)
        except (PneumoError, OSError) as error:
            self.problem = str(error)

    def _report(self, progress: Progress) -> None:
        self.progress = progress


class Jobs:
    """All jobs of the server by their run's name; one is at work at a time, so that each has the whole machine."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def find(self, name: str) -> Job | None:
        """Give the job of a run's name, at work or not."""
        return self._jobs.get(name)

    def start(self, name: str, source: Source, folder: Path, classifier: Callable[[], Classifier]) -> Job | None:
        """Start a run, or give the one of this name that is at work; None where another run is at work."""
        with self._lock:
            working = [key for key, job in self._jobs.items() if job.is_running]
            if working and working != [name]:
                return None
            if not working:
                # The films of earlier runs are let go of: uploads fill the memory.
                self._jobs = {name: Job(source, folder, classifier)}
            return self._jobs[name]
