"""A folder of made-up features: voices that differ by a spectral tilt, vowels that move."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from vc.model import VoiceConfig

TINY = VoiceConfig(
    content_dim=4,
    content_hidden_dim=16,
    n_content_blocks=2,
    speaker_dim=12,
    n_tokens=3,
    speaker_hidden_dim=16,
    n_speaker_blocks=1,
    decoder_hidden_dim=16,
    n_decoder_blocks=3,
    fine_dim=8,
    n_fine_blocks=1,
)


def write_features(
    folder: Path, n_speakers: int = 4, n_dev: int = 2, n_utterances: int = 2, n_frames: int = 150
) -> Path:
    """``folder`` filled with smooth random features; the last ``n_dev`` speakers are dev."""
    rng = torch.Generator().manual_seed(0)
    rows = []
    for s in range(n_speakers):
        tilt = torch.linspace(-1, 1, 80)[:, None] * torch.randn((), generator=rng)
        for u in range(n_utterances):
            length = n_frames + 7 * u
            path = torch.randn(4, length // 10 + 2, generator=rng)
            path = torch.nn.functional.interpolate(path[None], length, mode="linear")[0]
            shapes = torch.cos(torch.arange(1, 5)[:, None] * torch.linspace(0, 3.14, 80))
            mel = -5 + tilt + torch.einsum("km,kt->mt", shapes, path)
            f0 = 100.0 * (1 + s) * (1 + 0.1 * path[0])
            f0[: length // 4] = 0
            name = f"s{s}/u{u}"
            (folder / f"s{s}").mkdir(parents=True, exist_ok=True)
            save_file({"mel": mel.half(), "f0": f0}, folder / f"{name}.safetensors")
            split = "dev" if s >= n_speakers - n_dev else "train"
            rows.append(
                {
                    "id": name,
                    "speaker": f"s{s}",
                    "split": split,
                    "frames": length,
                    "corpus": "made",
                    "transcript": None,
                    "parallel": None,
                }
            )
    (folder / "index.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    save_file({}, folder / "parallel.safetensors")  # nobody reads what another one reads
    return folder
