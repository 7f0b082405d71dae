"""What the networks are taught by: losses and rewards, functions of networks and batches."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from summarize.data import TextBatch
from summarize.discriminator import Discriminator
from summarize.layers import PAD
from summarize.model import TextAutoencoder


class Rewards(NamedTuple):
    """Of each code: minus the reconstruction loss (B,), log p(human) of each prefix (B, W)."""

    rebuilt: Tensor
    human: Tensor


def distillation_loss(network: TextAutoencoder, batch: TextBatch) -> Tensor:
    """-log probability of the teacher's codes, nats an action, scalar."""
    taught = network.encoder.score(batch.source, batch.actions, batch.lengths)
    return -taught[batch.actions != PAD].mean()


def reconstruction_loss(network: TextAutoencoder, words: Tensor, tokens: Tensor) -> Tensor:
    """-log probability of the documents (B,) from the words (B, W, P) of codes, nats a subword."""
    return token_loss(network.decoder(*network.decoder.embed(words), tokens), tokens)


def token_loss(logits: Tensor, tokens: Tensor) -> Tensor:
    """Cross-entropy (B,) of tokens (B, N), a mean over those that are no padding."""
    losses = F.cross_entropy(logits.transpose(1, 2), tokens, ignore_index=PAD, reduction="none")
    return losses.sum(1) / (tokens != PAD).sum(1).clamp(min=1)


@torch.no_grad()
def rewards(
    network: TextAutoencoder, discriminator: Discriminator, words: Tensor, tokens: Tensor
) -> Rewards:
    """What codes (B, W, P) earn; without dropout, which would be noise in a difference."""
    vectors, mask = discriminator.embed(words)
    human = F.logsigmoid(discriminator(vectors, mask)).masked_fill(~mask, 0.0)
    was_training = network.decoder.training
    network.decoder.eval()
    rebuilt = reconstruction_loss(network, words, tokens)
    network.decoder.train(was_training)
    return Rewards(-rebuilt, human)


def advantages(
    sampled: Rewards, greedy: Rewards, lengths: Tensor, rebuilt_weight: float, human_weight: float
) -> Tensor:
    """What each word (B, W) of the sampled codes won over the greedy ones (Rennie et al. 2017).

    A word answers for the whole code's reconstruction, and for the prefixes that end with it or
    later.
    """
    width = sampled.human.shape[1]
    within = torch.arange(width, device=lengths.device) < lengths[:, None]
    prefixes = (sampled.human - mean_per_word(greedy.human, lengths)) * within
    prefixes = prefixes.flip(1).cumsum(1).flip(1) / lengths[:, None]
    return rebuilt_weight * (sampled.rebuilt - greedy.rebuilt)[:, None] + human_weight * prefixes


def mean_per_word(scores: Tensor, lengths: Tensor) -> Tensor:
    """The mean score (B, 1) of each code's words (B, W), of which it has ``lengths``."""
    return scores.sum(1, keepdim=True) / lengths[:, None]


def same_width(
    human: tuple[Tensor, Tensor], produced: tuple[Tensor, Tensor]
) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Vectors of the words that both have, so that lengths tell nothing: (both, mask)."""
    width = min(human[1].shape[1], produced[1].shape[1])
    mask = human[1][:, :width] & produced[1][:, :width]
    return (human[0][:, :width], produced[0][:, :width]), mask
