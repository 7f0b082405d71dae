"""Learning in stages: distil the search, learn from mined pairs, reconstruct, play the adversarial
game, learn from the best of one's own codes.

Every stage is a Lightning module around the same `TextAutoencoder`; a later one begins with the
checkpoint of an earlier (``weights``). A pretrained encoder–decoder can take the place of the
network's encoder, decoder or both (``backbone``, ``backbone_for``).
"""

from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F

from summarize.alarms import Limits, measure
from summarize.data import TextBatch
from summarize.discriminator import Discriminator
from summarize.encoder import Code
from summarize.losses import (
    advantages,
    distillation_loss,
    mean_per_word,
    reconstruction_loss,
    rewards,
    same_width,
    token_loss,
)
from summarize.model import TextAutoencoder, TextConfig
from summarize.selftraining import Taste, best_lessons
from summarize.teacher import Lessons
from summarize.text import Word

STRATEGIES = ("policy", "gumbel")
N_WARMUP = 300  # steps


class LitText(pl.LightningModule):
    """What the stages share: the network, its start, its rate of learning."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__()
        self.network: TextAutoencoder
        self.limits = limits
        self.alarm = ""  # what ended the training, if an alarm did
        self.codes: list[tuple[str, str]] = []

    def _build(
        self, network: TextConfig, weights: str | None, backbone: str | None, backbone_for: str
    ) -> None:
        self.backbone, self.backbone_for = backbone, backbone_for
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
        except (OSError, KeyError, UnpicklingError) as error:
            raise ValueError(f"{path} is not a checkpoint of an earlier stage: {error}") from error
        prefix = "network."
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        try:
            self.network.load_state_dict(own)
        except RuntimeError as error:
            raise ValueError(f"{path} holds another network than model.network says") from error

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Plain numbers from which `summarize export` builds the network again."""
        checkpoint["network"] = asdict(self.network.config)
        if self.backbone is not None:
            checkpoint["backbone"] = {"source": self.backbone, "role": self.backbone_for}

    def on_train_batch_start(self, batch: TextBatch, batch_idx: int) -> None:
        """Dropout and samples are functions of epoch and batch: a continued run draws what it
        would have drawn."""
        torch.manual_seed(1 + self.current_epoch * 1_000_003 + batch_idx)

    def _adam(self, parameters: Any) -> dict[str, Any]:
        """AdamW; its rate rises over `N_WARMUP` steps, then falls with the root of the steps, so
        that a run may end at any time."""
        optimizer = torch.optim.AdamW(parameters, lr=self.learning_rate, weight_decay=0.01)

        def share(step: int) -> float:
            return min((step + 1) / N_WARMUP, (N_WARMUP / (step + 1)) ** 0.5)

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_fit_start(self) -> None:
        """Tell the network about the vocabulary, and check that it is the one it was built for."""
        subwords = self.trainer.datamodule.subwords
        if subwords.n_vocabulary != self.network.config.n_vocabulary:
            raise ValueError(
                f"the prepared tokenizer has {subwords.n_vocabulary} subwords, "
                f"model.network.n_vocabulary is {self.network.config.n_vocabulary}; make them equal"
            )
        self.network.encoder.describe(*subwords.facts())

    def on_validation_epoch_end(self) -> None:
        """Log the alarms; where the stage has limits and one is exceeded, end the training."""
        codes, documents = zip(*self.codes, strict=True)
        self.codes.clear()
        values = measure(codes, documents, self.trainer.datamodule.judge)
        for name, value in values.items():
            self.log(f"val/{name}", value)
        logged = self.trainer.callback_metrics
        for name, key in (
            ("code_gain", "val/code_gain"),
            ("discriminator_accuracy", "train/discriminator_accuracy"),
        ):
            if key in logged:
                values[name] = float(logged[key])
        if self.limits is None or self.trainer.sanity_checking:
            return
        exceeded = self.limits.exceeded(values)
        if exceeded:
            self.alarm = "; ".join(exceeded)
            self.print(f"alarm: {self.alarm}; training ends")
            self.trainer.should_stop = True

    def _keep(self, batch: TextBatch, code: Code) -> None:
        """Note codes and documents as texts, for the alarms."""
        subwords = self.trainer.datamodule.subwords
        for row, document in zip(code.actions.tolist(), batch.words, strict=True):
            text = subwords.text(row, [Word(word) for word in document])
            self.codes.append((text, " ".join(document)))

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
        self._keep(batch, code)
        n_vocabulary = self.network.config.n_vocabulary
        taught = [set(row[row >= n_vocabulary].tolist()) for row in batch.actions]
        own = [set(row[row >= n_vocabulary].tolist()) for row in code.actions]
        agreed = sum(len(a & b) for a, b in zip(taught, own, strict=True))
        self._log("val", {"agreed": agreed / sum(map(len, taught))}, len(taught))

    def test_step(self, batch: TextBatch, batch_idx: int) -> None:
        """The loss."""
        self._step(batch, "test")

    def configure_optimizers(self) -> dict[str, Any]:
        """One for the encoder."""
        return self._adam(self.network.encoder.parameters())

    def _step(self, batch: TextBatch, stage: str) -> Tensor:
        loss = distillation_loss(self.network, batch)
        self._log(stage, {"distillation": loss}, len(batch.lengths))
        return loss


class LitReconstruct(LitText):
    """Teaches the decoder to rebuild documents from codes; the encoder stays as it is.

    In training the codes are the teacher's, which are at hand and like the encoder's; writing the
    encoder's own would take as long as all the rest. Validation and tests are of the encoder's.
    """

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
        if weights is not None and backbone is None:
            # what the encoder knows of words is a start; a continued run loads its own over it
            vectors = self.network.encoder.embedding.state_dict()
            self.network.decoder.embedding.load_state_dict(vectors)

    def training_step(self, batch: TextBatch, batch_idx: int) -> Tensor:
        """The loss, nats a subword."""
        return self._step(batch, "train")

    def validation_step(self, batch: TextBatch, batch_idx: int) -> None:
        """Also with the codes of other documents: the difference is what the code is read for."""
        loss = self._step(batch, "val")
        code = self._code(batch)
        self._keep(batch, code)
        words = self.network.words(batch.source, code.actions)
        others = reconstruction_loss(self.network, words.roll(1, 0), batch.tokens).mean()
        self._log("val", {"code_gain": others - loss}, len(batch.lengths))

    def test_step(self, batch: TextBatch, batch_idx: int) -> None:
        """The loss."""
        self._step(batch, "test")

    def configure_optimizers(self) -> dict[str, Any]:
        """One for the decoder."""
        return self._adam(self.network.decoder.parameters())

    def _code(self, batch: TextBatch) -> Code:
        with torch.no_grad():
            return self.network.encode(batch.source, batch.lengths)

    def _step(self, batch: TextBatch, stage: str) -> Tensor:
        actions = batch.actions if stage == "train" else self._code(batch).actions
        words = self.network.words(batch.source, actions)
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
    ``discriminator_steps`` + 1. Where validation finds a value outside ``limits`` the training ends
    with the reason.
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
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        weights: str | None = None,
        backbone: str | None = None,
        backbone_for: str = "encoder",
    ) -> None:
        super().__init__(limits)
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
        self._build(network, weights, backbone, backbone_for)
        self.discriminator = Discriminator(self.network.config.n_vocabulary)

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
        with torch.no_grad():
            code = self.network.encoder.generate(batch.source, batch.lengths, sample=True)
            words = self.network.words(batch.source, code.actions)
        for rows in torch.arange(len(words)).chunk(self.discriminator_steps):
            self._update(critics, self._discriminator_loss(batch.human[rows], words[rows]))
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

    def _update(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        self.clip_gradients(optimizer, self.gradient_clip_norm, "norm")
        optimizer.step()

    def _discriminator_loss(self, human: Tensor, produced: Tensor) -> Tensor:
        """Of sentences and codes (B, W, P), each in subwords."""
        critic = self.discriminator
        n = len(produced)
        (human, produced), mask = same_width(critic.embed(human), critic.embed(produced))
        if self.strategy == "gumbel":
            margin = critic.critic(human, mask) - critic.critic(produced, mask)
            penalty = critic.gradient_penalty(human, produced, mask)
            self._log("train", {"margin": margin.mean()}, n)
            return self.penalty_weight * penalty - margin.mean()
        real, fake = critic(human, mask)[mask], critic(produced, mask)[mask]
        accuracy = 0.5 * ((real > 0).float().mean() + (fake < 0).float().mean())
        self._log("train", {"discriminator_accuracy": accuracy}, n)
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def _policy_loss(self, batch: TextBatch) -> Tensor:
        network, encoder = self.network, self.network.encoder
        with torch.no_grad():
            greedy = network.words(
                batch.source, network.encode(batch.source, batch.lengths).actions
            )
        code = encoder.generate(batch.source, batch.lengths, sample=True)
        words = network.words(batch.source, code.actions)
        rebuilt = reconstruction_loss(network, words, batch.tokens).mean()
        earned = [rewards(network, self.discriminator, w, batch.tokens) for w in (words, greedy)]
        weight = self._ramp() * self.reconstruction_weight
        per_word = advantages(*earned, batch.lengths, weight, self.adversarial_weight)
        begun = encoder.words_begun(code.actions).cumsum(1) - 1
        advantage = per_word.gather(1, begun.clamp(0, words.shape[1] - 1))
        policy = -(advantage * code.log_probs).sum(1).mean() / batch.lengths.float().mean()
        human = mean_per_word(earned[0].human, batch.lengths).mean()
        won = (earned[0].rebuilt - earned[1].rebuilt).mean()
        self._log(
            "train",
            {"reconstruction": rebuilt, "policy": policy, "human_score": human, "won": won},
            len(batch.lengths),
        )
        return policy + rebuilt

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
            self._keep(batch, code)


class LitSelfTrain(LitDistil):
    """Teaches the encoder the best of its own codes.

    Before training, codes are sampled for up to ``n_documents`` documents, or as many as
    ``sample_minutes`` allow; of each the best by ``taste`` is kept, in ``lessons.npz`` of the run,
    which a continued run reads again.
    """

    def __init__(
        self,
        network: TextConfig = TextConfig(),  # noqa: B008 (frozen)
        learning_rate: float = 3.0e-4,
        n_samples: int = 6,
        n_documents: int = 100_000,
        sample_minutes: float = 10.0,
        taste: Taste = Taste(),  # noqa: B008 (frozen)
        weights: str | None = None,
        backbone: str | None = None,
        backbone_for: str = "encoder",
    ) -> None:
        super().__init__(network, learning_rate, weights, backbone, backbone_for)
        self.n_samples = n_samples
        self.n_documents = n_documents
        self.sample_minutes = sample_minutes
        self.taste = taste

    def setup(self, stage: str) -> None:
        """Sample and choose, or read what was chosen."""
        if stage != "fit":
            return
        data = self.trainer.datamodule
        path = Path(self.trainer.default_root_dir) / "lessons.npz"
        if not path.is_file():
            self.network.encoder.describe(*data.subwords.facts())
            lessons = best_lessons(
                self.network,
                data.train_batches,
                self.taste,
                self.n_samples,
                self.n_documents,
                self.sample_minutes,
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            lessons.save(path)
        data.use(Lessons.load(path))
