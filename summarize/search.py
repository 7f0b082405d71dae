"""The search: the best subsequence of a sentence's words, exactly so many, found exactly.

A candidate's score is the headline model's log probability of its words, plus how surprising each
kept word is in documents, less penalties for gaps and for words late in the sentence. Dynamic
programming over (words kept, last two positions) finds the maximum for every length at once; no
network is involved (after Schumann et al., ACL 2020, who climb where this solves). Only where the
maximum repeats itself the search is made again with the repeated word at a price.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from shared.checkpoint import load_model, save_model
from summarize.auxiliaries import negates
from summarize.metrics import FUNCTION_WORDS
from summarize.ngrams import END, N_RESERVED, START, UNKNOWN, NgramModel, form, train_ngrams

KIND = "summarize-search"
# A word that ends lines this many times less often than other words leaves its line dangling.
DANGLING_RATIO = 0.15
DANGLING_MIN_COUNT = 100
# Far below every score and still finite: a sentence may hold nothing else.
FORBIDDEN_COST = 1e4  # nats
NEGATED = 30.0  # nats that are lost if a negation goes and what it negates stays
# A line that says whose and not what; not more, since some names are written like that.
POSSESSIVE_COST = 4.0  # nats
# Saying a thing twice in so few words, once for each place: more than nearly any word is worth.
REPEATED_COST = 30.0  # nats
LONGEST_FUNCTION_WORD = 5  # letters, of languages whose function words are not known here
MOST_SEARCHES = 5  # until nothing is said twice
NUMBER = re.compile(r"\W*\d[\d.,]*\W*")


class Weights(NamedTuple):
    """How much each part of the score counts, in nats of the language model."""

    surprisal: float = 1.5  # per nat of a kept word's surprisal in documents
    surprisal_cap: float = 12.0  # nats; what is rarer is no more important
    gap: float = 0.5  # per place where words were left out
    position: float = 0.1  # per word of distance from the beginning
    position_cap: int = 40  # words
    end: float = 1.0  # of the log probability that a line ends there
    # per nat of a word's surprisal, for every doubling of how often the document says the word
    repeated: float = 0.0


class Code(NamedTuple):
    """The kept words' indices, ascending, and the score, higher is better."""

    kept: tuple[int, ...]
    score: float


class Choice(NamedTuple):
    """A word that may stand for the one at a place of the sentence and what keeping it is worth,
    nats; also what is lost if the word before it is left out (``bound``) or nothing comes after it
    (``ending``). The word at the place ``without`` does not come as one of the two before it."""

    place: int
    text: str
    worth: float
    bound: float = 0.0
    ending: float = 0.0
    without: int | None = None


class Search:
    """The search with its tables: a language model of short sentences, surprisals of documents."""

    def __init__(
        self,
        language_model: NgramModel,
        surprisal: np.ndarray,
        dangling: np.ndarray,
        weights: Weights | None = None,
    ) -> None:
        self.language_model = language_model
        self.surprisal = surprisal.astype(np.float32)
        self.dangling = dangling.astype(bool)
        self.weights = weights or Weights()

    def code(
        self, words: Sequence[str], n_words: int, said: Mapping[str, int] | None = None
    ) -> Code:
        """The best ``n_words`` of the sentence; all of them if it has no more.

        ``said`` is how often the sentence's document says each of its content words, by
        `summarize.ngrams.form`.
        Raises ValueError if ``n_words`` is not positive.
        """
        return self.codes(words, [n_words], said)[0]

    def codes(
        self,
        words: Sequence[str],
        lengths: Sequence[int],
        said: Mapping[str, int] | None = None,
    ) -> list[Code]:
        """The best code of each length, for little more than the price of the longest.

        A content word that is said twice costs `REPEATED_COST`.
        Time and memory grow with the cube of the sentence's length; 60 words are 1 MB.
        """
        if min(lengths) < 1:
            raise ValueError(f"a code needs at least 1 word, not {min(lengths)}")
        n, w = len(words), self.weights
        if n == 0:
            return [Code((), 0.0) for _ in lengths]
        late = w.position * np.minimum(np.arange(1, n + 1), w.position_cap)
        worths = (self.worths(words, said) - late).tolist()
        bounds = [NEGATED * negates(words, place) for place in range(n)]
        choices = list(map(Choice, range(n), words, worths, bounds))
        found = _found(*self._scores(choices), [min(length, n) for length in lengths])
        return [self._without_repetition(choices, code) for code in found]

    def chosen(self, choices: Sequence[Choice], n_words: int) -> Code:
        """The best ``n_words`` of the choices, one at most for each place; ``kept`` are indices of
        choices. What they are worth is as given: position and surprisal are not counted. As in
        `codes`, what is said twice costs.

        ``choices`` come in the order of their places. Raises ValueError if there are fewer places
        than words.
        """
        if not 0 < n_words <= len({choice.place for choice in choices}):
            raise ValueError(f"no {n_words} words can be chosen from these places")
        (code,) = _found(*self._scores(choices), [n_words])
        return self._without_repetition(choices, code)

    def worths(self, words: Sequence[str], said: Mapping[str, int] | None = None) -> np.ndarray:
        """What keeping each word is worth wherever it stands, (n,), nats."""
        w = self.weights
        surprise = np.minimum(self.surprisal[self.language_model.numbers(words)], w.surprisal_cap)
        worth = w.surprisal * surprise
        if w.repeated and said:
            counts = np.array([said.get(form(word), 1) for word in words])
            worth = worth + w.repeated * surprise * np.log2(counts)
        return worth

    def save(self, folder: str | Path, overwrite: bool = False) -> Path:
        """The folder that now holds the tables; `load` reads it."""
        state = self.language_model.state()
        state["surprisal"] = torch.from_numpy(self.surprisal.astype(np.float16))
        state["dangling"] = torch.from_numpy(self.dangling)
        config = {"weights": self.weights._asdict()}
        return save_model(folder, state, config, kind=KIND, overwrite=overwrite)

    @classmethod
    def load(cls, folder: str | Path) -> "Search":
        """The search saved in ``folder``. Raises ValueError if it is not whole."""
        config, state = load_model(folder, kind=KIND)
        surprisal, dangling = state.pop("surprisal").numpy(), state.pop("dangling").numpy()
        return cls(NgramModel.from_state(state), surprisal, dangling, Weights(**config["weights"]))

    def _without_repetition(self, choices: Sequence[Choice], code: Code) -> Code:
        """The code, or if it says a content word twice, the best one where the second time costs.

        Not exact, unlike the rest: which words to make dearer is told by the codes that repeat.
        """
        n_words, priced = len(code.kept), set()
        for _ in range(MOST_SEARCHES):
            again = self._said_again(choices, code) - priced
            if not again or n_words == len({choice.place for choice in choices}):
                break
            priced |= again
            dearer = [
                choice._replace(worth=choice.worth - REPEATED_COST * (choice.place in priced))
                for choice in choices
            ]
            (code,) = _found(*self._scores(dearer), [n_words])
        return code

    def _said_again(self, choices: Sequence[Choice], code: Code) -> set[int]:
        """Places of content words that the code has said before.

        Not those after a number that is kept, too, as units are said with each; nor the first word
        of another name; and of words that the language model does not know only those that are
        written as hardly a function word of any language is.
        """
        kept = [choices[index] for index in code.kept]
        seen: dict[str, str] = {}
        again = set()
        for before, choice, after in zip([None, *kept], kept, [*kept[1:], None], strict=False):
            word = form(choice.text)
            is_known = word in self.language_model.number_of
            is_cased = choice.text != choice.text.lower()
            is_content = is_known or is_cased or len(word) > LONGEST_FUNCTION_WORD
            is_unit = (
                before is not None
                and before.place == choice.place - 1
                and NUMBER.fullmatch(before.text)
            )
            if word in FUNCTION_WORDS or not is_content:
                continue
            # "New York and New Zealand"
            name = form(after.text) if after is not None and after.text[:1].isupper() else ""
            is_other_name = is_cased and name and name != seen.get(word)
            if word in seen and not is_unit and not is_other_name:
                again.add(choice.place)
            seen.setdefault(word, name)
        return again

    def _scores(self, choices: Sequence[Choice]) -> tuple[np.ndarray, np.ndarray]:
        """(score of choice m after i and j: (n+1)^3, score of ending after i and j: (n+1)^2); the
        first of each is the start."""
        model = self.language_model
        place = np.array([-1, *(choice.place for choice in choices)])
        worth = np.array([0.0, *(choice.worth for choice in choices)])
        bound = np.array([0.0, *(choice.bound for choice in choices)])
        numbers = np.concatenate([[START], model.numbers([choice.text for choice in choices])])
        n = len(numbers)
        pair, backoff, stored = (
            x.reshape(n, n) for x in model.pairs(np.repeat(numbers, n), np.tile(numbers, n))
        )
        is_apart = place[None, :] > place[:, None] + 1
        gap = np.where(is_apart, self.weights.gap, 0.0)
        gap[0] = 0.0  # a code may begin anywhere
        gap += is_apart * bound
        after = pair + worth[None, :] - gap  # (j, m)
        steps = (backoff[:, :, None] + after[None, :, :]).astype(np.float32)

        # Only pairs that the model stores can begin a stored triple, and few are.
        order = place[:, None] < place[None, :]
        stored &= order
        stored[0, 0] = True
        ends = self._ends(numbers, backoff, stored)
        ends -= np.array([0.0, *(_lost_at_the_end(choice) for choice in choices)])
        i, j = np.nonzero(stored)
        i, j, m = np.repeat(i, n), np.repeat(j, n), np.tile(np.arange(n), len(i))
        kept = order[j, m]
        i, j, m = i[kept], j[kept], m[kept]
        triple, found = model.triples(numbers[i], numbers[j], numbers[m])
        i, j, m, triple = i[found], j[found], m[found], triple[found]
        steps[i, j, m] = triple + worth[m] - gap[j, m]
        steps[:, ~order] = -np.inf
        for m, choice in enumerate(choices, start=1):
            if choice.without is not None:
                (out,) = np.nonzero(place == choice.without)
                steps[out, :, m] -= FORBIDDEN_COST
                steps[:, out, m] -= FORBIDDEN_COST
        return steps, ends

    def _ends(self, numbers: np.ndarray, backoff: np.ndarray, stored: np.ndarray) -> np.ndarray:
        """The score of ending after the words at i and j, (n+1, n+1)."""
        end = np.full(len(numbers), END)
        pair, _, _ = self.language_model.pairs(numbers, end)
        ends = backoff + pair[None, :]
        i, j = np.nonzero(stored)
        triple, found = self.language_model.triples(numbers[i], numbers[j], end[:1].repeat(len(i)))
        ends[i[found], j[found]] = triple[found]
        return self.weights.end * ends - FORBIDDEN_COST * self.dangling[numbers][None, :]


def train_search(
    documents: Iterable[Sequence[str]],
    sentences: Iterable[Sequence[str]],
    min_count: int = 3,
    weights: Weights | None = None,
) -> Search:
    """The search for these documents and unpaired human sentences, both as lists of words.

    Nothing seen fewer than ``min_count`` times is in its tables. Raises ValueError if one of the
    two corpora has no words.
    """
    sentences = list(sentences)
    model = train_ngrams(sentences, min_count)
    counts: Counter[str] = Counter()
    for words in documents:
        counts.update(form(word) for word in words)
    if not counts:
        raise ValueError("the search needs documents with words; there are none")
    return Search(
        model, _surprisals(model, counts, min_count), _dangling(model, sentences), weights
    )


def _lost_at_the_end(choice: Choice) -> float:
    """What is lost if a code ends with this choice, nats."""
    # the language model does not tell possessives from other words
    return choice.ending + POSSESSIVE_COST * choice.text.lower().endswith("'s")


def _surprisals(model: NgramModel, counts: Counter[str], min_count: int) -> np.ndarray:
    """-log relative frequency in documents, by the model's word numbers, nats."""
    total = sum(counts.values())
    kept = [counts[word] if counts[word] >= min_count else 1 for word in model.words]
    surprisal = np.zeros(len(model.words) + N_RESERVED)
    surprisal[N_RESERVED:] = np.log(total) - np.log(kept)
    surprisal[UNKNOWN] = np.log(total)
    return surprisal


def _dangling(model: NgramModel, sentences: Iterable[Sequence[str]]) -> np.ndarray:
    """Which words hardly ever end a human sentence, by the model's word numbers."""
    seen: Counter[str] = Counter()
    last: Counter[str] = Counter()
    for words in sentences:
        forms = [form(word) for word in words]
        seen.update(forms)
        last.update(forms[-1:])
    usual = sum(last.values()) / sum(seen.values())
    dangling = np.zeros(len(model.words) + N_RESERVED, bool)
    for number, word in enumerate(model.words, start=N_RESERVED):
        is_common = seen[word] >= DANGLING_MIN_COUNT
        dangling[number] = is_common and last[word] / seen[word] < DANGLING_RATIO * usual
    return dangling


def _found(steps: np.ndarray, ends: np.ndarray, lengths: Sequence[int]) -> list[Code]:
    """The best code of each length, given the scores of `Search._scores`."""
    # best[i, j] is for codes whose last two words are at i and j; 0 is before the sentence
    best = np.full(ends.shape, -np.inf, np.float32)
    best[0] = steps[0, 0]
    finished: dict[int, Code] = {}
    back: list[np.ndarray] = []
    for k in range(1, max(lengths) + 1):
        if k > 1:
            candidates = best[:, :, None] + steps
            before = candidates.argmax(axis=0)
            best = np.take_along_axis(candidates, before[None], axis=0)[0]
            back.append(before)
        if k in lengths:
            finished[k] = _traced(best + ends, back)
    return [finished[length] for length in lengths]


def _traced(final: np.ndarray, back: list[np.ndarray]) -> Code:
    """The code that ends best."""
    i, j = np.unravel_index(int(final.argmax()), final.shape)
    score = float(final[i, j])
    kept = [int(j)]
    for before in reversed(back):
        # the pair (i, j) was reached from the pair (before, i)
        h = int(before[i, j])
        kept.append(int(i))
        i, j = h, i
    return Code(tuple(k - 1 for k in reversed(kept)), score)
