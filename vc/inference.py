"""Serving: a recording and a voice in, the recording in that voice out."""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import soxr
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from shared.checkpoint import fingerprint, load_model, resolve, save_model
from vc.audio import (
    AUDIO_SUFFIXES,
    LEVEL,
    SYNTHETIC_NOTE,
    AudioError,
    AudioWriter,
    LogMel,
    MelSpec,
    stream_audio,
)
from vc.conversion import (
    MIN_SPEECH_SECONDS,
    Analysis,
    Clock,
    Recording,
    analyse,
    move_pitch,
    no_clock,
    read_mel,
    render,
)
from vc.encoders import Speaker
from vc.matching import Match, Piece, match_rendering, matched
from vc.model import VoiceAutoencoder, VoiceConfig, relative_mel
from vc.synthesis.base import Vocoder
from vc.synthesis.network import SourceFilter
from vc.vocoder import load_vocoder, save_synthesiser
from vc.voices import (
    SUFFIX,
    VoiceError,
    VoiceProfile,
    blend,
    check_profile,
    interpolate,
    load_profile,
    pitch_statistics,
)

KIND = "vc"
PACKAGED = Path(__file__).parent / "weights" / "base"
PITCH_MODES = ("match", "keep", "shift")
# More of a reference says nothing new about the voice, and would take its share of memory.
REFERENCE_SECONDS = 180.0
_REFERENCE_READ_SECONDS = 900.0
# How far a voice is moved away from the average one of training, since decoders render each a
# little too average (VoiceAutoencoder.emphasised). Measured with the packaged weights.
EMPHASIS = 0.6
# How much further below a voice's mean spectrum its quiet moments are put, as a share.
_EXPANSION = 0.35
# Frames encoded at once where nothing is decoded (even).
_CODE_FRAMES = 2000

Waveform = tuple[Tensor | np.ndarray, int]
Source = str | Path | Waveform
Voice = Source | VoiceProfile | Sequence[Source | VoiceProfile]


class Conversion(NamedTuple):
    """A waveform (S,) in [-1, 1] at ``sample_rate`` Hz."""

    waveform: Tensor
    sample_rate: int


@dataclass(frozen=True)
class Knobs:
    """What a caller may ask of a conversion; raises ValueError for what makes no sense.

    ``pitch_shift`` in semitones; ``pitch_mode`` "match" (the target's register), "shift" (the
    source's register, shifted) or "keep" (the source's pitch untouched); ``pitch_range`` scales the
    melody around its median; ``strength`` 0 is the source's own voice, 1 the target's;
    ``emphasis`` moves the target away from the average voice (0: not at all): more character, less
    clarity.
    """

    pitch_shift: float = 0.0
    pitch_mode: Literal["match", "keep", "shift"] = "match"
    pitch_range: float = 1.0
    strength: float = 1.0
    emphasis: float = EMPHASIS

    def __post_init__(self) -> None:
        if self.pitch_mode not in PITCH_MODES:
            raise ValueError(
                f"pitch mode must be one of {', '.join(PITCH_MODES)}, got {self.pitch_mode!r}"
            )
        for name, low, high in (
            ("pitch_shift", -36.0, 36.0),
            ("pitch_range", 0.0, 3.0),
            ("strength", 0.0, 1.5),
            ("emphasis", 0.0, 2.0),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"{name.replace('_', ' ')} must be between {low:g} and {high:g}, "
                    f"got {getattr(self, name):g}"
                )
        if self.pitch_mode == "keep" and (self.pitch_shift != 0.0 or self.pitch_range != 1.0):
            raise ValueError(
                'pitch mode "keep" leaves the pitch untouched and takes no shift or range; '
                'use pitch mode "shift" for the source\'s register with changes'
            )


class VoiceConverter(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="bowtie-ae",
    license="mit",
    tags=["voice-conversion", "audio-to-audio"],
):
    """Says a recording in another voice; ``folder`` is where the weights and ready voices lie.

    Deterministic: the same input gives the same output, whatever ``chunk_seconds`` (how much is
    rendered at once) is. With ``fast`` the second pitch contour (vc/harvest), which costs more
    than everything else, is left out: breath and creak lose their melody.
    """

    def __init__(
        self,
        network: VoiceAutoencoder,
        vocoder: Vocoder,
        spec: MelSpec | None = None,
        folder: Path | None = None,
        chunk_seconds: float = 20.0,
        fast: bool = False,
    ) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.vocoder = vocoder.eval().requires_grad_(False)
        self.spec = spec or MelSpec()
        self.log_mel = LogMel(self.spec)
        self.folder = folder
        self.chunk_seconds = chunk_seconds
        self.fast = fast
        self.clock: Clock = no_clock

    # --- weights -----------------------------------------------------------------------------

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | None = None,
        *,
        vocoder: str | Path | None = None,
        device: str | torch.device = "cpu",
        fast: bool = False,
    ) -> "VoiceConverter":
        """The converter in a folder or on the Hub (``owner/name``); None: the packaged weights.

        ``vocoder`` as in :func:`vc.vocoder.load_vocoder`, None or "source-filter": the synthesiser
        that comes with the weights. Raises ValueError when there are no such weights, they are
        damaged, or the device is not there.
        """
        device = _device(device)
        folder = resolve(source, PACKAGED, KIND)
        config, state = load_model(folder, kind=KIND)
        network, spec = _build(config, state, folder)
        if vocoder in (None, "source-filter"):
            vocoder = folder / "synthesiser"
            if not vocoder.is_dir():
                raise ValueError(
                    f"{folder} has no synthesiser; choose --vocoder griffin-lim, or export the "
                    "weights with one: vc export RUN -o FOLDER --synthesiser RUN"
                )
        try:
            loaded = load_vocoder(vocoder, spec)
        except (KeyError, TypeError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"the synthesiser does not fit this version of bowtie-ae ({vocoder}: {reason}); "
                "export it again"
            ) from error
        return cls(network, loaded, spec, folder, fast=fast).to(device)

    def _save_pretrained(self, save_directory: Path) -> None:
        """Called by ``save_pretrained`` and ``push_to_hub`` of the Hub mixin."""
        extra = {f"voices/{path.name}": path.read_bytes() for path in self._voice_files().values()}
        for part in ("screen", "space"):  # of vc calibrate
            for path in sorted((self.folder / part).glob("*")) if self.folder else ():
                extra[f"{part}/{path.name}"] = path.read_bytes()
        if not (save_directory / "README.md").exists():
            card = self.folder / "README.md" if self.folder else None
            has_card = card is not None and card.is_file()
            extra["README.md"] = card.read_bytes() if has_card else _CARD.encode()
        save_model(
            save_directory,
            self.network.state_dict(),
            {"network": asdict(self.network.config), "mel": asdict(self.spec), "level": LEVEL},
            kind=KIND,
            half=True,
            extra_files=extra,
            overwrite=True,
        )
        if isinstance(self.vocoder, SourceFilter):
            save_synthesiser(self.vocoder, save_directory / "synthesiser", overwrite=True)

    @functools.cached_property
    def fingerprint(self) -> str:
        """16 digits that name the network's weights as they are stored, in half precision."""
        return fingerprint({k: v.half() for k, v in self.network.state_dict().items()})

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    # --- voices ------------------------------------------------------------------------------

    def voices(self) -> list[str]:
        """Names of the ready voices that came with the weights."""
        return sorted(self._voice_files())

    def _voice_files(self) -> dict[str, Path]:
        found = (self.folder / "voices").glob(f"*{SUFFIX}") if self.folder else ()
        return {path.stem: path for path in found}

    def profile(self, sources: Voice, name: str | None = None) -> VoiceProfile:
        """The voice of one or several recordings, joined; or a voice file, ready voice or profile.

        In a list with profiles the recordings together count as many times as there are of them.
        Raises ValueError (one line) for a recording with less than half a second of speech, a voice
        of other weights, and whatever cannot be read.
        """
        found = [self._find(item) for item in _as_list(sources)]
        recordings = [item for item in found if not isinstance(item, VoiceProfile)]
        profiles = [item for item in found if isinstance(item, VoiceProfile)]
        weights = [1.0] * len(profiles)
        if recordings:
            profiles.append(self._listen(recordings))
            weights.append(float(len(recordings)))
        voice = profiles[0] if len(profiles) == 1 else blend(profiles, weights)
        return replace(voice, name=name) if name else voice

    def _find(self, item: Source | VoiceProfile) -> Source | VoiceProfile:
        """A profile where ``item`` means one, else the recording that it is."""
        if isinstance(item, VoiceProfile):
            check_profile(item, self.fingerprint, f"the voice {item.name}")
            return item
        if isinstance(item, tuple):
            return item
        path, ready = Path(item), self._voice_files()
        if path.suffix == SUFFIX:
            return load_profile(path, self.fingerprint)
        if path.is_file():
            return path
        if str(item) in ready:
            return load_profile(ready[str(item)], self.fingerprint)
        if path.is_dir():
            raise VoiceError(f"{path} is a folder; name the recordings of the voice in it")
        if path.suffix.lower() in AUDIO_SUFFIXES or len(path.parts) > 1:
            raise AudioError(f"{path} does not exist")
        names = ", ".join(self.voices()) or "none come with these weights"
        raise VoiceError(f"no voice {item}: no such file, and no ready voice (there are: {names})")

    @torch.inference_mode()
    def _listen(self, sources: Sequence[Source]) -> VoiceProfile:
        pieces, f0s = [], []
        budget = self._reference_frames // len(sources)
        for source in sources:
            with self._open(source, _REFERENCE_READ_SECONDS) as recording:
                analysis = analyse(recording, self.log_mel, self.clock, weak_pitch=not self.fast)
                pieces += self._speech(recording, analysis, budget)
            f0s.append(analysis.f0[analysis.active])
        name = "voice" if isinstance(sources[0], tuple) else Path(sources[0]).stem
        return self._voice_in(pieces, torch.cat(f0s), name, EMPHASIS)

    @property
    def _reference_frames(self) -> int:
        return round(REFERENCE_SECONDS * self.spec.frames_per_second)

    def _voice_in(
        self, pieces: Sequence[Piece], f0: Tensor, name: str, emphasis: float
    ) -> VoiceProfile:
        """The profile of what `_speech` gave, with the pitch of active frames ``f0`` (T,)."""
        mel = torch.cat([piece.mel[..., piece.counts] for piece in pieces], -1)
        relative = torch.cat([piece.relative[..., piece.counts] for piece in pieces], -1)
        everything = torch.ones(1, mel.shape[-1], dtype=torch.bool, device=mel.device)
        with self.clock("speaker encoder"):
            speaker = self.network.encode_speaker(mel, relative, everything)
        with self.clock("matching"):
            match = match_rendering(self.network, speaker, pieces, emphasis)
        speaker = Speaker(*(x[0].cpu() for x in speaker))
        match = Match(*(x.cpu() for x in match))
        return VoiceProfile(speaker, *pitch_statistics(f0), name, self.fingerprint, match)

    def _speech(self, recording: Recording, analysis: Analysis, budget: int) -> list[Piece]:
        """A reference up to its ``budget``-th active frame, without what holds none."""
        frames_per_second = self.spec.frames_per_second
        n_active = int(analysis.active.sum())
        if n_active < MIN_SPEECH_SECONDS * frames_per_second:
            raise AudioError(
                f"{recording.name} holds only {n_active / frames_per_second:.2f} s of speech; "
                f"a reference needs at least {MIN_SPEECH_SECONDS:g} s"
            )
        gain, mean, pieces = LEVEL / analysis.level, analysis.mean[None].to(self.device), []
        counts = analysis.active & (analysis.active.cumsum(0) <= budget)
        for start in range(0, analysis.n_frames, _CODE_FRAMES):
            part = slice(start, min(start + _CODE_FRAMES, analysis.n_frames))
            if not bool(counts[part].any()):
                continue
            mel = read_mel(recording, self.log_mel, gain, part.start, part.stop, self.device)
            pieces.append(
                Piece(
                    mel,
                    relative_mel(mel, mean),
                    analysis.f0[None, part].to(self.device),
                    counts[part].to(self.device),
                )
            )
        return pieces

    # --- sound -------------------------------------------------------------------------------

    def convert(
        self,
        source: Source,
        voice: Voice,
        *,
        pitch_shift: float = 0.0,
        pitch_mode: Literal["match", "keep", "shift"] = "match",
        pitch_range: float = 1.0,
        strength: float = 1.0,
        emphasis: float = EMPHASIS,
        sample_rate: int | None = None,
    ) -> Conversion:
        """``source`` said in ``voice``; as long as the source, at its level.

        ``source`` is a path or (waveform (S,), sample rate). ``voice`` is the same, a .voice file,
        the name of a ready voice, a profile, or a list of these. The knobs are explained at
        :class:`Knobs`; ``sample_rate`` is that of the result (default: the network's, 16 kHz).
        Raises ValueError, one line, for input that cannot be used.
        """
        knobs = Knobs(pitch_shift, pitch_mode, pitch_range, strength, emphasis)
        profile = self.profile(voice)
        with self._open(source) as recording:
            return self._joined(self._converted(recording, profile, knobs), sample_rate)

    def convert_file(
        self,
        source: Source,
        out: str | Path,
        voice: Voice,
        *,
        pitch_shift: float = 0.0,
        pitch_mode: Literal["match", "keep", "shift"] = "match",
        pitch_range: float = 1.0,
        strength: float = 1.0,
        emphasis: float = EMPHASIS,
        sample_rate: int | None = None,
        force: bool = False,
        progress: Callable[[float, float], None] | None = None,
    ) -> Path:
        """As `convert`, written piece by piece into ``out``; its path, in constant memory.

        The format follows the suffix (wav, flac, ogg, opus, mp3). Refuses an ``out`` that exists
        unless ``force``, and always one that is the source; nothing half-written is left.
        ``progress`` is told after each piece how many seconds are done, of how many.
        """
        knobs = Knobs(pitch_shift, pitch_mode, pitch_range, strength, emphasis)
        rate = self.spec.sample_rate if sample_rate is None else sample_rate
        writer = AudioWriter(out, rate, note=SYNTHETIC_NOTE, force=force)
        if not isinstance(source, tuple) and Path(source).resolve() == writer.path.resolve():
            raise AudioError(f"{out} is the source itself; choose another name for the result")
        profile = self.profile(voice)
        with self._open(source) as recording:
            # The first block comes after everything that is wrong with the source has shown.
            blocks = resampled(
                self._converted(recording, profile, knobs), self.spec.sample_rate, rate
            )
            first, n_done = next(blocks), 0
            with writer:
                for block in itertools.chain([first], blocks):
                    writer.write(block)
                    n_done += block.numel()
                    if progress is not None:
                        progress(n_done / rate, recording.n_samples / self.spec.sample_rate)
        return writer.path

    def reconstruct(self, source: Source) -> Conversion:
        """The recording through the whole autoencoder in its own voice."""
        with self._open(source) as recording:
            return self._joined(
                self._converted(recording, None, Knobs(pitch_mode="keep", emphasis=0.0))
            )

    @torch.inference_mode()
    def copy_synthesis(self, source: Source) -> Conversion:
        """The vocoder's rendering of the recording's own mel and pitch."""
        with self._open(source) as recording:
            analysis = analyse(recording, self.log_mel, self.clock, weak_pitch=not self.fast)
            return self._joined(
                render(
                    recording,
                    analysis,
                    self.log_mel,
                    lambda mel, f0: mel,
                    analysis.f0,
                    self.vocoder,
                    context=0,
                    chunk_seconds=self.chunk_seconds,
                )
            )

    @torch.inference_mode()
    def content_codes(self, source: Source) -> Tensor:
        """What is said in the recording: codes (C, T'), one per two mel frames."""
        with self._open(source) as recording:
            analysis = analyse(recording, self.log_mel, weak_pitch=False)
            gain, context = LEVEL / analysis.level, self.network.context_frames
            mean, codes = analysis.mean[None].to(self.device), []
            for start in range(0, analysis.n_frames, _CODE_FRAMES):
                stop = min(start + _CODE_FRAMES, analysis.n_frames)
                first, last = max(0, start - context), min(stop + context, analysis.n_frames)
                mel = read_mel(recording, self.log_mel, gain, first, last, self.device)
                code = self.network.encode_content(relative_mel(mel, mean))[0]
                n_codes = -(-(stop - start) // 2)
                codes.append(code[:, (start - first) // 2 :][:, :n_codes].cpu())
        return torch.cat(codes, 1)

    def _own_voice(self, recording: Recording, analysis: Analysis, emphasis: float) -> VoiceProfile:
        """The voice of the recording itself, which was analysed before."""
        pieces = self._speech(recording, analysis, self._reference_frames)
        return self._voice_in(pieces, analysis.f0[analysis.active], "own", emphasis)

    def _converted(
        self, recording: Recording, profile: VoiceProfile | None, knobs: Knobs
    ) -> Iterator[Tensor]:
        """Blocks (S,) at the network's rate; no profile means the recording's own voice."""
        # Not around the loop: a generator must not leave inference mode on between its items.
        with torch.inference_mode():
            analysis = analyse(
                recording,
                self.log_mel,
                self.clock,
                chunk_seconds=self.chunk_seconds,
                weak_pitch=not self.fast,
            )
            if profile is None:
                profile = self._own_voice(recording, analysis, knobs.emphasis)
            elif knobs.strength != 1.0:
                own = self._own_voice(recording, analysis, EMPHASIS)
                profile = interpolate(own, profile, knobs.strength)
            f0 = move_pitch(
                analysis.f0,
                pitch_statistics(analysis.f0[analysis.active]),
                (profile.f0_median, profile.f0_spread),
                mode=knobs.pitch_mode,
                shift=knobs.pitch_shift,
                pitch_range=knobs.pitch_range,
            )
            speaker = Speaker(*(x[None].to(self.device) for x in profile.speaker))
            # A voice half-way between source and target is emphasised half as much.
            emphasis = knobs.emphasis * min(1.0, knobs.strength)
            speaker = self.network.emphasised(speaker, emphasis)
            mean = analysis.mean[None].to(self.device)

        def decoded(mel: Tensor, pitch: Tensor) -> Tensor:
            with self.clock("content encoder"):
                content = self.network.encode_content(relative_mel(mel, mean))
            with self.clock("decoder"):
                made = self.network.decode(content, speaker, pitch)
                if profile.match is not None:
                    made = matched(made, speaker.mean, profile.match)
                return expanded(made, speaker.mean)

        blocks = render(
            recording,
            analysis,
            self.log_mel,
            decoded,
            f0,
            self.vocoder,
            context=self.network.context_frames,
            chunk_seconds=self.chunk_seconds,
            clock=self.clock,
        )
        while True:
            with torch.inference_mode():
                block = next(blocks, None)
            if block is None:
                return
            yield block

    def _joined(self, blocks: Iterator[Tensor], sample_rate: int | None = None) -> Conversion:
        rate = self.spec.sample_rate if sample_rate is None else sample_rate
        waveform = torch.cat(list(resampled(blocks, self.spec.sample_rate, rate)))
        return Conversion(waveform.clamp(-1.0, 1.0), rate)

    def _open(self, source: Source, seconds: float | None = None) -> Recording:
        """The source at the network's rate; only its first ``seconds`` if given."""
        rate = self.spec.sample_rate
        if isinstance(source, tuple):
            return Recording(_checked(*source, rate), "the waveform")
        with self.clock("features"):
            blocks = stream_audio(source, rate)
            if seconds is not None:
                blocks = _first(blocks, round(seconds * rate))
            return Recording(blocks, str(source))


def expanded(mel: Tensor, mean: Tensor, amount: float = _EXPANSION) -> Tensor:
    """The log-mel (B, M, T), further below the voice's mean (B, M) by ``amount`` where it is below.

    Decoders fill the valleys between sounds and between harmonics; a downward expander, band by
    band, clears them and leaves what is loud, and with it the voice, as it is.
    """
    return mel + amount * (mel - mean[..., None]).clamp_max(0.0)


def resampled(blocks: Iterator[Tensor], rate: int, wanted: int) -> Iterator[Tensor]:
    """The blocks (S,) at ``wanted`` Hz; joined, they do not depend on where they were cut."""
    if not 4_000 <= wanted <= 384_000:
        raise AudioError(f"sample rate must be between 4000 and 384000 Hz, got {wanted}")
    if wanted == rate:
        yield from blocks
        return
    resampler = soxr.ResampleStream(rate, wanted, 1, dtype="float32")
    for block in blocks:
        yield torch.from_numpy(resampler.resample_chunk(block.numpy()).copy())
    tail = resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
    yield torch.from_numpy(tail.copy())


def _as_list(voice: Voice) -> list[Source | VoiceProfile]:
    """A waveform is a tuple, so only other sequences hold several voices."""
    single = isinstance(voice, (str, Path, tuple, VoiceProfile))
    items = [voice] if single else list(voice)
    if not items:
        raise VoiceError("no voice given; name a recording, a .voice file or a ready voice")
    return items


def _checked(waveform: Tensor | np.ndarray, rate: int, wanted: int) -> Iterator[Tensor]:
    """The waveform as one block (S,) at the wanted rate."""
    waveform = torch.as_tensor(waveform).detach().cpu()
    if waveform.ndim != 1 or not waveform.is_floating_point():
        raise AudioError(
            f"a waveform must be (S,) floating point in [-1, 1], got {waveform.dtype} "
            f"of shape {tuple(waveform.shape)}"
        )
    if waveform.numel() == 0:
        raise AudioError("the waveform holds no samples")
    if not bool(torch.isfinite(waveform).all()):
        raise AudioError("the waveform holds samples that are not finite (NaN or infinite)")
    waveform = waveform.float()
    if rate != wanted:
        waveform = torch.from_numpy(soxr.resample(waveform.numpy(), rate, wanted))
    yield waveform


def _first(blocks: Iterator[Tensor], n_samples: int) -> Iterator[Tensor]:
    for block in blocks:
        yield block[:n_samples]
        n_samples -= block.numel()
        if n_samples <= 0:
            return


def _build(config: dict, state: dict[str, Tensor], folder: Path) -> tuple[nn.Module, MelSpec]:
    try:
        spec = MelSpec(**config["mel"])
        network = VoiceAutoencoder(VoiceConfig(**config["network"]))
        network.load_state_dict(state, strict=True)
        level = float(config["level"])
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{folder} does not fit this version of bowtie-ae ({reason}); export the weights again"
        ) from error
    if level != LEVEL:
        raise ValueError(f"{folder} was trained at level {level}, this version works at {LEVEL}")
    return network, spec


def _device(name: str | torch.device) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"device {name} cannot be used ({reason})") from error
    return device


_CARD = """---
license: mit
library_name: bowtie-ae
tags: [voice-conversion, audio-to-audio]
---
# A Bowtie voice model

Says a recording in another voice. Load it with
`vc.VoiceConverter.from_pretrained(FOLDER_OR_HUB_ID)`, or `vc convert --weights`.
`config.json` holds the sizes and the sha256 of the weights, `synthesiser/` the vocoder, `voices/`
ready voices as statistics without audio. Converting somebody's voice needs their consent.
"""
