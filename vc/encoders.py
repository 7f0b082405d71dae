"""What is said and who says it: the two encoders of the voice autoencoder."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vc.layers import ChannelNorm, ConvBlock

# Of the newest batch in the running average of voices.
_AVERAGE_SHARE = 0.005


class Speaker(NamedTuple):
    """A voice: what the networks heard in its references, and their plain statistics.

    ``vector`` (B, E) says how it sounds on the whole, ``tokens`` (B, K, E) sound by sound;
    ``mean`` and ``deviation`` (B, M) are those of its log-mel over active frames.
    """

    vector: Tensor
    tokens: Tensor
    mean: Tensor
    deviation: Tensor


def dct_basis(n_cepstra: int, n_mels: int) -> Tensor:
    """The first ``n_cepstra`` rows (n_cepstra, M) of the orthonormal DCT-II."""
    position = (torch.arange(n_mels) + 0.5) * math.pi / n_mels
    basis = torch.cos(torch.arange(n_cepstra)[:, None] * position) * math.sqrt(2 / n_mels)
    basis[0] /= math.sqrt(2)
    return basis


class ContentEncoder(nn.Module):
    """Content codes (B, C, T') in (-1, 1) of log-mels (B, M, T), T' = ceil(T / 2).

    It is given the log-mel relative to the recording's own mean spectrum (cepstral mean
    normalisation), keeps the first ``n_cepstra`` cepstra (no harmonics, hence no pitch), and its
    last layer is too narrow to carry more than what is said. It does not know the speaker.
    """

    def __init__(
        self,
        n_mels: int,
        content_dim: int,
        hidden_dim: int,
        n_blocks: int,
        kernel_size: int,
        n_cepstra: int,
        norm: str,
        code_noise: float,
    ) -> None:
        super().__init__()
        self.code_noise = code_noise
        self.register_buffer("dct", dct_basis(n_cepstra, n_mels), persistent=False)
        self.stem = nn.Conv1d(
            n_cepstra, hidden_dim, kernel_size, stride=2, padding=kernel_size // 2
        )
        self.blocks = nn.ModuleList(
            ConvBlock(hidden_dim, kernel_size, norm=norm) for _ in range(n_blocks)
        )
        self.norm = ChannelNorm()
        self.head = nn.Conv1d(hidden_dim, content_dim, 1)

    def forward(self, relative_mel: Tensor) -> Tensor:
        x = self.stem(torch.einsum("km,bmt->bkt", self.dct, relative_mel))
        for block in self.blocks:
            x = block(x)
        code = torch.tanh(self.head(self.norm(x)).float())
        if self.training and self.code_noise > 0:
            # Noise on a bounded code limits its capacity (a Gaussian channel), softly.
            code = code + self.code_noise * torch.randn_like(code)
        return code


class SpeakerEncoder(nn.Module):
    """Vector (B, E) and tokens (B, K, E) of reference log-mels (B, M, R), codes (B, C, R').

    The vector is attentive statistics pooling (Okabe et al. 2018). The tokens are K learned
    queries that attend to the reference frames by what is said in them, so token k holds how this
    voice sounds when it says the k-th kind of sound. Lengths do not matter, so several references
    may simply be joined.
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
    ) -> None:
        super().__init__()
        self.stem = nn.Conv1d(n_mels, hidden_dim, kernel_size, stride=2, padding=kernel_size // 2)
        self.blocks = nn.ModuleList(ConvBlock(hidden_dim, kernel_size) for _ in range(n_blocks))
        self.norm = ChannelNorm()
        self.attention = nn.Sequential(
            nn.Conv1d(hidden_dim, 64, 1), nn.Tanh(), nn.Conv1d(64, hidden_dim, 1)
        )
        self.vector = nn.Linear(2 * hidden_dim, speaker_dim)
        self.value = nn.Conv1d(hidden_dim, speaker_dim, 1)
        self.key = nn.Conv1d(content_dim + hidden_dim, speaker_dim, 1)
        self.queries = nn.Parameter(torch.randn(n_tokens, speaker_dim) / math.sqrt(speaker_dim))
        # The voices of training on average: from there a voice's own character is measured.
        self.register_buffer("average_vector", torch.zeros(speaker_dim))
        self.register_buffer("average_tokens", torch.zeros(n_tokens, speaker_dim))
        self.register_buffer("n_averaged", torch.zeros(()))

    @torch.no_grad()
    def _average(self, vector: Tensor, tokens: Tensor) -> None:
        """Count a training batch in, like the running mean of batch normalisation."""
        self.n_averaged += 1
        share = max(_AVERAGE_SHARE, 1 / float(self.n_averaged))
        self.average_vector.lerp_(vector.mean(0).float(), share)
        self.average_tokens.lerp_(tokens.mean(0).float(), share)

    def forward(
        self, mel: Tensor, content: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """``mask`` (B, R') is True where the reference really is; None means everywhere."""
        x = self.stem(mel)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        key = self.key(torch.cat([content.to(x.dtype), x], 1)).float()
        affinity = torch.einsum("ke,ber->bkr", self.queries, key)
        logits = self.attention(x).float()
        if mask is not None:
            affinity = affinity.masked_fill(~mask[:, None], -torch.inf)
            logits = logits.masked_fill(~mask[:, None], -torch.inf)
        x = x.float()
        weight = logits.softmax(-1)
        mean = (weight * x).sum(-1)
        deviation = ((weight * x.square()).sum(-1) - mean.square()).clamp_min(1e-5).sqrt()
        vector = self.vector(torch.cat([mean, deviation], 1))
        tokens = torch.einsum("bkr,ber->bke", affinity.softmax(-1), self.value(x).float())
        if self.training:
            self._average(vector, tokens)
        return vector, tokens


class SpeakerClassifier(nn.Module):
    """Speaker logits (B, n_speakers) from content codes (B, C, T'): the adversary of the code."""

    def __init__(self, content_dim: int, n_speakers: int, hidden_dim: int = 128) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv1d(content_dim, hidden_dim, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(hidden_dim, hidden_dim, 5, padding=2),
            nn.GELU(),
        )
        self.head = nn.Linear(2 * hidden_dim, n_speakers)

    def forward(self, content: Tensor) -> Tensor:
        x = self.convs(content).float()
        return self.head(torch.cat([x.mean(-1), x.std(-1)], 1))


def pad_to_even(x: Tensor) -> Tensor:
    """x (..., T) with its last frame repeated once if T is odd."""
    return F.pad(x, (0, 1), mode="replicate") if x.shape[-1] % 2 else x
