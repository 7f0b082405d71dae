import json

import pytest

from summarize.documents import DocumentError
from summarize.evaluate import (
    LIKENESS,
    PROOF,
    QUALITY,
    Pair,
    judge,
    own_systems,
    prove,
    ranked_systems,
    read_outputs,
    read_pairs,
    shown,
)
from summarize.inference import Summarizer
from summarize.ngrams import train_ngrams
from summarize.search import train_search
from summarize.text import word_texts
from tests.summarize.corpus import documents, sentences

PAIRS = [Pair(d, s) for d, s in zip(documents(60), sentences(60), strict=True)]


@pytest.fixture(scope="module")
def systems():
    search = train_search(map(word_texts, documents(100)), map(word_texts, sentences(200)))
    return own_systems(Summarizer(search), PAIRS, 6)


def test_the_tables_have_a_row_for_every_system_and_the_lead_overlaps_itself(systems):
    pytest.importorskip("rouge_score", reason="rouge-score is in the eval extra")
    outside = train_ngrams(word_texts(s) for s in sentences(200, seed=5))
    table = judge(PAIRS, systems, outside)
    assert set(table) == {"lead-6", "search-6", "human"}
    assert table["lead-6"]["lead_overlap"].mean == 100
    assert table["human"]["perplexity"].mean == 1
    assert table["search-6"]["words"].mean == 6
    assert table["search-6"]["novel"].mean == table["search-6"]["empty"].mean == 0
    assert table["search-6"]["protected"].mean == 100
    assert shown(table, QUALITY).count("\n") == 4
    # the human summaries are not compared with themselves
    assert shown(table, LIKENESS).count("\n") == 3


def test_a_summary_is_compared_with_a_lead_of_its_own_length():
    pytest.importorskip("rouge_score", reason="rouge-score is in the eval extra")
    leads = [" ".join(word_texts(p.document)[: 3 + i % 5]) for i, p in enumerate(PAIRS)]
    table = judge(PAIRS, {"mixed leads": leads, "nothing": [""] * len(PAIRS)})
    assert table["mixed leads"]["over_lead"].low == table["mixed leads"]["over_lead"].high == 0
    assert table["nothing"]["empty"].mean == 100


def test_every_number_has_an_interval_that_holds_it(systems):
    pytest.importorskip("rouge_score", reason="rouge-score is in the eval extra")
    outside = train_ngrams(word_texts(s) for s in sentences(200, seed=5))
    for row in judge(PAIRS, systems, outside).values():
        for name, value in row.items():
            assert value.low <= value.mean <= value.high, name


def test_words_that_make_no_sense_are_perplexing(systems):
    pytest.importorskip("rouge_score", reason="rouge-score is in the eval extra")
    outside = train_ngrams(word_texts(s) for s in sentences(200, seed=5))
    backwards = [" ".join(reversed(word_texts(p.summary))) for p in PAIRS]
    table = judge(PAIRS, {"backwards": backwards}, outside)
    assert table["backwards"]["perplexity"].low > 1


def test_ranked_sentences_are_cut_to_the_same_length():
    pytest.importorskip("sumy", reason="sumy is in the eval extra")
    systems = ranked_systems(PAIRS[:3], 6)
    assert {len(word_texts(s)) for rows in systems.values() for s in rows} == {6}


def test_the_proof_has_random_words_of_the_same_length_beside_the_systems(systems):
    table = prove(PAIRS, systems)
    assert set(table) == {"lead-6", "search-6", "random words", "human"}
    assert shown(table, PROOF).count("\n") == 5


def test_pairs_and_outputs_are_read_and_refused_with_the_line(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(p._asdict()) for p in PAIRS[:5]))
    assert read_pairs(path) == PAIRS[:5]
    assert read_pairs(path, limit=2) == PAIRS[:2]
    path.write_text('{"document": "x", "summary": "y"}\n{"document": "x"}')
    with pytest.raises(DocumentError, match="line 2"):
        read_pairs(path)
    with pytest.raises(DocumentError, match="no such file"):
        read_pairs(tmp_path / "missing.jsonl")
    outputs = tmp_path / "outputs.txt"
    outputs.write_text("one\ntwo\n")
    assert read_outputs(outputs, 2) == ["one", "two"]
    with pytest.raises(DocumentError, match="2 lines; 3 pairs"):
        read_outputs(outputs, 3)
    with pytest.raises(DocumentError, match="no such file"):
        read_outputs(tmp_path / "missing.txt", 1)


def test_what_summarize_writes_is_read_as_outputs(tmp_path):
    path = tmp_path / "summaries.jsonl"
    path.write_text('{"name": "a", "summary": "one"}\n{"name": "b", "summary": ""}\n')
    assert read_outputs(path, 2) == ["one", ""]
    path.write_text('{"name": "a", "summary": "one"}\n{"name": "b"}\n')
    with pytest.raises(DocumentError, match="line 2"):
        read_outputs(path, 2)
