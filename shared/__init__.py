"""What both pipelines share: tensors, codes and errors; no sound, no words, no pages.

Dimension letters, one meaning in the whole project::

    B batch              S samples            M mel bins           T frames
    C content channels   E speaker width      F frequency bins
    N document tokens    L summary tokens (L < N)                  V vocabulary
    D code width         K codebook entries

Time is the last axis of a sound tensor: waveform (B, S), mel (B, M, T), content (B, C, T).
"""
