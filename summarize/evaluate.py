"""Judging: systems side by side on pairs of document and human summary.

The autoencoder's own proof is `reconstruction`: a fresh network learns to rebuild documents from
frozen codes, and is scored on documents it has not seen. No judge here is part of a training loss.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from summarize import metrics
from summarize.documents import DocumentError
from summarize.inference import Summarizer
from summarize.ngrams import NgramModel
from summarize.text import normalise, split_sentences, word_texts

COLUMNS = (
    ("rouge1", "R-1"),
    ("rouge2", "R-2"),
    ("rougeL", "R-L"),
    ("words", "words"),
    ("novel", "novel %"),
    ("novel2", "novel 2-grams %"),
    ("perplexity", "perplexity / human"),
    ("protected", "digits, names %"),
    ("dangling", "dangling %"),
    ("repetition", "repeated %"),
    ("lead_overlap", "of lead %"),
    ("distinct", "distinct 2-grams %"),
    ("recall", "rebuilt content words %"),
    ("nll", "NLL of content words"),
)


class Pair(NamedTuple):
    """A document and the summary that a person wrote for it."""

    document: str
    summary: str


class Reconstruction(NamedTuple):
    """How well documents are rebuilt from codes: recall 0 to 1 and nats a content word, each one
    value a document."""

    recall: list[float]
    nll: list[float]


def read_pairs(path: str | Path, limit: int | None = None) -> list[Pair]:
    """The pairs in a jsonl file (or .jsonl.gz) of objects with ``document`` and ``summary``.

    Raises DocumentError for a file that cannot be read or a line without one of the two.
    """
    import gzip

    path = Path(path)
    opened = gzip.open if path.suffix == ".gz" else open
    pairs: list[Pair] = []
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if limit is not None and len(pairs) >= limit:
                    break
                if line.strip():
                    pairs.append(_pair(path, number, line))
    except FileNotFoundError:
        raise DocumentError(f"{path}: no such file") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DocumentError(f"{path} cannot be read: {error}") from error
    if not pairs:
        raise DocumentError(f"{path} holds no pair")
    return pairs


def read_outputs(path: str | Path, n_pairs: int) -> list[str]:
    """Another system's summaries, one a line, in the order of the pairs.

    Raises DocumentError if there are not ``n_pairs`` of them or the file cannot be read.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{path} cannot be read: {error}") from error
    if len(lines) < n_pairs:
        raise DocumentError(f"{path} has {len(lines)} lines; {n_pairs} pairs need one each")
    return [line.strip() for line in lines[:n_pairs]]


def own_systems(
    summarizer: Summarizer, pairs: Sequence[Pair], n_words: int
) -> dict[str, list[str]]:
    """The summaries of this package and the lead of as many words."""
    documents = [pair.document for pair in pairs]
    searched = [summary.text for summary in summarizer.summarize(documents, words=n_words)]
    return {
        f"lead-{n_words}": [metrics.lead(normalise(d), n_words) for d in documents],
        f"search-{n_words}": searched,
    }


def ranked_systems(pairs: Sequence[Pair], n_words: int) -> dict[str, list[str]]:
    """The first words of what TextRank and LexRank (sumy) think the best sentence.

    Raises ValueError if sumy is not installed.
    """
    systems: dict[str, list[str]] = {}
    for name, rank in rankers().items():
        best = [rank(normalise(pair.document), 1) for pair in pairs]
        systems[f"{name}-{n_words}"] = [metrics.lead(text, n_words) for text in best]
    return systems


def rankers() -> dict:
    """TextRank and LexRank of sumy by name: functions of (text, number of sentences) to text."""
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


def judge(
    pairs: Sequence[Pair],
    systems: dict[str, list[str]],
    language_model: NgramModel | None = None,
    rebuild: bool = False,
) -> dict[str, dict[str, metrics.Interval | float]]:
    """Every system's value in `COLUMNS` that can be had; ROUGE with bootstrap intervals.

    ``language_model`` must not have been part of any training; perplexity is relative to that of
    the human summaries. ``rebuild`` adds the fresh reconstructor: on the last third of the pairs,
    trained on the first two; and a row of randomly chosen words.
    """
    documents = [normalise(pair.document) for pair in pairs]
    humans = [pair.summary for pair in pairs]
    systems = {**systems, "human": humans}
    if rebuild:
        systems["random words"] = _random_words(documents, systems)
    table: dict[str, dict[str, metrics.Interval | float]] = {}
    for name, summaries in systems.items():
        row = _row(summaries, documents, humans)
        if name == "human":
            for key in ("rouge1", "rouge2", "rougeL"):
                del row[key]
        if language_model is not None:
            row["perplexity"] = _perplexity(language_model, summaries) / _perplexity(
                language_model, humans
            )
        if rebuild:
            rebuilt = reconstruction(summaries, documents)
            row["recall"] = metrics.bootstrap([100 * r for r in rebuilt.recall])
            row["nll"] = float(np.mean(rebuilt.nll))
        table[name] = row
    return table


def shown(table: dict[str, dict[str, metrics.Interval | float]]) -> str:
    """The table in Markdown."""
    columns = [c for c in COLUMNS if any(c[0] in row for row in table.values())]
    lines = ["| system | " + " | ".join(title for _, title in columns) + " |"]
    lines.append("|---|" + "---|" * len(columns))
    for name, row in table.items():
        cells = [_cell(row.get(key)) for key, _ in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def reconstruction(
    codes: Sequence[str],
    documents: Sequence[str],
    n_vocabulary: int = 5000,
    n_epochs: int = 12,
    seed: int = 0,
) -> Reconstruction:
    """What a fresh decoder rebuilds of the last third of the documents from their codes alone.

    The decoder is a small network from the bag of a code's words to that of the document's content
    words, trained on the first two thirds. ``recall``: the share of a document's content words
    among as many predictions, those in the code included. ``nll``: per content word known to it.
    Raises ValueError for fewer than 6 documents.
    """
    if len(codes) != len(documents) or len(codes) < 6:
        raise ValueError(
            f"{len(codes)} codes and {len(documents)} documents; "
            "reconstruction needs one code for each of at least 6 documents"
        )
    sources = [list(dict.fromkeys(metrics.content_words(d))) for d in documents]
    held = [[w.lower() for w in word_texts(code)] for code in codes]
    n_train = len(codes) * 2 // 3
    counts = Counter(word for row in sources[:n_train] for word in row)
    number_of = {word: i for i, (word, _) in enumerate(counts.most_common(n_vocabulary))}
    bags = _bags(held, number_of)
    targets = _bags(sources, number_of)
    generator = torch.Generator().manual_seed(seed)
    decoder = _BagDecoder(len(number_of), generator)
    _fit(decoder, bags[:n_train], targets[:n_train], n_epochs, generator)
    with torch.no_grad():
        log_probs = F.log_softmax(decoder(bags[n_train:]), dim=-1)
    words = list(number_of)
    recall, nll = [], []
    for row, source, code in zip(log_probs, sources[n_train:], held[n_train:], strict=True):
        if not source:
            continue
        said = [word for word in dict.fromkeys(code) if word not in metrics.FUNCTION_WORDS]
        best = [words[i] for i in row.topk(min(len(words), len(source) + len(said))).indices]
        predicted = list(dict.fromkeys([*said, *best]))[: len(source)]
        recall.append(len(set(predicted) & set(source)) / len(source))
        known = [number_of[word] for word in source if word in number_of]
        if known:
            nll.append(-float(row[known].mean()))
    return Reconstruction(recall, nll)


class _BagDecoder(nn.Module):
    """Log-linear in the code's words, plus a narrow network over them."""

    def __init__(self, n_words: int, generator: torch.Generator, hidden_dim: int = 128) -> None:
        super().__init__()
        self.narrow = nn.Parameter(torch.randn(n_words, hidden_dim, generator=generator) * 0.1)
        self.wide = nn.Parameter(torch.randn(hidden_dim, n_words, generator=generator) * 0.1)
        self.usual = nn.Parameter(torch.zeros(n_words))
        self.same = nn.Parameter(torch.ones(n_words))

    def forward(self, bag: Tensor) -> Tensor:
        return torch.relu(bag @ self.narrow) @ self.wide + self.same * bag + self.usual


def _fit(
    decoder: _BagDecoder, bags: Tensor, targets: Tensor, n_epochs: int, generator: torch.Generator
) -> None:
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=5.0e-3, weight_decay=0.05)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(bags), generator=generator).split(64):
            log_probs = F.log_softmax(decoder(bags[rows]), dim=-1)
            loss = -(targets[rows] * log_probs).sum() / targets[rows].sum().clamp(min=1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def _bags(rows: Sequence[Sequence[str]], number_of: dict[str, int]) -> Tensor:
    bags = torch.zeros(len(rows), len(number_of))
    for i, row in enumerate(rows):
        bags[i, [number_of[word] for word in row if word in number_of]] = 1.0
    return bags


def _pair(path: Path, number: int, line: str) -> Pair:
    try:
        row = json.loads(line)
        pair = Pair(row["document"], row["summary"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise DocumentError(
            f"{path}, line {number}: an object with document and summary is needed"
        ) from error
    if not all(isinstance(x, str) and x.strip() for x in pair):
        raise DocumentError(f"{path}, line {number}: document or summary is empty")
    return pair


def _row(
    summaries: list[str], documents: list[str], humans: list[str]
) -> dict[str, metrics.Interval | float]:
    row: dict[str, metrics.Interval | float] = {
        name: metrics.bootstrap(values) for name, values in metrics.rouge(summaries, humans).items()
    }

    def mean(judged: list[float]) -> float:
        return 100 * float(np.mean(judged))

    found, total = np.sum(
        [metrics.protected_words(s, d) for s, d in zip(summaries, documents, strict=True)], axis=0
    )
    row["words"] = float(np.mean([len(word_texts(s)) for s in summaries]))
    row["novel"] = mean(metrics.over_pairs(metrics.novel, summaries, documents))
    row["novel2"] = mean(
        [metrics.novel(s, d, 2) for s, d in zip(summaries, documents, strict=True)]
    )
    row["protected"] = 100 * float(found / max(total, 1))
    row["dangling"] = mean([metrics.is_dangling(s) for s in summaries])
    row["repetition"] = mean([metrics.repetition(s) for s in summaries])
    row["lead_overlap"] = mean(metrics.over_pairs(metrics.lead_overlap, summaries, documents))
    row["distinct"] = 100 * metrics.distinct(summaries)
    return row


def _perplexity(model: NgramModel, summaries: Sequence[str]) -> float:
    return model.perplexity(word_texts(summary) for summary in summaries)


def _random_words(documents: list[str], systems: dict[str, list[str]]) -> list[str]:
    """As many words of each document as the first system uses, chosen at random, in order."""
    generator = np.random.default_rng(0)
    lines = []
    for document, model in zip(documents, next(iter(systems.values())), strict=True):
        words = word_texts(document)
        n = min(len(words), len(word_texts(model)))
        lines.append(" ".join(words[i] for i in sorted(generator.permutation(len(words))[:n])))
    return lines


def _cell(value: metrics.Interval | float | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, metrics.Interval) else f"{value:.1f}"
