"""Search, screening and map over documents of a few made-up topics."""

import random

import pytest
import torch

from summarize.bag_of_words import LSA, BagOfWords, bm25, stem, stems
from summarize.documents import Document
from summarize.search_documents import METHODS, check, screen, search, write_map

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


def made_up_words(n: int, rng: random.Random) -> list[str]:
    """n different words without English endings, so that each is its own stem."""
    words = set()
    while len(words) < n:
        words.add("".join(rng.choice("bdfgkmnprtvz") + rng.choice("aou") for _ in range(4)) + "x")
    return sorted(words)


def labelled_corpus(n: int, n_topics: int = 20) -> tuple[list[Document], list[str]]:
    """n documents of 60 words out of 2,000: half of its topic's, half of everybody's.

    A topic has two of the ten fields' 150 words each, so topics share their words in pairs, and
    what a document is about is which two come together: no single direction.
    """
    rng = random.Random(1)
    words = made_up_words(2000, rng)
    rng.shuffle(words)
    fields = [words[150 * i : 150 * (i + 1)] for i in range(10)]
    pairs = rng.sample([(a, b) for a in range(10) for b in range(a)], n_topics)
    documents, labels = [], []
    for i in range(n):
        topic = i % n_topics
        own = [rng.choice(fields[field]) for field in pairs[topic] for _ in range(15)]
        others = rng.choices(words, k=30)
        documents.append(Document(str(i), " ".join(own + others)))
        labels.append(f"topic {topic}")
    return documents, labels


def test_codes_find_topics_at_least_as_well_as_lsa_of_the_same_size():
    documents, labels = labelled_corpus(800)
    found = {(row.method, row.code_dim): row for row in check(documents, labels)}
    assert found["lsa", 10].precision > 0.2
    for code_dim in (2, 10, 20):
        codes, lsa = found["codes", code_dim], found["lsa", code_dim]
        assert codes.precision >= lsa.precision
        assert codes.recall >= lsa.recall - 0.01


def test_a_check_needs_documents_of_two_labels():
    documents, _ = corpus(60)
    with pytest.raises(ValueError, match="at least 40 documents of two labels, got 60 of 1"):
        check(documents, 60 * ["sea"])


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
