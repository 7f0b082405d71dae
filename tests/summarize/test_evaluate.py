import json

import pytest

from summarize.documents import DocumentError
from summarize.evaluate import (
    Pair,
    judge,
    own_systems,
    ranked_systems,
    read_outputs,
    read_pairs,
    reconstruction,
    shown,
)
from summarize.inference import Summarizer
from summarize.metrics import lead
from summarize.ngrams import train_ngrams
from summarize.search import train_search
from summarize.text import word_texts
from tests.summarize.corpus import documents, sentences

PAIRS = [Pair(d, s) for d, s in zip(documents(60), sentences(60), strict=True)]


def test_the_table_has_a_row_for_every_system_and_the_lead_overlaps_itself():
    pytest.importorskip("rouge_score", reason="rouge-score is in the eval extra")
    search = train_search(map(word_texts, documents(100)), map(word_texts, sentences(200)))
    systems = own_systems(Summarizer(search), PAIRS, 6)
    outside = train_ngrams(word_texts(s) for s in sentences(200, seed=5))
    table = judge(PAIRS, systems, outside)
    assert set(table) == {"lead-6", "search-6", "human"}
    assert table["lead-6"]["lead_overlap"] == 100
    assert table["human"]["perplexity"] == 1
    assert table["search-6"]["words"] == 6
    assert table["search-6"]["novel"] == 0
    assert table["search-6"]["protected"] == 100
    assert shown(table).count("\n") == 4


def test_ranked_sentences_are_cut_to_the_same_length():
    pytest.importorskip("sumy", reason="sumy is in the eval extra")
    systems = ranked_systems(PAIRS[:3], 6)
    assert {len(word_texts(s)) for rows in systems.values() for s in rows} == {6}


def test_a_code_that_names_things_rebuilds_more_than_one_that_does_not():
    texts = documents(150)
    telling = [" ".join(w for w in word_texts(t) if w[0].isupper() or w[-1] == "s") for t in texts]
    good = reconstruction(telling, texts)
    bad = reconstruction([lead(t, 0) for t in texts], texts)
    assert len(good.recall) == 50
    assert sum(good.recall) > sum(bad.recall)
    assert sum(good.nll) < sum(bad.nll)


def test_shuffled_codes_rebuild_less():
    texts = documents(150)
    codes = [lead(t, 12) for t in texts]
    assert sum(reconstruction(codes[1:] + codes[:1], texts).recall) < sum(
        reconstruction(codes, texts).recall
    )


def test_too_few_documents_cannot_be_rebuilt():
    with pytest.raises(ValueError, match="at least 6"):
        reconstruction(["a"], ["a"])


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
