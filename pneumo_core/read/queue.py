"""The films of all sessions in one line before the network: few are read at a time, and all wait alike.

A session has at most one film in the line, and its next one goes to the end. So a session with one film waits for one
film of each other session, however many those bring.
"""

import itertools
import os
import threading
from bisect import insort
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pneumo_core.errors import BusyError

# One reading cannot use all cores by itself. As many films are decoded at once (`decoder.MAX_PROCESSES`).
AT_ONCE = min(4, os.cpu_count() or 1)
# A full line takes some seconds.
MOST_WAITING = 40
# A reading that gives way lets this many later ones go first.
GIVES_WAY_TO = 40
TELL_SECONDS = 0.5
_Ticket = tuple[int, bool]


class ReadingQueue:
    """A line that any thread may join.

    Args:
        at_once: the number at work at the same time.
        most_waiting: the number of others who may wait, and as many again of those who give way.
        tell_seconds: the time after which those who wait are told their place again.
    """

    def __init__(
        self, at_once: int = AT_ONCE, most_waiting: int = MOST_WAITING, tell_seconds: float = TELL_SECONDS
    ) -> None:
        self._at_once, self._most_waiting, self._tell_seconds = at_once, most_waiting, tell_seconds
        self._numbers = itertools.count()
        self._at_work = 0
        # Tickets are in order: the number that each counts as, and whether it gives way to another of this number.
        self._waiting: list[_Ticket] = []
        self._changed = threading.Condition()

    @property
    def ahead(self) -> int:
        """Give the number ahead of a newcomer."""
        return self._at_work + len(self._waiting)

    def has_room(self, gives_way: bool = False) -> bool:
        """Say whether a newcomer could wait."""
        return sum(ticket[1] == gives_way for ticket in self._waiting.copy()) < self._most_waiting

    @contextmanager
    def turn(self, tell: Callable[[int], object], gives_way: bool = False) -> Iterator[None]:
        """Wait for one's turn, which lasts as long as the block; an exception, in `tell` too, ends both.

        Args:
            tell: gets the number ahead, again and again during the wait.
            gives_way: whether those who come soon after go first.

        Raises:
            BusyError: the line is full.
        """
        ticket = self._join(gives_way)
        has_begun = False
        try:
            while ahead := self._wait(ticket):
                tell(ahead)
            has_begun = True
            yield
        finally:
            self._leave(ticket, has_begun)

    def _join(self, gives_way: bool) -> _Ticket:
        with self._changed:
            if not self.has_room(gives_way):
                raise BusyError(
                    f"Busy: {self.ahead} ahead of you, and at most {self._most_waiting} can wait. "
                    "Please try again in some seconds."
                )
            number = next(self._numbers)
            ticket = (number + GIVES_WAY_TO if gives_way else number, gives_way)
            insort(self._waiting, ticket)
            return ticket

    def _wait(self, ticket: _Ticket) -> int:
        """Wait briefly for a ticket's turn; give the number still ahead, 0 where its turn has begun."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_next(ticket), self._tell_seconds):
                return self._at_work + self._waiting.index(ticket)
            self._waiting.remove(ticket)
            self._at_work += 1
            self._changed.notify_all()
            return 0

    def _is_next(self, ticket: _Ticket) -> bool:
        return self._at_work < self._at_once and self._waiting[0] == ticket

    def _leave(self, ticket: _Ticket, has_begun: bool) -> None:
        with self._changed:
            if has_begun:
                self._at_work -= 1
            else:
                self._waiting.remove(ticket)
            self._changed.notify_all()


READINGS = ReadingQueue()
