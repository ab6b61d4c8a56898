"""Sessions that were left are ended."""

import asyncio

from pneumo_core.serve.sessions import end_left_sessions


def test_a_session_ends_after_its_grace_and_no_other():
    connected, known, ended = {"here", "blink"}, {"here", "left", "blink"}, []

    def end(name: str) -> None:
        known.remove(name)
        ended.append(name)

    async def watch() -> None:
        work = asyncio.create_task(end_left_sessions(lambda: set(known), connected.__contains__, end, 0.4))
        await asyncio.sleep(0.15)
        assert ended == []
        connected.remove("blink")
        await asyncio.sleep(0.12)
        connected.add("blink")
        await asyncio.sleep(0.3)
        work.cancel()

    asyncio.run(watch())
    assert ended == ["left"]
