"""What the networks hear of a recording that is not to be converted: no weak pitch, hence fast."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import torch
from torch import Tensor

from vc.audio import LEVEL, AudioError, stream_audio
from vc.conversion import MIN_SPEECH_SECONDS, Analysis, Recording, analyse, read_mel
from vc.encoders import Speaker
from vc.model import relative_mel

if TYPE_CHECKING:
    from vc.inference import VoiceConverter

# More of a recording is not listened to.
SECONDS = 60.0

Sound = Path | tuple[Tensor, int]
Item = TypeVar("Item")


class Heard(NamedTuple):
    """A recording of T frames: its waveform (S,) and log-mel (1, M, T), plain and relative.

    ``content`` (1, C, T') and ``speaker`` (one voice, with the batch axis) are its codes.
    """

    waveform: Tensor
    analysis: Analysis
    mel: Tensor
    relative: Tensor
    content: Tensor
    speaker: Speaker


@torch.inference_mode()
def hear(converter: "VoiceConverter", sound: Sound) -> Heard:
    """What is heard of a path, or of (waveform (S,), the network's rate).

    Raises AudioError for what cannot be read, holds only silence or less than half a second of
    sound.
    """
    spec, network = converter.spec, converter.network
    with _recording(sound, spec.sample_rate) as recording:
        analysis = analyse(recording, converter.log_mel, weak_pitch=False)
        n_active = int(analysis.active.sum())
        if n_active < MIN_SPEECH_SECONDS * spec.frames_per_second:
            raise AudioError(
                f"{recording.name} holds only {n_active / spec.frames_per_second:.2f} s of sound; "
                f"at least {MIN_SPEECH_SECONDS:g} s are needed"
            )
        gain = LEVEL / analysis.level
        mel = read_mel(recording, converter.log_mel, gain, 0, analysis.n_frames, converter.device)
        waveform = recording.read(0, recording.n_samples)
    active = analysis.active.to(mel.device)
    relative = relative_mel(mel, analysis.mean[None].to(mel.device))
    everything = torch.ones(1, n_active, dtype=torch.bool, device=mel.device)
    speaker = network.encode_speaker(mel[..., active], relative[..., active], everything)
    content = network.encode_content(relative)
    return Heard(waveform, analysis, mel, relative, content, speaker)


def usable(
    recordings: Sequence[Path],
    listen: Callable[[Path], Item],
    failed: Callable[[str], None],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[tuple[Path, Item]]:
    """What ``listen`` gives for each recording that it takes; ``failed`` is told of the others,
    ``progress`` how many are done of how many."""
    for i, path in enumerate(recordings):
        try:
            item = listen(path)
        except ValueError as error:
            failed(str(error))
        else:
            yield path, item
        progress(i + 1, len(recordings))


def _recording(sound: Sound, rate: int) -> Recording:
    n_missing = round(SECONDS * rate)
    if isinstance(sound, tuple):
        waveform, given = sound
        if given != rate:
            raise ValueError(f"the waveform must be at {rate} Hz, got {given}")
        return Recording([waveform[:n_missing]], "the waveform")
    blocks = []
    for block in stream_audio(sound, rate):
        blocks.append(block[:n_missing])
        n_missing -= len(blocks[-1])
        if n_missing <= 0:
            break
    return Recording(blocks, str(sound))
