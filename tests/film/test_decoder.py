"""The processes that decode: what they may, what they cost the server when a file kills, hangs or takes them over."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import uid

from pneumo_core.errors import PneumoError, UnreadableImageError
from pneumo_core.files.places import ROOT
from pneumo_core.film import decoder as decoder_module
from pneumo_core.film.decoder import DECODER, Decoder
from pneumo_core.film.decoder_process import read_content
from tests.film.dicom.test_frame import (
    BLOCKS,
    DEFLATED_FRAME,
    ENCAPSULATED,
    HTJ2K,
    JPEG_12,
    in_fragments,
    unpacked,
)
from tests.film.test_radiograph import dicom, encapsulated, gdcm_dicom, png, ramp, saved, table, written

DAMAGED = "is damaged and cannot be read. Please export or download it again."
FILM = png(ramp())
ORIGIN = {"format": "PNG", "height": 100, "width": 120, "bits": 8}
# Takes one file, and gives what a process that was taken over might give.
LIAR = """
import sys
sys.stdout.buffer.write(b"ready\\n")
sys.stdout.flush()
sys.stdin.buffer.read(int(sys.stdin.buffer.readline()))
sys.stdout.buffer.write({answer!r})
sys.stdout.buffer.write({pixel!r} * {count})
sys.stdout.flush()
sys.stdin.read()
"""
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", code


def says(answer: bytes, pixel: bytes = b"", count: int = 12_000) -> tuple[str, ...]:
    return python(LIAR.format(answer=answer, pixel=pixel, count=count))


def liar(header: object, pixel: bytes = b"", count: int = 12_000) -> tuple[str, ...]:
    return says(json.dumps(header).encode() + b"\n", pixel, count)


def does(what: str) -> tuple[str, ...]:
    """A process that does this to a file instead of decoding it."""
    return python(f"{LIAR.partition('sys.stdout.buffer.write({')[0]}{what}")


def reads_by(*lines: str) -> tuple[str, ...]:
    """The process that decodes, which does this to a file, with 0.4 s of processor time."""
    body = "".join(f"    {line}\n" for line in lines)
    return python(
        "import time\nfrom pneumo_core.film import decoder_process as process\nof_file = process.read_content\n"
        f"def reads(content):\n{body}process.read_content, process.DECODING_SECONDS = reads, 0.4\nprocess.main()"
    )


@pytest.fixture
def make_decoder():
    """Give a function that makes a decoder; its processes end with the test."""
    made = []

    def make(*arguments, **options) -> Decoder:
        made.append(Decoder(*arguments, **options))
        return made[-1]

    yield make
    for decoder in made:
        decoder.close()


def refusal(decoder: Decoder, content: bytes = FILM) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        decoder.decode(content)
    return str(caught.value)


def process_of(decoder: Decoder) -> int:
    """The number of the process that waits for the next film."""
    return decoder._idle[-1]._process.pid


def has_ended(process: int) -> bool:
    try:
        # What has ended and was not waited for has no memory any more.
        return not Path(f"/proc/{process}/statm").read_text().strip("0 \n")
    except (FileNotFoundError, ProcessLookupError):
        return True


def ends(process: int) -> bool:
    deadline = time.monotonic() + 15
    while not has_ended(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    return has_ended(process)


GREY = Image.fromarray(ramp())


def corpus(folder: Path) -> list[bytes]:
    """Films of every kind that can be read, and some that cannot."""
    exif = Image.Exif()
    exif[0x0112] = 6
    jpeg = saved(Image.fromarray(ramp()), "JPEG", exif=exif)
    named = dicom(PatientAge="", PatientBirthDate="20190101", StudyDate="20230101", VOILUTSequence=table([1, 2, 3], 8))
    run_lengths = dicom()
    run_lengths.compress(uid.RLELossless)
    plain = [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian]
    squeezed = ["JPEGLosslessProcess14", "JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless"]
    modes = [saved(Image.fromarray(ramp()).convert(mode)) for mode in ("1", "LA", "P", "RGB", "RGBA")]
    alphabets = ["ISO_IR 192", "ISO 2022 IR 87", ["", "ISO 2022 IR 149"], "GB18030", "ISO_IR 166", "NONE"]
    return [
        FILM,
        png(ramp(16)),
        png(ramp(), exif=exif),
        jpeg,
        jpeg[:-300],
        saved(Image.fromarray(ramp()), "JPEG", progressive=True),
        saved(Image.fromarray(ramp()).convert("CMYK"), "JPEG"),
        saved(Image.fromarray(ramp()), "MPO", save_all=True, append_images=[Image.fromarray(ramp())]),
        *(saved(image, form) for form in ("TIFF", "BMP", "GIF") for image in (GREY, GREY.convert("RGB"))),
        *(saved(GREY, "TIFF", compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
        *modes,
        *(written(dicom(syntax=syntax)) for syntax in plain),
        *(gdcm_dicom(ramp(12), name, folder) for name in squeezed),
        *(written(dicom(SpecificCharacterSet=alphabet, BodyPartExamined="CHEST")) for alphabet in alphabets),
        written(run_lengths),
        written(named),
        written(dicom(np.dstack([ramp()] * 3), PhotometricInterpretation="YBR_FULL")),
        encapsulated(saved(Image.fromarray(ramp()), "JPEG"), uid.JPEGBaseline8Bit, ramp()),
        encapsulated(unpacked(HTJ2K), uid.HTJ2KLosslessRPCL, BLOCKS),
        encapsulated(unpacked(JPEG_12), uid.JPEGExtended12Bit, BLOCKS),
        *(in_fragments(ramp(12), syntax) for syntax in (ENCAPSULATED, DEFLATED_FRAME)),
        b"text",
    ]


@pytest.mark.filterwarnings("ignore")
def test_films_come_back_as_they_were_decoded(tmp_path):
    for content in corpus(tmp_path):
        try:
            here = read_content(content)
        except (PneumoError, OSError):
            with pytest.raises(PneumoError):
                DECODER.decode(content)
            continue
        apart = DECODER.decode(content)
        # One thread adds up red, green and blue in another order than several.
        assert apart.pixels.dtype == np.float32 and np.allclose(apart.pixels, here.pixels, rtol=0, atol=1e-7)
        assert apart.origin == here.origin and (apart.scale is None) == (here.scale is None)
        assert here.scale is None or np.array_equal(apart.scale.values, here.scale.values)


@pytest.mark.filterwarnings("ignore")
def test_nothing_is_imported_while_a_film_is_decoded(tmp_path):
    # No file can be opened by then.
    (tmp_path / "corpus").mkdir()
    for number, content in enumerate(corpus(tmp_path)):
        (tmp_path / "corpus" / str(number)).write_bytes(content)
    code = (
        "import sys; from pathlib import Path; from pneumo_core.film import decoder_process as process\n"
        "films = [path.read_bytes() for path in Path(sys.argv[1]).iterdir()]\n"
        "process.give_up_rights(); before = set(sys.modules)\n"
        "for film in films: process.answer(film)\n"
        "print(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "corpus")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_a_film_that_crashes_its_process_is_refused_alone(make_decoder):
    decoder = make_decoder(words=does("import os; os.abort()"))
    assert refusal(decoder) == DAMAGED
    decoder._words = DECODER._words
    assert decoder.decode(FILM).levels.shape == (100, 120)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such timer")
def test_a_film_that_uses_too_much_processor_time_is_stopped(make_decoder):
    with pytest.raises(UnreadableImageError) as caught:
        make_decoder(words=reads_by("while True: pass")).decode(FILM)
    assert caught.value.code == "too_large"
    assert str(caught.value).startswith("took longer than 8 s of processor time")


def test_each_film_has_its_own_processor_time_and_none_is_used_in_sleep(make_decoder):
    decoder = make_decoder(
        words=reads_by(
            "time.sleep(0.25); end = time.process_time() + 0.25",
            "while time.process_time() < end: pass",
            "return of_file(content)",
        )
    )
    for _ in range(2):
        assert decoder.decode(FILM).levels.shape == (100, 120)
    assert decoder._idle[-1].films == 2


def test_a_process_that_sleeps_is_stopped_by_the_clock(make_decoder):
    decoder = make_decoder(0.5, does("import time; time.sleep(60)"))
    started = time.monotonic()
    with pytest.raises(UnreadableImageError) as caught:
        decoder.decode(FILM)
    assert (caught.value.code, "within 0.5 s" in str(caught.value)) == ("not_decoded", True)
    assert time.monotonic() - started < 5


def test_a_process_that_the_system_ends_is_no_damage_of_the_film(make_decoder):
    decoder = make_decoder(words=does("import os; os.kill(os.getpid(), 9)"))
    assert refusal(decoder) == ("was not read, because the system ended the process that decoded it. Please try again.")


@pytest.mark.parametrize("words", [python("raise SystemExit"), python("print('hello')"), ("/no/such/program",)])
def test_where_no_process_starts_the_film_is_not_blamed(words, make_decoder):
    assert refusal(make_decoder(words=words)) == (
        "was not read, because no process to decode it could be started. Please try again."
    )


@pytest.mark.parametrize(
    "words",
    [
        says(b"\x80\x04\x95pickle\n"),
        says(b"{" * 100_000),
        liar([]),
        liar({"values": "object", "origin": ORIGIN, "has_scale": False}),
        liar({"values": "uint8", "origin": ORIGIN | {"height": "100"}, "has_scale": False, "more": 1}),
        liar({"values": "uint8", "origin": ORIGIN | {"format": "SCRIPT"}, "has_scale": False}),
        liar({"values": "float32", "origin": ORIGIN, "has_scale": False}, np.float32(np.nan).tobytes()),
        liar({"values": "float32", "origin": ORIGIN, "has_scale": False}, np.float32(1.1).tobytes()),
        # The scale of 256 levels is white and a number too many, or no number.
        liar({"values": "uint8", "origin": ORIGIN, "has_scale": True}, np.full(512, 1.5, np.float32).tobytes() * 12),
        liar({"values": "uint8", "origin": ORIGIN, "has_scale": True}, bytes([0, 0, 192, 127]), 12_000),
        liar({"refusal": "UnreadableImageError", "text": "is \x1b[2Ja lie.", "code": "blank", "is_spent": False}),
        liar({"values": "uint8", "origin": ORIGIN | {"notes": ["\u202enettirw"]}, "has_scale": False}, bytes(1)),
        liar({"refusal": "SystemExit", "text": "is a lie.", "code": "blank", "is_spent": False}),
    ],
)
def test_an_answer_that_is_none_is_refused(words, make_decoder):
    assert refusal(make_decoder(words=words)) == DAMAGED


def test_an_answer_cannot_declare_more_than_a_film_may_have(make_decoder):
    decoder = make_decoder(
        words=liar({"values": "uint8", "origin": ORIGIN | {"height": 10**9, "width": 10**9}, "has_scale": False})
    )
    assert "at most 50 megapixels" in refusal(decoder)


def test_fewer_pixels_than_declared_are_waited_for_no_longer_than_for_any_film(make_decoder):
    decoder = make_decoder(0.5, liar({"values": "uint8", "origin": ORIGIN, "has_scale": False}, bytes(1), 11_999))
    assert "within 0.5 s" in refusal(decoder)


def test_threads_get_their_own_film():
    films = [png(np.full((100, 100 + number), number, np.uint8)) for number in range(60)]
    found: dict[int, tuple[int, float]] = {}

    def read(first: int) -> None:
        for number in range(first, 60, 6):
            decoded = DECODER.decode(films[number])
            found[number] = (decoded.origin.width, float(decoded.pixels.mean()))

    threads = [threading.Thread(target=read, args=[first]) for first in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: (100 + number, pytest.approx(number / 255)) for number in range(60)}


def test_a_process_decodes_many_films_and_then_makes_room_for_another(make_decoder, monkeypatch):
    monkeypatch.setattr(decoder_module, "FILMS_A_PROCESS", 3)
    decoder = make_decoder()
    decoder.decode(FILM)
    first = process_of(decoder)
    # Neither a refusal nor a damaged picture that Python noticed ends it.
    refusal(decoder, FILM[:-60])
    assert process_of(decoder) == first
    decoder.decode(FILM)
    assert not decoder._idle


def test_a_process_whose_decoder_failed_decodes_no_other_film(tmp_path, make_decoder):
    decoder = make_decoder()
    whole = gdcm_dicom(ramp(12), "JPEGLSLossless", tmp_path)
    frame = whole.index(b"\xff\xd8\xff\xf7")
    assert refusal(decoder, whole[: frame + 40] + b"\x99" * 400 + whole[frame + 440 :]) == DAMAGED
    assert not decoder._idle


def test_a_process_that_ended_while_it_waited_is_replaced(make_decoder):
    decoder = make_decoder()
    decoder.decode(FILM)
    os.kill(process_of(decoder), signal.SIGKILL)
    decoder._idle[-1]._process.wait()
    assert decoder.decode(FILM).levels.shape == (100, 120)


@on_linux
def test_films_are_read_where_the_system_has_no_room_for_larger_pipes(make_decoder, monkeypatch):
    import fcntl

    plain, asked = fcntl.fcntl, []

    def without_room(file, command, *arguments):
        # As Linux does where a user's pipes hold as much as all of them together may.
        if command == fcntl.F_SETPIPE_SZ:
            asked.extend(arguments)
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        return plain(file, command, *arguments)

    monkeypatch.setattr(fcntl, "fcntl", without_room)
    decoder = make_decoder()
    assert decoder.decode(png(ramp(16))).levels.shape == (100, 120)
    # For the pipe to the process and the one from it.
    assert asked == [decoder_module._PIPE_BYTES] * 2


def test_start_has_a_process_waiting(make_decoder):
    decoder = make_decoder()
    decoder.start()
    first = process_of(decoder)
    decoder.start()
    decoder.decode(FILM)
    assert (process_of(decoder), len(decoder._idle)) == (first, 1)


@on_linux
@pytest.mark.parametrize("end", ["pass", "import os; os.kill(os.getpid(), 9)"])
def test_a_process_ends_with_the_one_that_started_it(end):
    code = (
        "from pneumo_core.film.decoder import DECODER; DECODER.start()\n"
        f"print(DECODER._idle[0]._process.pid, flush=True); {end}"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert ends(int(done.stdout))


@on_linux
def test_a_process_knows_nothing_of_the_servers_environment_and_files(make_decoder, monkeypatch):
    monkeypatch.setenv("PNEUMO_PASSPHRASE", "canary")
    decoder = make_decoder()
    decoder.start()
    place = Path(f"/proc/{process_of(decoder)}")
    assert b"canary" not in (place / "environ").read_bytes()
    assert (place / "cwd").readlink() == Path("/")
    opened = sorted((link.name, str(link.readlink())) for link in (place / "fd").iterdir())
    assert [name for name, _ in opened] == ["0", "1", "2", "3"]
    assert all(target.startswith("pipe:") or target == "/dev/null" for _, target in opened)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limits")
@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        ("open('/etc/hostname')", "OSError"),
        ("import socket; socket.socket()", "OSError"),
        ("os.pipe()", "OSError"),
        pytest.param("bytes(2**31)", "MemoryError", marks=on_linux),
    ],
)
def test_a_process_may_open_nothing_and_has_little_memory(attempt, error):
    code = (
        "import os, socket; from pneumo_core.film import decoder_process\n"
        "decoder_process.give_up_rights()\n"
        f"try: {attempt}\nexcept Exception as error: print(type(error).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.strip() == error
