"""Learning in stages: distil the search, reconstruct, play the adversarial game.

Every stage is a Lightning module around the same `TextAutoencoder`; a later one begins with the
checkpoint of an earlier (``weights``). A pretrained encoder–decoder can take the place of the
network's encoder, decoder or both (``backbone``, ``backbone_for``).
"""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F

from summarize.data import TextBatch
from summarize.discriminator import Discriminator
from summarize.encoder import Code
from summarize.layers import PAD
from summarize.metrics import distinct, lead_overlap
from summarize.model import TextAutoencoder, TextConfig
from summarize.text import Word

STRATEGIES = ("policy", "gumbel")


class LitText(pl.LightningModule):
    """What the stages share: the network, its start, its rate of learning."""

    def __init__(self) -> None:
        super().__init__()
        self.network: TextAutoencoder

    def _build(
        self, network: TextConfig, weights: str | None, backbone: str | None, backbone_for: str
    ) -> None:
        if backbone is None:
            self.network = TextAutoencoder(network)
        else:
            from summarize.pretrained import backbone_autoencoder

            self.network = backbone_autoencoder(network, backbone, backbone_for)
        if weights is not None:
            self._begin_with(weights)

    def _begin_with(self, path: str) -> None:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        except (OSError, KeyError) as error:
            raise ValueError(f"{path} is not a checkpoint of an earlier stage: {error}") from error
        prefix = "network."
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        try:
            self.network.load_state_dict(own)
        except RuntimeError as error:
            raise ValueError(f"{path} holds another network than model.network says") from error

    def on_fit_start(self) -> None:
        """Tell the network about the vocabulary, and check that it is the one it was built for."""
        subwords = self.trainer.datamodule.subwords
        if subwords.n_vocabulary != self.network.config.n_vocabulary:
            raise ValueError(
                f"the prepared tokenizer has {subwords.n_vocabulary} subwords, "
                f"model.network.n_vocabulary is {self.network.config.n_vocabulary}; make them equal"
            )
        self.network.encoder.describe(*subwords.facts())

    def _log(self, stage: str, values: dict[str, Tensor | float], n: int) -> None:
        for name, value in values.items():
            self.log(f"{stage}/{name}", value, batch_size=n, on_epoch=stage != "train")


class LitDistil(LitText):
    """Teaches the encoder the search's codes, from sources with some words hidden."""

    def __init__(
        self,
        network: TextConfig = TextConfig(),  # noqa: B008 (frozen)
        learning_rate: float = 5.0e-4,
        weights: str | None = None,
        backbone: str | None = None,
        backbone_for: str = "encoder",
    ) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self._build(network, weights, backbone, backbone_for)

    def training_step(self, batch: TextBatch, batch_idx: int) -> Tensor:
        """The loss, nats an action."""
        return self._step(batch, "train")

    def validation_step(self, batch: TextBatch, batch_idx: int) -> None:
        """Also the share of words that the greedy code and the search agree on."""
        self._step(batch, "val")
        code = self.network.encode(batch.source, batch.lengths)
        n_vocabulary = self.network.config.n_vocabulary
        taught = [set(row[row >= n_vocabulary].tolist()) for row in batch.actions]
        own = [set(row[row >= n_vocabulary].tolist()) for row in code.actions]
        agreed = sum(len(a & b) for a, b in zip(taught, own, strict=True))
        self._log("val", {"agreed": agreed / sum(map(len, taught))}, len(taught))

    def test_step(self, batch: TextBatch, batch_idx: int) -> None:
        """The loss."""
        self._step(batch, "test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One for the encoder."""
        return torch.optim.AdamW(
            self.network.encoder.parameters(), lr=self.learning_rate, weight_decay=0.01
        )

    def _step(self, batch: TextBatch, stage: str) -> Tensor:
        loss = distillation_loss(self.network, batch)
        self._log(stage, {"distillation": loss}, len(batch.lengths))
        return loss


class LitReconstruct(LitText):
    """Teaches the decoder to rebuild documents from the encoder's codes, which stay as they are."""

    def __init__(
        self,
        network: TextConfig = TextConfig(),  # noqa: B008 (frozen)
        learning_rate: float = 1.0e-3,
        weights: str | None = None,
        backbone: str | None = None,
        backbone_for: str = "encoder",
    ) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self._build(network, weights, backbone, backbone_for)
        self.network.encoder.requires_grad_(False)

    def training_step(self, batch: TextBatch, batch_idx: int) -> Tensor:
        """The loss, nats a subword."""
        return self._step(batch, "train")

    def validation_step(self, batch: TextBatch, batch_idx: int) -> None:
        """Also with the codes of other documents: the difference is what the code is read for."""
        loss = self._step(batch, "val")
        words = self.network.words(batch.source, self._code(batch).actions)
        others = reconstruction_loss(self.network, words.roll(1, 0), batch.tokens).mean()
        self._log("val", {"code_gain": others - loss}, len(batch.lengths))

    def test_step(self, batch: TextBatch, batch_idx: int) -> None:
        """The loss."""
        self._step(batch, "test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One for the decoder."""
        return torch.optim.AdamW(
            self.network.decoder.parameters(), lr=self.learning_rate, weight_decay=0.01
        )

    def _code(self, batch: TextBatch) -> Code:
        with torch.no_grad():
            return self.network.encode(batch.source, batch.lengths)

    def _step(self, batch: TextBatch, stage: str) -> Tensor:
        words = self.network.words(batch.source, self._code(batch).actions)
        loss = reconstruction_loss(self.network, words, batch.tokens).mean()
        self._log(stage, {"reconstruction": loss}, len(batch.lengths))
        return loss


class LitGame(LitText):
    """Encoder and decoder against the discriminator, by one of two strategies.

    ``policy``: self-critical policy gradient (Rennie et al. 2017). A sampled code is rewarded for
    what it rebuilds and for every prefix that passes for human, each less what the greedy code
    gets. ``gumbel``: straight-through Gumbel codes against a Wasserstein critic with gradient
    penalty. In both the encoder keeps a ``teacher_weight`` on the searched codes, and the decoder
    learns from the codes as they come.

    Optimisation is manual and every optimiser's step counts in ``global_step``: a batch adds
    ``discriminator_steps`` + 1. Where validation finds one of the alarms
    (distinct 2-grams below ``fewest_distinct``, lead overlap above ``most_lead``, code gain below
    ``least_code_gain``) the training ends with the reason.
    """

    def __init__(
        self,
        network: TextConfig = TextConfig(),  # noqa: B008 (frozen)
        strategy: str = "policy",
        learning_rate: float = 1.0e-4,
        discriminator_learning_rate: float = 3.0e-4,
        discriminator_steps: int = 3,
        reconstruction_weight: float = 1.0,
        adversarial_weight: float = 0.3,
        teacher_weight: float = 0.3,
        penalty_weight: float = 10.0,
        gradient_clip_norm: float = 1.0,
        n_ramp: int = 500,
        fewest_distinct: float = 0.2,
        most_lead: float = 0.95,
        least_code_gain: float = 0.05,
        weights: str | None = None,
        backbone: str | None = None,
        backbone_for: str = "encoder",
    ) -> None:
        super().__init__()
        if strategy not in STRATEGIES:
            raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, not {strategy!r}")
        if discriminator_steps < 1:
            raise ValueError(f"discriminator_steps must be at least 1, not {discriminator_steps}")
        self.automatic_optimization = False
        self.strategy = strategy
        self.learning_rate = learning_rate
        self.discriminator_learning_rate = discriminator_learning_rate
        self.discriminator_steps = discriminator_steps
        self.reconstruction_weight = reconstruction_weight
        self.adversarial_weight = adversarial_weight
        self.teacher_weight = teacher_weight
        self.penalty_weight = penalty_weight
        self.gradient_clip_norm = gradient_clip_norm
        self.n_ramp = n_ramp
        self.limits = {
            "distinct": (fewest_distinct, 1.0),
            "lead_overlap": (0.0, most_lead),
            "code_gain": (least_code_gain, float("inf")),
        }
        self._build(network, weights, backbone, backbone_for)
        self.discriminator = Discriminator(network.n_vocabulary)
        self.codes: list[tuple[str, str]] = []

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """One for encoder and decoder, one for the discriminator."""
        return [
            torch.optim.AdamW(self.network.parameters(), lr=self.learning_rate),
            torch.optim.AdamW(
                self.discriminator.parameters(),
                lr=self.discriminator_learning_rate,
                betas=(0.5, 0.9),
            ),
        ]

    def training_step(self, batch: TextBatch, batch_idx: int) -> None:
        """Several steps of the discriminator, one of encoder and decoder."""
        players, critics = self.optimizers()
        for _ in range(self.discriminator_steps):
            self._update(critics, self._discriminator_loss(batch))
        play = self._policy_loss if self.strategy == "policy" else self._gumbel_loss
        taught = distillation_loss(self.network, batch)
        self._log("train", {"distillation": taught}, len(batch.lengths))
        self._update(players, play(batch) + self.teacher_weight * taught)

    def validation_step(self, batch: TextBatch, batch_idx: int) -> None:
        """Losses of the greedy codes; their texts are kept for the alarms."""
        self._judge(batch, "val")

    def test_step(self, batch: TextBatch, batch_idx: int) -> None:
        """As in validation."""
        self._judge(batch, "test")

    def on_validation_epoch_end(self) -> None:
        """Log the alarms; end the training with a message if one rings."""
        values = {
            "distinct": distinct([code for code, _ in self.codes]),
            "lead_overlap": sum(lead_overlap(*pair) for pair in self.codes) / len(self.codes),
        }
        self.codes.clear()
        for name, value in values.items():
            self.log(f"val/{name}", value)
        values["code_gain"] = float(self.trainer.callback_metrics["val/code_gain"])
        for name, (low, high) in self.limits.items():
            if not low <= values[name] <= high and not self.trainer.sanity_checking:
                self.print(
                    f"alarm: {name} is {values[name]:.3f}, outside {low} to {high}; training ends"
                )
                self.trainer.should_stop = True

    def _update(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        self.clip_gradients(optimizer, self.gradient_clip_norm, "norm")
        optimizer.step()

    def _discriminator_loss(self, batch: TextBatch) -> Tensor:
        with torch.no_grad():
            code = self.network.encoder.generate(batch.source, batch.lengths, sample=True)
            words = self.network.words(batch.source, code.actions)
        critic = self.discriminator
        (human, produced), mask = _same_width(critic.embed(batch.human), critic.embed(words))
        if self.strategy == "gumbel":
            margin = critic.critic(human, mask) - critic.critic(produced, mask)
            loss = -margin.mean() + self.penalty_weight * critic.gradient_penalty(
                human, produced, mask
            )
            self._log("train", {"margin": margin.mean()}, len(batch.lengths))
            return loss
        real, fake = critic(human, mask)[mask], critic(produced, mask)[mask]
        accuracy = 0.5 * ((real > 0).float().mean() + (fake < 0).float().mean())
        self._log("train", {"discriminator_accuracy": accuracy}, len(batch.lengths))
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def _policy_loss(self, batch: TextBatch) -> Tensor:
        encoder = self.network.encoder
        with torch.no_grad():
            greedy = self._rewards(batch, encoder.generate(batch.source, batch.lengths).actions)
        code = encoder.generate(batch.source, batch.lengths, sample=True)
        words = self.network.words(batch.source, code.actions)
        rebuilt = reconstruction_loss(self.network, words, batch.tokens)
        with torch.no_grad():
            sampled = self._rewards(batch, code.actions)
            gain = self._ramp() * self.reconstruction_weight * (sampled[0] - greedy[0])
            gain = gain[:, None].expand(-1, words.shape[1])
            # a word answers for the prefixes that end with it or later
            within = torch.arange(words.shape[1], device=words.device) < batch.lengths[:, None]
            prefixes = (sampled[1] - _per_word(greedy[1], batch.lengths)) * within
            prefixes = prefixes.flip(1).cumsum(1).flip(1)
            per_word = gain + self.adversarial_weight * prefixes / batch.lengths[:, None]
            begun = encoder.words_begun(code.actions).cumsum(1) - 1
            advantage = per_word.gather(1, begun.clamp(0, words.shape[1] - 1))
        policy = -(advantage * code.log_probs).sum(1).mean() / batch.lengths.float().mean()
        self._log(
            "train",
            {
                "reconstruction": rebuilt.mean(),
                "policy": policy,
                "human_score": _per_word(sampled[1], batch.lengths).mean(),
            },
            len(batch.lengths),
        )
        return policy + rebuilt.mean()

    def _rewards(self, batch: TextBatch, actions: Tensor) -> tuple[Tensor, Tensor]:
        """(minus the reconstruction loss (B,), log p(human) of each prefix (B, W))."""
        words = self.network.words(batch.source, actions)
        vectors, mask = self.discriminator.embed(words)
        human = F.logsigmoid(self.discriminator(vectors, mask)).masked_fill(~mask, 0.0)
        was_training = self.network.decoder.training
        # dropout would be noise in the difference of two rewards
        self.network.decoder.eval()
        rebuilt = reconstruction_loss(self.network, words, batch.tokens)
        self.network.decoder.train(was_training)
        return -rebuilt, human

    def _gumbel_loss(self, batch: TextBatch) -> Tensor:
        network = self.network
        code = network.encoder.generate(batch.source, batch.lengths, relaxed=True)
        logits = network.decode(batch.source, code, batch.tokens)
        rebuilt = token_loss(logits, batch.tokens).mean()
        vectors, mask = network.relaxed(self.discriminator.embedding, batch.source, code)
        human = self.discriminator.critic(vectors, mask).mean()
        self._log("train", {"reconstruction": rebuilt, "human_score": human}, len(batch.lengths))
        return self.reconstruction_weight * rebuilt - self._ramp() * self.adversarial_weight * human

    def _ramp(self) -> float:
        """From 0 to 1 over the first ``n_ramp`` batches."""
        n_batches = self.global_step / (self.discriminator_steps + 1)
        return min(1.0, n_batches / max(1, self.n_ramp))

    def _judge(self, batch: TextBatch, stage: str) -> None:
        code = self.network.encode(batch.source, batch.lengths)
        words = self.network.words(batch.source, code.actions)
        loss = reconstruction_loss(self.network, words, batch.tokens).mean()
        others = reconstruction_loss(self.network, words.roll(1, 0), batch.tokens).mean()
        values = {"reconstruction": loss, "code_gain": others - loss}
        self._log(stage, values, len(batch.lengths))
        if stage == "val":
            self.codes += [
                (self._text(row, document), " ".join(document))
                for row, document in zip(code.actions.tolist(), batch.words, strict=True)
            ]

    def _text(self, actions: list[int], document: list[str]) -> str:
        return self.trainer.datamodule.subwords.text(actions, [Word(w) for w in document])


def distillation_loss(network: TextAutoencoder, batch: TextBatch) -> Tensor:
    """-log probability of the searched codes, nats an action, scalar."""
    taught = network.encoder.score(batch.source, batch.actions, batch.lengths)
    return -taught[batch.actions != PAD].mean()


def reconstruction_loss(network: TextAutoencoder, words: Tensor, tokens: Tensor) -> Tensor:
    """-log probability of the documents (B,) from the words (B, W, P) of codes, nats a subword."""
    return token_loss(network.decoder(*network.decoder.embed(words), tokens), tokens)


def token_loss(logits: Tensor, tokens: Tensor) -> Tensor:
    """Cross-entropy (B,) of tokens (B, N), a mean over those that are no padding."""
    losses = F.cross_entropy(logits.transpose(1, 2), tokens, ignore_index=PAD, reduction="none")
    return losses.sum(1) / (tokens != PAD).sum(1).clamp(min=1)


def _per_word(scores: Tensor, lengths: Tensor) -> Tensor:
    """The mean score (B, 1) of each code's words (B, W), of which it has ``lengths``."""
    return scores.sum(1, keepdim=True) / lengths[:, None]


def _same_width(
    human: tuple[Tensor, Tensor], produced: tuple[Tensor, Tensor]
) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Vectors of the words that both have, so that lengths tell nothing: (both, mask)."""
    width = min(human[1].shape[1], produced[1].shape[1])
    mask = human[1][:, :width] & produced[1][:, :width]
    return (human[0][:, :width], produced[0][:, :width]), mask
