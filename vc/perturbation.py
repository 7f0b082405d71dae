"""Somebody else's voice, cheaply: the corruption that the content encoder must see through.

Everything works on log-mels relative to a recording's mean spectrum (B, M, T), on any device.
A formant warp moves the vocal tract, tilts stand in for a badly estimated mean spectrum, noise
and masks for the world (cf. Choi et al. 2021, NANSY; Li et al. 2023, FreeVC).
"""

import math

import torch
from torch import Tensor, nn

from vc.audio import MelSpec


def mel_centres(spec: MelSpec) -> Tensor:
    """Centre frequencies (M,) in Hz of the Slaney-scale mel bands."""
    top = hz_to_mel(torch.tensor(spec.f_max, dtype=torch.float64))
    bottom = hz_to_mel(torch.tensor(spec.f_min, dtype=torch.float64))
    edges = torch.linspace(float(bottom), float(top), spec.n_mels + 2, dtype=torch.float64)
    return mel_to_hz(edges)[1:-1].float()


def hz_to_mel(hz: Tensor) -> Tensor:
    """Slaney's scale: linear below 1 kHz, logarithmic above."""
    high = 15 + 27 * torch.log(hz.clamp_min(1000) / 1000) / math.log(6.4)
    return torch.where(hz < 1000, hz * 3 / 200, high)


def mel_to_hz(mel: Tensor) -> Tensor:
    """Inverse of :func:`hz_to_mel`."""
    high = 1000 * torch.exp((mel.clamp_min(15) - 15) * math.log(6.4) / 27)
    return torch.where(mel < 15, mel * 200 / 3, high)


def warp_formants(mel: Tensor, factor: Tensor, spec: MelSpec) -> Tensor:
    """``mel`` (B, M, T) with every frequency multiplied by ``factor`` (B,); 1 changes nothing."""
    centres = mel_centres(spec).to(mel.device)
    step = float(hz_to_mel(centres[1:2].double()) - hz_to_mel(centres[:1].double()))
    first = float(hz_to_mel(centres[:1].double()))
    # What stands at frequency f in the result stood at f / factor before.
    wanted = hz_to_mel((centres[None] / factor[:, None]).double())
    position = ((wanted - first) / step).clamp(0, spec.n_mels - 1).to(mel.dtype)
    low = position.floor().long().clamp_max(spec.n_mels - 2)
    share = (position - low)[..., None]
    index = low[..., None].expand(-1, -1, mel.shape[-1])
    return torch.lerp(mel.gather(1, index), mel.gather(1, index + 1), share)


class Perturbation(nn.Module):
    """A perturbed copy of relative log-mels (B, M, T); every part can be switched off with 0.

    ``warp`` is the largest formant factor (0.25 means 1/1.25 to 1.25), ``tilt`` the deviation of
    each of a few slow cosines over the bands (natural log units), ``noise`` the level of the
    loudest added noise relative to the mean spectrum (natural log; -inf for none), ``mask_frames``
    the longest of ``n_masks`` gaps.
    """

    def __init__(
        self,
        warp: float = 0.25,
        tilt: float = 0.3,
        noise: float = -1.5,
        n_masks: int = 2,
        mask_frames: int = 8,
        spec: MelSpec | None = None,
    ) -> None:
        super().__init__()
        self.warp, self.tilt, self.noise = warp, tilt, noise
        self.n_masks, self.mask_frames = n_masks, mask_frames
        self.spec = spec or MelSpec()

    def forward(self, mel: Tensor) -> Tensor:
        batch, _, n_frames = mel.shape
        if self.warp > 0:
            exponent = 2 * torch.rand(batch, device=mel.device) - 1
            mel = warp_formants(mel, (1 + self.warp) ** exponent, self.spec)
        if self.tilt > 0:
            mel = mel + self._random_curve(mel, n_curves=5)
        if math.isfinite(self.noise):
            loudness = self.noise - 4 * torch.rand(batch, 1, 1, device=mel.device)
            hiss = loudness + 0.5 * torch.randn_like(mel) + self._random_curve(mel, n_curves=3)
            noisy = torch.rand(batch, 1, 1, device=mel.device) < 0.5
            mel = torch.where(noisy, torch.logaddexp(mel, hiss), mel)
        if self.n_masks > 0 and self.mask_frames > 0:
            mel = mel.masked_fill(self._gaps(batch, n_frames, mel.device)[:, None], -4.5)
        return mel

    def _random_curve(self, mel: Tensor, n_curves: int) -> Tensor:
        order = torch.arange(n_curves, device=mel.device, dtype=torch.float32)[:, None]
        position = torch.arange(mel.shape[1], device=mel.device) / mel.shape[1]
        amplitude = self.tilt * torch.randn(mel.shape[0], n_curves, device=mel.device)
        return (amplitude @ torch.cos(math.pi * order * position))[..., None]

    def _gaps(self, batch: int, n_frames: int, device: torch.device) -> Tensor:
        start = torch.randint(n_frames, (batch, self.n_masks, 1), device=device)
        length = torch.randint(self.mask_frames + 1, (batch, self.n_masks, 1), device=device)
        frame = torch.arange(n_frames, device=device)
        return ((frame >= start) & (frame < start + length)).any(1)
