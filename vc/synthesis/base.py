"""What every vocoder offers, and how any of them renders a recording piece by piece."""

import torch
from torch import Tensor, nn

from vc.audio import MelSpec
from vc.synthesis.excitation import PITCH_CONTEXT, Position, frame_phase


class Vocoder(nn.Module):
    """Turns natural-log mels (B, M, T) and F0 (B, T) in Hz into sound (B, S).

    F0 is 0 where nothing repeats and negative where a pitch is heard but weak, as in breath.
    S = (T - 1) * hop. The result is a function of its arguments alone (no hidden randomness).
    ``context`` is the number of frames on either side that a sample may depend on.
    """

    spec: MelSpec
    context: int

    def forward(self, mel: Tensor, f0: Tensor) -> Tensor:
        """The waveform (B, S); raises ValueError when the shapes do not fit together."""
        self.check(mel, f0)
        if mel.shape[2] < 2:
            return mel.new_zeros(mel.shape[0], 0)
        return self.render(mel, f0, Position())

    def render(self, mel: Tensor, f0: Tensor, position: Position) -> Tensor:
        """The waveform (B, S) of a piece that lies at ``position`` in its recording.

        Within ``context`` frames of a cut the samples are not those of the whole recording.
        """
        raise NotImplementedError

    def stream(self) -> "Stream":
        """A fresh renderer of one recording, piece by piece."""
        return Stream(self)

    def check(self, mel: Tensor, f0: Tensor) -> None:
        if mel.ndim != 3 or mel.shape[1] != self.spec.n_mels:
            raise ValueError(
                f"mel must be (B, {self.spec.n_mels}, T), got shape {tuple(mel.shape)}"
            )
        if f0.shape != (mel.shape[0], mel.shape[2]):
            raise ValueError(
                f"f0 must be (B, T) = {(mel.shape[0], mel.shape[2])} to fit the mel, "
                f"got shape {tuple(f0.shape)}"
            )


class Stream:
    """Renders a recording in consecutive pieces, without seams and in constant memory.

    >>> stream = vocoder.stream()
    >>> parts = [stream.push(mel, f0) for mel, f0 in pieces] + [stream.finish()]

    The parts joined together are ``vocoder(whole_mel, whole_f0)``, whatever the pieces' lengths:
    frames are kept until their context is known, phase and noise follow the absolute position.
    """

    def __init__(self, vocoder: Vocoder) -> None:
        self.vocoder = vocoder
        self._mel: Tensor | None = None
        self._f0: Tensor | None = None
        self._position = Position()
        self._sent = 0

    def push(self, mel: Tensor, f0: Tensor) -> Tensor:
        """The next samples (B, S') that are certain after the frames ``mel`` (B, M, T), ``f0``."""
        self.vocoder.check(mel, f0)
        if self._mel is not None:
            mel = torch.cat([self._mel, mel], 2)
            f0 = torch.cat([self._f0, f0], 1)
        self._mel, self._f0 = mel, f0
        certain = self._position.start_frame + mel.shape[2] - 1 - self.vocoder.context
        if certain <= self._sent:
            return mel.new_zeros(mel.shape[0], 0)
        waveform = self._render_until(certain)
        self._forget()
        return waveform

    def finish(self) -> Tensor:
        """The samples (B, S') that were held back; the stream is then at its end."""
        if self._mel is None:
            raise ValueError("nothing was pushed into this stream")
        last = self._position.start_frame + self._mel.shape[2] - 1
        if last <= self._sent:
            return self._mel.new_zeros(self._mel.shape[0], 0)
        return self._render_until(last)

    def _render_until(self, frame: int) -> Tensor:
        hop = self.vocoder.spec.hop_length
        waveform = self.vocoder.render(self._mel, self._f0, self._position)
        start = self._position.start_frame
        part = waveform[:, (self._sent - start) * hop : (frame - start) * hop]
        self._sent = frame
        return part

    def _forget(self) -> None:
        """Drop the frames that no later sample depends on."""
        spec = self.vocoder.spec
        n_old = self._sent - self.vocoder.context - self._position.start_frame
        if n_old <= 0:
            return
        phase = frame_phase(self._f0, spec.hop_length, spec.sample_rate, self._position)
        # Pitch near the new edge will look different without the frames that are dropped here.
        anchor = n_old + PITCH_CONTEXT
        self._position = Position(
            self._position.start_frame + n_old, PITCH_CONTEXT, phase[:, anchor]
        )
        self._mel, self._f0 = self._mel[:, :, n_old:], self._f0[:, n_old:]
