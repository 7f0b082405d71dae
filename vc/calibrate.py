"""What clean speech is like to a network: the screen of `vc screen` and the space of voices.

Both belong to the weights they were made with and lie beside them, as ``screen/`` and ``space/``.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vc import screen, voice_space
from vc.prepare import read_corpus
from vc.screen import Evidence, Screen, listen
from vc.voice_space import VoiceSpace
from vc.voices import VoiceProfile, blend

if TYPE_CHECKING:
    from vc.inference import VoiceConverter

PER_SPEAKER = 2


class Calibrated(NamedTuple):
    """What `calibrate` heard; printed, it is the summary."""

    folder: Path
    n_recordings: int
    n_speakers: int
    n_failed: int

    def __str__(self) -> str:
        failed = f", {self.n_failed} failed" if self.n_failed else ""
        return (
            f"{self.folder}: screen and space of {self.n_recordings} recordings of "
            f"{self.n_speakers} speakers{failed}"
        )


def calibrate(
    converter: "VoiceConverter",
    corpus: str | Path,
    folder: str | Path,
    *,
    per_speaker: int = PER_SPEAKER,
    force: bool = False,
    failed: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Calibrated:
    """Listens to ``per_speaker`` recordings of every training speaker of the corpus.

    Writes ``screen/`` and ``space/`` into ``folder``, which holds the converter's weights. The
    corpus is in any layout that `vc prepare` reads; its dev speakers are not listened to. Raises
    ValueError when either exists and ``force`` is false, and for fewer than 40 speakers.
    """
    folder = Path(folder)
    for name in (screen.FOLDER, voice_space.FOLDER):
        if (folder / name).exists() and not force:
            raise ValueError(f"{folder / name} exists; pass --force to replace it")
    chosen = _chosen(corpus, per_speaker)
    if len(chosen) < 40:
        raise ValueError(f"{corpus} has {len(chosen)} training speakers; 40 are needed")
    evidence: list[Evidence] = []
    voices: list[VoiceProfile] = []
    n_failed, n_done, total = 0, 0, sum(len(paths) for paths in chosen.values())
    for speaker, paths in chosen.items():
        heard = []
        for path in paths:
            try:
                heard.append(listen(converter, path))
            except ValueError as error:
                failed(str(error))
                n_failed += 1
            n_done += 1
            progress(n_done, total)
        if heard:
            evidence += heard
            profiles = [
                VoiceProfile(item.speaker, *item.pitch, speaker, converter.fingerprint)
                for item in heard
            ]
            voices.append(blend(profiles, name=speaker))
    # both are fitted before either is written
    fitted, space = Screen.fit(evidence), VoiceSpace.fit(voices)
    fitted.save(folder / screen.FOLDER, converter.fingerprint, overwrite=force)
    space.save(folder / voice_space.FOLDER, converter.fingerprint, overwrite=force)
    return Calibrated(folder, len(evidence), len(voices), n_failed)


def _chosen(corpus: str | Path, per_speaker: int) -> dict[str, list[Path]]:
    """Recordings of each training speaker, in an order that mixes the parts of the corpus."""
    by_speaker = defaultdict(list)
    for utterance in read_corpus(Path(corpus)).utterances:
        if utterance.split in (None, "train"):
            by_speaker[utterance.speaker].append(utterance.path)
    rng = random.Random(0)
    speakers = sorted(by_speaker)
    rng.shuffle(speakers)
    return {
        speaker: rng.sample(sorted(by_speaker[speaker]), min(per_speaker, len(by_speaker[speaker])))
        for speaker in speakers
    }
