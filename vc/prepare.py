"""A corpus of speech -> a folder of features that training reads.

The folder holds ``config.json`` (the analysis), ``index.jsonl`` (one row per utterance),
``parallel.safetensors`` (other readings of the same words, see vc/parallel.py) and
``<speaker>/<utterance>.safetensors`` with ``mel`` float16 (M, T), ``f0`` float32 (T,) and, when
asked for, ``waveform`` int16 (S,) and ``weak_f0`` float32 (T,), what vc/harvest hears. Silence at
the ends is trimmed to margins of 0.2 s, and every recording is brought to one active level first.

Each feature file remembers the size and the time of the recording it was made from and the version
of the analysis, so a second run makes only what changed and an interrupted one goes on.
"""

import csv
import hashlib
import json
import multiprocessing
import os
import re
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vc.audio import (
    AUDIO_SUFFIXES,
    LEVEL,
    AudioError,
    LogMel,
    MelSpec,
    active_level,
    find_audio,
    read_audio,
)
from vc.harvest import track_contour
from vc.parallel import write_alignments
from vc.pitch import TRACKER_VERSION, track_pitch

FORMAT = 1
MIN_SECONDS = 0.5
MARGIN_SECONDS = 0.2
# Frames this far below the active level are silence at the ends; soft fricatives lie above it.
_SILENCE_DB = 35.0
_SILENT_LEVEL = 1e-5
_SPLITS = ("train", "dev", "test")
_DEV_SHARE = 0.05
_MOST_DEV_SPEAKERS = 20
_CHUNK = 4


@dataclass(frozen=True)
class Utterance:
    """What a corpus knows of one recording; ``split`` is None where the corpus has none.

    ``source`` is the path below the corpus, ``parallel`` a key that utterances of one text share.
    """

    path: Path
    source: str
    speaker: str
    name: str
    corpus: str
    split: str | None = None
    transcript: str | None = None
    parallel: str | None = None

    @property
    def id(self) -> str:
        return f"{self.speaker}/{self.name}"


class Corpus(NamedTuple):
    """The utterances of a corpus, the layout they were found in, remarks for the user."""

    layout: str
    utterances: list[Utterance]
    remarks: list[str]


@dataclass(frozen=True)
class Progress:
    """How far a run is; printed, it is one line."""

    n_done: int
    n_total: int
    n_failed: int
    audio_seconds: float
    elapsed: float

    @property
    def seconds_left(self) -> float:
        return self.elapsed / max(1, self.n_done) * (self.n_total - self.n_done)

    def __str__(self) -> str:
        speed = self.audio_seconds / max(self.elapsed, 1e-9)
        failed = f", {self.n_failed} failed" if self.n_failed else ""
        left = round(self.seconds_left)
        return (
            f"{self.n_done}/{self.n_total} files{failed}, {speed:.0f} x real time, "
            f"{left // 60}:{left % 60:02d} left"
        )


@dataclass(frozen=True)
class Prepared:
    """What a run of `prepare` did; printed, it is the summary."""

    out: Path
    layout: str
    n_made: int
    n_cached: int
    n_short: int
    n_failed: int
    n_speakers: dict[str, int]
    n_utterances: dict[str, int]
    hours: dict[str, float]
    n_speakers_in_both: int
    n_parallel: int
    n_aligned: int
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"{split}: {self.n_speakers[split]} speakers, {self.n_utterances[split]} utterances, "
            f"{self.hours[split]:.2f} h"
            for split in ("train", "dev")
        ]
        if self.n_speakers_in_both:
            lines.append(f"{self.n_speakers_in_both} speakers in both splits, as the manifest says")
        if self.n_parallel:
            lines.append(f"{self.n_parallel} utterances have a parallel one by another speaker")
        if self.n_aligned:
            lines.append(f"{self.n_aligned} training utterances are aligned with another reading")
        lines.append(
            f"{self.n_made} made, {self.n_cached} cached, {self.n_short} too short "
            f"(under {MIN_SECONDS} s), {self.n_failed} failed"
        )
        return "\n".join(lines)


class _Done(NamedTuple):
    status: Literal["made", "cached", "short", "failed"]
    seconds: float = 0.0
    frames: int = 0
    message: str = ""


def prepare(
    corpus: str | Path,
    out: str | Path,
    *,
    waveforms: bool = False,
    workers: int | None = None,
    dev_speakers: int | None = None,
    spec: MelSpec | None = None,
    progress: Callable[[Progress], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Prepared:
    """Features of ``corpus`` in the folder ``out``; returns what was done.

    ``workers`` processes share the work (default: one per core; 1 stays in this process).
    ``dev_speakers`` are held out where the corpus has no splits of its own (default: 5 %, at most
    20). ``progress`` is called at most five times a second, ``say`` with one line per remark or bad
    file (default: standard error). Raises ``ValueError`` for a corpus that cannot be used.
    """
    corpus, out, spec = Path(corpus), Path(out), spec or MelSpec()
    say = say or partial(print, file=sys.stderr)
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    found = read_corpus(corpus)
    say(
        f"{corpus}: {found.layout}, {len(found.utterances)} utterances of "
        f"{len({u.speaker for u in found.utterances})} speakers"
    )
    for remark in found.remarks:
        say(remark)
    utterances = mark_parallel(split_speakers(found.utterances, dev_speakers, say))
    _open_folder(out, spec, waveforms)
    results = _run(utterances, out, spec, waveforms, workers or os.cpu_count() or 1, progress, say)
    return _finish(out, found.layout, utterances, results, say)


# --- reading a corpus ---------------------------------------------------------------------------


def read_corpus(corpus: Path) -> Corpus:
    """The utterances of ``corpus`` in the layout that is detected.

    A manifest (a .tsv file or a folder with manifest.tsv), LibriSpeech (speaker/chapter with
    .trans.txt), VCTK (wav48*/speaker with txt/), or a folder per speaker. Raises ``ValueError``
    when there is none of these or fewer than two speakers.
    """
    corpus = Path(corpus)
    if corpus.is_file() and corpus.suffix.lower() == ".tsv":
        found = _read_manifest(corpus)
    elif not corpus.is_dir():
        what = "is not a folder or a .tsv manifest" if corpus.exists() else "does not exist"
        raise ValueError(f"{corpus} {what}; give the folder of the corpus")
    elif (corpus / "manifest.tsv").is_file():
        found = _read_manifest(corpus / "manifest.tsv")
    elif transcripts := sorted(corpus.rglob("*.trans.txt")):
        found = _read_librispeech(corpus, transcripts)
    elif folders := sorted([*corpus.glob("wav48*/"), *corpus.glob("*/wav48*/")]):
        found = _read_vctk(corpus, folders)
    else:
        found = _read_speaker_folders(corpus)
    speakers = {u.speaker for u in found.utterances}
    if len(speakers) < 2:
        raise ValueError(
            f"{corpus} ({found.layout}) holds {len(speakers)} speaker"
            f"{f' ({min(speakers)})' if speakers else 's'}; any-to-any conversion needs at least "
            "two: put the recordings of each speaker into a folder of their own"
        )
    return found._replace(utterances=_with_unique_ids(found.utterances))


def _read_manifest(path: Path) -> Corpus:
    """Rows of ``path``: columns file and speaker, maybe split, corpus, transcript, parallel."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        missing = {"file", "speaker"} - set(rows.fieldnames or ())
        if missing:
            raise ValueError(
                f"{path} has no column {' and no column '.join(sorted(missing))}; the first line "
                "must name tab-separated columns: file, speaker, maybe split, corpus, transcript"
            )
        cells = [
            (number, {k: v.strip() for k, v in row.items() if k and isinstance(v, str)})
            for number, row in enumerate(rows, start=2)
        ]
    corpora_of = defaultdict(set)
    for _, row in cells:
        corpora_of[row.get("speaker")].add(row.get("corpus", ""))
    has_splits = any(row.get("split") for _, row in cells)
    utterances, n_test = [], 0
    for number, row in cells:
        if not row.get("file") or not row.get("speaker"):
            raise ValueError(f"{path}, line {number}: file and speaker must not be empty")
        split = row.get("split") or None
        if has_splits and split not in _SPLITS:
            raise ValueError(
                f"{path}, line {number}: split is {split or 'empty'}; allowed are train, dev, test"
            )
        if split == "test":
            n_test += 1
            continue
        corpus = row.get("corpus") or path.parent.name
        speaker = row["speaker"]
        if len(corpora_of[speaker]) > 1:
            speaker = f"{corpus}-{speaker}"
        utterances.append(
            Utterance(
                path=path.parent / row["file"],
                source=row["file"],
                speaker=speaker,
                name=Path(row["file"]).stem,
                corpus=corpus,
                split=split,
                transcript=row.get("transcript") or None,
                parallel=row.get("parallel") or None,
            )
        )
    return Corpus("a manifest", utterances, _remarks_on_test(n_test))


def _read_librispeech(corpus: Path, transcripts: list[Path]) -> Corpus:
    utterances = []
    for path in transcripts:
        texts = dict(
            line.split(maxsplit=1) for line in _read_text(path).splitlines() if " " in line.strip()
        )
        chapter = path.parent
        subset = chapter.parent.parent.name if chapter.parent.parent != corpus else ""
        for sound in sorted(chapter.iterdir()):
            if sound.suffix.lower() in AUDIO_SUFFIXES:
                utterances.append(
                    _utterance(
                        corpus, sound, chapter.parent.name, split=subset, text=texts.get(sound.stem)
                    )
                )
    return _with_splits("LibriSpeech", utterances)


def _read_vctk(corpus: Path, folders: list[Path]) -> Corpus:
    # Two releases side by side hold the same speech; the trimmed one sorts last.
    sounds = folders[-1]
    remarks = [f"{folders[0].name} left out: {sounds.name} is used"] if len(folders) > 1 else []
    texts = sounds.parent / "txt"
    chosen: dict[tuple[str, str], Path] = {}
    for path in find_audio(sounds):
        # Sorted, mic1 comes before mic2, which serves only where mic1 is missing.
        chosen.setdefault((path.parent.name, re.sub(r"_mic\d$", "", path.stem)), path)
    utterances = []
    for (speaker, name), path in chosen.items():
        text = texts / speaker / f"{name}.txt"
        utterances.append(
            replace(
                _utterance(corpus, path, speaker, text=_read_text(text) if text.is_file() else ""),
                name=name,
            )
        )
    return Corpus("VCTK", utterances, remarks)


def _read_speaker_folders(corpus: Path) -> Corpus:
    """speaker/.../utterance, or train/speaker/... and dev/speaker/...; text beside it as .txt."""
    files = [(path, path.relative_to(corpus).parts) for path in find_audio(corpus)]
    loose = [parts for _, parts in files if len(parts) == 1]
    tops = {parts[0] for _, parts in files if len(parts) > 1}
    has_splits = {"train", "dev"} <= tops <= set(_SPLITS)
    utterances = []
    for path, parts in files:
        if len(parts) < 2 + has_splits:
            continue
        text = path.with_suffix(".txt")
        utterance = _utterance(
            corpus,
            path,
            parts[1] if has_splits else parts[0],
            split=parts[0] if has_splits else "",
            text=_read_text(text) if text.is_file() else "",
        )
        below = Path(*parts[1 + has_splits :]).with_suffix("")
        utterances.append(replace(utterance, name="-".join(below.parts)))
    found = _with_splits("speaker folders", utterances)
    if loose:
        found.remarks.append(f"{len(loose)} sound files outside of a speaker's folder left out")
    return found


def _utterance(
    corpus: Path, path: Path, speaker: str, *, split: str = "", text: str | None = None
) -> Utterance:
    return Utterance(
        path=path,
        source=path.relative_to(corpus).as_posix(),
        speaker=speaker,
        name=path.stem,
        corpus=corpus.resolve().name,
        split=split or None,
        transcript=" ".join((text or "").split()) or None,
    )


def _with_splits(layout: str, utterances: list[Utterance]) -> Corpus:
    """Folder names such as train-clean-100 and dev-other become splits if both kinds are there."""
    kinds = [(u.split or "").split("-")[0] for u in utterances]
    if not {"train", "dev"} <= set(kinds):
        return Corpus(layout, [replace(u, split=None) for u in utterances], [])
    kept = [
        replace(u, split=kind)
        for u, kind in zip(utterances, kinds, strict=True)
        if kind in ("train", "dev")
    ]
    return Corpus(layout, kept, _remarks_on_test(len(utterances) - len(kept)))


def _remarks_on_test(n_left_out: int) -> list[str]:
    return [f"{n_left_out} test utterances left out"] if n_left_out else []


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _with_unique_ids(utterances: list[Utterance]) -> list[Utterance]:
    """The same with speakers and names that are safe as file names, each id once."""
    speakers = _safe_names({u.speaker for u in utterances})
    by_speaker = defaultdict(list)
    for utterance in utterances:
        by_speaker[utterance.speaker].append(utterance)
    result = []
    for speaker, group in by_speaker.items():
        counts = Counter(u.name for u in group)
        # Two files of one stem (a.wav and a.flac, or in two folders) need more of their path.
        labels = [u.name if counts[u.name] == 1 else u.source for u in group]
        names = _safe_names(set(labels))
        result += [
            replace(u, speaker=speakers[speaker], name=names[label])
            for u, label in zip(group, labels, strict=True)
        ]
    repeated = [i for i, n in Counter(u.id for u in result).items() if n > 1]
    if repeated:
        raise ValueError(f"{repeated[0]} is listed twice; list every recording once")
    return sorted(result, key=lambda u: (u.speaker, u.name))


def _safe_names(names: set[str]) -> dict[str, str]:
    """A file name for each of ``names``; those that would collide get a short hash."""
    safe = {name: re.sub(r"[^\w.-]+", "_", name).lstrip(".")[:100] or "_" for name in names}
    # Compared without case: some file systems do not tell A from a.
    counts = Counter(s.lower() for s in safe.values())
    return {
        name: s if counts[s.lower()] == 1 else f"{s}_{_hash(name)[:8]}" for name, s in safe.items()
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- splits and parallel utterances -------------------------------------------------------------


def split_speakers(
    utterances: list[Utterance],
    dev_speakers: int | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Utterance]:
    """The utterances with a split each: the corpus's own, or whole speakers held out by hash.

    The choice depends on the speakers' names alone. At least two speakers stay in train; a corpus
    of two has no development speaker. Raises ``ValueError`` when ``dev_speakers`` is too large or
    the corpus has its own splits.
    """
    speakers = sorted({u.speaker for u in utterances}, key=_hash)
    if any(u.split for u in utterances):
        if dev_speakers is not None:
            raise ValueError("the corpus has its own splits; leave out the number of dev speakers")
        return utterances
    n_most = len(speakers) - 2
    if dev_speakers is None:
        wanted = min(_MOST_DEV_SPEAKERS, max(1, round(_DEV_SHARE * len(speakers))))
        dev_speakers = min(wanted, n_most)
        if n_most == 0 and say:
            say("only two speakers: none is held out for validation")
    if not 0 <= dev_speakers <= n_most:
        raise ValueError(
            f"the number of dev speakers must be 0 to {n_most}, got {dev_speakers}: "
            f"the corpus has {len(speakers)} speakers and training needs two"
        )
    dev = set(speakers[:dev_speakers])
    return [replace(u, split="dev" if u.speaker in dev else "train") for u in utterances]


def mark_parallel(utterances: list[Utterance]) -> list[Utterance]:
    """The utterances with keys for texts that at least two speakers read.

    A key that a manifest gave is kept, as long as two speakers share it.
    """
    keys = [u.parallel or _text_key(u.transcript) for u in utterances]
    speakers_of = defaultdict(set)
    for utterance, key in zip(utterances, keys, strict=True):
        speakers_of[key].add(utterance.speaker)
    return [
        replace(u, parallel=key if key and len(speakers_of[key]) > 1 else None)
        for u, key in zip(utterances, keys, strict=True)
    ]


def _text_key(transcript: str | None) -> str | None:
    words = re.findall(r"[^\W_]+", (transcript or "").lower().replace("'", ""))
    return f"text-{_hash(' '.join(words))[:12]}" if words else None


# --- one recording ------------------------------------------------------------------------------


def trim_silence(waveform: Tensor, spec: MelSpec | None = None) -> Tensor:
    """``waveform`` (S,) without the silence at its ends, but for margins of 0.2 s.

    Silence is what lies 35 dB and more under the active level, in frames of one hop.
    """
    spec = spec or MelSpec()
    hop = spec.hop_length
    n_frames = len(waveform) // hop
    power = waveform[: n_frames * hop].reshape(n_frames, hop).square().mean(1)
    loud = (power > active_level(waveform, spec) ** 2 * 10 ** (-_SILENCE_DB / 10)).nonzero()
    if not len(loud):
        return waveform
    margin = round(MARGIN_SECONDS * spec.sample_rate)
    start = max(0, int(loud[0]) * hop - margin)
    return waveform[start : (int(loud[-1]) + 1) * hop + margin]


def analyse(path: Path, spec: MelSpec, waveforms: bool) -> dict[str, Tensor] | None:
    """The tensors of one feature file; None when under 0.5 s. Raises `AudioError`."""
    waveform = trim_silence(read_audio(path, spec.sample_rate), spec)
    if len(waveform) < MIN_SECONDS * spec.sample_rate:
        return None
    level = active_level(waveform, spec)
    if level < _SILENT_LEVEL:
        raise AudioError(f"{path} holds only silence")
    waveform = waveform * (LEVEL / level)
    tensors = {
        "mel": _log_mel(spec)(waveform[None])[0].half().contiguous(),
        "f0": track_pitch(waveform, spec),
    }
    if waveforms:
        tensors["waveform"] = (waveform.clamp(-1.0, 1.0) * 32767).round().short()
        tensors["weak_f0"] = track_contour(waveform, spec)
    return tensors


@lru_cache(maxsize=1)
def _log_mel(spec: MelSpec) -> LogMel:
    return LogMel(spec)


def _prepare_one(utterance: Utterance, out: Path, spec: MelSpec, waveforms: bool) -> _Done:
    target = out / f"{utterance.id}.safetensors"
    try:
        stat = utterance.path.stat()
    except OSError:
        return _Done("failed", message=f"{utterance.path} does not exist or cannot be read")
    made_from = {
        "source_size": str(stat.st_size),
        "source_mtime_ns": str(stat.st_mtime_ns),
        "analysis": json.dumps(_analysis(spec)),
    }
    cached = _read_cached(target, made_from, waveforms)
    if cached:
        return cached
    try:
        tensors = analyse(utterance.path, spec, waveforms)
    except AudioError as error:
        return _Done("failed", message=str(error))
    if tensors is None:
        return _Done("short")
    frames = tensors["mel"].shape[1]
    seconds = frames / spec.frames_per_second
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        save_file(tensors, aside, metadata=made_from)
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)
    return _Done("made", seconds, frames)


def _read_cached(target: Path, made_from: dict[str, str], waveforms: bool) -> _Done | None:
    """The result of an earlier run if it still stands for the recording, else None."""
    if not target.exists():
        return None
    try:
        with safe_open(target, framework="pt") as file:
            if file.metadata() != made_from:
                return None
            if waveforms and not {"waveform", "weak_f0"} <= set(file.keys()):
                return None
            frames = file.get_slice("f0").get_shape()[0]
    except (SafetensorError, OSError):
        return None
    spec = MelSpec(**json.loads(made_from["analysis"])["mel"])
    return _Done("cached", frames / spec.frames_per_second, frames)


def _analysis(spec: MelSpec) -> dict[str, object]:
    """Everything that the numbers in a feature file depend on, beside the recording."""
    return {"format": FORMAT, "mel": asdict(spec), "level": LEVEL, "tracker": TRACKER_VERSION}


# --- the run ------------------------------------------------------------------------------------


def _open_folder(out: Path, spec: MelSpec, waveforms: bool) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        config = json.dumps({**_analysis(spec), "waveforms": waveforms}, indent=2) + "\n"
        path = out / "config.json"
        if path.exists() and path.read_text() != config:
            # An index must never describe features of two analyses.
            (out / "index.jsonl").unlink(missing_ok=True)
        _write_aside(path, config)
    except OSError as error:
        raise ValueError(f"{out} cannot be written ({error.strerror}); choose another") from error


def _write_aside(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, path)


def _run(
    utterances: list[Utterance],
    out: Path,
    spec: MelSpec,
    waveforms: bool,
    workers: int,
    progress: Callable[[Progress], None] | None,
    say: Callable[[str], None],
) -> list[_Done]:
    """One result per utterance, in order."""
    work = partial(_prepare_one, out=out, spec=spec, waveforms=waveforms)
    start = shown = time.monotonic()
    results: list[_Done] = []
    n_failed, audio_seconds = 0, 0.0
    for result in _map(work, utterances, workers):
        if not results and workers > 1:
            # Until now the workers were starting, which says nothing about the time left.
            start = shown = time.monotonic()
        results.append(result)
        audio_seconds += result.seconds
        if result.status == "failed":
            n_failed += 1
            say(f"skipped: {result.message}")
        now = time.monotonic()
        if progress and (now - shown > 0.2 or len(results) == len(utterances)):
            shown = now
            progress(Progress(len(results), len(utterances), n_failed, audio_seconds, now - start))
    return results


def _map(
    work: Callable[[Utterance], _Done], utterances: list[Utterance], workers: int
) -> Iterator[_Done]:
    if workers == 1:
        yield from map(work, utterances)
        return
    # spawn: a forked child of a process whose torch already has threads may hang.
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_start_worker
    )
    try:
        yield from pool.map(work, utterances, chunksize=_CHUNK)
    except BrokenProcessPool as error:
        raise ValueError(
            "a worker process died; run again with fewer workers (what is done is kept), and from "
            "a script call prepare under if __name__ == '__main__'"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    # Ctrl-C reaches the whole group; the parent alone decides, so no file is left half-made.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _finish(
    out: Path,
    layout: str,
    utterances: list[Utterance],
    results: list[_Done],
    say: Callable[[str], None],
) -> Prepared:
    """Writes the index of what is there and returns the summary."""
    count = Counter(result.status for result in results)
    failures = [result.message for result in results if result.status == "failed"]
    kept = [(u, r) for u, r in zip(utterances, results, strict=True) if r.frames]
    speakers = {s: {u.speaker for u, _ in kept if u.split == s} for s in ("train", "dev")}
    if len(speakers["train"] | speakers["dev"]) < 2:
        raise ValueError(
            f"fewer than two speakers have usable recordings ({count['failed']} files failed, "
            f"{count['short']} under {MIN_SECONDS} s); any-to-any conversion needs at least two"
        )
    index = out / "index.jsonl"
    listed = {json.loads(line)["id"] for line in _lines(index)}
    n_gone = len(listed - {u.id for u, _ in kept})
    if n_gone:
        say(f"{n_gone} utterances of an earlier run are no longer listed in {index}")
    rows = [_row(u, r) for u, r in kept]
    _write_aside(index, "".join(json.dumps(row) + "\n" for row in rows))
    n_aligned = write_alignments(out, rows)
    return Prepared(
        out=out,
        layout=layout,
        n_made=count["made"],
        n_cached=count["cached"],
        n_short=count["short"],
        n_failed=count["failed"],
        n_speakers={split: len(names) for split, names in speakers.items()},
        n_utterances={s: sum(u.split == s for u, _ in kept) for s in speakers},
        hours={s: sum(r.seconds for u, r in kept if u.split == s) / 3600 for s in speakers},
        n_speakers_in_both=len(speakers["train"] & speakers["dev"]),
        n_parallel=sum(u.parallel is not None for u, _ in kept),
        n_aligned=n_aligned,
        failures=failures,
    )


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _row(utterance: Utterance, result: _Done) -> dict[str, object]:
    return {
        "id": utterance.id,
        "speaker": utterance.speaker,
        "split": utterance.split,
        "corpus": utterance.corpus,
        "seconds": round(result.seconds, 3),
        "frames": result.frames,
        "transcript": utterance.transcript,
        "source": utterance.source,
        "parallel": utterance.parallel,
    }
