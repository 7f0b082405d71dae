import pytest
import torch

from summarize.encoder import END
from summarize.search import train_search
from summarize.subwords import Subwords
from summarize.text import split_words, train_subwords, word_texts
from tests.summarize.corpus import documents, sentences


@pytest.fixture(scope="module")
def subwords():
    search = train_search(map(word_texts, documents(300)), map(word_texts, sentences(400)))
    return Subwords(train_subwords([*documents(300), *sentences(400)], 150), search)


def test_a_batch_of_documents_holds_every_word_and_no_other(subwords):
    rows = [word_texts(d) for d in documents(3)] + [["one"]]
    source = subwords.source(rows)
    assert source.mask.sum(1).tolist() == [len(row) for row in rows]
    assert ((source.subwords != 0).any(-1) == source.mask).all()
    assert not source.dangling[~source.mask].any()


def test_shapes_tell_names_and_numbers_from_words(subwords):
    assert subwords.source([["town", "Anna", "iPhone", "NATO", "3rd"]]).shapes.tolist() == [
        [0, 1, 2, 2, 3]
    ]


def test_what_holds_digits_or_marks_is_banned_from_generating(subwords):
    starts, banned, hanging = subwords.facts()
    tokenizer = subwords.tokenizer
    for i in range(subwords.n_vocabulary):
        token = tokenizer.id_to_token(i)
        if any(c.isdigit() for c in token):
            assert banned[i]
        assert starts[i] == token.startswith("▁")
    assert banned[:3].all()
    assert not banned[END]
    assert hanging[tokenizer.token_to_id("▁the")]
    assert not (hanging & ~starts).any()


def test_actions_are_read_as_copied_and_generated_words(subwords):
    words = split_words("Anna, who is 37, opens the bridge")
    n = subwords.n_vocabulary
    the = subwords.tokenizer.token_to_id("▁the")
    assert subwords.text([n, n + 3, END, 0], words) == "Anna 37"
    assert subwords.text([n + 4, the, n + 6, END], words) == "Opens the bridge"
    assert subwords.text([n, n + 1, END], words) == "Anna, who"


def test_tokens_end_where_the_document_ends(subwords):
    tokens = subwords.tokens([["the", "bridge"], ["the"]], 50)
    assert (tokens == END).sum(1).tolist() == [1, 1]
    assert subwords.tokenizer.decode(tokens[0].tolist()[:-1]) == "the bridge"
    assert subwords.tokens([["the"] * 99], 10).shape == (1, 10)


def test_words_of_a_document_and_of_a_sentence_are_the_same(subwords):
    row = word_texts(documents(1)[0])
    assert torch.equal(subwords.words([row])[0], subwords.source([row]).subwords[0])


def test_a_folder_that_was_not_prepared_is_refused(tmp_path):
    with pytest.raises(ValueError, match="summarize prepare"):
        Subwords.load(tmp_path)
