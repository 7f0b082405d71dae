"""One LightningModule for the whole family: the recipe is in its arguments."""

from collections.abc import Iterator
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from shared.autoencoders.dense import Dense
from shared.autoencoders.linear import PCA
from shared.autoencoders.objective import Objective
from shared.autoencoders.recipes import build
from shared.autoencoders.sparse_coding import SparseCoding
from shared.autoencoders.stacked import pretrain
from shared.penalties import squared_error


class LitAutoencoder(pl.LightningModule):
    """Trains ``network`` (its name and arguments but the shape) on examples of ``shape``.

    ``pretrain_steps`` above 0 trains dense layers one by one first. PCA is fitted once, in closed
    form. ``{stage}/squared_error`` is the sum over elements per example, without corruption.
    """

    def __init__(
        self,
        shape: list[int],
        code_dim: int,
        network: dict[str, Any],
        corruption: str = "none",
        corruption_level: float = 0.0,
        penalty: str = "none",
        penalty_weight: float = 0.0,
        sparsity_target: float = 0.05,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.01,
        pretrain_steps: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.config = {**network, "shape": list(shape), "code_dim": code_dim}
        self.network = build(self.config)
        self.objective = Objective(
            self.network,
            corruption_kind=corruption,
            corruption_level=corruption_level,
            penalty=penalty,
            penalty_weight=penalty_weight,
            sparsity_target=sparsity_target,
        )

    def setup(self, stage: str) -> None:
        """Raise ValueError if the data have another shape than the network."""
        shape = tuple(self.trainer.datamodule.examples.train.shape[1:])
        if shape != self.network.shape:
            raise ValueError(
                f"the examples are of shape {list(shape)} and model.shape is "
                f"{list(self.network.shape)}; set --model.shape to {list(shape)}"
            )

    def on_fit_start(self) -> None:
        """Whatever is fitted before, or instead of, training by gradient."""
        prepare(
            self.network,
            self.trainer.datamodule.examples.train.to(self.device),
            self.objective,
            self.hparams.pretrain_steps,
        )

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor | None:
        """The loss; None where nothing is trained."""
        return self._step(batch, "train") if list(self.parameters()) else None

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Log the held-out error."""
        self._step(batch, "val")

    def test_step(self, batch: Tensor, batch_idx: int) -> None:
        """The same, for the record."""
        self._step(batch, "test")

    def _step(self, x: Tensor, stage: str) -> Tensor:
        if stage == "train":
            losses = self.objective(x)
        else:
            losses = {"squared_error": squared_error(self.network(x), x).mean()}
        for name, value in losses.items():
            self.log(f"{stage}/{name}", value, batch_size=len(x), prog_bar=stage == "val")
        return losses.get("loss")

    def on_train_batch_end(self, *_: object) -> None:
        """Constraints of the network."""
        self.objective.after_step()

    def on_validation_epoch_end(self) -> None:
        """Reconstructions of images into TensorBoard, where there is one."""
        board = getattr(self.logger, "experiment", None)
        is_last = self.current_epoch + 1 == self.trainer.max_epochs
        if not hasattr(board, "add_figure") or len(self.network.shape) != 3 or not is_last:
            return
        # drawing is not needed to train
        from shared.autoencoders.figures import reconstructions

        held_out = self.trainer.datamodule.examples.held_out[:10].to(self.device)
        figure = reconstructions(held_out, self.network(held_out))
        board.add_figure("reconstructions", figure, self.global_step)

    def configure_optimizers(self) -> dict[str, Any] | None:
        """Adam with weight decay, its rate rising for a tenth and then falling to 0."""
        if not list(self.parameters()):
            return None
        n_steps = max(2, int(self.trainer.estimated_stepping_batches))
        optimiser, scheduler = optimiser_for(
            self.parameters(), n_steps, self.hparams.learning_rate, self.hparams.weight_decay
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


def prepare(network: torch.nn.Module, x: Tensor, objective: Objective, n_steps: int) -> None:
    """Fit what is not learnt by gradient to all training examples x (n, *shape)."""
    if isinstance(network, PCA):
        network.fit(x)
    elif isinstance(network, SparseCoding):
        network.fit_mean(x)
    elif n_steps > 0:
        if not isinstance(network, Dense):
            raise ValueError("pretrain_steps needs the dense network")
        pretrain(network, x, n_steps=n_steps, corrupt=objective.corrupt)


def optimiser_for(
    parameters: Iterator[torch.nn.Parameter], n_steps: int, learning_rate: float, decay: float
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW and its one-cycle schedule over ``n_steps`` steps."""
    # fused: for networks this small, a loop over the parameters costs as much as the gradients
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=decay, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        learning_rate,
        n_steps,
        # a rise of less than two steps would divide by zero
        pct_start=max(0.1, 1.5 / n_steps),
        cycle_momentum=False,
    )
    return optimiser, schedule


def train(lit: LitAutoencoder, x: Tensor, n_steps: int, batch_size: int = 128) -> torch.nn.Module:
    """The network of ``lit``, in eval mode, trained without a Trainer for many short runs.

    The same losses, optimiser and schedule as `fit`; batches are drawn with replacement.
    """
    network, objective = lit.network.train(), lit.objective
    prepare(network, x, objective, lit.hparams.pretrain_steps)
    if not list(network.parameters()):
        return network.eval()
    optimiser, scheduler = optimiser_for(
        network.parameters(), max(2, n_steps), lit.hparams.learning_rate, lit.hparams.weight_decay
    )
    for _ in range(n_steps):
        batch = x[torch.randint(len(x), (min(batch_size, len(x)),))]
        loss = objective(batch)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        scheduler.step()
        objective.after_step()
    return network.eval()
