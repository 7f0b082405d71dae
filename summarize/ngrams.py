"""A word trigram model in a few megabytes: counted, smoothed, pruned, and asked in bulk.

Interpolated Kneser-Ney (Chen and Goodman 1999, one discount an order), then pruned: n-grams seen
fewer than ``min_count`` times are dropped and their mass goes to the shorter history, so that the
probabilities of each history still sum to one. Words are lower case with every digit written 0.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

BITS = 20  # of a word's number in a key; three of them fit into 64
UNKNOWN, START, END = range(3)
N_RESERVED = 3
FLOOR = -30.0  # nats
DIGIT = re.compile(r"\d")


class NgramModel:
    """Log probabilities (nats) of words after the two before them.

    Words are numbers given by `numbers`; 0 is any word that was seen fewer than ``min_count``
    times, 1 the start and 2 the end of a line.
    """

    def __init__(
        self,
        words: Sequence[str],
        unigram: np.ndarray,
        bigram_keys: np.ndarray,
        bigram: np.ndarray,
        bigram_backoff: np.ndarray,
        unigram_backoff: np.ndarray,
        trigram_keys: np.ndarray,
        trigram: np.ndarray,
    ) -> None:
        self.words = list(words)
        self.number_of = {word: i + N_RESERVED for i, word in enumerate(self.words)}
        self.unigram = unigram.astype(np.float32)
        self.unigram_backoff = unigram_backoff.astype(np.float32)
        self.bigram_keys = bigram_keys
        self.bigram = bigram.astype(np.float32)
        self.bigram_backoff = bigram_backoff.astype(np.float32)
        self.trigram_keys = trigram_keys
        self.trigram = trigram.astype(np.float32)

    def numbers(self, words: Sequence[str]) -> np.ndarray:
        """The numbers of the words, int64; 0 where the model does not know one."""
        return np.array([self.number_of.get(form(word), UNKNOWN) for word in words], np.int64)

    def pairs(
        self, first: np.ndarray, second: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Elementwise: log p(second | first), log backoff weight as a history, whether stored."""
        where, found = _find(self.bigram_keys, (first << BITS) | second)
        backed_off = self.unigram_backoff[first] + self.unigram[second]
        log_prob = np.where(found, self.bigram[where], backed_off)
        return log_prob, np.where(found, self.bigram_backoff[where], np.float32(0)), found

    def triples(
        self, first: np.ndarray, second: np.ndarray, third: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(log p(third | first, second), whether the triple is stored), elementwise.

        Where it is not stored the probability is that of `pairs` plus the backoff weight; the
        value here is then without meaning.
        """
        keys = (first << (2 * BITS)) | (second << BITS) | third
        where, found = _find(self.trigram_keys, keys)
        return self.trigram[where] if len(self.trigram) else np.zeros(keys.shape, "f4"), found

    def after(self, first: np.ndarray, second: np.ndarray, third: np.ndarray) -> np.ndarray:
        """log p(third | first, second), elementwise, float32."""
        _, backoff, _ = self.pairs(first, second)
        pair, _, _ = self.pairs(second, third)
        triple, found = self.triples(first, second, third)
        return np.where(found, triple, backoff + pair)

    def line_log_probs(self, words: Sequence[str]) -> np.ndarray:
        """log p of every word of a line and of its end, float32, one more than there are words."""
        numbers = np.concatenate([[START, START], self.numbers(words), [END]])
        return self.after(numbers[:-2], numbers[1:-1], numbers[2:])

    def perplexity(self, lines: Iterable[Sequence[str]]) -> float:
        """The perplexity per word, ends of lines included. Raises ValueError without a line."""
        values = [self.line_log_probs(words) for words in lines]
        if not values:
            raise ValueError("perplexity needs at least one line")
        return float(np.exp(-np.concatenate(values).mean()))

    def state(self) -> dict[str, Tensor]:
        """Everything as tensors, values in 16 bits; `from_state` gives the model back."""
        arrays = {
            "words": np.frombuffer("\n".join(self.words).encode(), np.uint8),
            "unigram": self.unigram.astype(np.float16),
            "unigram_backoff": self.unigram_backoff.astype(np.float16),
            "bigram_keys": self.bigram_keys,
            "bigram": self.bigram.astype(np.float16),
            "bigram_backoff": self.bigram_backoff.astype(np.float16),
            "trigram_keys": self.trigram_keys,
            "trigram": self.trigram.astype(np.float16),
        }
        return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> "NgramModel":
        """The model whose `state` this is."""
        arrays = {name: tensor.numpy() for name, tensor in state.items()}
        text = arrays.pop("words").tobytes().decode()
        return cls(text.split("\n") if text else [], **arrays)


def form(word: str) -> str:
    """The word as the model counts it: lower case, digits 0, no final possessive."""
    return DIGIT.sub("0", word.lower().removesuffix("'s"))


def train_ngrams(lines: Iterable[Sequence[str]], min_count: int = 3) -> NgramModel:
    """The model of these lines of words; no n-gram seen fewer than ``min_count`` times is in it.

    Raises ValueError if there is no line with a word.
    """
    lines = [[form(word) for word in line] for line in lines]
    counts = Counter(word for line in lines for word in line)
    if not counts:
        raise ValueError("a language model needs lines with words; there are none")
    known = sorted(word for word, n in counts.items() if n >= min_count and "\n" not in word)
    if len(known) + N_RESERVED >= 1 << BITS:
        known = sorted(sorted(known, key=lambda w: -counts[w])[: (1 << BITS) - N_RESERVED - 1])
    number_of = {word: i + N_RESERVED for i, word in enumerate(known)}
    stream: list[int] = []
    for line in lines:
        stream += [START, START, *(number_of.get(word, UNKNOWN) for word in line), END]
    return _estimate(known, np.array(stream, np.int64), min_count)


class _Order(NamedTuple):
    """The n-grams of one length: keys, how often each was seen, smoothed probabilities."""

    keys: np.ndarray
    counts: np.ndarray
    probability: np.ndarray


def _estimate(words: list[str], stream: np.ndarray, min_count: int) -> NgramModel:
    n_words = len(words) + N_RESERVED
    a, b, c = stream[:-2], stream[1:-1], stream[2:]
    # what is predicted is never a start; a history never reaches over the end of a line
    within = (c != START) & (b != END) & (a != END)
    a, b, c = a[within], b[within], c[within]
    keys3, counts3 = np.unique((a << (2 * BITS)) | (b << BITS) | c, return_counts=True)
    _, seen_counts2 = np.unique((b << BITS) | c, return_counts=True)

    # Kneser-Ney: shorter n-grams count the different words before them. Nothing different ever
    # stands before a start, so pairs after one count as often as they were seen.
    keys2, counts2 = np.unique(keys3 & ((1 << 2 * BITS) - 1), return_counts=True)
    after_start = (keys2 >> BITS) == START
    counts2 = np.where(after_start, seen_counts2, counts2)
    counts1 = np.bincount(keys2 & ((1 << BITS) - 1), minlength=n_words)

    discount1 = 0.5
    n_types = np.count_nonzero(counts1)
    unigram = np.maximum(counts1 - discount1, 0) / counts1.sum()
    unigram += discount1 * n_types / counts1.sum() / (n_words - 1)
    unigram[START] = 0.0

    second, third = keys2 >> BITS, keys2 & ((1 << BITS) - 1)
    two = _Order(keys2, seen_counts2, _interpolate(second, counts2, unigram[third]))
    history, below = keys3 >> BITS, keys3 & ((1 << 2 * BITS) - 1)
    lower = two.probability[np.searchsorted(keys2, below)]
    three = _Order(keys3, counts3, _interpolate(history, counts3, lower))

    kept2 = two.counts >= min_count
    unigram_backoff = _backoff(
        second[kept2], two.probability[kept2], unigram[third[kept2]], n_words
    )
    kept3 = three.counts >= min_count
    # pairs that begin with two starts are no bigrams: their history gets an entry of its own
    keys2_kept, pair_probability = keys2[kept2], two.probability[kept2]
    start_pair = (START << BITS) | START
    at = np.searchsorted(keys2_kept, start_pair)
    keys2_kept = np.insert(keys2_kept, at, start_pair)
    pair_probability = np.insert(pair_probability, at, np.exp(FLOOR))
    # a triple's pairs were seen at least as often, so they are kept where it is
    pair_of = np.searchsorted(keys2_kept, history[kept3])
    below3 = np.searchsorted(keys2_kept, below[kept3])
    bigram_backoff = _backoff(
        pair_of, three.probability[kept3], pair_probability[below3], len(keys2_kept)
    )
    return NgramModel(
        words=words,
        unigram=_log(unigram),
        unigram_backoff=_log(unigram_backoff),
        bigram_keys=keys2_kept,
        bigram=_log(pair_probability),
        bigram_backoff=_log(bigram_backoff),
        trigram_keys=keys3[kept3],
        trigram=_log(three.probability[kept3]),
    )


def _interpolate(history: np.ndarray, counts: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Discounted relative frequencies plus the freed mass times the lower order's."""
    once, twice = np.count_nonzero(counts == 1), np.count_nonzero(counts == 2)
    discount = once / (once + 2 * twice) if once else 0.5
    _, group = np.unique(history, return_inverse=True)
    total = np.bincount(group, weights=counts)[group]
    different = np.bincount(group)[group]
    return np.maximum(counts - discount, 0) / total + discount * different / total * lower


def _backoff(group: np.ndarray, higher: np.ndarray, lower: np.ndarray, n_groups: int) -> np.ndarray:
    """The factor of the lower order for what a history has no entry for."""
    left = 1 - np.bincount(group, weights=higher, minlength=n_groups)
    left_lower = 1 - np.bincount(group, weights=lower, minlength=n_groups)
    return np.clip(left, 1e-6, 1) / np.clip(left_lower, 1e-6, 1)


def _find(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not len(keys):
        return np.zeros(wanted.shape, np.int64), np.zeros(wanted.shape, bool)
    where = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return where, keys[where] == wanted


def _log(probability: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(probability), FLOOR).astype(np.float32)
