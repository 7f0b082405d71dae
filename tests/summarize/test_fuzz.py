"""Text that nobody planned for, through the public interface: something comes out, always.

The packaged weights are used, by every method that they have.
"""

import random
import string
from collections.abc import Callable

import pytest

from summarize.inference import Summarizer
from summarize.text import count_words, normalise
from tests.summarize.corpus import documents

BUDGETS: list[dict[str, float]] = [
    {},
    {"words": 1},
    {"words": 4},
    {"words": 10},
    {"words": 30},
    {"words": 100},
    {"sentences": 1},
    {"sentences": 4},
    {"ratio": 0.01},
    {"ratio": 0.3},
    {"ratio": 1.0},
]
# repeated without end
UNITS = ["a", "word ", "Said. ", "好", "🎉", "7", "<b>", "é\u0301", "\u200b.", "א "]
SIZES = [1, 2, 3, 7, 20, 60, 200, 1000, 5000]


def characters(alphabet: str) -> Callable[[random.Random], str]:
    """Random strings over an alphabet."""
    return lambda generator: "".join(generator.choices(alphabet, k=generator.choice(SIZES)))


def pieces(*texts: str) -> Callable[[random.Random], str]:
    """Random rows of these pieces."""
    return lambda generator: "".join(
        generator.choices(texts, k=max(1, generator.choice(SIZES) // 4))
    )


def one_word(generator: random.Random) -> str:
    return "".join(generator.choices(string.ascii_letters, k=generator.choice(SIZES)))


def any_unicode(generator: random.Random) -> str:
    points = (generator.randrange(0x110000) for _ in range(generator.choice(SIZES)))
    return "".join(chr(p) for p in points if not 0xD800 <= p < 0xE000)


def lone_surrogates(generator: random.Random) -> str:
    # what Python makes of file names and JSON that are not Unicode
    return "".join(generator.choices(["\ud800", "\udfff", "word ", "."], k=30))


def torn(generator: random.Random) -> str:
    """An ordinary text with characters lost, doubled and swapped."""
    text = list(" ".join(documents(generator.choice([1, 3, 12]), seed=generator.randrange(99))))
    for _ in range(len(text) // 8):
        i = generator.randrange(len(text))
        text[i] = generator.choice(["", text[i] * 3, "\n\n", "\t", ". ", "�", "\x00", "​"])
    return "".join(text)


KINDS: dict[str, Callable[[random.Random], str]] = {
    "no punctuation": characters("abcde fgh ij "),
    "punctuation only": characters(".,;:!?-—–…'\"()[]{}«»„“ "),
    "emoji": characters("🎉🙂👩‍👩‍👧🏽🇩🇪❤️ x"),
    "Chinese": characters("中文字没有空格的句子。，！"),
    "Japanese and Thai": characters("日本語カタカナひらがなภาษาไทยไม่เว้นวรรค。"),
    "right to left": pieces("שלום ", "עולם. ", "مرحبا ", "بالعالم، ", "‏", "12 "),
    "HTML": pieces("<p>", "</div>", "&nbsp;", "&lt;", "text ", "<a href='x'>", "<!--", "\n"),
    "markdown and code": pieces(
        "# ", "```\n", "x = f(y)[0];\n", "| a | b |\n", "* ", "\t", "word "
    ),
    "control characters": characters("".join(map(chr, range(32))) + "\x7f\x85\x9f ab."),
    "space of all kinds": characters(" \t\n\r\x0b\x0c\u00a0\u2003\u2028\u3000\u200b\ufeffa"),
    "digits only": characters("0123456789"),
    "numbers": pieces("3.14 ", "1,000,000 ", "-5% ", "$2.50. ", "10:30 ", "1/2 ", "²³ "),
    "capitals": characters("ABC DEF. "),
    "combining marks": characters("e\u0301\u0308a\u030a\u20dd o"),
    "abbreviations": pieces("e.g. ", "U.S. ", "Dr. ", "Inc. ", "No. 5. ", "a.m. ", "... "),
    "one word": one_word,
    "any character there is": any_unicode,
    "lone surrogates": lone_surrogates,
    "torn text": torn,
    "the same sentence": lambda generator: "It rained again. " * generator.choice(SIZES[:8]),
}


@pytest.fixture(scope="module")
def summarizer() -> Summarizer:
    return Summarizer.from_pretrained()


def check(summarizer: Summarizer, text: str, budget: dict, method: str) -> None:
    """What holds for every text that has anything visible in it."""
    if not normalise(text):
        with pytest.raises(ValueError, match="empty"):
            summarizer.summarize(text, **budget, method=method)
        return
    summary = summarizer.summarize(text, **budget, method=method)
    assert summary.text.strip()
    assert "\n" not in summary.text
    if not summary.is_whole:
        assert summary.n_words == count_words(summary.text)
        if "words" in budget:
            assert summary.n_words == budget["words"]


def fuzz(summarizer: Summarizer, kind: str, n: int) -> None:
    generator = random.Random(kind)
    for i in range(n):
        text, budget = KINDS[kind](generator), generator.choice(BUDGETS)
        method = sorted(summarizer.coders)[i % len(summarizer.coders)]
        try:
            check(summarizer, text, budget, method)
        except Exception as error:
            error.add_note(f"{kind}, {method}, {budget}: {text[:200]!r}")
            raise


@pytest.mark.parametrize("kind", KINDS)
def test_odd_text_raises_nothing_and_gives_something(summarizer, kind):
    fuzz(summarizer, kind, 3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_thousand_odd_texts_raise_nothing_and_give_something(summarizer, kind):
    fuzz(summarizer, kind, 2000 // len(KINDS))


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit", ["a", "word ", "Said. ", "好", "🎉", "7", "<b>", "é\u0301", "\u200b.", "א "]
)
def test_an_endless_line_of_a_million_characters_is_summarised(summarizer, unit):
    text = unit * (1_000_000 // len(unit))
    for method in summarizer.coders:
        check(summarizer, text, {"words": 10}, method)


def test_a_batch_may_mix_odd_texts_and_ordinary_ones(summarizer):
    generator = random.Random(0)
    texts = [KINDS[kind](generator) for kind in KINDS] + documents(3)
    texts = [text for text in texts if normalise(text)]
    assert len(texts) > 15
    for method in summarizer.coders:
        summaries = summarizer.summarize(texts, words=6, method=method)
        assert all(summary.text.strip() for summary in summaries)
