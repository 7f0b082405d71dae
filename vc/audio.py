"""Sound files and mel spectrograms: the only place that reads or writes audio.

soundfile decodes and encodes, soxr resamples, torchaudio supplies the mel filters.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor, nn

SAMPLE_RATE = 16_000
# The active level that every waveform is brought to before a network sees it (about -26 dBFS).
LEVEL = 0.05
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif")
# soundfile picks the container from the suffix; these are the ones that need a codec named as well.
_SUBTYPES = {".wav": "PCM_16", ".flac": "PCM_16", ".ogg": "VORBIS", ".opus": "OPUS", ".mp3": None}
_FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".opus": "OGG", ".mp3": "MP3"}
# A WAV that was written to a pipe does not know its size and claims about this much or more.
_UNKNOWN_SIZE = 0x7FFF0000
_MP3_FRAME = 1152
SYNTHETIC_NOTE = "Synthetic speech: voice converted by Bowtie"


class AudioError(ValueError):
    """Sound that cannot be used; the message says what was wrong and what to do."""


@dataclass(frozen=True)
class MelSpec:
    """The facts of one mel analysis; two parts fit together only when these are equal.

    Lengths are in samples, frequencies in Hz, ``floor`` is the smallest band magnitude.
    """

    sample_rate: int = SAMPLE_RATE
    n_fft: int = 1024
    win_length: int = 640
    hop_length: int = 160
    n_mels: int = 80
    f_min: float = 0.0
    f_max: float = 8000.0
    floor: float = 1e-5

    @property
    def frames_per_second(self) -> float:
        return self.sample_rate / self.hop_length


def frame_count(n_samples: int, spec: MelSpec) -> int:
    """Number of centred frames T over ``n_samples`` samples."""
    return 1 + n_samples // spec.hop_length


def mel_filters(spec: MelSpec) -> Tensor:
    """Triangular filters (F, M) on the Slaney scale with Slaney area normalisation."""
    try:
        from torchaudio.functional import melscale_fbanks
    except (ImportError, OSError, RuntimeError) as error:
        raise ImportError(
            f"torchaudio cannot be loaded beside this torch ({error}); "
            "install the pair that pyproject.toml pins: pip install 'bowtie-ae'"
        ) from error
    return melscale_fbanks(
        spec.n_fft // 2 + 1,
        spec.f_min,
        spec.f_max,
        spec.n_mels,
        spec.sample_rate,
        norm="slaney",
        mel_scale="slaney",
    )


class LogMel(nn.Module):
    """Natural-log mel magnitudes (B, M, T) of waveforms (B, S), T = 1 + S // hop."""

    def __init__(self, spec: MelSpec | None = None) -> None:
        super().__init__()
        self.spec = spec or MelSpec()
        self.register_buffer("window", torch.hann_window(self.spec.win_length), persistent=False)
        self.register_buffer("filters", mel_filters(self.spec), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        spec = self.spec
        if waveform.ndim != 2:
            raise ValueError(f"waveform must be (B, S), got shape {tuple(waveform.shape)}")
        stft = torch.stft(
            waveform.float(),
            spec.n_fft,
            spec.hop_length,
            spec.win_length,
            self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        mel = torch.einsum("bft,fm->bmt", stft.abs(), self.filters)
        return mel.clamp_min(spec.floor).log()


def active_level(waveform: Tensor, spec: MelSpec | None = None) -> float:
    """Root-mean-square level of the loud part of ``waveform`` (S,); 0.0 for digital silence.

    Frames within 25 dB of the 95th percentile count, so pauses do not lower the level and a click
    does not raise it. In the spirit of ITU-T P.56 without its hangover logic.
    """
    spec = spec or MelSpec()
    n_frames = waveform.numel() // spec.hop_length
    if n_frames == 0:
        power = waveform.double().square().mean().reshape(1)
    else:
        frames = waveform[: n_frames * spec.hop_length].reshape(n_frames, -1)
        power = frames.square().mean(1).double()
    return level_of_frames(power)


def level_of_frames(power: Tensor) -> float:
    """The level that :func:`active_level` reports, from frame powers (T,)."""
    if power.numel() == 0:
        return 0.0
    # kthvalue rather than quantile: quantile refuses more than 16 million values.
    loud = power.kthvalue(max(1, int(0.95 * power.numel()))).values
    if loud <= 0:
        loud = power.max()
        if loud <= 0:
            return 0.0
    return float(power[power >= loud * 10**-2.5].mean().sqrt())


def read_audio(path: str | Path, sample_rate: int = SAMPLE_RATE) -> Tensor:
    """The whole file as a mono float32 waveform (S,) at ``sample_rate`` Hz.

    Raises :class:`AudioError` when the file is missing, not audio, empty, or not finite.
    """
    blocks = list(stream_audio(path, sample_rate))
    return torch.cat(blocks)


def stream_audio(
    path: str | Path, sample_rate: int = SAMPLE_RATE, block_seconds: float = 20.0
) -> Iterator[Tensor]:
    """Consecutive mono float32 blocks (S,) of the file at ``sample_rate`` Hz, in constant memory.

    The blocks joined together are the same for any ``block_seconds``. Raises as `read_audio`.
    """
    path = Path(path)
    with _open(path) as sound:
        resampler = (
            None
            if sound.samplerate == sample_rate
            else soxr.ResampleStream(sound.samplerate, sample_rate, 1, dtype="float32")
        )
        block = max(1, int(block_seconds * sound.samplerate))
        n_read = 0
        while True:
            samples = _read_block(sound, block, path)
            last = len(samples) < block
            n_read += len(samples)
            mono = np.ascontiguousarray(samples.mean(axis=1, dtype=np.float32))
            if not np.isfinite(mono).all():
                raise AudioError(
                    f"{path} holds samples that are not finite (NaN or infinite); export it again"
                )
            if resampler is not None:
                mono = resampler.resample_chunk(mono, last=last)
            if len(mono):
                yield torch.from_numpy(np.ascontiguousarray(mono))
            if last:
                break
        if n_read == 0:
            raise AudioError(f"{path} holds no samples; is the file truncated?")
        if n_read < _counted_frames(path, sound) - 2 * _MP3_FRAME:
            raise AudioError(f"{path} breaks off or is damaged; export it again")


def _open(path: Path) -> soundfile.SoundFile:
    if not path.exists():
        raise AudioError(f"{path} does not exist")
    if path.is_dir():
        raise AudioError(f"{path} is a folder, not a sound file")
    if path.stat().st_size == 0:
        raise AudioError(f"{path} is empty")
    try:
        sound = soundfile.SoundFile(str(path))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        known = ", ".join(s[1:].upper() for s in AUDIO_SUFFIXES)
        raise AudioError(f"{path} is not a sound file that can be read ({known})") from error
    # libsndfile reads what there is of a WAV or AIFF that breaks off and only notes it here.
    short = re.search(r"^\s*(?:data|SSND) : (\d+) \(should be (\d+)\)", sound.extra_info, re.M)
    if short and int(short[2]) < int(short[1]) < _UNKNOWN_SIZE:
        sound.close()
        raise AudioError(f"{path} breaks off or is damaged; export it again")
    return sound


def _counted_frames(path: Path, sound: soundfile.SoundFile) -> int:
    """Samples that an MP3's own header promises; 0 where there is only an estimate."""
    if sound.format != "MP3":
        return 0
    with path.open("rb") as file:
        head = file.read(1 << 16)
    return sound.frames if b"Xing" in head or b"Info" in head else 0


def _read_block(sound: soundfile.SoundFile, n_samples: int, path: Path) -> np.ndarray:
    try:
        return sound.read(n_samples, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path} breaks off or is damaged; export it again") from error


def duration(path: str | Path) -> float:
    """Length of the file in seconds, read from its header."""
    with _open(Path(path)) as sound:
        return sound.frames / sound.samplerate


class AudioWriter:
    """Writes a mono sound file block by block, aside, and renames it when complete.

    A context manager; when the block inside raises, nothing is left behind. The container follows
    the suffix of ``path``: wav (16-bit), flac, ogg (Vorbis), opus, mp3.
    """

    def __init__(
        self, path: str | Path, sample_rate: int, *, note: str | None = None, force: bool = True
    ) -> None:
        self.path = Path(path)
        self.sample_rate = sample_rate
        self.note = note
        suffix = self.path.suffix.lower()
        if suffix not in _FORMATS:
            raise AudioError(
                f"cannot write {self.path.name}: choose one of {', '.join(sorted(_FORMATS))}"
            )
        if self.path.exists() and not force:
            raise AudioError(f"{self.path} exists; pass --force to replace it")
        self._suffix = suffix

    def __enter__(self) -> "AudioWriter":
        self._aside = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._sound = soundfile.SoundFile(
                str(self._aside),
                "w",
                samplerate=self.sample_rate,
                channels=1,
                format=_FORMATS[self._suffix],
                subtype=_SUBTYPES[self._suffix],
            )
        except (OSError, soundfile.LibsndfileError, RuntimeError, ValueError) as error:
            # A parent that is a file makes unlink itself fail.
            with contextlib.suppress(OSError):
                self._aside.unlink()
            raise AudioError(f"{self.path} cannot be written ({error})") from error
        if self.note:
            self._sound.comment = self.note
        return self

    def write(self, waveform: Tensor) -> None:
        """Append samples (S,) in [-1, 1]; louder ones are clipped."""
        try:
            self._sound.write(waveform.detach().float().clamp(-1.0, 1.0).cpu().numpy())
        except (OSError, soundfile.LibsndfileError, RuntimeError) as error:
            raise AudioError(f"{self.path} cannot be written ({error})") from error

    def __exit__(self, kind: type | None, error: object, trace: object) -> None:
        try:
            self._sound.close()
            if kind is None:
                os.replace(self._aside, self.path)
        except (OSError, soundfile.LibsndfileError, RuntimeError) as failure:
            raise AudioError(f"{self.path} cannot be written ({failure})") from failure
        finally:
            self._aside.unlink(missing_ok=True)


def write_audio(
    path: str | Path,
    waveform: Tensor,
    sample_rate: int,
    *,
    note: str | None = None,
    force: bool = True,
) -> None:
    """Write a mono waveform (S,) in [-1, 1]; see :class:`AudioWriter` for formats and safety."""
    with AudioWriter(path, sample_rate, note=note, force=force) as writer:
        writer.write(waveform)


def find_audio(folder: str | Path) -> list[Path]:
    """Every sound file below ``folder``, sorted; raises :class:`AudioError` when there is none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise AudioError(f"{folder} is not a folder")
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES
        and path.is_file()
        and not path.name.startswith(".")
    )
    if not found:
        known = ", ".join(s[1:] for s in AUDIO_SUFFIXES)
        raise AudioError(f"{folder} holds no sound files ({known})")
    return found
