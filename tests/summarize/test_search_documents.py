"""Search, screening and map over documents of a few made-up topics."""

import random

import pytest
import torch

from summarize.bag_of_words import LSA, BagOfWords, bm25, stem, stems
from summarize.documents import Document
from summarize.search_documents import METHODS, encoder, screen, search, write_map

WORDS = {
    "sea": "ship harbour sailor wave anchor captain island storm coast boat fish tide",
    "bank": "loan credit bank interest market share profit investor bond fund price debt",
    "farm": "wheat cow field tractor harvest barn soil seed sheep crop farmer milk",
}
TOPICS = {name: words.split() for name, words in WORDS.items()}


def corpus(n: int, seed: int = 0) -> tuple[list[Document], torch.Tensor]:
    """n documents, four words of a topic and four of any in each, and their topics (n,)."""
    rng = random.Random(seed)
    every = [word for words in TOPICS.values() for word in words]
    documents, labels = [], []
    for i in range(n):
        label = i % len(TOPICS)
        words = rng.sample(list(TOPICS.values())[label], 4) + rng.sample(every, 4)
        documents.append(Document(f"{list(TOPICS)[label]} {i}", " ".join(words)))
        labels.append(label)
    return documents, torch.tensor(labels)


@pytest.mark.parametrize("method", METHODS)
def test_the_first_hits_are_of_the_querys_topic(method):
    hits = search("ship harbour sailor", corpus(60)[0], method, k=5, code_dim=3)
    assert sum(hit.name.startswith("sea") for hit in hits) >= 4
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_codes_find_topics_at_least_as_well_as_lsa_of_the_same_size():
    from shared.retrieval import CodeIndex, precision_at

    documents, labels = corpus(240)
    x = BagOfWords([d.text for d in documents])
    x = x.weigh(x.counts)
    precision = {}
    for method in ("lsa", "codes"):
        codes = encoder(x[:180], method, 2)(x)
        found = CodeIndex(codes[:180]).search(codes[180:], 10).index
        precision[method] = float(precision_at(found, labels[:180], labels[180:]).mean())
    assert precision["lsa"] > 0.4
    assert precision["codes"] >= precision["lsa"]


def test_a_rare_word_counts_more_than_a_frequent_one():
    bag = BagOfWords(["ship ship wave", "ship wave wave", "ship anchor wave"])
    scores = bm25(bag.counts, bag.count("anchor ship"))
    assert int(scores.argmax()) == 2


def test_forms_of_a_word_share_a_stem():
    assert stem("sailors") == stem("sailor")
    assert stems("The ships and the harbours") == ["ship", "harbour"]


def test_a_document_unlike_the_others_is_the_oddest():
    odd = Document("odd", "quark lepton boson gluon harbour muon quark")
    found = screen([*corpus(59)[0], odd])
    assert found[0].name == "odd"
    assert sum(item.is_odd for item in found) <= 3


def test_a_map_names_every_document(tmp_path):
    documents, _ = corpus(6)
    page = write_map(documents, tmp_path / "map.html").read_text()
    assert all(document.name in page for document in documents)
    assert "http" not in page


def test_bad_input_is_refused():
    documents, _ = corpus(6)
    with pytest.raises(ValueError, match="no word of the query"):
        search("zebra", documents)
    with pytest.raises(ValueError, match="method must be"):
        search("ship", documents, "magic")
    with pytest.raises(ValueError, match="at least 20"):
        screen(documents)
    with pytest.raises(ValueError, match="hold no words"):
        search("ship", [Document("x", "123")])
    with pytest.raises(ValueError, match="no 9 dimensions"):
        LSA(torch.rand(4, 20), 9)
