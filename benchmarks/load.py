"""Many people at once: does everybody get the reading of their own film, in time, in bounded memory?

    python -m benchmarks.load [FOLDER] [--people 1 --people 20] [--films 20] [--rounds 2] [--url URL] [--record FOLDER]
    python -m benchmarks.load [FOLDER] --soak 10000 [--record docs/benchmarks]

Starts the app in a process of its own and talks to it as browsers do: for each person a socket, uploads, and the
messages that pages are made of. Each person uploads a film, waits until the page with its result is drawn to its
end, and uploads the next at once. No two films are the same, and each result is compared with the film that was sent:
its hash, its picture, and its score, for which the film is read once more in this process. With `--people 60` the
line of the app is full at first, and whoever has no place in it is told so. With `--soak` films are read one after the
other in this process, without pages. Linux only: memory is what the system counts as resident.
"""

import hashlib
import http.client
import io
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import numpy as np
from PIL import Image

from benchmarks.record import Cell, Table, record_option, tell
from pneumo_core.files import ROOT, models_folder, sample_files
from pneumo_core.models import active_model_folder, read_card

# Readings before memory is measured: caches and pools fill.
WARM_UP = 500
PATIENCE_SECONDS = 120.0
# After a session is left, half of it later it ends; the app's own setting, 240, would only make this run longer.
FORGOTTEN_SECONDS = 20
# The picture on the page Explain.
SCREEN_LONG_SIDE = 1200
SHA256 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
SCORE = re.compile(r"Gauge: probability ([\d.]+) percent")
PICTURE = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+")
BUSY, STRIP_BUSY = "Busy: ", "Busy\\: "
MIB = 1 << 20
PEOPLE, MEMORY, SOAK = "People at once", "Memory", "Films one after the other"
# The columns of each round.
ROUND = (
    "results",
    "errors",
    "of another film",
    "s to the result, median",
    "p95",
    "most",
    "s until all is drawn, median",
    "its p95",
    "told that others come first",
    "told that there is no room",
    "small changes left to a click",
)


@dataclass(slots=True)
class Seen:
    """The answer that a person saw for a film that they sent.

    Attributes:
        film_sha256: of what was sent.
        shown_sha256: of what the page says that it read; None where it said nothing.
        score: in percent, as the gauge says it.
        picture_sha256: of the film's picture in the page.
        seconds: from the upload's first word until result and facts stood on the page.
        drawn_seconds: until the last of the page was drawn.
        is_busy: whether the page said that others come first.
        is_line_full: whether it said that there was no room to wait.
        is_strip_left: whether there was none for the film's small changes, which are then scored by a click.
        problem: what went wrong.
    """

    film_sha256: str
    shown_sha256: str | None = None
    score: str | None = None
    picture_sha256: str | None = None
    seconds: float = float("nan")
    drawn_seconds: float = float("nan")
    is_busy: bool = False
    is_line_full: bool = False
    is_strip_left: bool = False
    problem: str | None = None


class Person:
    """Somebody with the page Explain open: a socket, and what the page holds."""

    def __init__(self, address: str) -> None:
        from websockets.sync.client import connect

        self._server = urlsplit(address).netloc
        self._requests = http.client.HTTPConnection(self._server, timeout=PATIENCE_SECONDS)
        self._requests.request("GET", "/_stcore/health")
        answer = self._requests.getresponse()
        answer.read()
        self._requests.close()
        self._cookie = (answer.getheader("set-cookie") or "").split(";")[0]
        self._page = ExitStack()
        self._socket = self._page.enter_context(
            connect(f"ws://{self._server}/_stcore/stream", max_size=None, open_timeout=PATIENCE_SECONDS)
        )
        self._session = self._uploader = self._page_hash = ""
        self._socket.send(self._page_request().SerializeToString())
        self._read_page(Seen(""), time.perf_counter())

    def send(self, film: bytes, name: str) -> Seen:
        """Upload a film and read the page until it is drawn."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        seen, started = Seen(hashlib.sha256(film).hexdigest()), time.perf_counter()
        question = BackMsg()
        question.file_urls_request.request_id = str(uuid.uuid4())
        question.file_urls_request.file_names.append(name)
        question.file_urls_request.session_id = self._session
        self._socket.send(question.SerializeToString())
        message = ForwardMsg()
        while message.WhichOneof("type") != "file_urls_response":
            message = ForwardMsg.FromString(self._socket.recv(PATIENCE_SECONDS))
        (place,) = message.file_urls_response.file_urls
        status = self._upload(place.upload_url, film, name)
        if status != 204:
            seen.problem = f"the upload was answered {status}"
            return seen
        state = self._page_request()
        widget = state.rerun_script.widget_states.widgets.add(id=self._uploader)
        file = widget.file_uploader_state_value.uploaded_file_info.add(name=name, size=len(film), file_id=place.file_id)
        file.file_urls.CopyFrom(place)
        self._socket.send(state.SerializeToString())
        self._read_page(seen, started)
        if seen.problem is None and seen.shown_sha256 is None:
            seen.problem = "no result"
        return seen

    def leave(self) -> None:
        """Close the page."""
        self._page.close()

    def _page_request(self) -> Any:
        from streamlit.proto.BackMsg_pb2 import BackMsg

        request = BackMsg()
        request.rerun_script.page_script_hash = self._page_hash
        if not self._page_hash:
            request.rerun_script.page_name = "explain"
        return request

    def _upload(self, address: str, film: bytes, name: str) -> int:
        head = f'--film\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        content = head.encode() + film + b"\r\n--film--\r\n"
        headers = {
            "Content-Type": "multipart/form-data; boundary=film",
            "Cookie": self._cookie,
            "X-Xsrftoken": self._cookie.partition("=")[2],
        }
        self._requests.request("PUT", address, content, headers)
        answer = self._requests.getresponse()
        answer.read()
        # Until the next film the server would close it.
        self._requests.close()
        return answer.status

    def _read_page(self, seen: Seen, started: float) -> None:
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        again: tuple[str, float] | None = None
        while True:
            message = ForwardMsg.FromString(self._socket.recv(PATIENCE_SECONDS))
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._session = message.new_session.initialize.session_id
            elif kind == "navigation":
                self._page_hash = message.navigation.page_script_hash
            elif kind == "auto_rerun":
                # The page waits for room; films that were read before stand on it meanwhile, and are not the result.
                again = message.auto_rerun.fragment_id, message.auto_rerun.interval
            elif kind == "delta" and message.delta.HasField("new_element"):
                self._read_element(message.delta.new_element, seen, started)
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                again = None
            elif kind == "script_finished":
                seen.drawn_seconds = time.perf_counter() - started
                if seen.problem or again is None:
                    return
                fragment, seconds = again
                time.sleep(seconds)
                request = self._page_request()
                request.rerun_script.fragment_id, request.rerun_script.is_auto_rerun = fragment, True
                self._socket.send(request.SerializeToString())

    def _read_element(self, element: Any, seen: Seen, started: float) -> None:
        kind = element.WhichOneof("type")
        if kind == "file_uploader":
            self._uploader = element.file_uploader.id
        elif kind == "progress":
            seen.is_busy = seen.is_busy or BUSY in element.progress.text
        elif kind == "exception":
            seen.problem = f"{element.exception.type}: {element.exception.message}"
        elif kind == "alert" and element.alert.body.startswith(BUSY):
            seen.is_busy = seen.is_line_full = True
        elif kind == "alert" and element.alert.body.startswith(STRIP_BUSY):
            seen.is_strip_left = True
        elif kind == "alert" and element.alert.format == element.alert.ERROR:
            seen.problem = element.alert.body
        elif kind == "plotly_chart":
            score = SCORE.match(element.plotly_chart.alt)
            # Plotly escapes slashes.
            picture = PICTURE.search(element.plotly_chart.spec.replace("\\u002f", "/"))
            seen.score = score[1] if score else seen.score
            seen.picture_sha256 = hashlib.sha256(picture[0].encode()).hexdigest() if picture else seen.picture_sha256
        elif kind == "table":
            found = SHA256.findall(element.table.arrow_data.data)
            if found:
                seen.shown_sha256 = found[0].decode()
                seen.seconds = time.perf_counter() - started


def memory_of(process: int) -> int:
    """Give the bytes that a process and all that it started hold, as Linux counts what is resident (VmRSS)."""
    folder = Path(f"/proc/{process}")
    children = [int(word) for path in folder.glob("task/*/children") for word in path.read_text().split()]
    found = re.search(r"VmRSS:\s+(\d+) kB", (folder / "status").read_text())
    return (int(found[1]) << 10 if found else 0) + sum(map(memory_of, children))


def distinct_films(folder: Path | None, count: int, first: int = 0) -> Iterator[bytes]:
    """Give so many films, no two the same: a folder's, or the samples a little brighter or darker, with new noise."""
    if folder is not None:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".png", ".jpg", ".jpeg", ".dcm"})
        if len(files) < first + count:
            raise click.UsageError(f"{folder.name} holds {len(files)} films; {first + count} are needed.")
        yield from (path.read_bytes() for path in files[first : first + count])
        return
    samples = [np.asarray(Image.open(path), np.float32) for path in sample_files() if path.suffix == ".png"]
    for number in range(first, first + count):
        random = np.random.default_rng(number)
        pixels = samples[number % len(samples)]
        changed = 255 * (pixels / 255) ** random.uniform(0.8, 1.25) + random.normal(0, 1, pixels.shape)
        file = io.BytesIO()
        Image.fromarray(np.clip(changed, 0, 255).astype(np.uint8)).save(file, "PNG", compress_level=1)
        yield file.getvalue()


@contextmanager
def app_started() -> Iterator[tuple[str, int]]:
    """Start the app on a free port; give its address and process, and end it in the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--server.port", str(port), "--server.disconnectedSessionTTL", str(FORGOTTEN_SECONDS)]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", *words],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_healthy(port)
        yield f"http://localhost:{port}", process.pid
    finally:
        process.terminate()
        process.wait(20)


def until_healthy(port: int) -> None:
    """Wait until the server answers."""
    patience_ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < patience_ends:
        try:
            question = http.client.HTTPConnection("localhost", port, timeout=1)
            question.request("GET", "/_stcore/health")
            if question.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.02)
    raise click.ClickException("The app did not start.")


def a_round(address: str, films: Sequence[Sequence[bytes]]) -> list[Seen]:
    """Let as many people as there are lists of films send theirs at once, each one film after the other."""
    from websockets.exceptions import WebSocketException

    everybody = threading.Barrier(len(films))

    def one(own: Sequence[bytes]) -> list[Seen]:
        person, seen = Person(address), []
        everybody.wait()
        for film in own:
            try:
                # One name for all: names must not be what tells films apart.
                seen.append(person.send(film, "film.png"))
            except (OSError, WebSocketException) as error:
                seen.append(Seen(hashlib.sha256(film).hexdigest(), problem=repr(error)))
        person.leave()
        return seen

    with ThreadPoolExecutor(len(films)) as people:
        return [seen for of_one in people.map(one, films) for seen in of_one]


def count_wrong(seen: Sequence[Seen], films: Sequence[bytes]) -> int:
    """Count results that are not those of the film that was sent: by hash, picture and score, read once more here."""
    from pneumo_core.draw import Display, data_uri, film_picture, fitted
    from pneumo_core.film import read_radiograph
    from pneumo_core.keras_network import load_classifier
    from pneumo_core.read import read_xray

    classifier, wrong = load_classifier(models_folder()), 0
    for result, content in zip(seen, films, strict=True):
        if result.problem is not None:
            continue
        radiograph = read_radiograph(content, "film")
        picture = data_uri(film_picture(fitted(radiograph.pixels, SCREEN_LONG_SIDE), Display()))
        expected = (
            radiograph.sha256,
            hashlib.sha256(picture.encode()).hexdigest(),
            f"{100 * read_xray(classifier, radiograph).prediction.probability:.1f}",
        )
        wrong += (result.shown_sha256, result.picture_sha256, result.score) != expected
    return wrong


def in_numbers(seen: Sequence[Seen], films: Sequence[bytes]) -> tuple[Cell, ...]:
    """Sum a round up, as `ROUND` names it."""
    problems = [result.problem for result in seen if result.problem]
    for problem in sorted(set(problems)):
        click.echo(f"{problems.count(problem)} x {problem}", err=True)
    result = sorted(one.seconds for one in seen if not one.problem) or [float("nan")]
    drawn = sorted(one.drawn_seconds for one in seen if not one.problem) or [float("nan")]
    return (
        len(seen),
        len(problems),
        count_wrong(seen, films),
        *_spread(result),
        *_spread(drawn)[:2],
        sum(one.is_busy for one in seen),
        sum(one.is_line_full for one in seen),
        sum(one.is_strip_left for one in seen),
    )


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Give median, 95th percentile and maximum of sorted values."""
    last = len(values) - 1
    high = values[min(last, int(0.95 * len(values)))]
    return round(statistics.median(values), 2), round(high, 2), round(values[-1], 2)


def people_at_once(
    folder: Path | None, people: int, films: int, rounds: int, url: str | None
) -> tuple[list[tuple[Cell, ...]], list[tuple[Cell, ...]]]:
    """Let people read films in the app; give the rows of `PEOPLE` and `MEMORY`."""
    contents = list(distinct_films(folder, people * films))
    of_each = [contents[films * person : films * (person + 1)] for person in range(people)]
    memory: list[tuple[Cell, ...]] = []
    seen_in = []
    with nullcontext((url, None)) if url else app_started() as (address, process):
        # Waits until the network is loaded.
        first = Person(address)
        first.send(contents[0], "film.png")
        first.leave()

        def measure(films_read: int, when: str) -> None:
            if process is not None:
                memory.append((people, films_read, when, round(memory_of(process) / MIB)))

        time.sleep(FORGOTTEN_SECONDS)
        measure(0, "before")
        for number in range(1, rounds + 1):
            seen_in.append(a_round(address, of_each))
            measure(number * len(contents), "all films read, sessions open")
            time.sleep(FORGOTTEN_SECONDS)
            measure(number * len(contents), "all sessions ended")
    return [(people, number, *in_numbers(seen, contents)) for number, seen in enumerate(seen_in, 1)], memory


def soak(folder: Path | None, count: int) -> Table:
    """Read films one after the other in this process; give what it holds before, on the way and after."""
    from pneumo_core.film import read_radiograph
    from pneumo_core.keras_network import load_classifier
    from pneumo_core.read import read_xray

    classifier = load_classifier(models_folder())
    held: list[tuple[Cell, ...]] = []

    def measure(readings: int) -> None:
        held.append((readings, round(memory_of(os.getpid()) / MIB, 1)))
        click.echo(f"{held[-1][0]} readings: {held[-1][1]} MiB", err=True)

    for number, content in enumerate(distinct_films(folder, WARM_UP + count)):
        if number >= WARM_UP and (number - WARM_UP) % max(1, count // 10) == 0:
            measure(number - WARM_UP)
        read_xray(classifier, read_radiograph(content, "film"))
    measure(count)
    return Table(SOAK, ("readings", "MiB"), tuple(held))


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--people", multiple=True, default=(20,), show_default=True, help="At once; may be given several times.")
@click.option("--films", default=20, show_default=True, help="Of each person in a round.")
@click.option("--rounds", default=2, show_default=True)
@click.option("--url", help="Of an app that is at work with the model in use here; its memory is not measured.")
@click.option("--soak", "readings", type=int, help="Read so many films in this process instead.")
@record_option
def benchmark(
    folder: Path | None,
    people: tuple[int, ...],
    films: int,
    rounds: int,
    url: str | None,
    readings: int | None,
    record: Path | None,
) -> None:
    """Load the app; without FOLDER with the samples, changed a little from film to film."""
    card = read_card(active_model_folder(models_folder()))
    if readings:
        tell(record, "soak", [soak(folder, readings)], card, details={"readings before": WARM_UP})
        return
    found = [people_at_once(folder, count, films, rounds, url) for count in people]
    tables = [
        Table(PEOPLE, ("people", "round", *ROUND), tuple(row for rows, _ in found for row in rows)),
        Table(MEMORY, ("people", "films read", "when", "MiB"), tuple(row for _, rows in found for row in rows)),
    ]
    tell(record, "load", tables, card, details={"films of each": films})


if __name__ == "__main__":
    benchmark()
