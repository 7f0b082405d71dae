"""One table for our conversions, the rows they must be read against, and anybody else's.

A *pair* is a source utterance and references of the target speaker. A *system* turns each pair into
one recording; the judges hear it beside the source and the references. Definitions, so that figures
of different systems may stand in one table:

* the target is the mean direction of its references' embeddings, and the median F0 over all voiced
  frames of its references;
* the error rate is of characters, against what the recogniser hears in the source, so that accents
  it mishears count for nothing. Where a transcript exists the word error rate against it stands
  beside; the row *source unchanged* shows what the recogniser makes of the original;
* *copy synthesis* and *reconstruction* say another utterance of the target, so their content,
  melody and spectrum are compared with that utterance, unprocessed;
* every figure is a mean over pairs with its 95 % bootstrap interval over pairs.
"""

import csv
import hashlib
import json
import math
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from torch import Tensor

from vc import judges
from vc.audio import AUDIO_SUFFIXES, find_audio, write_audio
from vc.judges import Judgement, Panel
from vc.metrics import (
    Interval,
    bootstrap_interval,
    character_error_rate,
    cosine_similarity,
    f0_correlation,
    f0_median_error,
    mean_direction,
    mel_cepstral_distortion,
    word_error_rate,
)

COLUMNS = ("source", "references", "transcript", "parallel_truth")
SOURCE_UNCHANGED = "source unchanged"
ANOTHER_UTTERANCE = "another utterance of the target"
COPY_SYNTHESIS = "copy synthesis of it"
RECONSTRUCTION = "reconstruction of it"
CONVERSION = "conversion"
# Key in the results, heading in the table, decimals.
METRICS = (
    ("similarity_target", "sim. target", 3),
    ("similarity_source", "sim. source", 3),
    ("similarity_margin", "margin", 3),
    ("cer", "CER", 3),
    ("wer", "WER (text)", 3),
    ("f0_error", "F0 err. (st)", 2),
    ("f0_correlation", "F0 corr.", 3),
    ("p808", "P.808", 2),
    ("mcd", "MCD (dB)", 2),
)


class Sound(Protocol):
    """What a converter hands back: waveform (S,) in [-1, 1] at sample_rate Hz."""

    waveform: Tensor
    sample_rate: int


class Converter(Protocol):
    """What `evaluate` asks of a voice converter."""

    def convert(self, source: Path, voice: list[Path]) -> Sound:
        """The source's words in the voice of the references."""
        ...

    def copy_synthesis(self, source: Path) -> Sound:
        """The vocoder's rendering of the recording's own mel and F0."""
        ...

    def reconstruct(self, source: Path) -> Sound:
        """The recording through the whole autoencoder, in its own voice."""
        ...


@dataclass(frozen=True)
class Pair:
    """One line of a pairs file; ``number`` counts pairs from 1."""

    number: int
    source: Path
    references: tuple[Path, ...]
    transcript: str = ""
    parallel_truth: Path | None = None
    outputs: dict[str, Path] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``source stem__first reference's stem``, by which systems may name their outputs."""
        return f"{self.source.stem}__{self.references[0].stem}"


@dataclass(frozen=True)
class System:
    """A row of the table.

    ``output`` gives a pair's recording as a file or as samples (S,) at 16 kHz, or None for a pair
    without one. ``says`` gives the file whose words and melody the recording repeats, or None.
    """

    name: str
    output: Callable[[Pair], Path | np.ndarray | None]
    says: Callable[[Pair], Path | None] = lambda pair: pair.source


# ---- pairs ----


def read_pairs(path: str | Path) -> list[Pair]:
    """The pairs of a tab-separated file, paths taken relative to its folder.

    Columns: source, references (comma-separated) and, if wanted, transcript and parallel_truth. Any
    further column is a system's outputs under the column's name. Raises ValueError, naming the
    line, for a missing column or file and for a pair without references.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} does not exist or is not a file; give a tab-separated pairs file")
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = rows.fieldnames or []
        missing = [name for name in COLUMNS[:2] if name not in header]
        if missing:
            raise ValueError(
                f"{path} has no column {' and no column '.join(missing)}; its first line must name "
                "source and references, separated by tabs"
            )
        pairs = []
        for row in rows:
            pairs.append(_read_pair(row, path, rows.line_num, len(pairs) + 1))
    if not pairs:
        raise ValueError(f"{path} names no pairs: it has only a first line")
    return pairs


def _read_pair(row: dict[str, str | None], path: Path, line: int, number: int) -> Pair:
    def resolve(name: str, column: str) -> Path:
        found = path.parent / name.strip()
        if not found.is_file():
            raise ValueError(f"{path}, line {line}: {column} {found} does not exist")
        return found

    cells = {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)}
    if not cells["source"]:
        raise ValueError(f"{path}, line {line}: no source")
    names = [name for name in cells["references"].split(",") if name.strip()]
    if not names:
        raise ValueError(f"{path}, line {line}: no references of the target speaker")
    truth = cells.get("parallel_truth")
    return Pair(
        number,
        resolve(cells["source"], "source"),
        tuple(resolve(name, "reference") for name in names),
        cells.get("transcript", ""),
        resolve(truth, "parallel truth") if truth else None,
        {
            name: resolve(value, f"output of {name}")
            for name, value in cells.items()
            if name not in COLUMNS and value
        },
    )


def find_outputs(pairs: Sequence[Pair], folder: str | Path) -> dict[int, Path]:
    """Pair number -> sound file in ``folder``, by pair number or by `Pair.name`.

    Files may be numbered from 1, or from 0 if there is a file 0; leading zeros do not matter.
    Raises ValueError if the folder holds no pair's output.
    """
    stems = {file.stem: file for file in find_audio(folder)}
    numbered = {int(stem): file for stem, file in stems.items() if re.fullmatch(r"\d{1,6}", stem)}
    first = 0 if 0 in numbered else 1
    found = {}
    for pair in pairs:
        file = stems.get(pair.name) or numbered.get(pair.number - 1 + first)
        if file is not None:
            found[pair.number] = file
    if not found:
        raise ValueError(
            f"{folder} holds no pair's output; name its files by pair number (1.wav, 2.wav, ...) "
            f"or {pairs[0].name}.wav"
        )
    return found


def another_utterance(pair: Pair, pairs: Sequence[Pair]) -> Path | None:
    """A recording of the target speaker that is no reference and, if possible, another sentence.

    Taken from the folder of the first reference, files that the pairs name first (they are held
    out); the same choice in every run. None where the folder is not the target's alone (the source
    lies in it as well) or holds nothing else.
    """
    folder = pair.references[0].parent
    if folder == pair.source.parent:
        return None
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in AUDIO_SUFFIXES)
    others = [file for file in files if file not in pair.references]
    named = {file for p in pairs for file in (p.source, *p.references, p.parallel_truth)}
    same = {pair.source.stem, pair.parallel_truth.stem if pair.parallel_truth else None}
    for group in (
        [f for f in others if f in named and f.stem not in same],
        [f for f in others if f.stem not in same],
        others,
    ):
        if group:
            digest = hashlib.sha256(f"{pair.number} {pair.name}".encode()).digest()
            return group[int.from_bytes(digest[:4], "big") % len(group)]
    return None


# ---- the evaluation ----


@dataclass
class Evaluation:
    """Figures per system and pair, and what is needed to read them again."""

    pairs: list[Pair]
    scores: dict[str, list[dict[str, float]]]  # system -> one dict per pair, NaN where undefined
    texts: dict[str, list[str]]  # what the recogniser heard
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def interval(self, system: str, metric: str) -> Interval:
        """Mean over pairs with its 95 % bootstrap interval; pairs where it is undefined are out."""
        return bootstrap_interval([row[metric] for row in self.scores[system]])

    def means(self) -> dict[str, dict[str, Interval]]:
        """system -> metric -> `Interval`."""
        return {
            name: {key: self.interval(name, key) for key, _, _ in METRICS} for name in self.scores
        }

    def table(self) -> str:
        """The aligned text table: mean ± half the width of the interval; – where undefined."""
        rows = self._cells()
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])

    def markdown(self) -> str:
        """The same table for a README."""
        rows = [f"| {' | '.join(row)} |" for row in self._cells()]
        ruler = "|---" + "|---:" * (len(self._cells()[0]) - 1) + "|"
        return "\n".join([rows[0], ruler, *rows[1:]]) + "\n"

    def worst(self, system: str, metric: str, n: int = 10) -> list[tuple[Pair, dict[str, float]]]:
        """The n pairs with the lowest similarity or margin, or the highest error, worst first."""
        sign = 1.0 if metric.startswith(("similarity", "f0_corr", "p808")) else -1.0
        scored = [
            (pair, row)
            for pair, row in zip(self.pairs, self.scores[system], strict=True)
            if not math.isnan(row[metric])
        ]
        return sorted(scored, key=lambda item: sign * item[1][metric])[:n]

    def report(self, worst: int = 0) -> str:
        """Everything for the eye: table, failures and the ``worst`` pairs of the conversion."""
        parts = [self.table()]
        if self.failures:
            parts.append("failed:\n" + "\n".join(f"  {line}" for line in self.failures))
        if worst and CONVERSION in self.scores:
            parts += [
                self._worst_table(CONVERSION, metric, worst)
                for metric in ("similarity_target", "cer")
            ]
        return "\n\n".join(parts)

    def save(self, folder: str | Path) -> None:
        """Write results.json, table.md and table.tsv into ``folder``, each whole or not at all."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "results.json", json.dumps(self.as_dict(), indent=1, ensure_ascii=False))
        _write(folder / "table.md", self.markdown())
        _write(folder / "table.tsv", self._tsv())

    def as_dict(self) -> dict[str, object]:
        """All figures as JSON values, with null for undefined ones."""
        return {
            "judges": judges.versions(),
            "seconds": round(self.seconds, 1),
            "means": {
                name: {
                    key: {
                        "mean": _json(i.mean),
                        "low": _json(i.low),
                        "high": _json(i.high),
                        "n": i.n,
                    }
                    for key, i in row.items()
                }
                for name, row in self.means().items()
            },
            "failures": self.failures,
            "pairs": [self._pair_as_dict(i, pair) for i, pair in enumerate(self.pairs)],
        }

    def _pair_as_dict(self, i: int, pair: Pair) -> dict[str, object]:
        return {
            "number": pair.number,
            "source": str(pair.source),
            "references": [str(file) for file in pair.references],
            "transcript": pair.transcript,
            "systems": {
                name: {key: _json(value) for key, value in rows[i].items()}
                | {"heard": self.texts[name][i]}
                for name, rows in self.scores.items()
            },
        }

    def _cells(self) -> list[list[str]]:
        means = self.means()
        shown = [m for m in METRICS if any(row[m[0]].n for row in means.values())]
        header = ["", *(heading for _, heading, _ in shown), "pairs"]
        rows = [header]
        for name, row in means.items():
            cells = [_cell(row[key], decimals) for key, _, decimals in shown]
            rows.append([name, *cells, str(row["similarity_target"].n)])
        return rows

    def _tsv(self) -> str:
        keys = [key for key, _, _ in METRICS]
        lines = ["\t".join(["system", *(f"{k}{e}" for k in keys for e in ("", "_low", "_high"))])]
        for name, row in self.means().items():
            values = [v for k in keys for v in row[k][:3]]
            lines.append("\t".join([name, *("" if math.isnan(v) else f"{v:.4f}" for v in values)]))
        return "\n".join(lines) + "\n"

    def _worst_table(self, system: str, metric: str, n: int) -> str:
        heading = next(text for key, text, _ in METRICS if key == metric)
        lines = [f"{system}: worst by {heading}"]
        for pair, row in self.worst(system, metric, n):
            figures = f"{row['similarity_target']:.3f} / {row['similarity_source']:.3f}"
            lines.append(
                f"  {pair.number:4d}  sim. {figures}  CER {row['cer']:.2f}  "
                f"F0 {row['f0_error']:.1f} st, {row['f0_correlation']:.2f}  {pair.name}"
            )
        return "\n".join(lines)


def evaluate(
    pairs_path: str | Path,
    converter: Converter | None,
    *,
    outputs: dict[str, str | Path] | None = None,
    out_dir: str | Path | None = None,
    limit: int | None = None,
    workers: int = 2,
    progress: bool = True,
    save_audio: bool = False,
    cache_dir: str | Path | None = None,
    judge: Callable[[np.ndarray], Judgement] = judges.judge,
) -> Evaluation:
    """The table of a pairs file: baselines, the converter's rows, and other systems' recordings.

    ``converter`` None leaves its rows out. ``outputs`` maps a system's name to a folder of its
    recordings (see `find_outputs`); columns of the pairs file beyond the known ones are systems as
    well. With ``out_dir`` the results are saved there, and with ``save_audio`` what the converter
    made, as ``audio/<row>/<pair number>.wav``. ``limit`` takes the first pairs only. ``workers``
    processes judge (0: this one); their verdicts on files are kept in ``cache_dir``.
    Raises ValueError for unusable pairs, :class:`vc.judges.JudgeError` for missing judges.
    """
    if judge is judges.judge:
        judges.check_judges()
    pairs = read_pairs(pairs_path)
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    if save_audio and out_dir is None:
        raise ValueError("save_audio needs out_dir, the folder to save into")
    others = {pair.number: another_utterance(pair, pairs) for pair in pairs}
    pairs = pairs[:limit]
    systems = baselines(others)
    if converter is not None:
        audio_dir = Path(out_dir) / "audio" if save_audio and out_dir is not None else None
        systems += converter_systems(converter, others, audio_dir)
    systems += _foreign_systems(pairs, outputs or {})
    evaluation = score_pairs(
        pairs, systems, judge=judge, workers=workers, cache_dir=cache_dir, progress=progress
    )
    if out_dir is not None:
        evaluation.save(out_dir)
    return evaluation


def baselines(others: dict[int, Path | None]) -> list[System]:
    """The rows that need no model; ``others`` maps pair number -> another utterance."""
    return [
        System(SOURCE_UNCHANGED, lambda pair: pair.source),
        System(ANOTHER_UTTERANCE, lambda pair: others[pair.number], says=lambda pair: None),
    ]


def converter_systems(
    converter: Converter, others: dict[int, Path | None], audio_dir: Path | None = None
) -> list[System]:
    """The rows of a converter; what it makes is also written below ``audio_dir`` if given."""
    made: dict[tuple[str, Path], np.ndarray] = {}

    def once(name: str, render: Callable[[Path], Sound], pair: Pair) -> np.ndarray | None:
        other = others[pair.number]
        if other is None:
            return None
        if (name, other) not in made:
            made[name, other] = converted_samples(render(other))
        return _kept(made[name, other], name, pair)

    def _kept(waveform: np.ndarray, name: str, pair: Pair) -> np.ndarray:
        if audio_dir is not None:
            file = audio_dir / name.replace(" ", "_") / f"{pair.number:03d}.wav"
            write_audio(file, Tensor(waveform), judges.SAMPLE_RATE)
        return waveform

    def convert(pair: Pair) -> np.ndarray:
        sound = converter.convert(pair.source, voice=list(pair.references))
        return _kept(converted_samples(sound), CONVERSION, pair)

    def other(pair: Pair) -> Path | None:
        return others[pair.number]

    return [
        System(
            COPY_SYNTHESIS, lambda pair: once(COPY_SYNTHESIS, converter.copy_synthesis, pair), other
        ),
        System(
            RECONSTRUCTION, lambda pair: once(RECONSTRUCTION, converter.reconstruct, pair), other
        ),
        System(CONVERSION, convert),
    ]


def converted_samples(sound: Sound) -> np.ndarray:
    """The samples (S,) of a converter's sound at the judges' rate."""
    waveform = sound.waveform.detach().float().cpu().numpy()
    if sound.sample_rate != judges.SAMPLE_RATE:
        import soxr

        waveform = soxr.resample(waveform, sound.sample_rate, judges.SAMPLE_RATE)
    return np.ascontiguousarray(waveform, dtype=np.float32)


def score_pairs(
    pairs: Sequence[Pair],
    systems: Sequence[System],
    *,
    judge: Callable[[np.ndarray], Judgement] = judges.judge,
    workers: int = 2,
    cache_dir: str | Path | None = None,
    progress: bool = True,
) -> Evaluation:
    """The judges' figures for every system on every pair.

    A system that raises ValueError for a pair has no figures for it and a line in ``failures``; a
    source or reference that cannot be read stops the evaluation.
    """
    begun = time.monotonic()
    names = [system.name for system in systems]
    if len(set(names)) < len(names):
        raise ValueError(f"two systems have one name: {', '.join(names)}")
    meter = _Progress(progress, len(pairs) * len(systems))
    with Panel(judge, workers, cache_dir, on_verdict=lambda: meter.show(panel)) as panel:
        for pair in pairs:
            for file in (pair.source, *pair.references, pair.parallel_truth):
                if file is not None:
                    panel.hear_file(file)
        heard = {s.name: [_ask(panel, s, pair, meter) for pair in pairs] for s in systems}
        evaluation = Evaluation(list(pairs), {}, {})
        for system in systems:
            rows = [
                _score(system, pair, future, panel, evaluation)
                for pair, future in zip(pairs, heard[system.name], strict=True)
            ]
            evaluation.scores[system.name] = [figures for figures, _ in rows]
            evaluation.texts[system.name] = [text for _, text in rows]
    meter.close()
    evaluation.seconds = time.monotonic() - begun
    return evaluation


def figures(
    output: Judgement,
    source: Judgement,
    references: Sequence[Judgement],
    said: Judgement | None,
    truth: Judgement | None = None,
    transcript: str = "",
) -> dict[str, float]:
    """Every metric of one recording, NaN where undefined; see the module for the definitions.

    ``said`` is the verdict on the recording whose words and melody it repeats, None if none;
    without it the melody is compared with the source's, where it is expected to be unlike.
    """
    nan = float("nan")
    to_target = cosine_similarity(
        output.embedding, mean_direction([reference.embedding for reference in references])
    )
    to_source = cosine_similarity(output.embedding, source.embedding)
    target_f0 = np.concatenate([reference.f0 for reference in references])
    return {
        "similarity_target": to_target,
        "similarity_source": to_source,
        "similarity_margin": to_target - to_source,
        "cer": character_error_rate(said.text, output.text) if said else nan,
        "wer": word_error_rate(transcript, output.text) if transcript else nan,
        "f0_error": f0_median_error(output.f0, target_f0),
        "f0_correlation": f0_correlation(output.f0, (said or source).f0),
        "p808": output.p808,
        "mcd": mel_cepstral_distortion(output.cepstra, truth.cepstra) if truth else nan,
    }


def _score(
    system: System,
    pair: Pair,
    future: "Future[Judgement] | str | None",
    panel: Panel,
    evaluation: Evaluation,
) -> tuple[dict[str, float], str]:
    undefined = {key: float("nan") for key, _, _ in METRICS}
    references = [panel.hear_file(file).result() for file in pair.references]
    source = panel.hear_file(pair.source).result()
    if future is None:
        return undefined, ""
    try:
        if isinstance(future, str):
            raise ValueError(future)
        output = future.result()
    except judges.JudgeError:
        raise
    except ValueError as error:
        evaluation.failures.append(f"{system.name}, pair {pair.number}: {error}")
        return undefined, ""
    said_file = system.says(pair)
    repeats_source = said_file == pair.source
    truth_file = pair.parallel_truth if repeats_source else said_file
    said = panel.hear_file(said_file).result() if said_file else None
    truth = panel.hear_file(truth_file).result() if truth_file else None
    transcript = pair.transcript if repeats_source else ""
    return figures(output, source, references, said, truth, transcript), output.text


def _ask(
    panel: Panel, system: System, pair: Pair, meter: "_Progress"
) -> "Future[Judgement] | str | None":
    """The verdict to come, the message of a failure, or None where the system has no output."""
    meter.n_to_come -= 1
    try:
        output = system.output(pair)
        if output is None:
            return None
        said = system.says(pair)
        if said is not None:
            panel.hear_file(said)
        return panel.hear_file(output) if isinstance(output, Path) else panel.hear(output)
    except judges.JudgeError:
        raise
    except ValueError as error:
        return str(error)


def _foreign_systems(pairs: Sequence[Pair], outputs: dict[str, str | Path]) -> list[System]:
    tables = {name: find_outputs(pairs, folder) for name, folder in outputs.items()}
    for pair in pairs:
        for name, file in pair.outputs.items():
            tables.setdefault(name, {})[pair.number] = file
    return [
        System(name, lambda pair, table=table: table.get(pair.number))
        for name, table in tables.items()
    ]


def _cell(interval: Interval, decimals: int) -> str:
    if interval.n == 0:
        return "–"
    half = (interval.high - interval.low) / 2
    return f"{interval.mean:.{decimals}f} ±{half:.{decimals}f}"


def _json(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 5)


def _write(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)


class _Progress:
    """A line on stderr: verdicts given, of how many, and the minutes left."""

    def __init__(self, shown: bool, n_to_come: int) -> None:
        self.shown = shown
        self.n_to_come = n_to_come  # outputs that the panel has not been asked about yet
        self.begun = self.printed = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def show(self, panel: Panel) -> None:
        now = time.monotonic()
        # A terminal is refreshed often; a log file gets a line now and then.
        if not self.shown or now - self.printed < (0.5 if self.terminal else 30.0):
            return
        self.printed = now
        left = panel.n_asked - panel.n_answered + self.n_to_come
        minutes = (now - self.begun) / panel.n_answered * left / 60
        total = panel.n_answered + left
        text = f"judged {panel.n_answered} of {total}, {minutes:.1f} min left   "
        print(text, end="\r" if self.terminal else "\n", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self.shown and self.terminal:
            print(" " * 60, end="\r", file=sys.stderr, flush=True)
