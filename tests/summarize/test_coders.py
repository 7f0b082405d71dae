"""The network serves: exact lengths, batches, exported folders; here its weights are random."""

import json
import random

import pytest

from summarize import coders, packaged
from summarize.coders import BestCoder, Coded, NetworkCoder
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


@pytest.mark.parametrize("n_words", [1, 4, 9])
def test_the_best_code_has_the_words_asked_for_and_they_are_the_sentences(
    network, subwords, n_words
):
    rows = [split_words(t) for t in TEXTS]
    best = BestCoder(NetworkCoder(network, subwords))
    coded = best.codes(rows, [n_words] * len(rows))
    assert any(code.rebuilt for code in coded)
    for row, code in zip(rows, coded, strict=True):
        assert count_words(code.text) == n_words == len(code.kept)
        assert list(code.kept) == sorted(code.kept)
        texts = [word.text for word in row]
        for place, word in zip(code.kept, word_texts(code.text), strict=True):
            may = [texts[place], *(o.text for o in best.variants.options(texts, place))]
            assert word.lower() in [other.lower() for other in may]


def test_words_that_the_likeliest_codes_keep_are_kept_though_the_search_leaves_them_out(
    network, subwords
):
    best = BestCoder(NetworkCoder(network, subwords))
    row = split_words(TEXTS[0])
    (searched,) = best.network.fallback.codes([row], [5])
    left_out = [i for i in range(len(row)) if i not in searched.kept]
    voted = Coded("", tuple(left_out[-6:-1]), 0.0)
    assert best._voted(row, [voted] * 3, 5, None).kept == voted.kept
    # as many votes for the one as for the other, and the search decides
    both = best._voted(row, [voted, searched], 5, None)
    assert set(both.kept) <= {*voted.kept, *searched.kept}
    assert both.kept != voted.kept


def test_a_verb_is_put_as_headlines_have_it_and_all_else_stays(network, subwords):
    lines = ["Company announces new plan", "Company announced its plan", "They announce it"]
    search = train_search(map(word_texts, documents(300)), map(word_texts, lines * 5))
    best = BestCoder(NetworkCoder(network, Subwords(subwords.tokenizer, search)))
    row = split_words("On Monday the company announced, it said, a new plan.")
    code = best._voted(row, [Coded("", (3, 4, 8, 9), 0.0)] * 2, 4, None)
    assert code.text == "Company announces new plan"
    assert code.kept == (3, 4, 8, 9)


def test_a_progressive_becomes_a_present_and_its_auxiliary_goes(network, subwords):
    lines = ["Company considers new plan", "Bank has new plan", "Firms consider bids"]
    search = train_search(map(word_texts, documents(300)), map(word_texts, lines * 5))
    best = BestCoder(NetworkCoder(network, Subwords(subwords.tokenizer, search)))
    row = split_words("On Monday the company is now considering a new plan.")
    with_auxiliary = [Coded("", (3, 4, 6, 8, 9), 0.0)] * 2
    assert best._voted(row, with_auxiliary, 4, None).text == "Company considers new plan"
    both = best._voted(row, with_auxiliary, 5, None).text.split()
    assert not ("is" in both and "considers" in both)


def test_what_headlines_say_is_worth_more_as_far_as_it_agrees_and_goes_on(
    network, subwords, monkeypatch
):
    lines = ["Banks announce new plan", "Bank announces plan", "Bank announced plan to buy"]
    search = train_search(map(word_texts, documents(300)), map(word_texts, lines * 5))
    best = BestCoder(NetworkCoder(network, Subwords(subwords.tokenizer, search)))
    seen = []
    chosen = search.chosen
    monkeypatch.setattr(search, "chosen", lambda cs, n: (seen.extend(cs), chosen(cs, n))[1])
    best._voted(
        split_words("The banks announced a plan that Anna will open."),
        [Coded("", (), 0.0)],
        4,
        None,
    )
    worth = {choice.text: choice.worth for choice in seen}
    ending = {choice.text: choice.ending for choice in seen}
    assert worth["announce"] - worth["announced"] == pytest.approx(coders.TELLING)
    assert worth["announce"] - worth["announces"] == pytest.approx(coders.AGREEING)
    assert worth["to"] - worth["will"] == pytest.approx(coders.SHORTER)
    assert ending["announce"] == ending["announces"] == coders.TELLING
    assert ending["to"] == ending["announced"] == 0.0
    assert 0 < coders.AGREEING < coders.TELLING
    assert coders.SHORTER > 0


def test_what_is_negated_does_not_stay_without_its_negation(network, subwords):
    best = BestCoder(NetworkCoder(network, subwords))
    row = split_words("Anna of the bank does not open the bridge in the north.")
    codes = [Coded("", (0, 3, 6, 8), 0.0)] * 2  # Anna bank open bridge
    kept = best._voted(row, codes, 4, None).kept
    assert 5 in kept or 6 not in kept
    told = split_words("Anna of the bank does now open the bridge in the north.")
    assert best._voted(told, codes, 4, None).kept == (0, 3, 6, 8)


def test_a_network_with_one_code_alone_is_followed(network, subwords, monkeypatch):
    best = BestCoder(NetworkCoder(network, subwords))
    written = Coded("Words of its own", (), -1.0)
    monkeypatch.setattr(best.network, "likeliest", lambda *_: [[(written, -1.0)]])
    assert best.codes([split_words(TEXTS[0])], [4], rebuild=False) == [written]


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
