import pytest

from summarize.data import TextData
from summarize.encoder import END
from summarize.mining import Likeness, aligned, mined_pairs
from summarize.text import word_texts
from tests.summarize.corpus import prepared

LEADS = [
    "The London museum will buy a stolen painting by Vermeer for $3 million on Monday, it said.",
    "Farmers in Kenya lost half of their maize after the heaviest rains in 40 years.",
    "A court in Oslo freed the shipping magnate after his lawyers found a missing letter.",
]
HEADLINES = [
    "London museum to purchase stolen Vermeer painting",
    "Rains destroy half of Kenya maize",
    "Paris museum to buy stolen Vermeer painting",
    "Will the London museum buy a stolen painting?",
    "London museum buys stolen painting for $5 million",
    "A quiet day at the lake for everybody",
]
USUAL = {w.lower(): w for line in LEADS for w in word_texts(line)[1:]}


def words(lines):
    return [word_texts(line) for line in lines]


def written(pair, documents):
    row = documents[pair.document]
    return [word if isinstance(word, str) else row[word] for word in pair.target]


def test_a_document_finds_the_sentence_that_says_what_it_says():
    documents = words(LEADS)
    pairs = mined_pairs(documents, words(HEADLINES), Likeness(share=0.1, added=0.4))
    found = {pair.document: pair for pair in pairs}
    assert {d: p.sentence for d, p in found.items()} == {0: 0, 1: 1}
    assert written(found[0], documents) == (
        "London museum *to *purchase stolen Vermeer painting".replace("*", "").split()
    )
    copied = [w for w in found[1].target if not isinstance(w, str)]
    assert [documents[1][place] for place in copied] == ["rains", "half", "of", "Kenya", "maize"]
    assert [p.likeness for p in pairs] == sorted((p.likeness for p in pairs), reverse=True)


@pytest.mark.parametrize("headline", HEADLINES[2:])
def test_a_sentence_with_a_strange_name_or_number_or_a_question_or_other_matter_finds_none(
    headline,
):
    assert not mined_pairs(words(LEADS), words([headline]), Likeness(share=0.1, added=0.4))


def test_runs_of_words_stay_runs_when_a_word_comes_twice():
    document = word_texts("The bank said the bank of Ireland sold the bank of Spain")
    assert aligned(document, word_texts("bank of Spain"), USUAL) == [1, 5, 11]
    assert aligned(document, word_texts("Ireland sold the bank of Spain"), USUAL) == list(
        range(6, 12)
    )


def test_a_sentence_stands_for_no_more_documents_than_it_may():
    documents = words([LEADS[0]] * 5 + LEADS[1:] * 3)
    likeness = Likeness(share=0.1, added=0.4, most_documents=2)
    pairs = mined_pairs(documents, words(HEADLINES[:1]), likeness)
    assert [pair.sentence for pair in pairs] == [0, 0]


def test_mined_pairs_are_served_in_the_share_that_was_asked_for(tmp_path):
    data = TextData(
        prepared(tmp_path), batch_size=10, steps_per_epoch=20, n_validation=16, denoise=0, mined=0.5
    )
    data.setup("fit")
    corpus, batches = data.corpus, data.train_batches
    assert batches.paired
    assert all(corpus.mined.n_codes(i) == 1 for i in batches.paired)
    taught = {tuple(corpus.code(i, 0, corpus.mined)): i for i in batches.paired}
    n = sum(
        tuple(a for a in row.tolist() if a) in taught
        for b in map(batches.__getitem__, range(20))
        for row in b.actions
    )
    assert 70 < n < 160  # of 200; a searched code may happen to be the same
    assert all(row[-1] == END for row in taught)
    assert not set(batches.paired) & set(range(184, 200))  # validation is not trained on
    again = TextData(data.folder, n_validation=16, denoise=0, mined=0.5)
    (data.folder / "sentences.txt").write_text("Atlantis sinks into the sea\n" * 9)
    again.setup("fit")  # found once a folder
    assert again.train_batches.paired == batches.paired


def test_shares_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match="shares of all items"):
        TextData("data", denoise=0.6, mined=0.6)
    with pytest.raises(ValueError, match="own subwords"):
        TextData("data", denoise=0.1, mined=0.5, backbone="facebook/bart-base")
