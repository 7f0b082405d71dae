import contextlib
import gzip
import io
import json
import sys

import pytest

from summarize.documents import DocumentError, find_documents, read_documents, read_lines
from tests.summarize.files import pdf_bytes, write_docx

SENTENCES = ["The river rose by two metres on Monday.", "Nobody was hurt, the mayor said."]


def text_of(path, **options) -> str:
    (document,) = read_documents(path, **options)
    return document.text


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "suffix", ["txt", "md", "html", "pdf", "docx", "jsonl", "unknown", "txt.gz"]
)
def test_every_format_gives_its_sentences_in_order(suffix, tmp_path):
    path = tmp_path / f"report.{suffix}"
    joined = " ".join(SENTENCES)
    content = {
        "md": f"# Flood\n\n*{SENTENCES[0]}* [{SENTENCES[1]}](http://example.org)\n",
        "html": f"<html><body><nav>Home</nav><p>{SENTENCES[0]}</p>\n<p>{SENTENCES[1]}</p></body>",
        "pdf": pdf_bytes([SENTENCES]),
        "jsonl": json.dumps({"document": joined}),
        "txt.gz": gzip.compress(joined.encode()),
    }.get(suffix, joined)
    if suffix == "docx":
        write_docx(path, SENTENCES)
    else:
        write(path, content)
    text = " ".join(text_of(path).split())
    assert text.removeprefix("Flood ") == joined


def test_standard_input_is_recognised_by_its_content(monkeypatch):
    for content in (pdf_bytes([SENTENCES]), b"<!DOCTYPE html><p>" + SENTENCES[0].encode()):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert SENTENCES[0] in text_of("-")


def test_scripts_and_menus_of_a_page_are_not_text(tmp_path):
    page = "<html><style>p{}</style><body><header>Menu</header><script>x()</script><!-- no -->"
    page += "<article><h1>Flood</h1><p>It <b>rose</b>.</p></article><footer>(c)</footer>"
    assert text_of(write(tmp_path / "a.html", page)).split() == ["Flood", "It", "rose."]


def test_code_and_markup_of_markdown_are_not_text(tmp_path):
    source = "---\ntitle: x\n---\n## Head ##\n```\ncode\n```\n- **one**\n- `two`\n\n"
    source += "| a | b |\n|---|---|\n"
    text = text_of(write(tmp_path / "a.md", source))
    assert text.split() == ["Head", "one", "two", "a", "b"]


def test_running_heads_and_hyphens_at_line_ends_leave_a_pdf(tmp_path):
    body = ["We speak", "of several", "very impor-", "tant things", "on a page."]
    pages = [["Annual report", *body, "and end.", str(n)] for n in range(9)]
    pages = [page[:1] + page[1 + n % 2 :] for n, page in enumerate(pages)]
    text = text_of(write(tmp_path / "a.pdf", pdf_bytes(pages)))
    assert "Annual report" not in text
    assert text.count("important things") == 9


def test_a_table_of_a_docx_is_read(tmp_path):
    path = write_docx(tmp_path / "a.docx", ["Sales."], [["Oil", "12"]])
    assert "Oil 12" in text_of(path)


def test_every_line_of_a_jsonl_is_a_document(tmp_path):
    rows = [{"text": "One.", "id": "a"}, {"article": "Two."}, "Three."]
    path = write(tmp_path / "a.jsonl", "\n".join(json.dumps(row) for row in rows))
    documents = list(read_documents(path))
    assert [d.text for d in documents] == ["One.", "Two.", "Three."]
    assert documents[0].name.endswith(":a")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", b"%PDF-1.4 nothing follows", "broken PDF"),
        ("a.pdf", b"plain text", "not a PDF"),
        ("a.pdf", pdf_bytes([[], []]), "scanned"),
        ("a.docx", b"plain text", "docx"),
        ("a.docx", b"PK\x03\x04 broken", "docx"),
        ("a.txt", b"\x7fELF\x00\x00\x00", "binary"),
        ("a.txt", bytes(range(1, 256)) * 9, "binary"),
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n ", "empty"),
        ("a.html", b"<html><script>x()</script></html>", "no text"),
        ("a.txt", "naïve café".encode("latin-1"), "--encoding"),
        ("a.jsonl", b'{"text": "x"}\n{"text": ', "line 2"),
        ("a.jsonl", b'{"title": "x"}', "line 1"),
        ("a.jsonl", b"17", "line 1"),
        ("a.doc", b"x", "save it as .docx"),
        ("a.txt.gz", b"x", "broken gz"),
    ],
)
def test_bad_input_is_one_clear_line(name, content, said, tmp_path):
    path = write(tmp_path / name, content)
    with pytest.raises(DocumentError, match=said) as caught:
        list(read_documents(path))
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DocumentError, match="no such file"):
        list(read_documents(tmp_path / "missing.txt"))
    with pytest.raises(DocumentError, match="folder"):
        list(read_documents(tmp_path))


def test_a_cut_pdf_is_read_or_refused(tmp_path):
    whole = pdf_bytes([SENTENCES] * 3)
    for length in range(10, len(whole), 97):
        path = write(tmp_path / "a.pdf", whole[:length])
        # any other exception fails the test
        with contextlib.suppress(DocumentError):
            assert text_of(path)


def test_another_encoding_can_be_named(tmp_path):
    path = write(tmp_path / "a.txt", "naïve café".encode("latin-1"))
    assert text_of(path, encoding="latin-1") == "naïve café"
    with pytest.raises(DocumentError, match="no such encoding"):
        text_of(path, encoding="klingon")


def test_utf_16_and_byte_order_marks_are_understood(tmp_path):
    for encoding in ("utf-16", "utf-8-sig"):
        assert text_of(write(tmp_path / "a.txt", "naïve".encode(encoding))) == "naïve"


def test_lines_of_all_kinds_of_corpus_are_the_same(tmp_path):
    lines = ["One line.", "Two lines."]
    plain = write(tmp_path / "a.txt", "\n\n".join(lines))
    packed = write(tmp_path / "a.txt.gz", gzip.compress("\n".join(lines).encode()))
    rows = "\n".join(json.dumps({"document": line}) for line in lines)
    assert list(read_lines(plain)) == list(read_lines(packed)) == lines
    assert list(read_lines(write(tmp_path / "a.jsonl", rows))) == lines
    assert list(read_lines(write(tmp_path / "a.jsonl.gz", gzip.compress(rows.encode())))) == lines
    with pytest.raises(DocumentError, match="no such file"):
        list(read_lines(tmp_path / "missing.txt"))


def test_a_folder_is_searched_for_documents_of_ours(tmp_path):
    write(tmp_path / "b.txt", "x")
    write(tmp_path / "a.exe", "x")
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / "c.md", "x")
    assert [p.name for p in find_documents(tmp_path)] == ["b.txt", "c.md"]
    with pytest.raises(DocumentError, match="holds no"):
        find_documents(_empty(tmp_path))


def _empty(tmp_path):
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"
