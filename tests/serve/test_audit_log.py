"""The audit log: its chain, torn lines, and what is not in it."""

import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from pneumo_core.cli.group import commands
from pneumo_core.errors import DataError
from pneumo_core.serve.audit_log import AUDIT_LOG_VARIABLE, BEGINNING, AuditEvent, record_event, verify_audit_log


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(AUDIT_LOG_VARIABLE, str(tmp_path / "audit.jsonl"))
    return tmp_path / "audit.jsonl"


def write(count: int) -> None:
    for number in range(count):
        record_event(AuditEvent("read", "not signed in", f"{number:064}", "a" * 64, 0.25, "read"))


def found(log: Path) -> tuple[int, int, int | None]:
    verified = verify_audit_log(log)
    return verified.lines, verified.torn, verified.broken


def test_without_a_named_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(AUDIT_LOG_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    write(1)
    assert list(tmp_path.iterdir()) == []


def test_lines_hold_what_was_done_and_are_chained(log: Path):
    write(3)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert list(lines[0]) == [
        "time", "event", "user", "film_sha256", "weights_sha256", "probability", "outcome", "run", "previous",
        "hash",
    ]  # fmt: skip
    assert lines[0]["previous"] == BEGINNING
    assert len({line["hash"] for line in lines}) == 3
    assert found(log) == (3, 0, None)
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "named",
    [
        {"film_sha256": "DOE_JANE.png"},
        {"weights_sha256": "DOE_JANE"},
        {"run": "DOE_JANE"},
        {"user": "Jane Doe"},
        {"event": "read DOE_JANE.png"},
        {"outcome": "DOE_JANE.png is blank."},
    ],
)
def test_an_event_takes_no_name_in_any_of_its_fields(named: dict[str, str]):
    with pytest.raises(ValueError, match="audit log"):
        AuditEvent(**{"event": "read", "user": "not signed in", **named})


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_changed_line_is_named(log: Path, number: int):
    write(3)
    lines = log.read_text().splitlines(keepends=True)
    lines[number - 1] = lines[number - 1].replace("0.25", "0.75")
    log.write_text("".join(lines))
    assert found(log) == (number - 1, 0, number)


def test_a_line_taken_out_or_moved_is_named(log: Path):
    write(4)
    first, second, third, fourth = log.read_text().splitlines(keepends=True)
    log.write_text(first + third + fourth)
    assert found(log) == (1, 0, 2)
    log.write_text(first + third + second + fourth)
    assert found(log) == (1, 0, 2)
    log.write_text(second + third + fourth)
    assert found(log) == (0, 0, 1)


def test_lines_taken_off_the_end_show_in_the_last_hash_only(log: Path):
    write(3)
    end = verify_audit_log(log).end
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:2]))
    assert found(log) == (2, 0, None)
    assert verify_audit_log(log).end != end


def test_a_line_torn_at_any_byte_survives_and_the_log_goes_on(log: Path):
    write(2)
    whole = log.read_bytes()
    start = whole.index(b"\n") + 1
    for cut in range(start + 1, len(whole) - 1):
        log.write_bytes(whole[:cut])
        assert found(log) == (1, 1, None)
        write(1)
        assert found(log) == (2, 1, None)
    # Only its end was missing: the line is whole.
    log.write_bytes(whole[:-1])
    write(1)
    assert found(log) == (3, 0, None)


def test_a_torn_line_that_was_changed_afterwards_is_named(log: Path):
    write(2)
    log.write_bytes(log.read_bytes()[:-100])
    write(1)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + lines[1].replace(b"read", b"lost") + lines[2])
    assert found(log) == (1, 1, 2)


def test_many_writers_make_one_chain(log: Path):
    writers = [threading.Thread(target=write, args=(20,)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert found(log) == (80, 0, None)


def test_a_log_that_cannot_be_written_stops_what_was_to_be_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(AUDIT_LOG_VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match=r"The audit log cannot be written .*, and nothing is done without it\."):
        write(1)


def test_the_command_says_whether_it_is_whole(log: Path):
    assert CliRunner().invoke(commands, ["audit-log", "verify"]).exit_code == 1
    write(2)
    result = CliRunner().invoke(commands, ["audit-log", "verify"])
    assert result.exit_code == 0
    assert result.stdout == f"2 lines, chain whole; the last one's hash is {verify_audit_log(log).end}\n"
    log.write_text(log.read_text().replace("0.25", "0.75"))
    result = CliRunner().invoke(commands, ["audit-log", "verify", str(log)])
    assert result.exit_code == 1
    assert "line 1 is not as it was written" in result.stderr
