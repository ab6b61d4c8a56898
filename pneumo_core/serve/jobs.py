"""Runs and audits at work in the background of the server, a thread each, found again by whoever opens the page."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pneumo_core.data import Audit, Source, audit_folder
from pneumo_core.wording import Progress, end_in_words

if TYPE_CHECKING:
    from pneumo_core.network import Classifier


class Work(ABC):
    """Something at work in a thread of its own, begun at once.

    Attributes:
        progress: None until there is something to tell.
        problem: why it stopped, as a sentence of `ends`; None where it did not fail.
    """

    def __init__(self, name: str) -> None:
        self.progress: Progress | None = None
        self.problem: str | None = None
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._go, name=name, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop at the next chance."""
        self._cancelled.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it has stopped."""
        self._thread.join(seconds)

    @abstractmethod
    def work(self) -> None:
        """Do it, in the thread; whatever ends it before its end becomes the problem."""

    def _go(self) -> None:
        try:
            self.work()
        # Nobody waits for this thread: an error that is not told here is never told.
        except Exception as error:  # noqa: BLE001
            self.problem = end_in_words(error)

    def _report(self, progress: Progress) -> None:
        self.progress = progress


class Job(Work):
    """One run at work. If it is cancelled, what is scored stays, and a new job goes on from there.

    Attributes:
        source: the films; their names and bytes are known only as long as the server lives.
        folder: where the scores go.
    """

    def __init__(self, source: Source, folder: Path, classifier: Callable[[], Classifier]) -> None:
        self.source, self.folder, self.classifier = source, folder, classifier
        super().__init__("run")

    def work(self) -> None:
        # Imported here: TensorFlow takes seconds, and the page is drawn meanwhile.
        from pneumo_core.evaluate import run_source

        run_source(self.source, self.classifier(), self.folder, self._report, self._cancelled.is_set)


class AuditJob(Work):
    """One audit at work; `audit` is None until it is done."""

    def __init__(self, folder: Path, more: Sequence[Path] = ()) -> None:
        self.folders = (folder, *more)
        self.audit: Audit | None = None
        super().__init__("audit")

    def work(self) -> None:
        self.audit = audit_folder(self.folders[0], self._report, self._cancelled.is_set, self.folders[1:])


class Audits:
    """The latest audit of the server; one is at work at a time."""

    def __init__(self) -> None:
        self._latest: AuditJob | None = None
        self._lock = threading.Lock()

    def find(self, folder: Path, more: Sequence[Path] = ()) -> AuditJob | None:
        """Give the latest audit if it is that of this folder and these further ones, at work or not."""
        latest = self._latest
        return latest if latest is not None and latest.folders == (folder, *more) else None

    def start(self, folder: Path, more: Sequence[Path] = ()) -> AuditJob | None:
        """Start an audit, or give the one of these folders that is at work; None where another one is."""
        with self._lock:
            if self._latest is None or not self._latest.is_running:
                self._latest = AuditJob(folder, more)
            return self._latest if self._latest.folders == (folder, *more) else None


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
