"""What a server guards, as its environment and settings ask for."""

from pathlib import Path

import pytest

from pneumo_core.errors import AccessError
from pneumo_core.serve.rules import OPEN_VARIABLE, check_address, is_loopback, script_sources


def test_the_scripts_of_a_page_are_named_by_their_hashes(tmp_path: Path):
    page = tmp_path / "index.html"
    page.write_text("<script>alert(1)</script><script src='x'></script>")
    # echo -n 'alert(1)' | openssl dgst -sha256 -binary | base64
    assert script_sources(page) == ("'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='",)


def test_loopback_is_known():
    assert all(is_loopback(address) for address in ("localhost", "127.0.0.1", "127.9.9.9", "::1"))
    assert not any(is_loopback(address) for address in (None, "", "0.0.0.0", "::", "10.0.0.1", "localhost.example"))


def test_other_computers_need_sign_in_or_so_many_words(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(OPEN_VARIABLE, raising=False)
    check_address("localhost", has_sign_in=False)
    check_address("0.0.0.0", has_sign_in=True)
    for said in ("", "yes", "1"):
        monkeypatch.setenv(OPEN_VARIABLE, said)
        with pytest.raises(AccessError, match=r"listen on 0\.0\.0\.0 without sign-in"):
            check_address("0.0.0.0", has_sign_in=False)
        with pytest.raises(AccessError, match="every address of this computer"):
            check_address(None, has_sign_in=False)
    monkeypatch.setenv(OPEN_VARIABLE, "yes, without sign-in")
    check_address(None, has_sign_in=False)
