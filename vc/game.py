"""The game of decoder and critic: what either wants (least squares, Mao et al. 2017)."""

from typing import NamedTuple

import torch
from torch import Tensor

from vc.data import VoiceBatch
from vc.discriminator import MelDiscriminator
from vc.encoders import Speaker
from vc.exchange import exchanged
from vc.model import VoiceAutoencoder, mean_spectrum, relative_mel


class Fakes(NamedTuple):
    """What the decoder made (B, M, T), as departures from its voices, and their vectors (B, E)."""

    departure: Tensor
    vector: Tensor


def departure(mel: Tensor, speaker: Speaker) -> Tensor:
    """A log-mel (B, M, T) relative to its voice's mean spectrum, in its voice's deviations."""
    return (mel - speaker.mean[..., None]) / speaker.deviation[..., None]


def decoder_losses(
    network: VoiceAutoencoder,
    critic: MelDiscriminator,
    batch: VoiceBatch,
    mel_hat: Tensor,
    speaker: Speaker,
    with_cycle: bool,
) -> tuple[dict[str, Tensor], Fakes]:
    """Losses of fooling the critic, and the fakes, detached, for the critic to learn from.

    The first half of the fakes are reconstructions (of ``mel_hat``), the second half conversions
    into the neighbour's voice: as many lessons as either alone, at half the price of both.
    """
    half = (batch.mel.shape[0] + 1) // 2
    # As when it serves: what is converted was heard as it is.
    other = exchanged(network, batch.relative, batch.f0, speaker, slice(half, None))
    real = departure(batch.mel, speaker)[:half]
    made = torch.cat([departure(mel_hat, speaker)[:half], departure(other.mel, other.voice)])
    vector = torch.cat([speaker.vector[:half], other.voice.vector]).detach()
    critic.requires_grad_(False)
    score, features = critic(made, vector)
    with torch.no_grad():
        _, real_features = critic(real, vector[:half])
    critic.requires_grad_(True)
    losses = {
        "adversarial": (1 - score).square().mean(),
        "feature": sum(
            (a[:half].float() - b.float()).abs().mean()
            for a, b in zip(features, real_features, strict=True)
        ),
    }
    if with_cycle and len(other.mel):
        # What is said must survive the conversion: the code of the output is the code put in.
        again = relative_mel(other.mel, mean_spectrum(other.mel).detach())
        losses["cycle"] = (network.encode_content(again) - other.content.detach()).abs().mean()
    return losses, Fakes(made.detach(), vector)


def critic_loss(
    critic: MelDiscriminator, batch: VoiceBatch, fakes: Fakes, speaker: Speaker
) -> tuple[Tensor, dict[str, Tensor]]:
    """What the critic wants to be small, and its mean scores, each under ``score_...``."""
    vector = speaker.vector.detach()
    real = departure(batch.mel, speaker)
    half = (len(real) + 1) // 2
    scores = {
        "real": critic(real, vector)[0],
        "fake": critic(*fakes)[0],
        # Real speech of the wrong voice is a fake too: that makes the critic listen to who.
        "swapped": critic(real[:half], vector.roll(1, 0)[:half])[0],
    }
    loss = (1 - scores["real"]).square().mean() + 0.5 * (
        scores["fake"].square().mean() + scores["swapped"].square().mean()
    )
    return loss, {f"score_{name}": value.detach().mean() for name, value in scores.items()}
