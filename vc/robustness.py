"""Claims about a converter that averages over pairs do not show.

Each check converts a few recordings twice, as they are and spoilt in one way, and returns a `Check`
that says what was found, what is allowed, and over how many. `run_checks` does them all.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from vc import judges
from vc.audio import read_audio
from vc.evaluate import Converter, Pair, converted_samples
from vc.metrics import cosine_similarity, mean_direction

RATE = judges.SAMPLE_RATE
LEVEL = 0.05  # RMS that outputs are brought to before a judge hears them
PAUSE_SECONDS = 2.0
PAUSE_MARGIN = 0.5  # the ends of a pause may still hold the decay of what was said
Embed = Callable[[np.ndarray], np.ndarray]


class Check(NamedTuple):
    """One claim: ``value`` is to be at least (``>=``) or below (``<``) ``limit``."""

    name: str
    value: float
    sense: str
    limit: float
    n: int
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the claim holds; an undefined value does not."""
        return self.value >= self.limit if self.sense == ">=" else self.value < self.limit


def run_checks(
    converter: Converter,
    pairs: Sequence[Pair],
    *,
    n_pairs: int = 8,
    n_targets: int = 20,
    embed: Embed = judges.speaker_embedding,
    progress: Callable[[str], None] = lambda line: None,
) -> list[Check]:
    """All checks on ``n_pairs`` pairs spread over the given ones; ``progress`` hears each name."""
    spread = [pairs[i] for i in _spread(len(pairs), n_pairs)]
    jobs: list[tuple[str, Callable[[], list[Check]]]] = [
        ("no average voice", lambda: [no_average_voice(converter, pairs, n_targets, embed)]),
        ("gain", lambda: gain_of_the_input(converter, spread, embed)),
        ("silence", lambda: silence(converter, spread[:3])),
        ("half-silent reference", lambda: [half_silent_reference(converter, spread, embed)]),
    ]
    checks = []
    for name, job in jobs:
        progress(name)
        checks += job()
    return checks


def checks_table(checks: Sequence[Check]) -> str:
    """The checks as aligned lines, each ``ok`` or ``NOT MET``."""
    width = max(len(check.name) for check in checks)
    return "\n".join(
        f"{'ok' if c.passed else 'NOT MET':7}  {c.name:{width}}  {c.value:8.3f}"
        f"  (must be {c.sense} {c.limit:g}; n = {c.n}{'; ' + c.note if c.note else ''})"
        for c in checks
    )


def no_average_voice(
    converter: Converter,
    pairs: Sequence[Pair],
    n_targets: int = 20,
    embed: Embed = judges.speaker_embedding,
) -> Check:
    """Share of targets that one sentence, converted to each, is nearest to among all of them.

    The sentence is the first pair's source; targets are told apart by the folder of their first
    reference, their voices are the mean embedding of every recording of theirs that the pairs name,
    and each is converted to from the references of its first pair.
    """
    targets = held_out_targets(pairs)
    source = pairs[0].source
    folders = [folder for folder in targets if folder != source.parent][:n_targets]
    if len(folders) < 2:
        raise ValueError(
            f"no-average-voice needs two target speakers, the pairs name {len(folders)}"
        )
    voices = np.stack(
        [mean_direction([embed(_read(f)) for f in targets[folder].known]) for folder in folders]
    )
    nearest = []
    for folder in folders:
        output = converted_samples(converter.convert(source, voice=targets[folder].references))
        nearest.append(int(np.argmax(voices @ _heard(output, embed))))
    share = float(np.mean([found == wanted for wanted, found in enumerate(nearest)]))
    n = len(folders)
    note = f"chance {1 / n:.2f}, {len(set(nearest))} different voices"
    if n < n_targets:
        note += f"; the pairs name only {n} of the {n_targets} targets wanted"
    return Check("one sentence to many targets: nearest is right", share, ">=", 0.6, n, note)


class Target(NamedTuple):
    """A target speaker: the references of its first pair, and every recording of it named."""

    references: list[Path]
    known: list[Path]


def held_out_targets(pairs: Sequence[Pair]) -> dict[Path, Target]:
    """Folder -> the target who speaks in it, in the order of the pairs."""
    named = sorted({file for p in pairs for file in (p.source, *p.references)})
    targets = {}
    for pair in pairs:
        folder = pair.references[0].parent
        if folder not in targets:
            known = [file for file in named if file.parent == folder]
            targets[folder] = Target(list(pair.references), known)
    return targets


def gain_of_the_input(
    converter: Converter, pairs: Sequence[Pair], embed: Embed = judges.speaker_embedding
) -> list[Check]:
    """Change of the similarity to the target when the source, or the references, are ±20 dB.

    The middle level leaves room for +20 dB without clipping; the judge hears every output at one
    level, as its own verdict depends on loudness.
    """
    checks = []
    for name in ("source", "reference"):
        changes = []
        for pair in pairs:
            plain = _scaled_similarity(converter, pair, name, 0.0, embed)
            changes += [
                abs(_scaled_similarity(converter, pair, name, decibels, embed) - plain)
                for decibels in (-20.0, 20.0)
            ]
        title = f"{name} 20 dB louder or softer: change of similarity"
        note = f"largest {max(changes):.3f}"
        checks.append(Check(title, float(np.mean(changes)), "<", 0.01, len(changes), note))
    return checks


def silence(converter: Converter, pairs: Sequence[Pair]) -> list[Check]:
    """Loudest output, in dBFS, for nothing but zeros and for two seconds of zeros in a sentence.

    A converter may refuse a recording that is only silence with a ValueError.
    """
    only, pauses, refused = [], [], 0
    pause = np.zeros(int(PAUSE_SECONDS * RATE), dtype=np.float32)
    for pair in pairs:
        voice = list(pair.references)
        with _written([pause]) as (path,):
            try:
                only.append(_level(converted_samples(converter.convert(path, voice=voice))))
            except ValueError:
                refused += 1
        source = _read(pair.source)
        middle = _quietest_point(source)
        with _written([np.concatenate([source[:middle], pause, source[middle:]])]) as (path,):
            output = converted_samples(converter.convert(path, voice=voice))
        start, end = middle + int(PAUSE_MARGIN * RATE), middle + len(pause)
        pauses.append(_level(output[start : end - int(PAUSE_MARGIN * RATE)]))
    note = f"refused {refused} of {len(pairs)}" if refused else ""
    level = max(only) if only else -np.inf
    return [
        Check("digital silence: level of the output (dBFS)", level, "<", -60.0, len(pairs), note),
        Check("a pause of zeros: level of the output (dBFS)", max(pauses), "<", -60.0, len(pauses)),
    ]


def half_silent_reference(
    converter: Converter, pairs: Sequence[Pair], embed: Embed = judges.speaker_embedding
) -> Check:
    """Loss of similarity when as much silence as speech is put around each reference."""
    losses = []
    for pair in pairs:
        plain = similarity(converter, pair.source, list(pair.references), pair, embed)
        speech = [_read(file) for file in pair.references]
        padded = [np.pad(x, (len(x) // 2, len(x) - len(x) // 2)) for x in speech]
        with _written(padded) as voice:
            losses.append(plain - similarity(converter, pair.source, voice, pair, embed))
    note = f"largest {max(losses):.3f}"
    title = "a reference that is half silence: loss of similarity"
    return Check(title, float(np.mean(losses)), "<", 0.02, len(losses), note)


def similarity(
    converter: Converter, source: Path, voice: list[Path], pair: Pair, embed: Embed
) -> float:
    """Cosine between the conversion of ``source`` and the references of ``pair`` as they are."""
    target = mean_direction([embed(_read(file)) for file in pair.references])
    output = converted_samples(converter.convert(source, voice=voice))
    return cosine_similarity(_heard(output, embed), target)


def _scaled_similarity(
    converter: Converter, pair: Pair, spoilt: str, decibels: float, embed: Embed
) -> float:
    files = [pair.source] if spoilt == "source" else list(pair.references)
    factor = 10.0 ** ((decibels - 20.0) / 20.0)
    scaled = [_read(file) for file in files]
    scaled = [factor * 0.99 / max(float(np.abs(x).max()), 1e-9) * x for x in scaled]
    with _written(scaled) as paths:
        if spoilt == "source":
            return similarity(converter, paths[0], list(pair.references), pair, embed)
        return similarity(converter, pair.source, paths, pair, embed)


@contextmanager
def _written(waveforms: Sequence[np.ndarray]) -> Iterator[list[Path]]:
    """Temporary files of the waveforms: float WAV, because 16 bits would add noise 20 dB down."""
    with tempfile.TemporaryDirectory(prefix="bowtie-") as folder:
        paths = [Path(folder) / f"{i}.wav" for i in range(len(waveforms))]
        for path, waveform in zip(paths, waveforms, strict=True):
            soundfile.write(path, waveform, RATE, subtype="FLOAT")
        yield paths


def _read(path: Path) -> np.ndarray:
    return read_audio(path, RATE).numpy()


def _heard(waveform: np.ndarray, embed: Embed) -> np.ndarray:
    rms = float(np.sqrt(np.mean(np.square(waveform)))) if len(waveform) else 0.0
    return embed(waveform * np.float32(LEVEL / rms) if rms > 0 else waveform)


def _level(waveform: np.ndarray) -> float:
    """Root-mean-square level of (S,) in dBFS; -inf for digital silence."""
    rms = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))) if len(waveform) else 0.0
    return 20.0 * float(np.log10(rms)) if rms > 0 else -np.inf


def _quietest_point(waveform: np.ndarray) -> int:
    """The sample in the middle half whose surrounding 50 ms are quietest: between two words."""
    width = RATE // 20
    power = np.convolve(np.square(waveform, dtype=np.float64), np.ones(width), mode="same")
    first, last = len(waveform) // 4, max(len(waveform) // 4 + 1, 3 * len(waveform) // 4)
    return first + int(np.argmin(power[first:last]))


def _spread(n: int, wanted: int) -> list[int]:
    """``wanted`` indices (or n, if fewer) evenly over range(n)."""
    return sorted({int(i) for i in np.linspace(0, n - 1, min(n, wanted)).round()})
