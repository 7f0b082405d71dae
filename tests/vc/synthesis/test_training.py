import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.vc.sounds import voice_and_pitch
from vc.audio import LogMel, MelSpec
from vc.synthesis.data import CropDataModule, CropDataset, SynthesisBatch
from vc.synthesis.training import LitSynthesiser, blurred


def write_features(folder: Path, waveforms: bool = True) -> Path:
    """Two made-up voices, one of them dev, as `vc prepare --waveforms` would write them."""
    rows = []
    for s, (speaker, split) in enumerate((("low", "train"), ("high", "dev"))):
        (folder / speaker).mkdir(parents=True)
        waveform, f0 = voice_and_pitch(110.0 * (1 + s), 1.0 + 0.15 * s, 1.5, seed=s)
        mel = LogMel()(waveform[None])[0]
        tensors = {"mel": mel.half(), "f0": f0}
        if waveforms:
            tensors["waveform"] = (waveform * 32767).short()
            tensors["weak_f0"] = torch.full_like(f0, 77.0)
        save_file(tensors, folder / speaker / "u.safetensors")
        rows.append(
            {
                "id": f"{speaker}/u",
                "speaker": speaker,
                "split": split,
                "corpus": "made",
                "frames": mel.shape[1],
            }
        )
    (folder / "index.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "config.json").write_text(json.dumps({"format": 1, "mel": vars(MelSpec())}))
    return folder


def tiny(**changes) -> LitSynthesiser:
    lit = LitSynthesiser(**{"width": 16, "dilations": [1], "warmup_steps": 1, **changes})
    lit.log_dict = lambda *args, **kwargs: None  # no trainer to log to
    return lit


def batch_of(folder: Path) -> SynthesisBatch:
    dataset = CropDataset(folder, "train", 40, 4, fixed=True)
    items = [dataset[i] for i in range(len(dataset))]
    return SynthesisBatch(*(torch.stack(x) for x in zip(*items, strict=True)))


def test_a_crop_holds_the_samples_of_its_frames(tmp_path):
    item = CropDataset(write_features(tmp_path), "train", 40, 4, fixed=True)[2]
    assert item.mel.shape == (80, 40)
    assert item.f0.shape == (40,)
    assert item.waveform.shape == (39 * 160,)
    again = LogMel()(item.waveform[None])[0]
    # 16 bits of sample and of mel say little about what is quieter.
    loud = item.mel[:, 4:-4] > -8
    assert loud.float().mean() > 0.2
    assert (again - item.mel)[:, 4:-4][loud].abs().max() < 0.1


def test_a_share_of_the_crops_is_given_the_weak_pitch_where_there_is_no_voice(tmp_path):
    folder = write_features(tmp_path)

    def pitches(share):
        dataset = CropDataset(folder, "train", 40, 60, fixed=True, weak_share=share)
        return torch.stack([dataset[i].f0 for i in range(60)])

    without, always, often = pitches(0.0), pitches(1.0), pitches(0.7)
    assert (without == 0).any()
    assert (without >= 0).all()
    torch.testing.assert_close(always, torch.where(without > 0, without, -77.0))
    unvoiced = (without == 0).any(1)
    assert 0.5 < (often[unvoiced] < 0).any(1).float().mean() < 0.9


def test_a_gain_moves_mel_and_waveform_together(tmp_path):
    folder = write_features(tmp_path)
    plain = CropDataset(folder, "train", 40, 4, fixed=True)[0]
    louder = CropDataset(folder, "train", 40, 4, fixed=True, gain_db=6.0)[0]
    gain = (louder.mel - plain.mel).mean()
    assert gain.abs() > 0.01
    torch.testing.assert_close(louder.waveform, plain.waveform * gain.exp(), atol=1e-4, rtol=1e-3)


def test_features_without_waveforms_are_refused_with_the_remedy(tmp_path):
    dataset = CropDataset(write_features(tmp_path, waveforms=False), "train", 40, 1)
    with pytest.raises(ValueError, match="--waveforms"):
        dataset[0]


def test_features_of_before_weak_pitch_are_refused_with_the_remedy(tmp_path):
    folder = write_features(tmp_path)
    file = folder / "low" / "u.safetensors"
    save_file({k: v for k, v in load_file(file).items() if k != "weak_f0"}, file)
    with pytest.raises(ValueError, match="--waveforms"):
        CropDataset(folder, "train", 40, 1)[0]


def test_corpora_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no train utterance"):
        CropDataset(write_features(tmp_path), "train", 40, 1, {"other": 1.0})


def test_blurring_at_rate_zero_changes_nothing():
    mel = torch.randn(3, 80, 20)
    assert torch.equal(blurred(mel, 0.0, 0.0), mel)
    flat = torch.full((3, 80, 20), -4.0)
    torch.testing.assert_close(blurred(flat, 1.0, 0.0), flat)
    assert blurred(mel, 1.0, 0.0).std() < mel.std()


def test_a_few_steps_bring_the_loss_down(tmp_path):
    batch = batch_of(write_features(tmp_path))
    lit = tiny(blur=0.0, mel_noise=0.0)
    with torch.no_grad():
        lit.synthesiser.gains.bias += 1.5  # four times too loud
    optimiser = torch.optim.AdamW(lit.synthesiser.parameters(), 1e-2)
    losses = []
    for _ in range(25):
        loss = lit.training_step(batch, 0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert sum(losses[-4:]) < 0.7 * sum(losses[:4])


def test_a_resumed_run_goes_on_from_its_step(tmp_path):
    import pytorch_lightning as pl

    data = CropDataModule(
        str(write_features(tmp_path / "features")),
        n_frames=40,
        batch_size=2,
        steps_per_epoch=2,
        n_validation=2,
    )
    quiet = {
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
    }
    lit = LitSynthesiser(width=16, dilations=[1])
    first = pl.Trainer(max_epochs=1, **quiet)
    first.fit(lit, data)
    first.save_checkpoint(tmp_path / "last.ckpt")
    again = LitSynthesiser(width=16, dilations=[1])
    second = pl.Trainer(max_epochs=2, **quiet)
    second.fit(again, data, ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert second.global_step == 4


def rates_of(lit: LitSynthesiser, n_steps: int) -> list[float]:
    made = lit.configure_optimizers()
    optimiser, schedule = made["optimizer"], made["lr_scheduler"]
    rates = []
    for _ in range(n_steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule["scheduler"].step()
    return rates


def test_the_learning_rate_rises_then_falls_to_a_twentieth_and_stays():
    rates = rates_of(tiny(warmup_steps=10, n_steps=100, learning_rate=1.0), 130)
    assert rates[0] == pytest.approx(0.1, rel=0.01)
    assert max(rates) == rates[9] > 0.95
    assert rates[50] == pytest.approx(0.525, rel=0.01)
    assert rates[99:] == pytest.approx([0.05] * 31, rel=0.01)


def test_without_a_number_of_steps_the_learning_rate_stays():
    assert rates_of(tiny(warmup_steps=10, learning_rate=1.0), 130)[9:] == [1.0] * 121
