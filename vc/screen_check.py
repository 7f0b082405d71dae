"""How well a screen works on given recordings: each is spoilt in every way, and heard again."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from shared.anomaly import auroc
from vc.audio import MelSpec, read_audio
from vc.conversion import Recording, frame_powers
from vc.listening import SECONDS
from vc.oddities import KINDS
from vc.screen import FALSE_ALARMS, Evidence, Screen, listen

if TYPE_CHECKING:
    from vc.inference import VoiceConverter

# Frames this far below the loud ones (dB) are pauses to the threshold a screen is held against.
_QUIET_DB = 30.0


class Row(NamedTuple):
    """One kind of oddity: AUROC against the clean recordings, share above the threshold.

    ``by_energy`` is the AUROC of a frame-energy threshold: the share of frames that are loud.
    """

    kind: str
    auroc: float
    noticed: float
    by_energy: float


class Check(NamedTuple):
    """A row for each kind, over ``n`` recordings of which ``false_alarms`` were above 1."""

    rows: list[Row]
    n: int
    false_alarms: float

    def __str__(self) -> str:
        lines = [
            "| kind | AUROC | noticed | frame energy, AUROC |",
            "|---|---:|---:|---:|",
            *(
                f"| {r.kind} | {r.auroc:.3f} | {100 * r.noticed:.0f} % | {r.by_energy:.3f} |"
                for r in self.rows
            ),
            f"\n{self.n} recordings; {100 * self.false_alarms:.1f} % of the clean ones are alarms",
        ]
        return "\n".join(lines)


def check(
    converter: "VoiceConverter",
    fitted: Screen,
    recordings: Sequence[Path],
    *,
    rate: float = FALSE_ALARMS,
    seed: int = 0,
    failed: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Check:
    """What the screen makes of the recordings, taken for clean, and of each kind of oddity.

    ``failed`` is told of recordings that cannot be heard; a spoilt one that cannot be heard, such
    as one without a sound, counts as noticed.
    """
    generator = torch.Generator().manual_seed(seed)
    sample_rate = converter.spec.sample_rate
    clean: list[tuple[float, float]] = []
    odd: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    for i, path in enumerate(recordings):
        try:
            waveform = read_audio(path, sample_rate)[: round(SECONDS * sample_rate)]
            heard = listen(converter, (waveform, sample_rate))
        except ValueError as error:
            failed(str(error))
            continue
        clean.append((_score(fitted, heard), _share_of_loud_frames(waveform, converter.spec)))
        for kind, spoil in KINDS.items():
            spoilt = spoil(waveform, sample_rate, generator).clamp(-1, 1)
            energy = _share_of_loud_frames(spoilt, converter.spec)
            try:
                score = _score(fitted, listen(converter, (spoilt, sample_rate)))
            except ValueError:
                score = float("inf")
            odd[kind].append((score, energy))
        progress(i + 1, len(recordings))
    if not clean:
        raise ValueError("none of the recordings could be heard, so there is nothing to check")
    threshold = fitted.threshold(rate)
    scores, energies = torch.tensor(clean).T
    rows = []
    for kind, pairs in odd.items():
        spoilt, loud = torch.tensor(pairs).T
        noticed = float(threshold.is_odd(spoilt).float().mean())
        rows.append(Row(kind, auroc(scores, spoilt), noticed, auroc(energies, loud)))
    return Check(rows, len(clean), float(threshold.is_odd(scores).float().mean()))


def _score(fitted: Screen, heard: Evidence) -> float:
    return float(fitted.scaled([heard]).max())


def _share_of_loud_frames(waveform: torch.Tensor, spec: MelSpec) -> float:
    """Speech pauses and most other sounds do not, so more is odder."""
    with Recording([waveform], "the waveform") as recording:
        power = frame_powers(recording, spec)
    loud = power.kthvalue(max(1, int(0.95 * len(power)))).values
    return float((power > loud * 10 ** (-_QUIET_DB / 10)).float().mean())
