"""How much of the speaker is left in the content codes, and of the content in the speaker vectors.

Probes are small classifiers on frozen codes, tested on utterances they have not seen, and reported
beside chance. A low accuracy is a bound from below only: a stronger probe may find more.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

FRAMES = 64  # of a crop that the frame probe hears
CROPS_PER_STEP = 32
N_FOLDS = 3


class ProbeResult(NamedTuple):
    """Accuracy on unseen utterances, the accuracy of guessing, and over how many utterances.

    ``probes`` holds every probe's accuracy; ``accuracy`` is the strongest's.
    """

    accuracy: float
    chance: float
    n: int
    probes: dict[str, float]

    def __str__(self) -> str:
        each = ", ".join(f"{name} {value:.2f}" for name, value in self.probes.items())
        return f"{self.accuracy:.2f} (chance {self.chance:.2f}, n = {self.n}; {each})"


def speaker_from_content(
    codes: Sequence[Tensor], speakers: Sequence[str], *, n_steps: int = 300, seed: int = 0
) -> ProbeResult:
    """How often a probe names the speaker of an unseen utterance by its content codes.

    ``codes`` are one (C, T) per utterance, ``speakers`` its speaker. Two probes are trained, a
    linear one on the mean and deviation of every channel over time, and a convolutional one on
    crops of 64 frames whose votes are summed. Each speaker's utterances are dealt into three folds,
    each fold is tested once by probes that were trained on the others. Chance is the share of the
    most frequent speaker. Raises ValueError for fewer than two speakers with two utterances each.
    """
    if len(codes) != len(speakers):
        raise ValueError(f"{len(codes)} codes for {len(speakers)} speakers; give one each")
    counts = Counter(speakers)
    kept = [i for i, speaker in enumerate(speakers) if counts[speaker] >= 2]
    names = sorted({speakers[i] for i in kept})
    if len(names) < 2:
        raise ValueError("the probe needs two speakers with two utterances each, or more")
    codes = [codes[i].detach().float().cpu() for i in kept]
    labels = torch.tensor([names.index(speakers[i]) for i in kept])
    folds = _folds(labels.tolist())
    pooled = torch.stack([torch.cat([c.mean(1), c.std(1, correction=0)]) for c in codes])
    right = {"linear on statistics": 0, "convolutional on frames": 0}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for fold in range(int(folds.max()) + 1):
            train, test = folds != fold, folds == fold
            predicted = _linear_probe(pooled[train], labels[train], pooled[test], len(names))
            right["linear on statistics"] += int((predicted == labels[test]).sum())
            predicted = _frame_probe(codes, labels, train, test, len(names), n_steps)
            right["convolutional on frames"] += int((predicted == labels[test]).sum())
    probes = {name: n / len(labels) for name, n in right.items()}
    chance = max(Counter(labels.tolist()).values()) / len(labels)
    return ProbeResult(max(probes.values()), chance, len(labels), probes)


def content_from_speaker(
    vectors: Sequence[Tensor], sentences: Sequence[str], speakers: Sequence[str]
) -> ProbeResult:
    """How often a probe names the sentence of an utterance by its speaker vector (E,).

    ``sentences`` say which utterances are parallel (one key per sentence); those read by a single
    speaker are left out. The probe is trained on the other speakers' readings, so it cannot pass by
    knowing the voice; every speaker is left out once (in five groups where there are more).
    Chance is the share of the most frequent sentence. Raises ValueError without two sentences that
    two speakers read; use `sentences_by_clustering` for speech that is not parallel.
    """
    if not len(vectors) == len(sentences) == len(speakers):
        raise ValueError(
            f"{len(vectors)} vectors, {len(sentences)} sentences and {len(speakers)} speakers; "
            "give one of each per utterance"
        )
    readers: dict[str, set[str]] = {}
    for sentence, speaker in zip(sentences, speakers, strict=True):
        readers.setdefault(sentence, set()).add(speaker)
    kept = [i for i, sentence in enumerate(sentences) if len(readers[sentence]) >= 2]
    names = sorted({sentences[i] for i in kept})
    if len(names) < 2:
        raise ValueError("the probe needs two sentences that two speakers read, or more")
    x = torch.stack([vectors[i].detach().float().cpu().flatten() for i in kept])
    labels = torch.tensor([names.index(sentences[i]) for i in kept])
    everyone = sorted({speakers[i] for i in kept})
    group = torch.tensor([everyone.index(speakers[i]) % 5 for i in kept])
    # What is said must be found beside the voice, so the voice (the speaker's mean) is taken away.
    for speaker in everyone:
        own = torch.tensor([speakers[i] == speaker for i in kept])
        x[own] = x[own] - x[own].mean(0)
    right = 0
    for fold in group.unique():
        train, test = group != fold, group == fold
        predicted = _linear_probe(x[train], labels[train], x[test], len(names))
        right += int((predicted == labels[test]).sum())
    accuracy = right / len(labels)
    chance = max(Counter(labels.tolist()).values()) / len(labels)
    return ProbeResult(accuracy, chance, len(labels), {"linear": accuracy})


def sentences_by_clustering(
    codes: Sequence[Tensor], speakers: Sequence[str], n_clusters: int = 8, seed: int = 0
) -> list[str]:
    """A stand-in for sentence labels where nothing is parallel: what an utterance has most of.

    Frames of the content codes (C, T), each speaker's mean taken away, are clustered by k-means; an
    utterance's label is the cluster it uses most beyond the average utterance. The labels know what
    the codes know, no more.
    """
    from sklearn.cluster import KMeans

    frames = [code.detach().float().cpu().T for code in codes]
    for speaker in set(speakers):
        own = [i for i, name in enumerate(speakers) if name == speaker]
        mean = torch.cat([frames[i] for i in own]).mean(0)
        for i in own:
            frames[i] = frames[i] - mean
    clusters = KMeans(n_clusters, n_init=1, random_state=seed).fit(torch.cat(frames).numpy())
    shares = np.stack(
        [np.bincount(clusters.predict(f.numpy()), minlength=n_clusters) / len(f) for f in frames]
    )
    return [str(label) for label in (shares - shares.mean(0)).argmax(1)]


def leakage(
    files: Sequence[Path],
    encode: Callable[[Path], tuple[Tensor, Tensor]],
    *,
    n_steps: int = 300,
) -> dict[str, ProbeResult]:
    """Both probes over recordings that lie in speaker folders, parallel ones under equal names.

    ``encode`` gives a recording's content codes (C, T) and its speaker vector (E,). Where fewer
    than two sentences are parallel, content is what `sentences_by_clustering` finds.
    """
    files = sorted(set(files))
    encoded = [encode(file) for file in files]
    codes, vectors = [code for code, _ in encoded], [vector for _, vector in encoded]
    speakers = [str(file.parent) for file in files]
    sentences = [file.stem for file in files]
    title = "sentence from speaker vector"
    if sum(count > 1 for count in Counter(sentences).values()) < 2:
        sentences = sentences_by_clustering(codes, speakers)
        title = "content cluster from speaker vector"
    return {
        "speaker from content codes": speaker_from_content(codes, speakers, n_steps=n_steps),
        title: content_from_speaker(vectors, sentences, speakers),
    }


def _folds(labels: list[int]) -> Tensor:
    """Fold of each utterance (N,): every label's utterances are dealt out in turn."""
    seen: Counter[int] = Counter()
    folds = []
    for label in labels:
        folds.append(seen[label] % N_FOLDS)
        seen[label] += 1
    return torch.tensor(folds)


def _linear_probe(x: Tensor, y: Tensor, x_test: Tensor, n_classes: int) -> Tensor:
    """Classes (N',) that multinomial logistic regression, standardised and ridged, predicts."""
    mean, deviation = x.mean(0), x.std(0, correction=0).clamp_min(1e-6)
    x, x_test = (x - mean) / deviation, (x_test - mean) / deviation
    weight = torch.zeros(n_classes, x.shape[1], requires_grad=True)
    bias = torch.zeros(n_classes, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        ridge = weight.square().sum() * (0.5 / len(x))
        loss = F.cross_entropy(x @ weight.T + bias, y) + ridge
        loss.backward()
        return loss

    optimiser.step(closure)
    with torch.no_grad():
        return (x_test @ weight.T + bias).argmax(1)


def _frame_probe(
    codes: Sequence[Tensor], labels: Tensor, train: Tensor, test: Tensor, n_classes: int, steps: int
) -> Tensor:
    """Classes (N',) of the test utterances by a convolutional probe on crops."""
    training = [_at_least(codes[i]) for i in train.nonzero()[:, 0]]
    together = torch.cat(training, dim=1)
    mean = together.mean(1, keepdim=True)
    deviation = together.std(1, keepdim=True, correction=0).clamp_min(1e-6)
    training = [(c - mean) / deviation for c in training]
    network = nn.Sequential(
        nn.Conv1d(mean.shape[0], 48, 5, padding=2), nn.ReLU(), nn.Dropout(0.2),
        nn.Conv1d(48, 64, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        nn.Dropout(0.2), nn.Linear(64, n_classes),
    )  # fmt: skip
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    wanted = labels[train]
    for _ in range(steps):
        chosen = torch.randint(len(training), (CROPS_PER_STEP,)).tolist()
        crops = torch.stack([_crop(training[i]) for i in chosen])
        loss = F.cross_entropy(network(crops), wanted[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.eval()
    predicted = []
    with torch.no_grad():
        for i in test.nonzero()[:, 0]:
            code = (_at_least(codes[i]) - mean) / deviation
            starts = range(0, code.shape[1] - FRAMES + 1, FRAMES // 2)
            crops = torch.stack([code[:, s : s + FRAMES] for s in starts])
            predicted.append(network(crops).log_softmax(1).sum(0).argmax())
    return torch.stack(predicted)


def _at_least(code: Tensor) -> Tensor:
    """The code (C, T), repeated until a crop fits."""
    return code.repeat(1, -(-FRAMES // code.shape[1])) if code.shape[1] < FRAMES else code


def _crop(code: Tensor) -> Tensor:
    start = int(torch.randint(code.shape[1] - FRAMES + 1, ()))
    return code[:, start : start + FRAMES]
