"""Voice conversion: say one speaker's sentence in another speaker's voice.

In three lines::

    from vc import VoiceConverter
    converter = VoiceConverter.from_pretrained()
    waveform, sample_rate = converter.convert("a.wav", voice="b.wav")
"""

__all__ = ["VoiceConverter"]


def __getattr__(name: str) -> object:
    # Lazy, so that the submodules and `vc --help` do not pay for the whole inference stack.
    if name in __all__:
        from vc import inference

        return getattr(inference, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
