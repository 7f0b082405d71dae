"""A summarizer that knows a few hundred sentences of made-up text."""

from summarize.inference import Summarizer
from summarize.search import train_search
from summarize.text import word_texts
from tests.summarize.corpus import documents, sentences


def tiny_summarizer() -> Summarizer:
    """It works by search alone."""
    return Summarizer(
        train_search(map(word_texts, documents(300)), map(word_texts, sentences(400)))
    )
