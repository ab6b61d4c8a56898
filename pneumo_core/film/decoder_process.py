"""The process that decodes: files come in on standard input, pixels or a refusal go out on standard output.

Only `decoder` starts it. Before the first file it gives up all rights that decoding does not need. A file that takes
it over can open no file, reach no network, start no process, and use little memory.

A file comes as its length in a line, then its bytes. An answer is a line of JSON (`decoder` defines it). The bytes of
the levels and of their scale follow, if there are any.
"""

import dataclasses
import json
import os
import signal
import struct
import sys
import warnings
import zlib
from contextlib import suppress
from typing import BinaryIO

import numpy as np
from PIL import Image

from pneumo_core.errors import PneumoError
from pneumo_core.film.dicom.frame import DICOM_ERRORS, import_dicom_decoders
from pneumo_core.film.dicom.reading import is_dicom, read_dicom
from pneumo_core.film.image import import_picture_decoders, read_picture
from pneumo_core.film.pixels import DAMAGED, DECODING_SECONDS, MAX_FILE_BYTES, STOPPING_SECONDS, Decoded

# The bound includes the idle process. An image of 50 megapixels with 16 bits takes 1 GiB.
MEMORY_BYTES = 1280 * 2**20

CUT_SHORT = DAMAGED.replace("damaged", "cut short")
TOO_MUCH_MEMORY = "needs too much memory to be decoded. Please export it again, uncompressed and in grey."
# Pillow, pydicom and the decoders were seen to raise these on damaged files.
_FILE_ERRORS = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error)
_PARSER_ERRORS = (RuntimeError, LookupError, AttributeError, TypeError, ArithmeticError, SystemError)
_LIBRARY_ERRORS = (Image.DecompressionBombError, *DICOM_ERRORS)
# pydicom raises these when a decoder written in C failed. Nobody knows where that decoder wrote before.
_DECODER_ERRORS = (RuntimeError, SystemError)
_DAMAGE = (*_FILE_ERRORS, *_PARSER_ERRORS, *_LIBRARY_ERRORS)


def read_content(content: bytes) -> Decoded:
    """Read by content, not by name."""
    return read_dicom(content) if is_dicom(content) else Decoded(*read_picture(content))


def answer(content: bytes) -> tuple[dict[str, object], list[memoryview]]:
    """Give header and arrays; whatever the libraries raise becomes a refusal that quotes nothing of the file."""
    try:
        decoded = read_content(content)
    except PneumoError as refusal:
        return _refusal(str(refusal), refusal.code, type(refusal).__name__), []
    except MemoryError:
        return _refusal(TOO_MUCH_MEMORY, "too_large", is_spent=True), []
    except _DAMAGE as error:
        text = CUT_SHORT if "truncated" in str(error).lower() else DAMAGED
        return _refusal(text, "damaged", is_spent=isinstance(error, _DECODER_ERRORS)), []
    header: dict[str, object] = {
        "values": decoded.levels.dtype.name,
        "origin": dataclasses.asdict(decoded.origin),
        "has_scale": decoded.scale is not None,
    }
    return header, [np.ascontiguousarray(array).data for array in (decoded.levels, *(decoded.scale or ()))]


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the questions end, as they do with the process that asks."""
    answers.write(b"ready\n")
    answers.flush()
    while length := questions.readline(20):
        _set_timers(DECODING_SECONDS, STOPPING_SECONDS + 2)
        header, arrays = answer(questions.read(min(int(length), MAX_FILE_BYTES)))
        answers.write(json.dumps(header).encode() + b"\n")
        for array in arrays:
            answers.write(array)
        answers.flush()
        _set_timers(0, 0)


def give_up_rights() -> None:
    """Import what decoding needs, then let this process have no more than that."""
    import_dicom_decoders()
    import_picture_decoders()
    # The texts of warnings can quote values of the header.
    warnings.simplefilter("ignore")
    if sys.platform == "win32":
        return
    # The two end the process in the midst of a decoder, which a handler of Python's would wait for.
    for timer in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(timer, signal.SIG_DFL)
    import resource

    bounds = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        # No file can grow or be opened, no connection made, no process or thread started, no picture left in a core.
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, bound in bounds.items():
        # macOS accepts no bound of the address space.
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (bound, bound))


def main() -> None:
    questions = sys.stdin.buffer
    # Decoders print to standard output, and their texts must not mix with the answers.
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)
    give_up_rights()
    with suppress(BrokenPipeError):
        serve(questions, answers)
    os._exit(0)


def _refusal(text: str, code: str, kind: str = "UnreadableImageError", *, is_spent: bool = False) -> dict[str, object]:
    return {"refusal": kind, "text": text, "code": code, "is_spent": is_spent}


def _set_timers(of_processor: float, by_clock: float) -> None:
    """Let the system end this process once it has used so many seconds; 0 lifts the limit.

    The processor's limit is for one file, where RLIMIT_CPU would count all files. The clock's is for a process whose
    asker ended in the middle, which nothing else would stop.
    """
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, of_processor)
        signal.setitimer(signal.ITIMER_REAL, by_clock)


if __name__ == "__main__":
    main()
