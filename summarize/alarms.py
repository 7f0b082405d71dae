"""Alarms: what is measured of the codes while training, and when it is bad enough to stop.

Nothing here is part of a loss. Each value has a failure that it gives away: a secret code (the
perplexity of a language model that has read other sentences), a code that is ignored (the
reconstruction with the codes of others), a collapse onto a few phrases (self-BLEU, distinct
2-grams) or onto the lead, a discriminator that cannot be fooled, invented numbers and names.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from summarize.metrics import distinct, lead_overlap, protected_words, self_bleu
from summarize.ngrams import NgramModel, train_ngrams
from summarize.text import word_texts

N_SELF_BLEU = 64  # codes; its cost is quadratic


@dataclass(frozen=True)
class Limits:
    """The bounds of what is tolerated; `inf` and 0 let everything pass."""

    most_perplexity: float = 3.0  # relative to human sentences that the judge has not read
    least_code_gain: float = 0.05  # nats a subword that shuffling the codes costs
    most_self_bleu: float = 0.6
    least_distinct: float = 0.2
    most_lead_overlap: float = 0.95
    most_accuracy: float = 0.99  # of the discriminator
    least_protected: float = 0.95  # share of digits and names that the source holds

    def exceeded(self, values: dict[str, float]) -> list[str]:
        """A line for every value that is out of bounds; values that are missing are not judged."""
        bounds = {
            "perplexity": (0.0, self.most_perplexity),
            "code_gain": (self.least_code_gain, math.inf),
            "self_bleu": (0.0, self.most_self_bleu),
            "distinct": (self.least_distinct, math.inf),
            "lead_overlap": (0.0, self.most_lead_overlap),
            "discriminator_accuracy": (0.0, self.most_accuracy),
            "protected": (self.least_protected, math.inf),
        }
        return [
            f"{name} is {values[name]:.3f}, outside {low:g} to {high:g}"
            for name, (low, high) in bounds.items()
            if name in values and not low <= values[name] <= high
        ]


class Judge(NamedTuple):
    """A language model of human sentences that nothing else has read, and its perplexity on
    others of them."""

    model: NgramModel
    human: float


def train_judge(held_out: Iterable[str]) -> Judge | None:
    """The judge of these lines, every fourth of them kept for comparison; None for too few."""
    lines = [words for line in held_out if (words := word_texts(line))]
    kept, read = lines[::4], [words for i, words in enumerate(lines) if i % 4]
    if not read:
        return None
    model = train_ngrams(read, min_count=2)
    return Judge(model, model.perplexity(kept))


def measure(
    codes: Sequence[str], documents: Sequence[str], judge: Judge | None = None
) -> dict[str, float]:
    """What codes and their documents tell: `Limits` names the values."""
    pairs = list(zip(codes, documents, strict=True))
    found, total = (sum(x) for x in zip(*(protected_words(*pair) for pair in pairs), strict=True))
    values = {
        "distinct": distinct(codes),
        "self_bleu": self_bleu(codes[:N_SELF_BLEU]),
        "lead_overlap": sum(lead_overlap(*pair) for pair in pairs) / len(pairs),
        "protected": found / total if total else 1.0,
    }
    if judge is not None:
        values["perplexity"] = judge.model.perplexity(map(word_texts, codes)) / judge.human
    return values
