"""TextRank and LexRank, as the package sumy has them: what others choose from a document."""

from collections.abc import Callable

from summarize.text import count_words, split_sentences, word_texts

Ranker = Callable[[str, int], str]


def rankers() -> dict[str, Ranker]:
    """TextRank and LexRank by name: functions of (text, number of sentences) to text.

    Raises ValueError if sumy is not installed.
    """
    try:
        from sumy.parsers.plaintext import PlaintextParser
        from sumy.summarizers.lex_rank import LexRankSummarizer
        from sumy.summarizers.text_rank import TextRankSummarizer
    except ImportError as error:
        raise ValueError(
            f"TextRank and LexRank need {error.name}: pip install 'bowtie-ae[eval]'"
        ) from error

    class Words:
        # sumy's own tokenizer wants a download
        def to_sentences(self, text: str) -> tuple[str, ...]:
            return tuple(split_sentences(text))

        def to_words(self, sentence: str) -> tuple[str, ...]:
            return tuple(word.lower() for word in word_texts(sentence))

    def ranker(summarizer):
        def rank(text: str, n_sentences: int) -> str:
            document = PlaintextParser.from_string(text, Words()).document
            if len(document.sentences) <= n_sentences:  # nothing to rank; LexRank would divide by 0
                return text
            return " ".join(str(s) for s in summarizer(document, n_sentences)) or text

        return rank

    return {
        "TextRank": ranker(TextRankSummarizer()),
        "LexRank": ranker(LexRankSummarizer()),
    }


def first_sentences(rank: Ranker, text: str, n_words: int) -> str:
    """The sentences that the ranker chooses, so many that they hold ``n_words``, or all.

    How many are needed is estimated from their mean length, then raised until they do.
    """
    lengths = [count_words(sentence) for sentence in split_sentences(text)]
    mean = sum(lengths) / max(1, len(lengths))
    n = max(1, round(n_words / max(1.0, mean)))
    while n < len(lengths):
        chosen = rank(text, n)
        if count_words(chosen) >= n_words:
            return chosen
        n += 1
    return text
