"""The documents are written in plain English, in short sentences that begin with their subject; their links hold."""

import re
from pathlib import Path

import pytest

from pneumo_core.files.places import ROOT

MOST_WORDS = 25
# A log of experiments packs its figures closely.
MOST_WORDS_IN = {"experiments.md": 35}
# An interval, an n or a source does not make a sentence hard to read; a clause does.
MOST_WORDS_IN_BRACKETS = 10
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENCES.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
CODE = re.compile(r"^\s*```.*?^\s*```", re.DOTALL | re.MULTILINE)
GENERATED = re.compile(r"<!-- figures:.*?<!-- end -->", re.DOTALL)
LIST_ITEM = re.compile(r"^(?:[-*>]|\d+\.) +")
LINK = re.compile(r"!?\[([^\]]*)\]\(([^)]*)\)")
INLINE_CODE = re.compile(r"`[^`]*`")
BRACKETS = re.compile(r"\s*\([^()]*\)")
ABBREVIATION = re.compile(r"\b(et al|e\.g|i\.e)\.")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"*_)]*\s+(?=\W*\w)")
WITHOUT_SUBJECT = re.compile(r"\W*(?:Of|What)\b")


def paragraphs(text: str) -> list[str]:
    """Give the paragraphs and list items of a Markdown text, without code, tables, headings and generated figures."""
    found = [""]
    for line in map(str.strip, GENERATED.sub("", CODE.sub("", text)).splitlines()):
        if not line or line.startswith(("|", "#", "![")):
            found.append("")
        elif LIST_ITEM.match(line):
            found.append(LIST_ITEM.sub("", line))
        else:
            found[-1] += f" {line}"
    return [paragraph.strip() for paragraph in found if paragraph.strip()]


def words_of(text: str) -> list[str]:
    """Give the words of a text: pieces with a letter or a digit."""
    return [piece for piece in text.split() if any(map(str.isalnum, piece))]


def without_short_brackets(text: str) -> str:
    """Take out the brackets of few words, the inner ones first."""

    def kept(found: re.Match[str]) -> str:
        is_short = len(words_of(found[0])) <= MOST_WORDS_IN_BRACKETS
        return "" if is_short else f" {found[0].strip(' ()')}"

    before = ""
    while before != text:
        before, text = text, BRACKETS.sub(kept, text)
    return text


def sentences(text: str) -> list[str]:
    """Give the sentences of a Markdown text; code counts as one word, the address of a link as none."""
    plain = [INLINE_CODE.sub("code", LINK.sub(r"\1", paragraph)) for paragraph in paragraphs(text)]
    return [
        sentence.strip()
        for paragraph in plain
        for sentence in SENTENCE_END.split(ABBREVIATION.sub(r"\1", without_short_brackets(paragraph)))
    ]


def faults(text: str, most_words: int) -> list[str]:
    """Name the sentences that are too long, and those that begin with "Of" or "What" and ask nothing."""
    found = []
    for sentence in sentences(text):
        count = len(words_of(sentence))
        if count > most_words:
            found.append(f"{count} words: {sentence}")
        if WITHOUT_SUBJECT.match(sentence) and not sentence.rstrip('*_"').endswith("?"):
            found.append(f"begins without its subject: {sentence}")
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_has_short_sentences_that_begin_with_their_subject(path: Path):
    most = MOST_WORDS_IN.get(path.name, MOST_WORDS)
    assert not faults(path.read_text(encoding="utf-8"), most)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_each_link_of_a_document_leads_to_a_file_or_a_site(path: Path):
    targets = [target.partition("#")[0] for _, target in LINK.findall(path.read_text(encoding="utf-8"))]
    assert not [target for target in targets if "://" not in target and not (path.parent / target).exists()]


def test_the_citation_names_the_newest_release_of_the_changes():
    newest = re.search(r"^## (\S+) \((\S+)\)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    assert newest is not None
    assert {f"version: {newest[1]}", f"date-released: {newest[2]}"} <= set(citation)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One two three. Four five.", 0),
        ("One two three four five six.", 1),
        ("One two three (90 %, 80.1-95.2; Wilson) four five.", 0),
        ("One two (three four five six seven eight nine ten eleven twelve thirteen).", 1),
        ("- One two three\n- four five six", 0),
        ("One two three\nfour five six.", 1),
        ("At 0.1. Two three four five.", 0),
        ("Kermany et al. wrote one two.", 1),
        ("Of these two.", 1),
        ("**What** counts.", 1),
        ("What counts?", 0),
        ("# Of a heading with many words in it", 0),
        ("| Of a table | with many words in it |", 0),
        ("```sh\nOf code with many words in it\n```", 0),
        ("[one](https://example.org/of%20many words) two", 0),
        ("<!-- figures:a -->\n\nOf all six words in it.\n\n<!-- end -->", 0),
    ],
)
def test_long_sentences_and_those_without_a_subject_are_found(text: str, count: int):
    assert len(faults(text, 5)) == count


def test_no_comment_or_docstring_of_the_code_begins_without_its_subject():
    start = re.compile(r'^\s*(?:# |""")((?:Of|What)\b[^.?\n]*[.?]?)', re.MULTILINE)
    code = [
        path for folder in ("pneumo_core", "pages", "benchmarks", "samples") for path in (ROOT / folder).rglob("*.py")
    ]
    assert len(code) > 200
    found = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in code
        for line in start.findall(path.read_text(encoding="utf-8"))
        # A question may begin with its word.
        if not line.endswith("?")
    ]
    assert not found
