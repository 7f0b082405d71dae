"""HiFi-GAN vocoders from the Hub (or a folder), of the kind that `transformers` reads."""

import math
from pathlib import Path

from torch import Tensor

from vc.audio import MelSpec
from vc.synthesis.base import Vocoder
from vc.synthesis.excitation import Position


class HubHifiGan(Vocoder):
    """A 16 kHz HiFi-GAN (Kong et al. 2020) behind our interface; F0 is not used.

    ``source`` is a folder or a Hub id that ``SpeechT5HifiGan.from_pretrained`` takes; ``log10``
    says that it was trained on decimal logarithms. Raises ValueError when it cannot be loaded
    or its sampling rate, number of bands or hop are not those of ``spec``. What its
    configuration does not tell (window, mel scale, floor) is the caller's to know.
    """

    def __init__(
        self, source: str | Path, spec: MelSpec | None = None, log10: bool = False
    ) -> None:
        super().__init__()
        # Seconds to import, and of no use to the other vocoders.
        from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

        self.spec = spec or MelSpec()
        if Path(source).is_dir() and not (Path(source) / "config.json").is_file():
            # transformers would go on with the defaults of the class.
            raise ValueError(f"no HiFi-GAN vocoder at {source} (no config.json in it)")
        try:
            config = SpeechT5HifiGanConfig.from_pretrained(source)
            _check(config, self.spec, source)
            self.gan = SpeechT5HifiGan.from_pretrained(source).eval()
        except OSError as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ValueError(f"no HiFi-GAN vocoder at {source} ({reason})") from error
        self.context = _context_frames(config)
        self.log10 = log10

    def render(self, mel: Tensor, f0: Tensor, position: Position) -> Tensor:
        scaled = mel / math.log(10) if self.log10 else mel
        n_samples = (mel.shape[2] - 1) * self.spec.hop_length
        return self.gan(scaled.mT)[:, :n_samples]


def _check(config: object, spec: MelSpec, source: str | Path) -> None:
    hop = math.prod(config.upsample_rates)
    facts = (
        ("a sampling rate", config.sampling_rate, spec.sample_rate, "Hz"),
        ("a number of mel bands", config.model_in_dim, spec.n_mels, "bands"),
        ("a hop", hop, spec.hop_length, "samples"),
    )
    wrong = [
        f"{name} of {theirs} instead of {ours} {unit}"
        for name, theirs, ours, unit in facts
        if theirs != ours
    ]
    if wrong:
        raise ValueError(
            f"the vocoder {source} was trained on other mels than ours: {', '.join(wrong)}; "
            "choose one that fits, or the packaged vocoder"
        )


def _context_frames(config: object) -> int:
    """Frames on either side that a sample depends on, from the sizes of the convolutions."""
    reach, step = 3.0, 1.0  # in frames; the first convolution has seven taps
    for rate, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
        reach += kernel / rate * step
        step /= rate
        taps = (
            (size - 1) // 2 * (sum(dilations) + len(dilations))
            for size, dilations in zip(
                config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True
            )
        )
        reach += max(taps) * step
    return math.ceil(reach + 3 * step) + 1
