"""How the synthesiser learns: from mels that are a little worse than real ones, to real speech."""

from collections.abc import Sequence

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional

from vc.learning_rate import share_of_rate
from vc.synthesis.data import SynthesisBatch
from vc.synthesis.excitation import excite
from vc.synthesis.losses import SpectralDistance, energy_distance
from vc.synthesis.network import SourceFilter

# Frames at either edge of a crop whose neighbours are missing; the loss leaves them out.
_EDGE = 4
# Of the learning rate, when it has fallen.
_LAST_RATE = 0.05


class LitSynthesiser(pl.LightningModule):
    """Trains a `SourceFilter` by the energy distance of spectra (named losses log and linear).

    ``blur`` is the share of crops whose mel is smoothed in time and frequency, ``mel_noise`` the
    largest deviation of the noise added to it: decoders' mels are smoother than real ones, and
    off. ``repulsion`` is the weight of the distance between two draws: 1 is the proper scoring
    rule, which answers every doubt about the harmonics by noise; 0 is the plain distance, which
    answers by buzz. Over ``n_steps`` batches the learning rate falls; None: it stays, and as the
    weights are averaged any moment is good for stopping.
    """

    def __init__(
        self,
        width: int = 256,
        dilations: Sequence[int] = (1, 2, 4, 2, 1),
        learning_rate: float = 1e-3,
        warmup_steps: int = 100,
        n_steps: int | None = None,
        linear_weight: float = 3.0,
        blur: float = 0.5,
        mel_noise: float = 0.1,
        repulsion: float = 0.5,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.synthesiser = SourceFilter(width=width, dilations=dilations)
        self.distance = SpectralDistance()

    def training_step(self, batch: SynthesisBatch, index: int) -> Tensor:
        mel = blurred(batch.mel, self.hparams.blur, self.hparams.mel_noise)
        return self._step(batch._replace(mel=mel), "train")

    def validation_step(self, batch: SynthesisBatch, index: int) -> Tensor:
        return self._step(batch, "val")

    def _step(self, batch: SynthesisBatch, stage: str) -> Tensor:
        model = self.synthesiser
        responses = model.responses(batch.mel, batch.f0)
        with torch.autocast(self.device.type, enabled=False):
            first, second = (self._draw(batch.f0, responses) for _ in range(2))
            edge = _EDGE * model.spec.hop_length
            truth = batch.waveform[:, edge:-edge]
            log_part, linear_part = energy_distance(
                self.distance, truth, first, second, self.hparams.repulsion
            )
        loss = log_part + self.hparams.linear_weight * linear_part
        named = {f"{stage}/loss": loss, f"{stage}/log": log_part, f"{stage}/linear": linear_part}
        self.log_dict(named, batch_size=len(batch.mel), prog_bar=stage == "val")
        return loss

    def _draw(self, f0: Tensor, responses: Tensor) -> Tensor:
        """One waveform (B, S') of the inner frames, with its own noise and phase."""
        spec = self.synthesiser.spec
        excitation = excite(f0, spec.hop_length, spec.sample_rate, spec.hop_length)
        edge = _EDGE * spec.hop_length
        return self.synthesiser.filter(excitation, responses)[:, edge:-edge]

    def configure_optimizers(self) -> dict:
        p = self.hparams
        optimiser = torch.optim.AdamW(
            self.synthesiser.parameters(), p.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: share_of_rate(step, p.warmup_steps, p.n_steps, _LAST_RATE)
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def blurred(mel: Tensor, share: float, noise: float) -> Tensor:
    """The mel (B, M, T) as a decoder might have made it: a ``share`` of the batch smoothed by up
    to 1.5 frames and bands, all of it with noise of a deviation up to ``noise``."""
    batch = mel.shape[0]
    levels = torch.rand(batch, device=mel.device) * (torch.rand(batch, device=mel.device) < share)
    smooth = mel
    kernel = mel.new_tensor([0.06, 0.24, 0.4, 0.24, 0.06])
    smooth = functional.conv2d(
        functional.pad(smooth[:, None], (2, 2, 2, 2), mode="replicate"),
        (kernel[:, None] * kernel[None])[None, None],
    )[:, 0].to(mel.dtype)
    mel = torch.lerp(mel, smooth, levels[:, None, None])
    deviation = noise * torch.rand(batch, 1, 1, device=mel.device)
    return mel + deviation * torch.randn_like(mel)
