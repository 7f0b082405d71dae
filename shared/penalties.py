"""Penalties on a code. Each gives one value per example (B,); a loss is their mean over the batch.

Reconstruction errors are means over elements, penalties are sums over code dimensions, so that a
weight means the same at every code size.
"""

from collections.abc import Callable

import torch
from torch import Tensor

# Keeps logarithms finite where an activity reaches 0 or 1 in floating point.
_EDGE = 1e-6


def reconstruction_error(x_hat: Tensor, x: Tensor) -> Tensor:
    """Mean squared error over the elements of each example (B,); shapes (B, ...) must agree."""
    if x_hat.shape != x.shape:
        raise ValueError(f"x_hat {tuple(x_hat.shape)} and x {tuple(x.shape)} differ in shape")
    return (x_hat - x).square().flatten(1).mean(1)


def squared_error(x_hat: Tensor, x: Tensor) -> Tensor:
    """Squared error summed over the elements of each example (B,): the unit of the tables."""
    return reconstruction_error(x_hat, x) * x[0].numel()


def l1(code: Tensor) -> Tensor:
    """Sum of magnitudes of the code (B, D): many zeros."""
    return code.flatten(1).abs().sum(1)


def l2(code: Tensor) -> Tensor:
    """Sum of squares of the code (B, D): codes lie around 0, where they can be sampled."""
    return code.flatten(1).square().sum(1)


def kl_sparsity(code: Tensor, target: float = 0.05) -> Tensor:
    """KL from a Bernoulli of activity ``target`` to that of each unit over the batch, summed.

    The mean activity belongs to the batch (Ng 2011, CS294A notes, section 3), so all B values are
    equal. Raises ValueError for activations outside (0, 1) or a target outside it.
    """
    if not 0 < target < 1:
        raise ValueError(f"target activity must lie in (0, 1), got {target:g}")
    if bool((code.detach() < 0).any()) or bool((code.detach() > 1).any()):
        raise ValueError(
            "the KL sparsity penalty is defined for activations in (0, 1) only; give the code a "
            "sigmoid (code_activation: sigmoid), or use the l1 penalty"
        )
    activity = code.flatten(1).mean(0).clamp(_EDGE, 1 - _EDGE)
    # as tensors, so that equal activities cancel exactly
    wanted = torch.full_like(activity, target)
    kl = wanted * (wanted / activity).log() + (1 - wanted) * ((1 - wanted) / (1 - activity)).log()
    return kl.sum().expand(len(code))


def kl_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each example, summed over dimensions (Kingma 2014)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).flatten(1).sum(1)


def contractive_sigmoid(code: Tensor, weight: Tensor) -> Tensor:
    """Squared Frobenius norm of d code / d x for code = sigmoid(x W' + b) (Rifai 2011, eq. 7).

    ``weight`` is (D, n_inputs). Costs one pass over the weights, no further backward pass.
    """
    slope = (code * (1 - code)).square()
    return slope @ weight.square().sum(1)


def contractive(encode: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Squared Frobenius norm of d code / d x of each example (B,), by autograd, for any encoder.

    Costs one backward pass through the encoder for each of the D code dimensions, all at once, so
    memory grows with D. The encoder must treat examples apart (no batch normalisation).
    """
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        code = encode(x).flatten(1)
        # (D, B, D): row d asks for the gradient of code d of every example
        rows = torch.eye(code.shape[1], dtype=code.dtype, device=code.device)
        rows = rows[:, None].expand(-1, len(code), -1)
        (jacobian,) = torch.autograd.grad(code, x, rows, create_graph=True, is_grads_batched=True)
    return jacobian.square().flatten(2).sum((0, 2))


def jacobian_norm(encode: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Mean over examples of the Frobenius norm of d code / d x."""
    return float(contractive(encode, x).detach().sqrt().mean())
