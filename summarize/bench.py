"""Speed and memory of what is installed here, side by side with TextRank and LexRank."""

import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from summarize.inference import Summarizer
from summarize.rankers import rankers

LONG_WORDS = 100_000  # a document of about 300 pages
SENTENCE_WORDS = 28


def bench(weights: str | Path | None = None, preset: str = "news") -> Iterator[str]:
    """Lines of a report, each as soon as it is measured. Texts are random words, seeded."""
    summarizer = Summarizer.from_pretrained(weights, preset)
    yield from _cold(weights, preset)
    texts = [_text(SENTENCE_WORDS, summarizer, seed) for seed in range(200)]
    cpu, wall = _timed(lambda: summarizer.summarize(texts, words=10))
    yield (
        f"search, one sentence of {SENTENCE_WORDS} words to 10: "
        f"{len(texts) / cpu:.0f} a second a core ({len(texts) / wall:.0f} a second here)"
    )
    before = _peak_megabytes()
    document = _text(LONG_WORDS, summarizer, 0)
    cpu, wall = _timed(lambda: summarizer.summarize(document, words=40))
    yield (
        f"search, {LONG_WORDS:,} words to 40: {wall:.1f} s ({cpu:.1f} s of one core), "
        f"{_peak_megabytes() - before:.0f} MB more than for sentences"
    )
    # both need time and memory quadratic in sentences, so they get a tenth
    tenth = _text(LONG_WORDS // 10, summarizer, 0)
    cpu, wall = _timed(lambda: summarizer.summarize(tenth, words=40))
    yield f"search, {LONG_WORDS // 10:,} words to 40: {wall:.2f} s ({cpu:.2f} s of one core)"
    try:
        others = rankers()
    except ValueError as error:
        yield str(error)
        return
    for name, rank in others.items():
        cpu, wall = _timed(lambda rank=rank: rank(tenth, 3))
        yield f"{name} (sumy), the same to 3 sentences: {wall:.2f} s ({cpu:.2f} s of one core)"


def _cold(weights: str | Path | None, preset: str) -> Iterator[str]:
    command = [sys.executable, "-m", "summarize", "-", "--preset", preset]
    if weights is not None:
        command += ["--weights", str(weights)]
    text = "One sentence that is long enough to be made shorter by a new process today."
    start = time.perf_counter()
    subprocess.run(command, input=text.encode(), check=True, capture_output=True)
    yield f"a new process to its first summary: {time.perf_counter() - start:.1f} s"


def _text(n_words: int, summarizer: Summarizer, seed: int) -> str:
    """Random words that the tables know, in sentences."""
    generator = random.Random(seed)
    words = generator.choices(summarizer.search.language_model.words, k=n_words)
    rows = [words[i : i + SENTENCE_WORDS] for i in range(0, n_words, SENTENCE_WORDS)]
    return " ".join(" ".join(row).capitalize() + "." for row in rows)


def _timed(job: Callable[[], object]) -> tuple[float, float]:
    """(seconds of CPU, seconds of the clock)."""
    cpu, wall = time.process_time(), time.perf_counter()
    job()
    return time.process_time() - cpu, time.perf_counter() - wall


def _peak_megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024
