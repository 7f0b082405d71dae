"""The trained synthesiser: pulses and noise, filtered frame by frame as the mel asks.

A source-filter model in the spirit of DDSP (Engel et al. 2020) and of the neural source-filter
family (Wang et al. 2019): the pitch is given, so the network has to learn only the filters.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vc.audio import MelSpec, mel_filters
from vc.synthesis.base import Vocoder
from vc.synthesis.excitation import PITCH_CONTEXT, Excitation, Position, excite

# Pulses and noise: see excitation.py.
N_SOURCES = 2
# No filter exceeds the mel's own envelope by more than this (natural log: 26 dB).
_MAX_BOOST = 3.0
# Typical mean and deviation of the natural-log mel at the level all features are brought to.
_MEL_MEAN, _MEL_SCALE = -5.0, 2.0
_PITCH_CENTRE = math.log(160.0)
# Beside the mel: log pitch, whether it is voiced, whether it is weak.
_N_PITCH = 3
# Where the pitch is weak (negative), what lies below this is given in pulses whatever the network
# says: so the melody goes on, as a tracker hears it. Higher costs likeness and naturalness.
_WEAK_BELOW_HZ, _WEAK_SLOPE_HZ = 400.0, 60.0


class Block(nn.Module):
    """x (B, C, T) + a dilated convolution of it; normalised per frame, so that pieces agree."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.out = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x.mT).mT
        return x + self.out(functional.gelu(self.conv(y)))


class SourceFilter(Vocoder):
    """Filters an excitation of the given pitch in the Fourier domain; see `Vocoder` for shapes.

    Each frame of the excitation (two hops long, Hann) is multiplied by the zero-phase response
    that the network gives it and overlap-added at full length.
    """

    def __init__(
        self,
        spec: MelSpec | None = None,
        width: int = 256,
        dilations: Sequence[int] = (1, 2, 4, 2, 1),
    ) -> None:
        super().__init__()
        self.spec = spec or MelSpec()
        self.config = {"width": width, "dilations": list(dilations)}
        # Six hops: short enough to be cheap, long enough for 20 ms of ringing on either side.
        self.n_fft = 6 * self.spec.hop_length
        self.n_bins = self.n_fft // 2 + 1
        # Frames to either side: the network's, the overlap's and the held pitch's.
        self.context = 2 + sum(dilations) + 4 + PITCH_CONTEXT
        self.enter = nn.Conv1d(self.spec.n_mels + _N_PITCH, width, 5, padding=2)
        self.blocks = nn.Sequential(*(Block(width, d) for d in dilations))
        self.norm = nn.LayerNorm(width)
        self.gains = nn.Linear(width, N_SOURCES * self.n_bins)
        window = torch.hann_window(2 * self.spec.hop_length)
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("to_bins", _bands_to_bins(self.spec, self.n_bins), persistent=False)
        frequency = torch.linspace(0, 0.5 * self.spec.sample_rate, self.n_bins)
        share = torch.sigmoid((_WEAK_BELOW_HZ - frequency) / _WEAK_SLOPE_HZ)
        self.register_buffer("weak_pulses", share, persistent=False)
        self._start_from_a_sensible_mix()

    def render(self, mel: Tensor, f0: Tensor, position: Position) -> Tensor:
        spec = self.spec
        excitation = excite(f0, spec.hop_length, spec.sample_rate, spec.hop_length, position)
        return self.filter(excitation, self.responses(mel, f0))

    def responses(self, mel: Tensor, f0: Tensor) -> Tensor:
        """Magnitude responses (B, 2, T, F), transposed for the transforms: pulses, noise.

        Negative ``f0`` (B, T) is a weak pitch, as of breath and creak. How much of it is pulses the
        network has learned; only the lowest part is pulses by rule.
        """
        voiced, weak = (f0 > 0).to(mel.dtype), (f0 < 0).to(mel.dtype)
        pitch = (voiced + weak) * (torch.log(f0.abs().clamp_min(20.0)) - _PITCH_CENTRE)
        told = torch.stack([pitch, voiced, weak], 1)
        x = torch.cat([(mel - _MEL_MEAN) / _MEL_SCALE, told], 1)
        x = self.blocks(self.enter(x)).mT
        boost = self.gains(self.norm(x)).float().clamp_max(_MAX_BOOST)
        with torch.autocast(mel.device.type, enabled=False):
            envelope = torch.einsum("fm,bmt->btf", self.to_bins, mel.float())
            boost = boost.unflatten(2, (N_SOURCES, self.n_bins)).transpose(1, 2)
            responses = (boost + envelope[:, None]).exp()
            if not bool(weak.any()):
                return responses
            ruled = weak[..., None] * self.weak_pulses
            pulses, noise = responses.square().unbind(1)
            pulses = torch.lerp(pulses, (2 * envelope).exp(), ruled)
            # the square root has no slope at 0
            return torch.stack([pulses, noise * (1 - ruled)], 1).clamp_min(1e-20).sqrt()

    def filter(self, excitation: Excitation, responses: Tensor) -> Tensor:
        """The waveform (B, S) of the filtered sources, S = (T - 1) * hop."""
        hop = self.spec.hop_length
        spectrum = 0.0
        for source, response in zip(excitation, responses.unbind(1), strict=True):
            frames = source.unfold(1, 2 * hop, hop) * self.window
            # The frame sits in the middle of the transform, with two hops of room on both sides.
            frames = functional.pad(frames, (2 * hop, 2 * hop))
            spectrum = spectrum + torch.fft.rfft(frames) * response
        return overlap_add(torch.fft.irfft(spectrum, self.n_fft), hop)

    def _start_from_a_sensible_mix(self) -> None:
        """At first: pulses below 4 kHz, noise above, as in the simplest of vocoders."""
        nn.init.normal_(self.gains.weight, std=0.01)
        frequency = torch.linspace(0, 0.5 * self.spec.sample_rate, self.n_bins)
        slope = (frequency - 4000) / 1000
        with torch.no_grad():
            pulses, noise = self.gains.bias.view(N_SOURCES, self.n_bins)
            pulses.copy_(functional.logsigmoid(-slope))
            noise.copy_(functional.logsigmoid(slope))


def overlap_add(frames: Tensor, hop: int) -> Tensor:
    """Frames (B, T, 6 * hop) centred on frame positions -> samples (B, (T - 1) * hop)."""
    batch, n_frames, size = frames.shape
    parts = frames.unflatten(2, (size // hop, hop))
    n_parts = parts.shape[2]
    total = frames.new_zeros(batch, n_frames + n_parts - 1, hop)
    for k in range(n_parts):
        total[:, k : k + n_frames] += parts[:, :, k]
    half = n_parts // 2
    return total[:, half : half + n_frames - 1].flatten(1)


def _bands_to_bins(spec: MelSpec, n_bins: int) -> Tensor:
    """Matrix (F, M) that spreads log bands over bins: straight lines between band centres."""
    filters = mel_filters(spec)
    frequency = torch.linspace(0, 0.5 * spec.sample_rate, filters.shape[0])
    centres = (filters * frequency[:, None]).sum(0) / filters.sum(0)
    wanted = torch.linspace(0, 0.5 * spec.sample_rate, n_bins)
    right = torch.searchsorted(centres, wanted).clamp(1, spec.n_mels - 1)
    share = (wanted - centres[right - 1]) / (centres[right] - centres[right - 1])
    share = share.clamp(0, 1)
    matrix = torch.zeros(n_bins, spec.n_mels)
    rows = torch.arange(n_bins)
    matrix[rows, right] += share
    matrix[rows, right - 1] += 1 - share
    return matrix
