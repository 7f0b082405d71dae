"""What the text networks share: words as bags of subwords, attention, causal convolution.

A word enters every network as the mean of its subwords' vectors, P of them at most, so sequences
are as long as a reader counts and no word is unknown.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PAD = 0


class WordEmbedding(nn.Embedding):
    """Vectors of words (..., H) from their subwords (..., P); a word without subwords is zero."""

    def __init__(self, n_vocabulary: int, hidden_dim: int) -> None:
        super().__init__(n_vocabulary, hidden_dim, padding_idx=PAD)
        nn.init.normal_(self.weight, std=hidden_dim**-0.5)
        with torch.no_grad():
            self.weight[PAD].zero_()

    def bag(self, subwords: Tensor) -> Tensor:
        """The mean vector of the subwords that are no padding."""
        n_subwords = (subwords != PAD).sum(-1, keepdim=True).clamp(min=1)
        return self(subwords).sum(-2) / n_subwords


def positions(n: int, hidden_dim: int, device: torch.device) -> Tensor:
    """Sinusoids (n, H) that say where in a sequence one is (Vaswani et al. 2017)."""
    rates = torch.exp(
        torch.arange(0, hidden_dim, 2, device=device) * (-math.log(1000.0) / hidden_dim)
    )
    angles = torch.arange(n, device=device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class Attention(nn.Module):
    """Which of the states a query means: scores, and the mean of the states they weigh."""

    def __init__(self, query_dim: int, state_dim: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_dim, state_dim, bias=False)
        self.scale = state_dim**-0.5

    def forward(self, query: Tensor, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(context (B, L, H), scores (B, L, N), -inf where ``mask`` (B, N) is false)."""
        scores = self.query(query) @ states.transpose(1, 2) * self.scale
        scores = scores.masked_fill(~mask[:, None, :], -torch.inf)
        return scores.softmax(-1) @ states, scores


class CausalConv(nn.Module):
    """x (B, L, H) plus an activated convolution that sees no later step.

    Not a recurrent layer, since a gradient penalty needs second derivatives.
    """

    def __init__(self, hidden_dim: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.norm = nn.LayerNorm(hidden_dim)
        self.conv = nn.Conv1d(hidden_dim, hidden_dim, kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        # convolution wants time last
        y = F.pad(self.norm(x).transpose(1, 2), (self.kernel_size - 1, 0))
        return x + F.gelu(self.conv(y)).transpose(1, 2)
