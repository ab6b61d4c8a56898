"""The setting that a site states of its patients."""

import pytest

from pneumo_core.errors import DataError
from pneumo_core.files.site import MIX_VARIABLE, site_mix


def test_the_mix_of_patients_is_stated_once_or_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(MIX_VARIABLE, raising=False)
    assert site_mix() is None
    monkeypatch.setenv(MIX_VARIABLE, "finding 10, other 30, normal 60")
    mix = site_mix()
    assert mix is not None
    assert (mix.finding, mix.other, mix.normal) == (0.1, 0.3, 0.6)


def test_a_mix_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(MIX_VARIABLE, "about half of them")
    with pytest.raises(DataError) as refused:
        site_mix()
    assert refused.value.code == "patient_mix"
