"""A small language that tests can summarise: templates with names and numbers, no corpus."""

import random
from pathlib import Path

import torch

from summarize.inference import Summarizer
from summarize.model import TextAutoencoder, TextConfig
from summarize.prepare import prepare
from summarize.search import train_search
from summarize.subwords import Subwords
from summarize.text import train_subwords, word_texts

NAMES = ["Anna", "Boris", "Clara", "David", "Emma", "Frank", "Greta", "Henry"]
THINGS = ["bridge", "market", "river", "school", "train", "bank", "factory", "museum"]
DONE = ["opens", "closes", "burns", "sells", "repairs", "visits", "buys", "loses"]
PLACES = ["north", "south", "valley", "harbour", "village", "capital"]


def sentences(n: int, seed: int = 0) -> list[str]:
    """Short human sentences: who does what, where."""
    generator = random.Random(seed)
    pick = generator.choice
    forms = [
        lambda: f"{pick(NAMES)} {pick(DONE)} {pick(THINGS)} in {pick(PLACES)}",
        lambda: f"{pick(NAMES)} {pick(DONE)} the {pick(THINGS)}",
        lambda: f"{pick(THINGS)} of {pick(NAMES)} {pick(DONE)} again",
    ]
    return [pick(forms)() for _ in range(n)]


def documents(n: int, seed: int = 0) -> list[str]:
    """Long-winded sentences that each hold a short one, and more."""
    generator = random.Random(seed)
    pick = generator.choice
    return [
        f"{pick(NAMES)}, who is {generator.randint(20, 90)} years old, {pick(DONE)} the "
        f"{pick(THINGS)} in the {pick(PLACES)} on a quiet morning, people near the "
        f"{pick(THINGS)} said."
        for _ in range(n)
    ]


def prepared(root: Path) -> str:
    """A folder that `summarize prepare` made of 200 documents and 300 sentences."""
    (root / "documents.txt").write_text("\n".join(documents(200)))
    (root / "sentences.txt").write_text("\n".join(sentences(300)))
    prepare(root / "documents.txt", root / "sentences.txt", root / "data", n_vocabulary=150)
    return str(root / "data")


def searching() -> Summarizer:
    """A summarizer that searches, and has no network."""
    return Summarizer(
        train_search(map(word_texts, documents(300)), map(word_texts, sentences(400)))
    )


def small_vocabulary() -> Subwords:
    """Some 150 subwords, and the tables of `searching`."""
    tokenizer = train_subwords([*documents(300), *sentences(400)], 150)
    return Subwords(tokenizer, searching().search)


def random_network(subwords: Subwords) -> TextAutoencoder:
    """A small network that has learned nothing, the same every time."""
    torch.manual_seed(0)
    network = TextAutoencoder(TextConfig(subwords.n_vocabulary, 32, 1, 2, 0.0))
    network.encoder.describe(*subwords.facts())
    return network.eval()
