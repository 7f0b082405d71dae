"""The best of many sampled codes, as lessons: what a network can already do, but seldom does.

Of every document several codes are sampled; the greedy one and the teacher's compete with them.
The best by reconstruction, fluency and the network's own probability is kept, if it repeats
nothing and says no more than the source does.
"""

import random
import sys
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from summarize.data import TextBatch, TextBatches
from summarize.losses import reconstruction_loss
from summarize.metrics import FUNCTION_WORDS
from summarize.model import TextAutoencoder
from summarize.ngrams import NgramModel, form
from summarize.teacher import Lessons
from summarize.text import Word, word_texts

PRINTED_EVERY = 20.0  # seconds


@dataclass(frozen=True)
class Taste:
    """How codes are weighed against each other; all in nats of what stands beside it."""

    rebuilt: float = 1.0  # per nat of the document's log probability given the code
    fluency: float = 1.0  # per nat of the code's in the model of human sentences
    own: float = 1.0  # per nat of the code's in the network that sampled it
    repetition: float = 5.0  # per content word that was said before
    temperature: float = 0.8  # of the samples


@torch.inference_mode()
def best_lessons(
    network: TextAutoencoder,
    batches: TextBatches,
    taste: Taste,
    n_samples: int,
    n_documents: int,
    minutes: float,
) -> Lessons:
    """Lessons of as many documents as can be had, one code each; the others have none.

    Documents come in an order of their own, lengths as `TextBatches` draws them.
    """
    corpus = batches.corpus
    network.eval()
    torch.manual_seed(batches.seed)
    order = [i for i in batches.documents if corpus.lessons.n_codes(i)]
    random.Random(f"best-{batches.seed}").shuffle(order)
    best: dict[int, list[int]] = {}
    begun = shown = time.monotonic()
    size = batches.batch_size
    for start in range(0, min(n_documents, len(order)), size):
        now = time.monotonic()
        if now - begun > 60 * minutes and best:
            break
        documents = sorted(order[start : start + size], key=lambda i: len(corpus.documents[i]))
        batch = batches.of_documents(documents)
        for document, actions in zip(
            documents, _best(network, batch, corpus.subwords, taste, n_samples), strict=True
        ):
            best[document] = actions
        if now - shown > PRINTED_EVERY:
            shown = now
            print(f"codes chosen for {len(best)} documents", file=sys.stderr, flush=True)
    return Lessons.of_actions(best, len(corpus.documents), corpus.subwords.n_vocabulary)


def _best(
    network: TextAutoencoder, batch: TextBatch, subwords, taste: Taste, n_samples: int
) -> list[list[int]]:
    """The actions of each document's best code, END and PAD left out."""
    encoder = network.encoder
    candidates = [batch.actions, encoder.generate(batch.source, batch.lengths).actions]
    candidates += [
        encoder.generate(
            batch.source, batch.lengths, sample=True, temperature=taste.temperature
        ).actions
        for _ in range(n_samples)
    ]
    scores = torch.stack([_scores(network, batch, c, subwords, taste) for c in candidates])
    chosen = scores.argmax(0).tolist()
    rows = [candidates[k][i].tolist() for i, k in enumerate(chosen)]
    return [[a for a in row if a > 3] for row in rows]


def _scores(
    network: TextAutoencoder, batch: TextBatch, actions: Tensor, subwords, taste: Taste
) -> Tensor:
    """How good the codes (B, L) are, (B,), nats."""
    words = network.words(batch.source, actions)
    n_tokens = (batch.tokens != 0).sum(1)
    rebuilt = -reconstruction_loss(network, words, batch.tokens) * n_tokens
    own = network.encoder.score(batch.source, actions, batch.lengths).sum(1)
    texts = [
        word_texts(subwords.text(row, [Word(word) for word in document]))
        for row, document in zip(actions.tolist(), batch.words, strict=True)
    ]
    model = subwords.search.language_model
    fluency = torch.tensor([_fluency(model, words) for words in texts])
    repeated = torch.tensor([float(_repeated(words)) for words in texts])
    return (
        taste.rebuilt * rebuilt
        + taste.fluency * fluency
        + taste.own * own
        - taste.repetition * repeated
    )


def _fluency(model: NgramModel, words: list[str]) -> float:
    """The line's log probability beyond that of its words alone, so that rare ones may stay."""
    numbers = np.append(model.numbers(words), 2)
    return float((model.line_log_probs(words) - model.unigram[numbers]).sum())


def _repeated(words: list[str]) -> int:
    content = [f for word in words if (f := form(word)) not in FUNCTION_WORDS]
    return len(content) - len(set(content))
