"""From content, voice and pitch back to a mel spectrogram."""

import math

import torch
from torch import Tensor, nn

from vc.encoders import Speaker
from vc.layers import ChannelNorm, ConvBlock

_F0_REFERENCE = 50.0


def pitch_features(f0: Tensor, n_octave_waves: int) -> Tensor:
    """Sines and cosines of log-F0, zero where unvoiced, and a voicing flag: (B, 2n + 2, T).

    ``f0`` is (B, T) in Hz. Waves from one per eight octaves upwards let a linear layer tell both
    register and fine tuning (harmonics move across mel bands with small changes of F0).
    """
    voiced = (f0 > 0).float()
    octaves = torch.log2(f0.clamp_min(_F0_REFERENCE) / _F0_REFERENCE)
    rates = 2.0 ** torch.arange(n_octave_waves, device=f0.device) / 8
    angle = 2 * math.pi * octaves[:, None] * rates[:, None]
    waves = torch.cat([angle.sin(), angle.cos(), octaves[:, None] / 2], 1) * voiced[:, None]
    return torch.cat([waves, voiced[:, None]], 1)


class Decoder(nn.Module):
    """Log-mels (B, M, T) from content (B, C, T'), a :class:`Speaker` and F0 (B, T) in Hz.

    It predicts how the mel departs from the voice's mean spectrum, in the voice's own deviations,
    so the long-term colour of a voice it has never heard is exact from the start. Runs at half the
    mel's frame rate and ends with a few convolutions at the full rate.
    """

    def __init__(
        self,
        n_mels: int,
        content_dim: int,
        speaker_dim: int,
        n_tokens: int,
        hidden_dim: int,
        n_blocks: int,
        kernel_size: int,
        fine_dim: int,
        n_fine_blocks: int,
        n_octave_waves: int = 7,
    ) -> None:
        super().__init__()
        self.n_octave_waves = n_octave_waves
        self.fine_dim = fine_dim
        n_pitch = 2 * n_octave_waves + 2
        self.stem = nn.Conv1d(content_dim + 2 * n_pitch, hidden_dim, kernel_size, padding="same")
        self.blocks = nn.ModuleList(
            ConvBlock(hidden_dim, kernel_size, condition_dim=speaker_dim) for _ in range(n_blocks)
        )
        # After this block the decoder knows enough of the sound to ask the voice about it.
        self.ask_after = n_blocks // 3
        self.query = nn.Conv1d(hidden_dim, speaker_dim, 1)
        self.token_keys = nn.Parameter(torch.randn(n_tokens, speaker_dim) / math.sqrt(speaker_dim))
        self.answer = nn.Conv1d(speaker_dim, hidden_dim, 1)
        self.norm = ChannelNorm()
        self.unfold = nn.Conv1d(hidden_dim, 2 * fine_dim, 1)
        self.fine_blocks = nn.ModuleList(
            ConvBlock(fine_dim, kernel_size, condition_dim=speaker_dim)
            for _ in range(n_fine_blocks)
        )
        self.head = nn.Conv1d(fine_dim, n_mels, kernel_size, padding="same")

    def forward(self, content: Tensor, speaker: Speaker, f0: Tensor) -> Tensor:
        """``f0`` has T = 2 T' frames."""
        if f0.shape[-1] != 2 * content.shape[-1]:
            raise ValueError(
                f"f0 must have twice the content's frames, got {f0.shape[-1]} "
                f"for {content.shape[-1]}"
            )
        pitch = pitch_features(f0, self.n_octave_waves)
        # (B, P, 2 T') -> (B, 2 P, T'): two neighbouring frames become one.
        pitch = pitch.unflatten(-1, (-1, 2)).transpose(2, 3).flatten(1, 2)
        x = self.stem(torch.cat([content.float(), pitch], 1))
        for i, block in enumerate(self.blocks):
            x = block(x, speaker.vector)
            if i == self.ask_after:
                x = x + self._voice_of_sound(x, speaker.tokens)
        x = self.unfold(self.norm(x))
        # (B, 2 G, T') -> (B, G, 2 T'): back to the mel's rate.
        x = x.unflatten(1, (self.fine_dim, 2)).transpose(2, 3).flatten(2)
        for block in self.fine_blocks:
            x = block(x, speaker.vector)
        departure = self.head(x).float()
        return departure * speaker.deviation[..., None] + speaker.mean[..., None]

    def _voice_of_sound(self, x: Tensor, tokens: Tensor) -> Tensor:
        query = self.query(self.norm(x)).float()
        weight = torch.einsum("ke,bet->bkt", self.token_keys, query).softmax(1)
        return self.answer(torch.einsum("bkt,bke->bet", weight, tokens))
