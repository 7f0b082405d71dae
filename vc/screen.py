"""Odd recordings: what the voice autoencoder rebuilds badly, or what is unlike clean speech.

Five errors, each larger for odder recordings, see different things: ``rebuilt`` is the
reconstruction error; ``sounds`` asks whether the content codes spread and move as those of speech;
``colour`` compares the mean spectrum; ``amplitudes`` the distribution of samples (clipping);
``order`` asks whether sounds follow one another forwards in time. All are scaled by clean speech,
and the largest counts.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from shared.anomaly import Normality, Threshold, fit_threshold
from shared.checkpoint import save_model
from vc.beside import load_beside
from vc.encoders import Speaker, dct_basis
from vc.listening import Sound, hear, usable
from vc.voices import pitch_statistics

if TYPE_CHECKING:
    from vc.inference import VoiceConverter

KIND = "vc-screen"
FOLDER = "screen"
FALSE_ALARMS = 0.05
_NORMAL = ("sounds", "colour", "amplitudes")
ERRORS = ("rebuilt", *_NORMAL, "order")
_N_CEPSTRA = 13
_N_COLOURS = 20
_LAGS = (1, 3, 6, 12, 25)  # frames
_EDGE = 6  # frames: the distance over which a rise or a fall is measured
_QUANTILES = (0.5, 0.9, 0.99, 0.999)


class Evidence(NamedTuple):
    """What is heard of one recording.

    ``rebuilt`` is a mean absolute error of the log-mel; ``sounds``, ``colour``, ``amplitudes`` and
    ``order`` are features (D,) of their own lengths; ``speaker`` is its voice (no batch axis), with
    the median F0 in Hz and the spread of log-F0 in ``pitch``.
    """

    rebuilt: float
    sounds: Tensor
    colour: Tensor
    amplitudes: Tensor
    order: Tensor
    speaker: Speaker
    pitch: tuple[float, float]


class Oddity(NamedTuple):
    """A recording's score (above 1 is an alarm) and the error that it comes from."""

    path: Path
    score: float
    reason: str

    @property
    def is_odd(self) -> bool:
        return self.score > 1


@torch.inference_mode()
def listen(converter: "VoiceConverter", sound: Sound) -> Evidence:
    """The evidence of a recording; raises as `hear`."""
    heard = hear(converter, sound)
    active = heard.analysis.active
    f0 = heard.analysis.f0[None].to(heard.mel.device)
    mel_hat = converter.network.decode(heard.content, heard.speaker, f0)
    error = (mel_hat - heard.mel)[0].cpu()[:, active].abs().mean()
    speaker = Speaker(*(x[0].cpu() for x in heard.speaker))
    return Evidence(
        float(error),
        _spread_and_motion(heard.content[0].cpu()),
        _colour(speaker),
        _amplitudes(heard.waveform, heard.analysis.level),
        _order(heard.relative[0].cpu(), active),
        speaker,
        pitch_statistics(heard.analysis.f0[active]),
    )


class Screen:
    """The errors of evidence under clean speech, scaled so that 1 is the wanted alarm threshold.

    ``forwards`` is the direction of time in the features of order; ``middle`` and ``reach`` (5,)
    are the median and the distance to the 95th percentile of each error; ``clean`` (n,) are scores
    of clean recordings that fitted nothing else.
    """

    def __init__(
        self,
        normal: dict[str, Normality],
        forwards: Tensor,
        middle: Tensor,
        reach: Tensor,
        clean: Tensor,
    ) -> None:
        self.normal, self.forwards = normal, forwards
        self.middle, self.reach, self.clean = middle, reach, clean

    @classmethod
    def fit(cls, evidence: Sequence[Evidence]) -> "Screen":
        """Fitted to at least 40 clean recordings, those of one speaker next to each other.

        The first half says what is usual, the other half how far clean recordings stray from it.
        """
        if len(evidence) < 40:
            raise ValueError(f"a screen needs at least 40 clean recordings, got {len(evidence)}")
        usual, others = evidence[: len(evidence) // 2], evidence[len(evidence) // 2 :]
        normal = {name: Normality.fit(_stacked(usual, name)) for name in _NORMAL}
        forwards = _forwards(_stacked(usual, "order"))
        screen = cls(normal, forwards, torch.zeros(5), torch.ones(5), torch.zeros(0))
        return screen.refitted(others)

    def refitted(self, clean: Sequence[Evidence]) -> "Screen":
        """The same errors, scaled by other clean recordings (at least 20): a user's own."""
        if len(clean) < 20:
            raise ValueError(f"a threshold needs at least 20 clean recordings, got {len(clean)}")
        errors = self.errors(clean)
        middle, high = errors.quantile(torch.tensor([0.5, 0.95]), dim=0)
        reach = (high - middle).clamp_min(1e-6)
        scores = ((errors - middle) / reach).amax(1)
        return Screen(self.normal, self.forwards, middle, reach, scores)

    def errors(self, evidence: Sequence[Evidence]) -> Tensor:
        """The five errors (n, 5) in the order of ERRORS, in units of their own."""
        columns = [torch.tensor([e.rebuilt for e in evidence])]
        for name, normal in self.normal.items():
            columns.append(normal.error(_stacked(evidence, name)))
        columns.append(-_stacked(evidence, "order") @ self.forwards)
        return torch.stack(columns, 1)

    def scaled(self, evidence: Sequence[Evidence]) -> Tensor:
        """The five errors (n, 5): 0 for a typical clean recording, 1 for the oddest of twenty."""
        return (self.errors(evidence) - self.middle) / self.reach

    def threshold(self, rate: float = FALSE_ALARMS) -> Threshold:
        """What the largest scaled error of clean speech exceeds at the wanted rate."""
        return fit_threshold(self.clean, rate)

    def save(self, folder: str | Path, fingerprint: str, *, overwrite: bool = False) -> Path:
        """The folder, now holding the screen for the weights with this fingerprint."""
        state = {f"{n}.mean": x.mean for n, x in self.normal.items()}
        state |= {f"{n}.precision": x.precision for n, x in self.normal.items()}
        state |= {k: getattr(self, k) for k in ("forwards", "middle", "reach", "clean")}
        state = {name: x.float() for name, x in state.items()}
        return save_model(
            folder, state, {"fingerprint": fingerprint}, kind=KIND, overwrite=overwrite
        )

    @classmethod
    def of(cls, converter: "VoiceConverter") -> "Screen | None":
        """The screen beside the converter's weights, None without one; raises as `load`."""
        folder = converter.folder and converter.folder / FOLDER
        return cls.load(folder, converter.fingerprint) if folder and folder.is_dir() else None

    @classmethod
    def load(cls, folder: str | Path, fingerprint: str) -> "Screen":
        """The screen in the folder; raises ValueError when it is of other weights or not whole."""
        _, state = load_beside(folder, KIND, fingerprint)
        normal = {n: Normality(state[f"{n}.mean"], state[f"{n}.precision"]) for n in _NORMAL}
        rest = (state[k] for k in ("forwards", "middle", "reach", "clean"))
        return cls(normal, *rest)


def screen(
    converter: "VoiceConverter",
    fitted: Screen,
    recordings: Sequence[Path],
    *,
    rate: float = FALSE_ALARMS,
    failed: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Oddity]:
    """Every recording that can be heard, oddest first; a score above 1 is an alarm.

    At most a share ``rate`` of recordings like the clean ones is above 1. ``failed`` is told of
    recordings that cannot be used, ``progress`` how many are done of how many.
    """
    threshold = fitted.threshold(rate)
    found = []
    for path, evidence in usable(recordings, partial(listen, converter), failed, progress):
        scaled = fitted.scaled([evidence])[0]
        # 1 at the threshold, whatever the rate
        score = 1 + float(scaled.max()) - threshold.value
        found.append(Oddity(path, score, ERRORS[int(scaled.argmax())]))
    return sorted(found, key=lambda item: -item.score)


def _stacked(evidence: Sequence[Evidence], name: str) -> Tensor:
    return torch.stack([getattr(item, name) for item in evidence]).float()


def _spread_and_motion(codes: Tensor) -> Tensor:
    """Mean, log deviation and log step (3 C,) of codes (C, T')."""
    step = codes.diff(dim=1).square().mean(1)
    spread = codes.var(1, correction=0)
    return torch.cat([codes.mean(1), (spread + 1e-4).log(), (step + 1e-4).log()])


def _colour(speaker: Speaker) -> Tensor:
    """Cepstra of the mean log-mel and of its deviation over active frames."""
    basis = dct_basis(_N_COLOURS, speaker.mean.numel())
    return torch.cat([basis @ speaker.mean, basis @ speaker.deviation.log()])


def _amplitudes(waveform: Tensor, level: float) -> Tensor:
    """Logarithms of quantiles of the magnitude, relative to the level, and what is at the peak."""
    magnitude = waveform.abs() / level
    n = magnitude.numel()
    ranks = [max(1, round(q * n)) for q in _QUANTILES]
    peak = magnitude.max()
    quantiles = torch.stack([magnitude.kthvalue(r).values for r in ranks] + [peak])
    at_peak = (magnitude > 0.97 * peak).float().mean()
    return torch.cat([(quantiles + 1e-3).log(), (at_peak + 1e-4).log()[None]])


def _order(relative: Tensor, active: Tensor) -> Tensor:
    """Features of a relative log-mel (M, T) that change their sign when time runs backwards.

    Antisymmetric covariances of cepstra at several lags (what comes before what), and third moments
    of rises and falls (sounds begin faster than they end).
    """
    heard = active.nonzero().flatten()
    c = dct_basis(_N_CEPSTRA, len(relative)) @ relative[:, int(heard[0]) : int(heard[-1]) + 1]
    # the first cepstrum is loudness, of a larger range than the shape of the spectrum
    c = c / torch.tensor([10.0] + [3.0] * (_N_CEPSTRA - 1))[:, None]
    rows, columns = torch.triu_indices(_N_CEPSTRA, _N_CEPSTRA, 1)
    features = []
    for lag in _LAGS:
        after = c[:, :-lag] @ c[:, lag:].T / (c.shape[1] - lag)
        features.append((after - after.T)[rows, columns])
    near, far, middle = c[:, 2:] - c[:, :-2], c[:, _EDGE:] - c[:, :-_EDGE], c[:, 1:-1]
    for rise in (near, far):
        features.append(rise.pow(3).mean(1))
        features.append((rise[:1] * rise.square()).mean(1))
        features.append((rise * rise[:1].square()).mean(1))
    features.append((near @ middle.square().T / near.shape[1]).flatten())
    return torch.cat(features)


def _forwards(order: Tensor) -> Tensor:
    """The direction (D,) in which features of order (n, D) tell forwards from backwards.

    Ridge regression of 1 on the features of clean speech, without an offset: speech backwards has
    the same features with the other sign, so it is the answer to both.
    """
    scale = order.std(0).clamp_min(1e-9)
    x = (order / scale).double()
    gram = x.T @ x / len(x) + torch.eye(x.shape[1], dtype=x.dtype)
    return (torch.linalg.solve(gram, x.mean(0)) / scale).float()
