"""The voice autoencoder: what is said, who says it, and how high, back into one mel."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vc.decoder import Decoder
from vc.encoders import ContentEncoder, Speaker, SpeakerEncoder, pad_to_even

# Log-mels of speech scaled to the house level lie around this mean with this deviation.
MEL_MEAN = -5.0
MEL_SCALE = 2.5
# How far below its mean spectrum a recording's quiet parts count, in natural-log units (-39 dB).
CONTENT_FLOOR = 4.5
# A frame is active when its mean log-mel lies within this of the loud frames (95th percentile).
ACTIVE_RANGE = 4.0


def active_frames(mel: Tensor) -> Tensor:
    """True (..., T) where a log-mel (..., M, T) is within ACTIVE_RANGE of its loud frames."""
    loudness = mel.float().mean(-2)
    rank = max(1, int(0.95 * loudness.shape[-1]))
    return loudness >= loudness.kthvalue(rank, dim=-1, keepdim=True).values - ACTIVE_RANGE


def spectrum_statistics(mel: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and deviation (..., M) of a log-mel (..., M, T) over its active frames.

    ``mask`` (..., T) replaces the choice of frames.
    """
    weight = (active_frames(mel) if mask is None else mask).float()[..., None, :]
    n_frames = weight.sum(-1).clamp_min(1.0)
    mean = (mel.float() * weight).sum(-1) / n_frames
    variance = ((mel.float() - mean[..., None]).square() * weight).sum(-1) / n_frames
    return mean, variance.clamp_min(1e-4).sqrt()


def mean_spectrum(mel: Tensor) -> Tensor:
    """Mean log-mel (..., M) over the active frames of one whole recording (..., M, T)."""
    return spectrum_statistics(mel)[0]


def relative_mel(mel: Tensor, mean: Tensor) -> Tensor:
    """The log-mel (B, M, T) relative to its recording's mean spectrum (B, M), softly floored."""
    difference = mel.float() - mean[..., None]
    return torch.logaddexp(difference, torch.full_like(difference, -CONTENT_FLOOR))


@dataclass(frozen=True)
class VoiceConfig:
    """Sizes of a :class:`VoiceAutoencoder`: plain numbers, as they stand in config.json.

    ``content_dim`` channels of code at 50 Hz; ``code_noise`` is the deviation of the noise that
    limits them while training; ``content_norm`` is "channel" or "instance" (see vc/layers.py).
    """

    n_mels: int = 80
    content_dim: int = 16
    content_hidden_dim: int = 256
    n_content_blocks: int = 5
    n_cepstra: int = 20
    content_norm: str = "channel"
    code_noise: float = 0.05
    speaker_dim: int = 192
    n_tokens: int = 32
    speaker_hidden_dim: int = 192
    n_speaker_blocks: int = 4
    decoder_hidden_dim: int = 320
    n_decoder_blocks: int = 6
    fine_dim: int = 128
    n_fine_blocks: int = 3
    kernel_size: int = 5


class VoiceAutoencoder(nn.Module):
    """Log-mel -> content (B, C, T'), voice and pitch -> log-mel; T' = T / 2, T even.

    All mels are natural-log (see :class:`vc.audio.MelSpec`), of speech at the house level.
    """

    def __init__(self, config: VoiceConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or VoiceConfig()
        self.content_encoder = ContentEncoder(
            n_mels=c.n_mels,
            content_dim=c.content_dim,
            hidden_dim=c.content_hidden_dim,
            n_blocks=c.n_content_blocks,
            kernel_size=c.kernel_size,
            n_cepstra=c.n_cepstra,
            norm=c.content_norm,
            code_noise=c.code_noise,
        )
        self.speaker_encoder = SpeakerEncoder(
            n_mels=c.n_mels,
            content_dim=c.content_dim,
            speaker_dim=c.speaker_dim,
            n_tokens=c.n_tokens,
            hidden_dim=c.speaker_hidden_dim,
            n_blocks=c.n_speaker_blocks,
            kernel_size=c.kernel_size,
        )
        self.decoder = Decoder(
            n_mels=c.n_mels,
            content_dim=c.content_dim,
            speaker_dim=c.speaker_dim,
            n_tokens=c.n_tokens,
            hidden_dim=c.decoder_hidden_dim,
            n_blocks=c.n_decoder_blocks,
            kernel_size=c.kernel_size,
            fine_dim=c.fine_dim,
            n_fine_blocks=c.n_fine_blocks,
        )

    @property
    def context_frames(self) -> int:
        """Mel frames on either side of a piece after which more context changes nothing (even)."""
        c = self.config
        half = c.kernel_size // 2
        encoder = half + 2 * half * c.n_content_blocks
        decoder = 2 * half * (c.n_decoder_blocks + 1) + half * (c.n_fine_blocks + 1)
        return (encoder + decoder + 3) // 2 * 2

    def encode_content(self, relative: Tensor) -> Tensor:
        """Content codes (B, C, T') of a relative log-mel (B, M, T); see :func:`relative_mel`."""
        return self.content_encoder(pad_to_even(relative))

    def encode_speaker(self, mel: Tensor, relative: Tensor, mask: Tensor | None = None) -> Speaker:
        """The voice in reference log-mels (B, M, R); ``mask`` (B, R) is True on frames that count.

        ``relative`` (B, M, R) are the same frames relative to their recordings' mean spectra.
        """
        statistics = spectrum_statistics(mel, mask)
        mel, relative = pad_to_even(mel), pad_to_even(relative)
        # The references' codes only steer attention; a gradient here would let the voice in.
        content = self.content_encoder(relative).detach()
        if mask is not None:
            mask = pad_to_even(mask.float())[:, ::2] > 0
        heard = self.speaker_encoder((mel - MEL_MEAN) / MEL_SCALE, content, mask)
        return Speaker(*heard, *statistics)

    def emphasised(self, speaker: Speaker, amount: float) -> Speaker:
        """The voice moved away from the average of training by ``amount`` (0: as it is).

        Decoders trained on many voices render each a little too average; this takes some of it
        back. The statistics of the spectrum are measured, so they stay.
        """
        encoder = self.speaker_encoder
        return speaker._replace(
            vector=speaker.vector + amount * (speaker.vector - encoder.average_vector),
            tokens=speaker.tokens + amount * (speaker.tokens - encoder.average_tokens),
        )

    def decode(self, content: Tensor, speaker: Speaker, f0: Tensor) -> Tensor:
        """Log-mel (B, M, T) from content (B, C, T'), a voice and F0 (B, T) in Hz (0 unvoiced)."""
        n_frames = f0.shape[-1]
        f0 = f0 if n_frames % 2 == 0 else torch.cat([f0, f0[..., -1:]], -1)
        return self.decoder(content, speaker, f0)[..., :n_frames]

    def forward(
        self, relative: Tensor, reference: Tensor, relative_reference: Tensor, f0: Tensor
    ) -> Tensor:
        """encode_content and encode_speaker, then decode."""
        speaker = self.encode_speaker(reference, relative_reference)
        return self.decode(self.encode_content(relative), speaker, f0)
