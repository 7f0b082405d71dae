"""Vocoders by name: mel and pitch in, sound out.

>>> vocoder = load_vocoder()                       # the packaged synthesiser
>>> waveform = vocoder(mel, f0)                    # (B, M, T), (B, T) -> (B, (T - 1) * hop)
>>> stream = vocoder.stream()                      # the same in pieces, without seams
>>> parts = [stream.push(m, f) for m, f in pieces] + [stream.finish()]
"""

from dataclasses import asdict
from pathlib import Path

from shared.checkpoint import load_model, resolve, save_model
from vc.audio import MelSpec
from vc.synthesis.base import Stream, Vocoder
from vc.synthesis.griffin_lim import GriffinLim
from vc.synthesis.hub import HubHifiGan
from vc.synthesis.network import SourceFilter

__all__ = [
    "GriffinLim",
    "HubHifiGan",
    "SourceFilter",
    "Stream",
    "Vocoder",
    "load_synthesiser",
    "load_vocoder",
    "save_synthesiser",
]

KIND = "vc-synthesiser"
PACKAGED = Path(__file__).parent / "weights" / "base" / "synthesiser"


def load_vocoder(name: str | Path | None = None, spec: MelSpec | None = None) -> Vocoder:
    """The vocoder that ``name`` means, ready to render mels of ``spec``.

    ``None``: the packaged synthesiser. ``"griffin-lim"``: the one without weights.
    ``"hifigan:SOURCE"`` or ``"hifigan-log10:SOURCE"``: a HiFi-GAN folder or Hub id (the latter
    trained on decimal logarithms). Anything else: a folder (or Hub id) of an exported synthesiser.
    Raises ValueError when there is no such vocoder, it was made for other mels, or its weights are
    those of an earlier version.
    """
    text = str(name) if name is not None else ""
    if text == "griffin-lim":
        return GriffinLim(spec)
    scheme, _, source = text.partition(":")
    if source and scheme in ("hifigan", "hifigan-log10"):
        return HubHifiGan(source, spec, log10=scheme == "hifigan-log10")
    return load_synthesiser(name, spec)


def load_synthesiser(source: str | Path | None = None, spec: MelSpec | None = None) -> SourceFilter:
    """The synthesiser from ``source`` (None: packaged, else a folder or Hub id), in eval mode."""
    config, state = load_model(resolve(source, PACKAGED, KIND), kind=KIND)
    trained_on = MelSpec(**config["mel"])
    if spec is not None and spec != trained_on:
        raise ValueError(
            f"the synthesiser {source or 'that is packaged'} was trained on other mels "
            f"({trained_on}) than the voices use ({spec}); export one that was trained on these"
        )
    model = SourceFilter(trained_on, **config["network"])
    if state["enter.weight"].shape != model.enter.weight.shape:
        raise ValueError(
            f"the synthesiser {source or 'that is packaged'} is of an earlier version, which was "
            "not told of weak pitch; train it again with vc fit-synthesiser"
        )
    model.load_state_dict(state, strict=True)
    return model.eval()


def save_synthesiser(model: SourceFilter, folder: str | Path, *, overwrite: bool = False) -> Path:
    """The folder, now holding the synthesiser in half precision for `load_synthesiser`."""
    config = {"mel": asdict(model.spec), "network": model.config}
    return save_model(folder, model.state_dict(), config, kind=KIND, half=True, overwrite=overwrite)
