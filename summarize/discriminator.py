"""The discriminator: has read human sentences only, and judges every beginning of a code."""

import torch
from torch import Tensor, nn

from summarize.layers import PAD, CausalConv, WordEmbedding


class Discriminator(nn.Module):
    """Causal convolutions over words: the score at a word is of the words up to it.

    It sees subwords, which are lower case, and no end mark: neither casing nor punctuation can
    give a code away. Lengths must be matched by whoever makes the batches.
    """

    def __init__(self, n_vocabulary: int, hidden_dim: int = 128, n_layers: int = 3) -> None:
        super().__init__()
        self.embedding = WordEmbedding(n_vocabulary, hidden_dim)
        self.layers = nn.Sequential(*(CausalConv(hidden_dim) for _ in range(n_layers)))
        self.score = nn.Linear(hidden_dim, 1)

    def embed(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """(vectors (B, L, H), mask (B, L)) of words given as subwords (B, L, P)."""
        return self.embedding.bag(words), (words != PAD).any(-1)

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Scores (B, L) of the prefixes, 0 where ``mask`` is false: high for human."""
        return self.score(self.layers(vectors))[..., 0].masked_fill(~mask, 0.0)

    def critic(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """One score (B,) a sentence, the mean of its prefixes': for a Wasserstein critic."""
        return self(vectors, mask).sum(-1) / mask.sum(-1).clamp(min=1)

    def gradient_penalty(self, human: Tensor, produced: Tensor, mask: Tensor) -> Tensor:
        """The penalty (scalar) for a slope other than 1 between the two (Gulrajani et al. 2017).

        Both are vectors (B, L, H) of equal lengths.
        """
        share = torch.rand(len(human), 1, 1, device=human.device)
        between = (share * human + (1 - share) * produced).detach().requires_grad_()
        score = self.critic(between, mask).sum()
        (slope,) = torch.autograd.grad(score, between, create_graph=True)
        return (slope.flatten(1).norm(dim=1) - 1).square().mean()
