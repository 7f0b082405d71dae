"""A converter with tiny random weights, and recordings to feed it."""

from pathlib import Path

import soundfile
import torch

from tests.vc.features import TINY
from tests.vc.sounds import SAMPLE_RATE, voice
from vc.inference import VoiceConverter
from vc.model import VoiceAutoencoder
from vc.vocoder import SourceFilter
from vc.voices import save_profile


def make_converter(seed: int = 0) -> VoiceConverter:
    """The same small converter for the same seed."""
    torch.manual_seed(seed)
    network = VoiceAutoencoder(TINY)
    for block in network.decoder.blocks:
        # Fresh networks hardly listen to the voice; these do.
        torch.nn.init.normal_(block.film.weight, std=0.3)
    return VoiceConverter(network, SourceFilter(width=16, dilations=(1,)))


def write_weights(folder: Path, seed: int = 0) -> VoiceConverter:
    """The converter that now lies in ``folder``, with the ready voices ann and bob."""
    converter = make_converter(seed)
    converter.save_pretrained(folder)
    loaded = VoiceConverter.from_pretrained(folder)
    for name, f0, scale in (("ann", 210.0, 1.17), ("bob", 110.0, 1.0)):
        recording = (voice(f0, scale, 3.0, 5), SAMPLE_RATE)
        save_profile(loaded.profile(recording, name), folder / "voices" / f"{name}.voice")
    return loaded


def write_voice(path: Path, f0: float = 120.0, seconds: float = 2.0, seed: int = 0) -> Path:
    """A WAV file of a made-up speaker."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waveform = voice(f0, 1.0 if f0 < 160 else 1.17, seconds, seed)
    soundfile.write(path, waveform.numpy(), SAMPLE_RATE, subtype="PCM_16")
    return path
