"""Summaries: a text autoencoder whose code is a short readable sentence.

In three lines::

    from summarize import Summarizer
    summarizer = Summarizer.from_pretrained()
    print(summarizer.summarize(text, words=12).text)
"""

__all__ = ["Summarizer"]


def __getattr__(name: str) -> object:
    # Lazy, so that the submodules and `summarize --help` do not pay for the whole inference stack.
    if name in __all__:
        from summarize import inference

        return getattr(inference, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
