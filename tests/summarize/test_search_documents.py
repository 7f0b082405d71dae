"""Search, screening and map over documents of a few made-up topics."""

import random

import pytest
import torch

from summarize.__main__ import main
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
    """n documents of 40 words out of 2,000: a third of its topic's 80, the others anybody's.

    There are more topics than ten dimensions have directions, as in newsgroups or a newspaper.
    """
    rng = random.Random(1)
    words = made_up_words(2000, rng)
    rng.shuffle(words)
    documents, labels = [], []
    for i in range(n):
        topic = rng.randrange(n_topics)
        own = rng.choices(words[80 * topic : 80 * (topic + 1)], k=14)
        documents.append(Document(str(i), " ".join(own + rng.choices(words, k=26))))
        labels.append(f"topic {topic}")
    return documents, labels


def test_codes_find_topics_better_than_lsa_of_ten_dimensions():
    documents, labels = labelled_corpus(800)
    lsa, codes = check(documents, labels, [10])
    assert (lsa.method, codes.method) == ("lsa", "codes")
    assert lsa.precision > 0.5
    assert codes.precision >= lsa.precision
    assert codes.recall >= lsa.recall


def test_folders_of_documents_are_checked_from_the_command_line(tmp_path, capsys):
    for document, label in zip(*corpus(60), strict=True):
        folder = tmp_path / str(int(label))
        folder.mkdir(exist_ok=True)
        (folder / f"{document.name}.txt").write_text(document.text)
    assert main(["search", "--check", "--in", str(tmp_path)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 6
    precisions = [float(row.split("precision@10 ")[1].split(",")[0]) for row in rows]
    assert min(precisions) > 0.4  # a third by chance
    for args in (["words", "--check"], []):
        assert main(["search", *args, "--in", str(tmp_path)]) == 2
        assert "give words to look for, or --check" in capsys.readouterr().err


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
