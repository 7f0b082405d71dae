"""Speed and memory of what is installed here, side by side with TextRank and LexRank.

Texts are random words, seeded, so that every machine measures the same work. "A core" is a second
of processor time, which other processes on the machine do not change much.
"""

import itertools
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from summarize.documents import read_documents
from summarize.encoder import END, Source
from summarize.inference import Summarizer
from summarize.layers import PAD
from summarize.model import TextAutoencoder, TextConfig
from summarize.paper import pdf_bytes
from summarize.rankers import rankers

N_SENTENCES, SENTENCE_WORDS, CODE_WORDS = 512, 28, 10
N_PAGES, LINES_A_PAGE, LINE_WORDS = 300, 28, 12  # about 100,000 words
LONG_CODE_WORDS = 40
# TextRank and LexRank need time and memory quadratic in sentences, so they get a part
RANKED_WORDS = 10_000
FLAT_WORDS = (100_000, 500_000)
N_TRAINED, TRAINING_BATCH = 8, 64  # batches and documents of each
SHORT = "One sentence that is long enough to be made shorter by a new process today."


def bench(weights: str | Path | None = None, preset: str = "news") -> Iterator[str]:
    """Lines of a report, each as soon as it is measured."""
    yield f"{torch.get_num_threads()} threads; torch {torch.__version__}"
    summarizer = Summarizer.from_pretrained(weights, preset)
    yield from _cold(weights, preset)
    yield from _sentences(summarizer)
    yield from _pdf(summarizer)
    yield from _beside_rankers(summarizer)
    yield from _memory(summarizer)
    yield from _training(summarizer)


def _cold(weights: str | Path | None, preset: str) -> Iterator[str]:
    command = [sys.executable, "-m", "summarize", "-", "--preset", preset]
    if weights is not None:
        command += ["--weights", str(weights)]
    start = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(command, input=SHORT.encode(), check=True, capture_output=True)
    wall = time.perf_counter() - start
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    yield f"a new process to its first summary: {wall:.1f} s ({cpu:.1f} s of one core)"


def _sentences(summarizer: Summarizer) -> Iterator[str]:
    texts = [_text(SENTENCE_WORDS, summarizer, seed) for seed in range(N_SENTENCES)]
    for method in summarizer.coders:
        code = _coding(summarizer, method, CODE_WORDS)
        code(texts[:64])  # the first call pays for what is set up once
        cpu, wall = _timed(lambda code=code: code(texts))
        yield (
            f"{method}, {N_SENTENCES} sentences of {SENTENCE_WORDS} words to {CODE_WORDS}, "
            f"one call: {N_SENTENCES / wall:.0f} a second ({N_SENTENCES / cpu:.0f} a core)"
        )


def _pdf(summarizer: Summarizer) -> Iterator[str]:
    words = iter(_words(N_PAGES * LINES_A_PAGE * LINE_WORDS, summarizer, 0))
    lines = iter(lambda: " ".join(itertools.islice(words, LINE_WORDS)), "")
    pages = [[f"{x}." for x in itertools.islice(lines, LINES_A_PAGE)] for _ in range(N_PAGES)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.pdf"
        path.write_bytes(pdf_bytes(pages))
        read: list[str] = []
        cpu, wall = _timed(lambda: read.extend(d.text for d in read_documents(path)))
    n_words = len(read[0].split())
    yield (
        f"a PDF of {N_PAGES} pages and {n_words:,} words: read in {wall:.1f} s "
        f"({cpu:.1f} s of one core)"
    )
    for method in summarizer.coders:
        code = _coding(summarizer, method, LONG_CODE_WORDS)
        cpu, wall = _timed(lambda code=code: code(read))
        yield f"{method}, that PDF to {LONG_CODE_WORDS} words: {wall:.1f} s ({cpu:.1f} s of a core)"


def _beside_rankers(summarizer: Summarizer) -> Iterator[str]:
    text = _text(RANKED_WORDS, summarizer, 0)
    for method in summarizer.coders:
        code = _coding(summarizer, method, LONG_CODE_WORDS)
        cpu, wall = _timed(lambda code=code: code([text]))
        yield f"{method}, {RANKED_WORDS:,} words to 40: {wall:.2f} s ({cpu:.2f} s of one core)"
    try:
        others = rankers()
    except ValueError as error:
        yield str(error)
        return
    for name, rank in others.items():
        cpu, wall = _timed(lambda rank=rank: rank(text, 3))
        yield f"{name} (sumy), the same to 3 sentences: {wall:.2f} s ({cpu:.2f} s of one core)"


def _memory(summarizer: Summarizer) -> Iterator[str]:
    code = _coding(summarizer, summarizer.method, LONG_CODE_WORDS)
    for n_words in FLAT_WORDS:
        text = _text(n_words, summarizer, 0)
        before = _peak_megabytes()
        cpu, wall = _timed(lambda text=text: code([text]))
        yield (
            f"{summarizer.method}, {n_words:,} words ({len(text) / 1e6:.1f} MB): {wall:.1f} s "
            f"({cpu:.1f} s of one core), peak memory rises by {_peak_megabytes() - before:.0f} MB "
            f"to {_peak_megabytes():.0f} MB"
        )


def _training(summarizer: Summarizer) -> Iterator[str]:
    """Steps of the encoder's teaching, on random subwords: the work does not depend on them."""
    coder = summarizer.coders.get("network")
    config = coder.network.config if coder is not None else TextConfig()
    encoder = TextAutoencoder(config).encoder
    optimizer = torch.optim.AdamW(encoder.parameters())
    generator = torch.Generator().manual_seed(0)
    shape = (TRAINING_BATCH, SENTENCE_WORDS)
    source = _source(shape, config.n_vocabulary, generator)
    copied = torch.rand(shape, generator=generator).argsort(1)[:, :CODE_WORDS]
    actions = torch.cat(
        [copied.sort(1).values + config.n_vocabulary, torch.full((len(copied), 1), END)], 1
    )
    lengths = torch.full((TRAINING_BATCH,), CODE_WORDS)

    def train(n_batches: int) -> None:
        for _ in range(n_batches):
            loss = -encoder.score(source, actions, lengths).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    train(1)
    cpu, wall = _timed(lambda: train(N_TRAINED))
    n_subwords = N_TRAINED * int((source.subwords != PAD).sum())
    yield (
        f"training the encoder, batches of {TRAINING_BATCH} sentences: {n_subwords / wall:,.0f} "
        f"subwords a second ({n_subwords / cpu:,.0f} a core), "
        f"{N_TRAINED * TRAINING_BATCH / wall:.0f} sentences a second"
    )


def _source(shape: tuple[int, int], n_vocabulary: int, generator: torch.Generator) -> Source:
    """Words of one to three subwords."""
    subwords = torch.randint(END + 1, n_vocabulary, (*shape, 3), generator=generator)
    n_subwords = torch.randint(1, 4, shape, generator=generator)
    subwords = subwords.masked_fill(torch.arange(3) >= n_subwords[..., None], PAD)
    nothing = torch.zeros(shape, dtype=torch.long)
    return Source(subwords, nothing, nothing.bool(), ~nothing.bool())


def _coding(summarizer: Summarizer, method: str, n_words: int) -> Callable[[Sequence[str]], object]:
    return lambda texts: summarizer.summarize(texts, words=n_words, method=method, rebuild=False)


def _text(n_words: int, summarizer: Summarizer, seed: int) -> str:
    """Random words in sentences."""
    words = _words(n_words, summarizer, seed)
    rows = [words[i : i + SENTENCE_WORDS] for i in range(0, n_words, SENTENCE_WORDS)]
    return " ".join(" ".join(row).capitalize() + "." for row in rows)


def _words(n_words: int, summarizer: Summarizer, seed: int) -> list[str]:
    """Random words that the tables know, letters only."""
    known = [w for w in summarizer.search.language_model.words if w.isascii() and w.isalpha()]
    return random.Random(seed).choices(known, k=n_words)


def _timed(job: Callable[[], object]) -> tuple[float, float]:
    """(seconds of the processor, seconds of the clock)."""
    cpu, wall = time.process_time(), time.perf_counter()
    job()
    return time.process_time() - cpu, time.perf_counter() - wall


def _peak_megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024
