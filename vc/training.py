"""How the voice autoencoder learns: losses, the two adversaries, optimisers and logging."""

from dataclasses import asdict

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor
from torch.nn import functional as F

from vc.audio import SAMPLE_RATE, MelSpec
from vc.data import VoiceBatch
from vc.discriminator import MelDiscriminator
from vc.encoders import Speaker, SpeakerClassifier
from vc.exchange import exchanged
from vc.export import load_weights
from vc.game import Fakes, critic_loss, decoder_losses
from vc.learning_rate import share_of_rate
from vc.model import (
    MEL_SCALE,
    VoiceAutoencoder,
    VoiceConfig,
    mean_spectrum,
    relative_mel,
)
from vc.perturbation import Perturbation, warp_formants
from vc.pictures import mel_figure
from vc.synthesis.griffin_lim import GriffinLim


class LitVoice(pl.LightningModule):
    """Trains a :class:`VoiceAutoencoder` to undo somebody else's voice.

    Two adversaries can be switched on. ``speaker_adversary_weight`` > 0: a classifier that finds
    the speaker in the content codes, with reversed gradient (Ganin & Lempitsky 2015). From
    ``adversarial_from_step`` on: a mel discriminator (least squares, Mao et al. 2017) that judges
    reconstructions and conversions between the voices of a batch.

    Optimisation is manual, and every optimiser's step counts in ``global_step``: while the
    discriminator plays, ``global_step`` advances by two per batch. ``n_steps`` (for the learning
    rate) counts batches. ``virtual_warp`` is the largest change of :func:`virtual_voices`.
    ``consistency_weight`` > 0: what is heard (perturbed, maybe somebody else's reading) and the
    utterance itself (perturbed otherwise) shall have one code. ``self_conversion_share`` of a
    batch is heard in the network's own conversion to another voice. In the first
    ``critic_head_start`` batches of its game the discriminator alone learns. ``frozen_encoders``
    leaves the codes as they are and teaches the decoder alone. ``start_from`` is a folder of
    exported weights (or a Hub id) to begin with, as for fine-tuning.

    Raises ValueError where frozen encoders are to learn from an adversary or for consistency.
    """

    def __init__(
        self,
        network: VoiceConfig = VoiceConfig(),  # noqa: B008 (frozen)
        n_speakers: int = 1000,
        warp: float = 0.25,
        tilt: float = 0.3,
        noise: float = -1.5,
        n_masks: int = 2,
        virtual_warp: float = 0.12,
        speaker_adversary_weight: float = 0.0,
        consistency_weight: float = 0.0,
        self_conversion_share: float = 0.0,
        adversarial_from_step: int = -1,
        adversarial_weight: float = 0.1,
        feature_weight: float = 1.0,
        cycle_weight: float = 0.5,
        learning_rate: float = 5.0e-4,
        discriminator_learning_rate: float = 2.0e-4,
        n_warmup_steps: int = 500,
        n_steps: int = 100_000,
        gradient_clip_norm: float = 1.0,
        examples_every_n_epochs: int = 5,
        critic_head_start: int = 0,
        frozen_encoders: bool = False,
        start_from: str | None = None,
    ) -> None:
        super().__init__()
        if frozen_encoders and (speaker_adversary_weight > 0 or consistency_weight > 0):
            raise ValueError(
                "with frozen_encoders nothing learns from the speaker adversary or for "
                "consistency; set speaker_adversary_weight and consistency_weight to 0"
            )
        # Plain numbers only: a dataclass in a checkpoint breaks weights_only loading. A checkpoint
        # has weights of its own, so it need not remember where they came from.
        kept = {k: v for k, v in _plain(locals()).items() if k != "start_from"}
        self.save_hyperparameters({**kept, "network": asdict(network)})
        self.automatic_optimization = False
        self.network = VoiceAutoencoder(network)
        if start_from is not None:
            load_weights(self.network, start_from)
        self.perturbation = Perturbation(warp=warp, tilt=tilt, noise=noise, n_masks=n_masks)
        self.classifier = (
            SpeakerClassifier(network.content_dim, n_speakers)
            if speaker_adversary_weight > 0
            else None
        )
        self.discriminator = (
            MelDiscriminator(network.speaker_dim) if adversarial_from_step >= 0 else None
        )
        if frozen_encoders:
            for encoder in self._encoders():
                encoder.requires_grad_(False)
        # Kept out of the state_dict, where weight averaging would average it.
        self.n_batches_done = 0

    # --- one batch ---------------------------------------------------------------------------

    def training_step(self, batch: VoiceBatch, batch_idx: int) -> None:
        self._set_learning_rates()
        batch = virtual_voices(batch, self.hparams.virtual_warp)
        playing = self.discriminator is not None and (
            self.n_batches_done >= self.hparams.adversarial_from_step
        )
        # A critic that knows nothing yet would only shake the decoder.
        first_real_game = self.hparams.adversarial_from_step + self.hparams.critic_head_start
        with torch.set_grad_enabled(not playing or self.n_batches_done >= first_real_game):
            losses, mel_hat, speaker = self._autoencoder_losses(batch)
            if playing:
                of_play, fakes = decoder_losses(
                    self.network,
                    self.discriminator,
                    batch,
                    mel_hat,
                    speaker,
                    with_cycle=self.hparams.cycle_weight > 0,
                )
                losses |= of_play
            total = sum(self._weight(name) * value for name, value in losses.items())
        if total.requires_grad:
            optimizer = self._optimizers()[0]
            optimizer.zero_grad()
            self.manual_backward(total)
            losses["gradient_norm"] = torch.nn.utils.clip_grad_norm_(
                self._player(0), self.hparams.gradient_clip_norm
            )
            optimizer.step()
        if playing:
            losses |= self._discriminator_step(batch, fakes, speaker)
        self.n_batches_done += 1
        self._log("train", losses, batch.mel.shape[0])

    def validation_step(self, batch: VoiceBatch, batch_idx: int) -> None:
        mel_hat = self._evaluate(batch, "val")
        due = self.current_epoch % self.hparams.examples_every_n_epochs == 0
        if batch_idx == 0 and due and not self.trainer.sanity_checking:
            self._log_examples(batch, mel_hat)

    def test_step(self, batch: VoiceBatch, batch_idx: int) -> None:
        self._evaluate(batch, "test")

    def _evaluate(self, batch: VoiceBatch, stage: str) -> Tensor:
        content = self.network.encode_content(batch.relative)
        mel_hat = self.network.decode(content, self._voice(batch), batch.f0)
        losses = {"reconstruction": reconstruction_loss(mel_hat, batch.mel, batch.valid)}
        self._log(stage, losses, batch.mel.shape[0])
        return mel_hat

    def _log_examples(self, batch: VoiceBatch, mel_hat: Tensor) -> None:
        """Sound and pictures of the first validation segments, always the same ones."""
        if not isinstance(self.logger, TensorBoardLogger) or batch.mel.shape[0] < 2:
            return
        board, n = self.logger.experiment, min(3, batch.mel.shape[0] - 1)
        other = exchanged(self.network, batch.relative, batch.f0, self._voice(batch))
        for i in range(n):
            mels = {
                "target": batch.mel[i],
                "reconstruction": mel_hat[i],
                "conversion": other.mel[i],
            }
            pitches = {
                "target": batch.f0[i],
                "reconstruction": batch.f0[i],
                "conversion": other.f0[i],
            }
            mels = {name: mel.detach().float() for name, mel in mels.items()}
            board.add_figure(f"val/example_{i}", mel_figure(mels, pitches), self.global_step)
            for name, mel in mels.items():
                board.add_audio(
                    f"val/example_{i}_{name}",
                    self._listen(mel, pitches[name]),
                    self.global_step,
                    SAMPLE_RATE,
                )

    def _listen(self, mel: Tensor, f0: Tensor) -> Tensor:
        """The sound (S,) of one mel, at full scale; spectra want full precision."""
        with torch.autocast(self.device.type, enabled=False):
            waveform = GriffinLim().to(self.device)(mel[None], f0[None])[0]
        return waveform / waveform.abs().max().clamp_min(1e-3)

    def _autoencoder_losses(self, batch: VoiceBatch) -> tuple[dict[str, Tensor], Tensor, Speaker]:
        network = self.network
        speaker = self._voice(batch)
        heard = self._said_by_others(batch, speaker)
        content = network.encode_content(self.perturbation(heard))
        mel_hat = network.decode(content, speaker, batch.f0)
        losses = {"reconstruction": reconstruction_loss(mel_hat, batch.mel, batch.valid)}
        if self.hparams.consistency_weight > 0:
            own = network.encode_content(self.perturbation(batch.relative))
            losses["consistency"] = (content - own).abs().mean()
        if self.classifier is not None:
            logits = self.classifier(reverse_gradient(content))
            losses["speaker_adversary"] = F.cross_entropy(logits, batch.speaker)
        return losses, mel_hat, speaker

    @torch.no_grad()
    def _said_by_others(self, batch: VoiceBatch, speaker: Speaker) -> Tensor:
        """What is heard (B, M, T), part of it converted to the voice of a neighbour in the batch.

        The network's own conversions are the strongest perturbation there is: another voice and
        still the same words in the same time (SelfVC, Neekhara et al. 2023).
        """
        n = round(self.hparams.self_conversion_share * len(batch.mel))
        if n == 0:
            return batch.heard
        converted = exchanged(self.network, batch.heard, batch.f0, speaker, slice(n)).mel
        return torch.cat([relative_mel(converted, mean_spectrum(converted)), batch.heard[n:]])

    def _voice(self, batch: VoiceBatch) -> Speaker:
        """The batch's voices, with the statistics of the utterances that are to be rebuilt.

        Statistics of the references would be off by chance, the same way each time for a speaker
        who has few; the networks would learn to correct that by heart.
        """
        speaker = self.network.encode_speaker(batch.reference, batch.relative_reference)
        return speaker._replace(mean=batch.mean, deviation=batch.deviation)

    def _discriminator_step(
        self, batch: VoiceBatch, fakes: Fakes, speaker: Speaker
    ) -> dict[str, Tensor]:
        loss, scores = critic_loss(self.discriminator, batch, fakes, speaker)
        optimizer = self._optimizers()[1]
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        return {"discriminator": loss.detach(), **scores}

    # --- optimisers --------------------------------------------------------------------------

    def _player(self, i: int) -> list[torch.nn.Parameter]:
        if i == 1:
            return list(self.discriminator.parameters())
        classifier = [] if self.classifier is None else list(self.classifier.parameters())
        return [p for p in self.network.parameters() if p.requires_grad] + classifier

    def _encoders(self) -> tuple[torch.nn.Module, ...]:
        return self.network.content_encoder, self.network.speaker_encoder

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        h = self.hparams
        optimizers = [torch.optim.AdamW(self._player(0), h.learning_rate, (0.9, 0.98))]
        if self.discriminator is not None:
            optimizers.append(
                torch.optim.AdamW(self._player(1), h.discriminator_learning_rate, (0.5, 0.9))
            )
        return optimizers

    def _optimizers(self) -> list:
        optimizers = self.optimizers()
        return optimizers if isinstance(optimizers, list) else [optimizers]

    def _set_learning_rates(self) -> None:
        """Linear warm-up, then a half cosine to a tenth over ``n_steps`` batches."""
        h = self.hparams
        factor = share_of_rate(self.n_batches_done, h.n_warmup_steps, h.n_steps, last=0.1)
        rates = (h.learning_rate, h.discriminator_learning_rate)
        for optimizer, rate in zip(self._optimizers(), rates, strict=False):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor

    def on_fit_start(self) -> None:
        n_found = len(self.trainer.datamodule.train_set.speakers)
        if self.classifier is not None and n_found > self.hparams.n_speakers:
            raise ValueError(
                f"the data holds {n_found} training speakers but the speaker adversary knows "
                f"{self.hparams.n_speakers}; set model.n_speakers to at least {n_found}"
            )

    def on_train_epoch_start(self) -> None:
        # With data and noise a function of the epoch, a resumed run continues exactly.
        self.trainer.datamodule.set_epoch(self.current_epoch)
        torch.manual_seed(1000 * self.current_epoch + self.global_rank)
        if self.hparams.frozen_encoders:
            for encoder in self._encoders():
                encoder.eval()  # no noise on the code, no new average voice

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["n_batches_done"] = self.n_batches_done

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.n_batches_done = checkpoint["n_batches_done"]

    # --- logging -----------------------------------------------------------------------------

    def _weight(self, name: str) -> float:
        return 1.0 if name == "reconstruction" else self.hparams[f"{name}_weight"]

    def _log(self, stage: str, values: dict[str, Tensor], batch_size: int) -> None:
        for name, value in values.items():
            self.log(
                f"{stage}/{name}",
                value,
                prog_bar=name == "reconstruction",
                batch_size=batch_size,
                sync_dist=stage != "train",
            )


def virtual_voices(batch: VoiceBatch, largest: float) -> VoiceBatch:
    """Half of the batch with formants and pitch moved together: speakers who do not exist.

    Target and reference move by the same factor, up to 1 + ``largest`` either way, as in resampled
    speech; 0 changes nothing.
    """
    if largest <= 0:
        return batch
    n, device = batch.mel.shape[0], batch.mel.device
    exponent = (2 * torch.rand(n, device=device) - 1) * (torch.rand(n, device=device) < 0.5)
    factor = (1 + largest) ** exponent
    names = ("mel", "reference", "relative_reference", "relative", "heard")
    columns = ("mean", "deviation")
    warped = {name: warp_formants(getattr(batch, name), factor, MelSpec()) for name in names}
    for name in columns:
        warped[name] = warp_formants(getattr(batch, name)[..., None], factor, MelSpec())[..., 0]
    return batch._replace(f0=batch.f0 * factor[:, None], **warped)


def reconstruction_loss(mel_hat: Tensor, mel: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute error of (B, M, T) over valid frames (B, T), in normalised mel units."""
    if mel_hat.shape != mel.shape:
        raise ValueError(f"shapes differ: {tuple(mel_hat.shape)} and {tuple(mel.shape)}")
    error = (mel_hat - mel).abs().mean(1) / MEL_SCALE
    return (error * valid).sum() / valid.sum().clamp_min(1)


class _ReverseGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return -gradient


def reverse_gradient(x: Tensor) -> Tensor:
    """x unchanged, with its gradient's sign reversed on the way back."""
    return _ReverseGradient.apply(x)


def _plain(values: dict) -> dict:
    return {k: v for k, v in values.items() if k not in ("self", "network", "__class__")}
