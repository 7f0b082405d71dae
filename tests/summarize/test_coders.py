"""The network serves: exact lengths, batches, exported folders; here its weights are random."""

import json
import random

import pytest

from summarize import packaged
from summarize.coders import BestCoder, Coded, NetworkCoder, _most_alike
from summarize.inference import Summarizer
from summarize.search import train_search
from summarize.subwords import Subwords
from summarize.text import count_words, is_protected, split_words, word_texts
from tests.summarize.corpus import documents, random_network, small_vocabulary

TEXTS = documents(20, seed=3)


@pytest.fixture(scope="module")
def subwords():
    return small_vocabulary()


@pytest.fixture(scope="module")
def network(subwords):
    return random_network(subwords)


@pytest.fixture
def folder(network, subwords, tmp_path):
    return packaged.save(tmp_path / "weights", network, subwords, "# Card")


@pytest.mark.parametrize("n_words", [1, 4, 7, 12, 18])
def test_codes_have_exactly_the_words_asked_for(network, subwords, n_words):
    coder = NetworkCoder(network, subwords)
    for code in coder.codes([split_words(t) for t in TEXTS], [n_words] * len(TEXTS)):
        assert count_words(code.text) == n_words


def test_a_batch_gives_what_each_gives_alone(network, subwords):
    coder = NetworkCoder(network, subwords)
    rows = [split_words(t)[: 12 + i % 7] for i, t in enumerate(TEXTS)]
    lengths = [4 + i % 5 for i in range(len(rows))]
    together = coder.codes(rows, lengths)
    for row, n, code in zip(rows, lengths, together, strict=True):
        (alone,) = coder.codes([row], [n])
        assert alone.text == code.text
        assert alone.rebuilt == code.rebuilt
        assert alone.score == pytest.approx(code.score, abs=1e-4)


def test_numbers_and_names_are_copied(network, subwords):
    coder = NetworkCoder(network, subwords)
    for text, code in zip(
        TEXTS, coder.codes([split_words(t) for t in TEXTS], [9] * len(TEXTS)), strict=True
    ):
        said = {word for word in word_texts(code.text)[1:] if is_protected(word)}
        assert said <= set(word_texts(text))


def test_of_all_codes_the_one_most_like_the_others_is_taken(network, subwords):
    rows = [split_words(t) for t in TEXTS]
    lengths = [4 + i % 6 for i in range(len(rows))]
    coder = NetworkCoder(network, subwords)
    searched = coder.fallback.codes(rows, lengths)
    beams = coder.likeliest(rows, lengths, 8)
    for n, code, own, others in zip(
        lengths, BestCoder(coder).codes(rows, lengths), searched, beams, strict=True
    ):
        assert count_words(code.text) == n
        assert code.text in [own.text, *(other.text for other, _ in others)]
        assert code.rebuilt


def test_a_copied_verb_is_put_as_headlines_have_it_and_all_else_stays(network, subwords):
    lines = ["Company announces new plan", "Company announced its plan", "Bank has new plan"]
    search = train_search(map(word_texts, documents(300)), map(word_texts, lines * 5))
    best = BestCoder(NetworkCoder(network, Subwords(subwords.tokenizer, search)))
    row = split_words("On Monday the company announced, it said, a new plan.")
    code = Coded("Company announced new plan", (3, 4, 8, 9), -1.0)
    headline = best._as_headline(code, row)
    assert headline.text == "Company announces new plan"
    assert (headline.kept, headline.score) == (code.kept, code.score)
    written = Coded("Company announced big new plan", (3, 4, 8, 9), -1.0)
    assert best._as_headline(written, row) == written


def test_a_code_that_others_share_words_with_outvotes_the_likeliest():
    lines = ["a b c d", "p q r s", "p q r t", "p q r u"]
    assert _most_alike(lines, [1.0, 0.5, 0.4, 0.4]) == 1
    assert _most_alike(lines, [1.0, 0.01, 0.01, 0.01]) == 0
    assert _most_alike(["b a", "a b c", "a b d"], [0.0, 1.0, 1.0]) == 1  # pairs count


def test_what_the_vocabulary_cannot_spell_is_searched(network, subwords):
    coder = NetworkCoder(network, subwords)
    row = split_words("東京都は昨日、新しい橋を開いた。")
    (code,) = coder.codes([row], [5])
    assert len(code.kept) == 5
    assert code.rebuilt == ""


def test_a_saved_folder_gives_the_same_summaries(network, subwords, folder):
    own = Summarizer(subwords.search, network.half().float(), subwords)
    loaded = Summarizer.from_pretrained(folder)
    assert loaded.method == "best"
    for text in TEXTS[:5]:
        assert loaded.summarize(text, 8).text == own.summarize(text, 8).text
    assert (folder / "README.md").read_text() == "# Card"


def test_search_can_be_asked_for_and_is_what_a_folder_without_network_does(folder, subwords):
    summarizer = Summarizer.from_pretrained(folder)
    searched = Summarizer(subwords.search).summarize(TEXTS[0], 8)
    assert searched.method == "search"
    assert summarizer.summarize(TEXTS[0], 8, method="search").text == searched.text
    assert (
        Summarizer.from_pretrained(folder, method="search").summarize(TEXTS[0], 8).text
        == searched.text
    )
    with pytest.raises(ValueError, match="must be search"):
        Summarizer(subwords.search).summarize(TEXTS[0], method="network")
    with pytest.raises(ValueError, match="one of best, network, search"):
        summarizer.summarize(TEXTS[0], method="magic")


def test_a_result_says_what_was_rebuilt_and_what_was_lost(folder):
    summarizer = Summarizer.from_pretrained(folder)
    summary = summarizer.summarize(TEXTS[0], 6)
    assert summary.codes[0].text == summary.text
    assert summary.rebuilt == summary.codes[0].rebuilt != ""
    held = {word.lower() for word in word_texts(f"{summary.text} {summary.rebuilt}")}
    assert not {word.lower() for word in summary.lost} & held
    assert 0 <= summary.reconstruction <= 1
    assert summarizer.summarize(TEXTS[0], 6, rebuild=False).rebuilt == ""


def test_a_list_is_the_summaries_of_each_in_its_order(folder):
    summarizer = Summarizer.from_pretrained(folder)
    texts = [*TEXTS[:3], "Nobody was hurt.", " ".join(TEXTS)]
    random.Random(0).shuffle(texts)
    together = summarizer.summarize(texts, 12)
    assert [s.text for s in together] == [summarizer.summarize(t, 12).text for t in texts]


def changed(path, key, value):
    config = json.loads(path.read_text())
    config[key] = value
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("format", 99, "format 99"),
        ("kind", "vc", "'vc' weights"),
        ("tokenizer_sha256", "0", "belongs to other weights"),
        ("network", {"n_vocabulary": 9, "depth": 3}, "do not fit this version"),
        ("network", {"n_vocabulary": 9}, "do not fit this version"),
    ],
)
def test_weights_of_another_version_are_refused_in_one_line(folder, key, value, said):
    changed(folder / "config.json", key, value)
    with pytest.raises(ValueError, match=said) as error:
        Summarizer.from_pretrained(folder)
    assert "\n" not in str(error.value)
