import random
import time

import pytest

from summarize.text import (
    LONGEST_SENTENCE,
    SPECIAL_TOKENS,
    Word,
    count_words,
    detokenise,
    is_protected,
    normalise,
    split_sentences,
    split_words,
    train_subwords,
    word_texts,
)

ODD_TEXTS = [
    "!!! ... ---",
    "🎉🎉 party 🎈",
    "中文没有空格。第二句话也在这里！",
    "<div><p>half a tag <b>bold",
    "\x00\x01\x02 control \x7f",
    "e\u0301 combining \u200b zero \u202e width",
    "a" * 5000,
    "no punctuation at all " * 50,
    "—–—",
    "$ € £",
    "half \ud800 of a pair",
    ".",
]


def test_quotes_spaces_and_line_breaks_are_unified():
    assert normalise("‘Yes’,\r\n she\u00a0said…\n\n\n“No”") == "'Yes', she said...\n\n\"No\""


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_normalising_twice_changes_nothing(text):
    assert normalise(normalise(text)) == normalise(text)


def test_a_full_stop_of_an_abbreviation_ends_no_sentence():
    text = "Mr. Smith of Acme Inc. met J. Doe in the U.S. Senate at 5 p.m. on Monday. He left. Why?"
    assert list(split_sentences(text)) == [
        "Mr. Smith of Acme Inc. met J. Doe in the U.S. Senate at 5 p.m. on Monday.",
        "He left.",
        "Why?",
    ]


def test_numbers_are_not_split_at_their_points():
    assert len(list(split_sentences("Sales rose 3.5 percent to $1.2 billion. Costs fell."))) == 2


def test_a_blank_line_ends_a_sentence_without_a_mark():
    assert list(split_sentences("A heading\n\nThe text follows.")) == [
        "A heading",
        "The text follows.",
    ]


def test_chinese_sentences_end_at_their_own_full_stop():
    assert len(list(split_sentences("中文没有空格。第二句话也在这里！"))) == 2


@pytest.mark.parametrize("text", [*ODD_TEXTS, "word, " * 500, "x" * 300 + " y", "好" * 300])
def test_no_piece_is_longer_than_allowed_and_nothing_is_lost(text):
    text = normalise(text)
    pieces = list(split_sentences(text))
    assert max(map(count_words, pieces), default=0) <= LONGEST_SENTENCE
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_splitting_is_linear_in_the_length():
    def seconds(n: int) -> float:
        text = normalise("one endless line a. B " * n)
        start = time.perf_counter()
        for sentence in split_sentences(text):
            split_words(sentence)
        return time.perf_counter() - start

    seconds(100)
    assert seconds(16_000) < 16 * 4 * max(seconds(1000), 0.01)


def test_words_are_what_stands_between_spaces_without_punctuation():
    sentence = 'The U.S. raised "$1.5 billion" (3.4%), Murdoch\'s third-quarter sum—at 5 p.m., too.'
    assert word_texts(sentence) == [
        "The", "U.S.", "raised", "$1.5", "billion", "3.4%", "Murdoch's", "third-quarter", "sum",
        "at", "5", "p.m.", "too",
    ]  # fmt: skip


def test_a_sentence_of_punctuation_has_no_words():
    assert split_words("!!! ... --- —") == []


def test_emoji_and_chinese_characters_are_words():
    assert word_texts("🎉 good 新闻") == ["🎉", "good", "新", "闻"]


@pytest.mark.parametrize(
    "sentence", ["A b, c: d – e", "新闻很好", "Plain words only", "X's 5% — up"]
)
def test_all_words_joined_are_the_sentence(sentence):
    assert detokenise(split_words(sentence)).replace("–", "—") == sentence.replace("–", "—")


def test_a_line_has_exactly_the_words_that_were_kept():
    generator = random.Random(0)
    words = split_words(
        'He said: "we—the people, of 1,000 U.S. towns – have 中文 and 3.5% (more)".'
    )
    for n in range(1, len(words) + 1):
        for _ in range(20):
            kept = sorted(generator.sample(range(len(words)), n))
            assert count_words(detokenise(words, kept)) == n


def test_a_comma_stays_only_between_neighbours():
    words = split_words("Oil, gas, and coal fell, traders said")
    assert detokenise(words, [0, 1, 4]) == "Oil, gas fell"


def test_a_line_begins_with_a_capital_unless_the_word_is_mixed():
    assert detokenise([Word("oil"), Word("fell")]) == "Oil fell"
    assert detokenise([Word("iPhone"), Word("sells")]) == "iPhone sells"


def test_numbers_and_names_are_protected():
    assert [is_protected(w) for w in ("Apple", "iPhone", "3rd", "$5", "apple", "third")] == [
        True, True, True, True, False, False,
    ]  # fmt: skip


def test_subwords_put_known_words_together_again():
    lines = [f"the market fell {n} percent on worries about growth" for n in range(200)]
    tokenizer = train_subwords(lines, n_vocabulary=120)
    ids = tokenizer.encode("The growth fell on worries").ids
    assert tokenizer.decode(ids) == "the growth fell on worries"
    assert [tokenizer.id_to_token(i) for i in range(4)] == list(SPECIAL_TOKENS)
    assert tokenizer.get_vocab_size() <= 120


def test_lone_surrogates_which_no_file_can_hold_are_dropped():
    assert normalise("half \ud800of a pair").encode() == b"half of a pair"
