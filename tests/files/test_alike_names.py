"""Files are found by names that equal theirs to the eye, and only where one fits."""

import pytest

from pneumo_core.files.alike_names import Match, Matcher

ENDINGS = {".png", ".dcm"}


@pytest.mark.parametrize(
    ("files", "name", "found"),
    [
        (["Mu\u0308ller.png", "x.png"], "M\u00fcller.png", "Mu\u0308ller.png"),
        (["a.png", "A.png"], "A.PNG", None),
        (["stra\u00dfe.png"], "STRASSE.PNG", "stra\u00dfe.png"),
        (["in/a.png", "in/b.png"], "a.png", "in/a.png"),
        (["in/a.png", "out/a.png"], "a.png", None),
        (["in/a.png"], "out/a.png", None),
        (["a.png", "a.dcm"], "a", None),
        (["a.png"], "a.dcm", None),
        # A UID that another one begins with is another image's.
        (["1.2.840.4.1"], "1.2.840.4", None),
        (["1.2.840.4.dcm"], "1.2.840.4", "1.2.840.4.dcm"),
        (["M\u00c3\u00bcller.png"], "M\u00fcller.png", "M\u00c3\u00bcller.png"),
        ([], "a.png", None),
    ],
)
def test_the_one_file_that_fits_is_found(files: list[str], name: str, found: str | None):
    assert Matcher(files, ENDINGS).find(name).name == found


def test_the_closest_likeness_decides():
    files = ["deep/f3.png", "F3.png", "f3.dcm"]
    assert Matcher(files, ENDINGS).find("f3.png") == Match("F3.png")


def test_several_that_fit_are_offered_and_so_is_the_nearest_of_others():
    assert Matcher(["b/a.png", "c/a.png"], ENDINGS).find("a.png").offered == ("b/a.png", "c/a.png")
    assert Matcher(["patient_0017.png", "else.png"], ENDINGS).find("patient_0018.png").offered == ("patient_0017.png",)
    assert Matcher(["a.png"], ENDINGS).find("quite different.png").offered == ()
