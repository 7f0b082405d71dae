"""The floor that every other vocoder has to beat: phase by iteration."""

import torch
from torch import Tensor

from vc.audio import MelSpec, mel_filters
from vc.synthesis.base import Vocoder
from vc.synthesis.excitation import Position

# Blocks are cut by absolute position, so that a stream and a whole recording agree.
_BLOCK = 256
_OVERLAP = 32


class GriffinLim(Vocoder):
    """Fast Griffin-Lim (Perraudin et al. 2013) in cross-faded blocks; F0 is not used."""

    def __init__(
        self, spec: MelSpec | None = None, n_iterations: int = 32, momentum: float = 0.99
    ) -> None:
        super().__init__()
        from torchaudio.transforms import GriffinLim as Iteration

        self.spec = spec or MelSpec()
        self.context = _BLOCK + 2 * _OVERLAP
        filters = mel_filters(self.spec)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("inverse", torch.linalg.pinv(filters.T), persistent=False)
        self.iterate = Iteration(
            self.spec.n_fft,
            n_iterations,
            self.spec.win_length,
            self.spec.hop_length,
            power=1.0,
            momentum=momentum,
        )

    def render(self, mel: Tensor, f0: Tensor, position: Position) -> Tensor:
        hop = self.spec.hop_length
        n_frames = mel.shape[2]
        magnitude = self.magnitude(mel)
        total = mel.new_zeros(mel.shape[0], (n_frames - 1) * hop)
        fade = torch.arange(_OVERLAP * hop, device=mel.device) / (_OVERLAP * hop)
        first = position.start_frame // _BLOCK * _BLOCK - position.start_frame
        for start in range(first, n_frames - 1, _BLOCK):
            # A block reaches one overlap into the next one, where the two are cross-faded.
            begin, end = max(start, 0), min(start + _BLOCK + _OVERLAP, n_frames)
            if end - begin < 2:
                continue
            block = self._block(magnitude[:, :, begin:end])
            n = block.shape[1]
            if start > 0:
                m = min(n, len(fade))
                block[:, :m] *= fade[:m]
                total[:, begin * hop : begin * hop + m] *= 1 - fade[:m]
            total[:, begin * hop : begin * hop + n] += block
        return total

    def magnitude(self, mel: Tensor) -> Tensor:
        """Non-negative linear magnitudes (B, F, T) whose bands are the mel's, nearly."""
        wanted = mel.float().exp()
        x = torch.einsum("fm,bmt->bft", self.inverse, wanted).clamp_min(1e-8)
        # Lee & Seung's multiplicative update keeps x positive; a few steps are enough.
        upward = torch.einsum("fm,bmt->bft", self.filters, wanted)
        for _ in range(8):
            bands = torch.einsum("fm,bft->bmt", self.filters, x)
            x = x * upward / torch.einsum("fm,bmt->bft", self.filters, bands).clamp_min(1e-12)
        return x

    def _block(self, magnitude: Tensor) -> Tensor:
        """Sound (B, (T - 1) * hop) from a fixed random start, so that it is always the same."""
        n_samples = (magnitude.shape[2] - 1) * self.spec.hop_length
        missing = max(0, 2 + self.spec.n_fft // (2 * self.spec.hop_length) - magnitude.shape[2])
        magnitude = torch.nn.functional.pad(magnitude, (0, missing))
        with torch.random.fork_rng(devices=[magnitude.device] if magnitude.is_cuda else []):
            torch.manual_seed(0)
            return self.iterate(magnitude)[:, :n_samples]
