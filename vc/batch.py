"""A folder of recordings, converted one by one: resumable, and not stopped by a bad file."""

import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vc.audio import AudioError, duration, find_audio
from vc.inference import VoiceConverter
from vc.voices import VoiceProfile


@dataclass(frozen=True)
class Batch:
    """Which recordings become which files; ``force`` makes those that exist again."""

    source: Path
    output: Path
    format: str
    force: bool = False

    def files(self) -> list[tuple[Path, Path]]:
        """(recording, what it becomes), sorted; folders inside stay as they are.

        Recordings of one name in several formats keep theirs in the result's name. Raises
        AudioError when there is no sound, or the result is to lie where the recordings do.
        """
        if self.output.exists() and not self.output.is_dir():
            raise AudioError(f"{self.output} is a file; a folder of recordings needs a folder")
        if self.output.resolve() == self.source.resolve():
            raise AudioError(f"{self.output} holds the recordings; choose another folder")
        inside = self.output.resolve()
        found = [p for p in find_audio(self.source) if inside not in p.resolve().parents]
        if not found:
            raise AudioError(f"{self.source} holds no sound files but those in {self.output}")
        stems = Counter(path.with_suffix("") for path in found)
        pairs = []
        for path in found:
            bare = path.with_suffix("") if stems[path.with_suffix("")] == 1 else path
            target = self.output / bare.relative_to(self.source)
            pairs.append((path, target.with_name(f"{target.name}.{self.format}")))
        return pairs


def output_path(source: Path, output: str, format_name: str | None) -> Path:
    """The file that one recording becomes: ``output``, or its own name in that folder."""
    path = Path(output)
    if path.is_dir() or output.endswith("/"):
        return path / f"{source.stem}.{format_name or 'wav'}"
    if format_name and path.suffix.lower() != f".{format_name}":
        raise AudioError(f"--format {format_name} contradicts the name {path.name}; give one")
    return path


def convert_folder(
    converter: VoiceConverter, batch: Batch, voice: VoiceProfile, settings: Mapping[str, object]
) -> list[str]:
    """One line for each recording that failed; progress and a summary go to standard error.

    What exists already is skipped, unless ``batch.force``.
    """
    todo, n_skipped = [], 0
    for source, target in batch.files():
        if target.exists() and not batch.force:
            n_skipped += 1
        else:
            todo.append((source, target, _seconds(source)))
    meter = _Meter(len(todo), sum(seconds for *_, seconds in todo))
    failures = []
    for source, target, seconds in todo:
        try:
            converter.convert_file(source, target, voice, **settings)
        except (ValueError, OSError) as error:
            failures.append(" ".join(str(error).split()))
        meter.advance(source.relative_to(batch.source), seconds, failures)
    n_done = len(todo) - len(failures)
    there = f"{n_skipped} already there" + (" (--force replaces them)" if n_skipped else "")
    print(f"{n_done} converted, {there}, {len(failures)} failed", file=sys.stderr)
    for line in failures:
        print(f"vc: {line}", file=sys.stderr)
    return failures


def _seconds(path: Path) -> float:
    try:
        return duration(path)
    except AudioError:
        # It will be reported when its turn comes.
        return 0.0


class _Meter:
    """Files done, of how many, and the time left; one line that is rewritten on a terminal."""

    def __init__(self, n_files: int, seconds: float) -> None:
        self.n_files, self.seconds = n_files, seconds
        self.n_done, self.seconds_done = 0, 0.0
        self.begun = time.monotonic()

    def advance(self, name: Path, seconds: float, failures: list[str]) -> None:
        self.n_done += 1
        self.seconds_done += seconds
        elapsed = time.monotonic() - self.begun
        left = elapsed / max(self.seconds_done, 1e-9) * (self.seconds - self.seconds_done)
        failed = f", {len(failures)} failed" if failures else ""
        text = (
            f"{self.n_done}/{self.n_files} files{failed}, "
            f"{self.seconds_done / max(elapsed, 1e-9):.0f} x real time, "
            f"{int(left) // 60}:{int(left) % 60:02d} left, {name}"
        )
        if sys.stderr.isatty():
            end = "\n" if self.n_done == self.n_files else ""
            print(f"\r{text}\033[K", end=end, file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)
