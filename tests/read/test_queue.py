"""The line before the network: its order, its bound, and that nobody stays in it who has left."""

import threading

import pytest

from pneumo_core.errors import BusyError
from pneumo_core.read.queue import GIVES_WAY_TO, ReadingQueue

PATIENCE = 30


class LeftError(Exception):
    """Stands for what Streamlit raises in a page that is left."""


def never(ahead: int) -> None:
    pytest.fail(f"told of {ahead} ahead, with nobody there")


def leave(ahead: int) -> None:
    raise LeftError(ahead)


def line(at_once: int = 1, most_waiting: int = 10) -> ReadingQueue:
    return ReadingQueue(at_once, most_waiting, tell_seconds=0.01)


class Session:
    """Somebody with films to read, in a thread of their own, who notes each in `order` when its turn comes."""

    def __init__(self, queue: ReadingQueue, order: list[str], *films: str, gives_way: bool = False) -> None:
        self.told: list[int] = []
        self._waits = threading.Event()
        self._queue, self._order, self._films, self._gives_way = queue, order, films, gives_way
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self._waits.wait(PATIENCE)

    def done(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _read(self) -> None:
        for film in self._films:
            with self._queue.turn(self._tell, self._gives_way):
                self._order.append(film)

    def _tell(self, ahead: int) -> None:
        self.told.append(ahead)
        self._waits.set()


def test_with_nobody_there_a_turn_begins_at_once():
    queue = line()
    with queue.turn(never):
        assert queue.ahead == 1
    assert queue.ahead == 0


def test_so_many_are_at_work_at_once_and_the_next_one_waits():
    queue = line(at_once=2)
    with queue.turn(never), queue.turn(never):
        with pytest.raises(LeftError, match="2"), queue.turn(leave):
            pytest.fail("a third one began")
        assert queue.ahead == 2


def test_sessions_take_turns_film_by_film_however_many_one_brings():
    queue, order = line(), []
    with queue.turn(never):
        many = Session(queue, order, "many 1", "many 2", "many 3")
        one = Session(queue, order, "one")
        other = Session(queue, order, "other")
        assert (many.told[0], one.told[0], other.told[0]) == (1, 2, 3)
        assert order == []
    for session in (many, one, other):
        session.done()
    assert order == ["many 1", "one", "other", "many 2", "many 3"]
    assert queue.ahead == 0


def test_what_gives_way_lets_later_ones_go_first_but_not_for_ever():
    queue, order = line(most_waiting=GIVES_WAY_TO + 5), []
    with queue.turn(never):
        patient = Session(queue, order, "patient", gives_way=True)
        urgent = [Session(queue, order, str(number)) for number in range(1, GIVES_WAY_TO + 2)]
        assert urgent[0].told[0] == 1
    for session in (patient, *urgent):
        session.done()
    assert order.index("patient") == GIVES_WAY_TO


def test_a_full_line_is_refused_with_the_place_and_takes_others_once_it_has_room():
    queue, order = line(most_waiting=2), []
    with queue.turn(never):
        waiting = [Session(queue, order, "first"), Session(queue, order, "second")]
        assert not queue.has_room()
        assert queue.has_room(gives_way=True)
        with pytest.raises(BusyError, match=r"^Busy: 3 ahead of you, and at most 2 can wait\. "), queue.turn(never):
            pytest.fail("it began")
        assert queue.ahead == 3
    for session in waiting:
        session.done()
    assert queue.has_room()
    with queue.turn(never):
        order.append("third")
    assert order == ["first", "second", "third"]


@pytest.mark.parametrize("leaves", ["while it waits", "at work"])
def test_whoever_leaves_makes_room_for_the_next(leaves: str):
    queue, order = line(), []
    if leaves == "at work":
        with pytest.raises(LeftError), queue.turn(never):
            raise LeftError
    else:
        with queue.turn(never), pytest.raises(LeftError), queue.turn(leave):
            pytest.fail("it began")
    assert queue.ahead == 0
    with queue.turn(never):
        order.append("next")
    assert order == ["next"]


def test_those_behind_one_who_left_move_up():
    queue, order, behind = line(), [], []

    def leave_once_another_has_come(ahead: int) -> None:
        behind.append(Session(queue, order, "behind"))
        raise LeftError

    with queue.turn(never):
        with pytest.raises(LeftError), queue.turn(leave_once_another_has_come):
            pytest.fail("it began")
        assert queue.ahead == 2
    behind[0].done()
    assert (behind[0].told[0], order) == (2, ["behind"])
