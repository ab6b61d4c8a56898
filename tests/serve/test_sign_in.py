"""Sign-in by a shared passphrase."""

import pytest
from click.testing import CliRunner

from pneumo_core.cli.group import commands
from pneumo_core.errors import AccessError
from pneumo_core.serve.sign_in import (
    ATTEMPTS_IN_ALL,
    ATTEMPTS_OF_AN_ADDRESS,
    IDLE_VARIABLE,
    LONGEST_SECONDS,
    PASSPHRASE_VARIABLE,
    Passphrase,
    SignIn,
    hash_passphrase,
    sign_in_asked_for,
    visitor,
)

WORDS = "quiet lungs breathe"


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def hashed() -> str:
    return hash_passphrase(WORDS)


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Quick:
    """A passphrase that is compared without the cost of scrypt."""

    def is_it(self, attempt: str) -> bool:
        return attempt == WORDS


@pytest.fixture
def sign_in(clock: Clock) -> SignIn:
    return SignIn(Quick(), 60.0, clock)


def test_a_hash_holds_no_word_of_the_passphrase_and_tells_it_from_others(hashed: str):
    assert WORDS not in hashed
    assert hashed.startswith("scrypt:32768:8:3:")
    assert Passphrase.parse(f" {hashed}\n").is_it(WORDS)
    assert not Passphrase.parse(hashed).is_it("another one")


def test_a_short_passphrase_is_refused():
    with pytest.raises(AccessError, match=r"has 11 characters. Expected are 12 or more. Please choose several words."):
        hash_passphrase("eleven char")


@pytest.mark.parametrize("written", ["secret", "scrypt:1:2:3", "scrypt:2:8:1:AAAA:AAAA", "bcrypt:32768:8:3:AA:AA"])
def test_what_is_no_hash_is_refused(written: str):
    with pytest.raises(AccessError, match="PNEUMO_PASSPHRASE_HASH holds no hash of a passphrase"):
        Passphrase.parse(written)


def test_the_right_passphrase_gives_a_token_that_ends_when_idle(sign_in: SignIn, clock: Clock):
    token = sign_in.enter(WORDS, "10.0.0.1")
    assert token is not None
    assert sign_in.seconds_left(token) == 60
    clock.now += 59
    sign_in.seen(token)
    clock.now += 59
    assert sign_in.seconds_left(token) == 1
    clock.now += 1
    assert sign_in.seconds_left(token) == 0
    # Too late: what has ended is not begun again.
    sign_in.seen(token)
    assert sign_in.seconds_left(token) == 0


def test_however_busy_a_sign_in_ends_after_half_a_day(sign_in: SignIn, clock: Clock):
    token = sign_in.enter(WORDS, "10.0.0.1")
    began = clock.now
    while clock.now < began + LONGEST_SECONDS - 50:
        clock.now += 50
        sign_in.seen(token)
    assert 0 < sign_in.seconds_left(token) <= 50


def test_who_leaves_is_signed_off_and_nobody_else(sign_in: SignIn):
    first, second = sign_in.enter(WORDS, "10.0.0.1"), sign_in.enter(WORDS, "10.0.0.1")
    sign_in.leave(first)
    assert sign_in.seconds_left(first) == 0
    assert sign_in.seconds_left(second) == 60
    assert sign_in.seconds_left(None) == sign_in.seconds_left("made up") == 0


def test_wrong_attempts_are_bounded_for_an_address_and_in_all(clock: Clock):
    sign_in = SignIn(Quick(), 60.0, clock)
    for _ in range(ATTEMPTS_OF_AN_ADDRESS):
        assert sign_in.enter("wrong", "10.0.0.1") is None
    with pytest.raises(AccessError, match=r"too many attempts to sign in. Please wait 5 minutes, then try again."):
        sign_in.enter(WORDS, "10.0.0.1")
    assert sign_in.enter(WORDS, "10.0.0.2")
    for number in range(ATTEMPTS_IN_ALL - ATTEMPTS_OF_AN_ADDRESS):
        assert sign_in.enter("wrong", f"10.0.1.{number}") is None
    with pytest.raises(AccessError, match="too many attempts"):
        sign_in.enter(WORDS, "10.0.0.2")
    clock.now += 300
    assert sign_in.enter(WORDS, "10.0.0.1")


def test_right_attempts_do_not_count(clock: Clock):
    sign_in = SignIn(Quick(), 60.0, clock)
    assert all(sign_in.enter(WORDS, "10.0.0.1") for _ in range(2 * ATTEMPTS_OF_AN_ADDRESS))


def test_the_environment_asks_for_it(hashed: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(PASSPHRASE_VARIABLE, raising=False)
    assert sign_in_asked_for() is None
    monkeypatch.setenv(PASSPHRASE_VARIABLE, hashed)
    assert sign_in_asked_for().idle_seconds == 1800
    monkeypatch.setenv(IDLE_VARIABLE, "10")
    assert sign_in_asked_for().idle_seconds == 600
    monkeypatch.setenv(IDLE_VARIABLE, "never")
    with pytest.raises(AccessError, match=r"PNEUMO_IDLE_MINUTES is 'never'\. Expected is a whole number of minutes"):
        sign_in_asked_for()


def test_a_visitor_has_a_name_that_names_nobody():
    assert visitor(None) == "not signed in"
    assert visitor("token") == visitor("token") != visitor("other")
    assert "token" not in visitor("token")


def test_the_command_asks_twice_and_prints_the_hash_alone():
    result = CliRunner().invoke(commands, ["hash-passphrase"], input=f"{WORDS}\n{WORDS}\n")
    assert result.exit_code == 0
    assert Passphrase.parse(result.stdout).is_it(WORDS)
    assert WORDS not in result.output
    assert CliRunner().invoke(commands, ["hash-passphrase"], input="short\nshort\n").exit_code == 1
