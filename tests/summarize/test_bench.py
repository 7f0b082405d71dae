import re

import pytest

from summarize import bench
from summarize.documents import read_documents
from summarize.paper import pdf_bytes
from summarize.search import train_search
from summarize.text import word_texts
from tests.summarize.corpus import documents, sentences


@pytest.fixture
def small(monkeypatch):
    """The same measurements on little."""
    for name, value in {
        "N_SENTENCES": 6,
        "N_PAGES": 3,
        "RANKED_WORDS": 300,
        "FLAT_WORDS": (300, 600),
        "N_TRAINED": 1,
        "TRAINING_BATCH": 2,
    }.items():
        monkeypatch.setattr(bench, name, value)


def test_everything_is_measured_side_by_side_in_one_run(small, tmp_path):
    pytest.importorskip("sumy", reason="sumy is in the eval extra")
    search = train_search(map(word_texts, documents(100)), map(word_texts, sentences(200)))
    report = "\n".join(bench.bench(search.save(tmp_path / "search")))
    for measured in (
        r"new process to its first summary: \d+\.\d s",
        r"search, 6 sentences .* \d+ a second",
        r"a PDF of 3 pages and 1,008 words: read in",
        r"search, that PDF to 40 words",
        r"TextRank \(sumy\)",
        r"LexRank \(sumy\)",
        r"600 words .* rises by \d+ MB",
        r"training the encoder, .* [\d,]+ subwords a second",
    ):
        assert re.search(measured, report), measured


def test_a_pdf_that_was_written_reads_as_its_lines(tmp_path):
    path = tmp_path / "a.pdf"
    pages = [[f"line {p} {i} of words." for i in "abc"] for p in ("one", "two")]
    path.write_bytes(pdf_bytes(pages))
    (document,) = read_documents(path)
    assert document.text.split("\n") == [line for page in pages for line in page]
