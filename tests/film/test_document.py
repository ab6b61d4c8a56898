"""docs/input.md names every note, warning and refusal that reading an image can give."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pneumo_core.errors import IMAGE_CODES
from pneumo_core.files.places import ROOT

CORE = ROOT / "pneumo_core"
MODULES = [
    *sorted((CORE / "film" / "dicom").glob("*.py")),
    *(CORE / "film" / f"{name}.py" for name in ("decoder", "grey", "image", "pixels", "radiograph", "tiff")),
    *(CORE / "gate" / f"{name}.py" for name in ("quality", "raw", "suitability")),
]
# A note or a warning is a whole sentence; a refusal begins behind the name of the file.
SENTENCE = re.compile(r"(?:[A-Z].*|…? ?(?:is|has|holds|does|seems|was|took|give|of) .*)\.(?: …)?", re.DOTALL)


def beginnings_of(path: Path) -> Iterator[str]:
    """Give five words of each text of a module that is a sentence, from its first fixed piece; and tags of warnings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and isinstance(node.body[0], ast.Expr)
    }
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        pieces = node.values if isinstance(node, ast.JoinedStr) else [node]
        texts = [piece.value if isinstance(piece, ast.Constant) else "…" for piece in pieces]
        is_text = isinstance(node, ast.Constant | ast.JoinedStr) and all(isinstance(text, str) for text in texts)
        text = "".join(texts) if is_text and id(node) not in docstrings | inside else ""
        if len(text.split()) > 3 and SENTENCE.fullmatch(text):
            fixed = next((piece.split() for piece in text.split("…") if len(piece.split()) > 2), text.split())
            yield " ".join(fixed[:5]).rstrip(".,:")
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "Caution"
            and isinstance(node.args[0], ast.Constant)
        ):
            yield f"warning *{node.args[0].value}*"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_document_of_input_names_each_sentence_by_its_first_words(path: Path):
    document = " ".join((ROOT / "docs" / "input.md").read_text(encoding="utf-8").split())
    assert not [beginning for beginning in beginnings_of(path) if beginning not in document]


def test_the_document_of_input_names_each_code():
    document = (ROOT / "docs" / "input.md").read_text(encoding="utf-8")
    assert not [code for code in IMAGE_CODES if f"`{code}`" not in document]
