"""Every shipped YAML is parsed, built and stepped once."""

from pathlib import Path

import pytest
import pytorch_lightning as pl

from shared.cli import run_cli
from tests.vc.features import write_features
from vc.data import VoiceData
from vc.training import LitVoice

CONFIGS = Path(__file__).parent.parent / "configs"
VOICE = CONFIGS / "vc"
OVERLAYS = sorted(p.stem for p in VOICE.glob("*.yaml") if p.stem not in ("base", "synthesiser"))


def step_once(features: Path, run: Path, overlay: str | None) -> LitVoice:
    configs = ["--config", str(VOICE / "base.yaml")]
    if overlay:
        configs += ["--config", str(VOICE / f"{overlay}.yaml")]
    # Small in everything that does not decide what is built.
    small = {
        "data.features": features,
        "data.batch_size": 2,
        "data.segment_frames": 64,
        "data.reference_frames": 48,
        "data.steps_per_epoch": 1,
        "data.n_validation": 2,
        "data.num_workers": 0,
        "trainer.accelerator": "cpu",
        "trainer.max_epochs": 1,
        "trainer.default_root_dir": run,
        "trainer.enable_progress_bar": "false",
        "trainer.enable_model_summary": "false",
    }
    args = [part for key, value in small.items() for part in (f"--{key}", str(value))]
    return run_cli(
        LitVoice, VoiceData, ["fit", *configs, *args], program="vc", run_folder=str(run)
    ).model


@pytest.mark.parametrize("overlay", [None, *OVERLAYS])
def test_a_voice_configuration_is_built_and_stepped(overlay, tmp_path):
    features = write_features(tmp_path / "features")
    model = step_once(features, tmp_path / "run", overlay)
    assert model.n_batches_done == 1
    if model.discriminator is not None:
        # One more with both players: with the discriminator's own step, the count goes up by two.
        model.hparams.adversarial_from_step = 0
        model.hparams.critic_head_start = 0
        pl.Trainer(accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False).fit(
            model, model.trainer.datamodule
        )
        assert model.global_step == 2
    n_parameters = sum(p.numel() for p in model.network.parameters())
    assert n_parameters <= (3_000_000 if overlay == "small" else 12_000_000)


def test_an_overlay_names_only_what_differs():
    import yaml

    def leaves(node: dict, path: tuple = ()) -> dict:
        found = {}
        for key, value in node.items():
            if isinstance(value, dict):
                found |= leaves(value, (*path, key))
            else:
                found[(*path, key)] = value
        return found

    base = leaves(yaml.safe_load((VOICE / "base.yaml").read_text()))
    for name in OVERLAYS:
        overlay = leaves(yaml.safe_load((VOICE / f"{name}.yaml").read_text()))
        same = [k for k, v in overlay.items() if k in base and base[k] == v]
        assert same == [], f"{name}.yaml repeats {same} of base.yaml"
