"""How far two waveforms are apart to the ear: spectra at several resolutions."""

import torch
from torch import Tensor, nn

# 8 ms tells whether sound comes in pulses, 128 ms whether harmonics are where they should be.
SIZES = (128, 320, 800, 2048)


class SpectralDistance(nn.Module):
    """Distance (B,) of waveforms (B, S): magnitudes and log magnitudes, averaged over sizes.

    The log part is a root mean square over each frame's bins, the linear part (spectral
    convergence in the absolute value) is relative to ``scale`` (B,), a level of the waveform.
    Both are norms of differences, as the energy distance below demands.
    """

    def __init__(self, sizes: tuple[int, ...] = SIZES, floor: float = 1e-4) -> None:
        super().__init__()
        self.sizes = sizes
        # The level of white noise, full scale = 1, below which nothing counts in the log part.
        self.floor = floor
        for size in sizes:
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)

    def spectra(self, waveform: Tensor) -> list[Tensor]:
        """Magnitudes (B, F, T) per size, scaled so that white noise of deviation 1 has about 1."""
        return [self._magnitude(waveform.float(), size) for size in self.sizes]

    def _magnitude(self, waveform: Tensor, size: int) -> Tensor:
        window = getattr(self, f"window_{size}")
        stft = torch.stft(
            waveform, size, size // 2, window=window, center=False, return_complex=True
        )
        power = torch.view_as_real(stft).square().sum(-1) / window.square().sum()
        # The square root has no slope at 0; the floor is far below what the log part hears.
        return (power + (0.1 * self.floor) ** 2).sqrt()

    def forward(self, a: list[Tensor], b: list[Tensor], scale: Tensor) -> tuple[Tensor, Tensor]:
        """Log part and linear part, both (B,), between the spectra ``a`` and ``b``."""
        log_part, linear_part = 0.0, 0.0
        for x, y in zip(a, b, strict=True):
            ratio = torch.log((x + self.floor) / (y + self.floor))
            log_part = log_part + (ratio.square().mean(1) + 1e-8).sqrt().mean(1)
            linear_part = linear_part + (x - y).abs().mean((1, 2)) / scale
        return log_part / len(self.sizes), linear_part / len(self.sizes)


def energy_distance(
    distance: SpectralDistance,
    truth: Tensor,
    first: Tensor,
    second: Tensor,
    repulsion: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Log and linear part (scalars) of the energy distance between truth and model (B, S).

    ``first`` and ``second`` are two draws of the model for the same input (other noise, other
    phase). d(truth, draw) alone is smallest for a voice without noise, since the distance to
    noise is the smaller the less one varies oneself; taking half the distance between two draws
    away makes it a proper scoring rule (Gritsenko et al. 2020, "A spectral energy distance for
    parallel speech synthesis"). ``repulsion`` below 1 takes less of it away.
    """
    scale = truth.square().mean(1).sqrt().clamp_min(distance.floor)
    spectra = [distance.spectra(x) for x in (truth, first, second)]
    near = distance(spectra[0], spectra[1], scale), distance(spectra[0], spectra[2], scale)
    apart = distance(spectra[1], spectra[2], scale)
    log_part, linear_part = (
        0.5 * (near[0][k] + near[1][k] - repulsion * apart[k]).mean() for k in range(2)
    )
    return log_part, linear_part
