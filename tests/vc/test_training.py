from dataclasses import replace

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.strategies import DDPStrategy

from shared.checkpoint import load_model
from tests.vc.features import TINY, write_features
from vc.audio import MelSpec
from vc.data import VoiceData
from vc.discriminator import MelDiscriminator
from vc.exchange import match_pitch
from vc.inference import VoiceConverter
from vc.model import VoiceAutoencoder
from vc.synthesis.griffin_lim import GriffinLim
from vc.training import (
    LitVoice,
    reconstruction_loss,
    reverse_gradient,
    virtual_voices,
)


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    return write_features(tmp_path_factory.mktemp("features"), n_speakers=6)


def make_data(features) -> VoiceData:
    return VoiceData(
        features=str(features),
        batch_size=4,
        segment_frames=64,
        reference_frames=48,
        steps_per_epoch=4,
        n_validation=4,
        num_workers=0,
    )


def make_model(**changes) -> LitVoice:
    settings = {"n_speakers": 6, "n_warmup_steps": 1, "learning_rate": 1.0e-3} | changes
    return LitVoice(network=TINY, **settings)


def make_trainer(folder, **changes) -> pl.Trainer:
    settings = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "num_sanity_val_steps": 0,
        "default_root_dir": folder,
    } | changes
    return pl.Trainer(**settings)


def weights(model: LitVoice) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.network.parameters()])


def test_training_lowers_the_reconstruction_error(tmp_path, features):
    data, model = make_data(features), make_model(learning_rate=5.0e-3)
    trainer = make_trainer(tmp_path, max_epochs=1)
    before = make_trainer(tmp_path).validate(model, data, verbose=False)[0]["val/reconstruction"]
    trainer = make_trainer(tmp_path, max_epochs=25)
    trainer.fit(model, data)
    after = trainer.validate(model, data, verbose=False)[0]["val/reconstruction"]
    assert after < 0.8 * before


def test_a_resumed_run_ends_where_the_uninterrupted_one_ends(tmp_path, features):
    settings = {"speaker_adversary_weight": 0.1, "adversarial_from_step": 2}

    def train(max_epochs: int, ckpt_path: str | None = None) -> LitVoice:
        pl.seed_everything(1, verbose=False)
        model = make_model(**settings)
        saver = ModelCheckpoint(tmp_path, save_last=True, every_n_epochs=1, save_top_k=0)
        trainer = make_trainer(
            tmp_path, max_epochs=max_epochs, callbacks=[saver], enable_checkpointing=True
        )
        trainer.fit(model, make_data(features), ckpt_path=ckpt_path)
        return model

    whole = train(2)
    train(1)
    resumed = train(2, str(tmp_path / "last.ckpt"))
    assert int(resumed.n_batches_done) == 8
    assert torch.equal(weights(whole), weights(resumed))


def test_a_run_starts_from_exported_weights(tmp_path):
    torch.manual_seed(3)
    VoiceConverter(VoiceAutoencoder(TINY), GriffinLim(), MelSpec()).save_pretrained(tmp_path)
    _, state = load_model(tmp_path, kind="vc")
    model = make_model(start_from=str(tmp_path))
    assert all(torch.equal(state[k], v) for k, v in model.network.state_dict().items())
    assert "start_from" not in model.hparams
    with pytest.raises(ValueError, match=r"must be those of model\.network"):
        LitVoice(network=replace(TINY, content_dim=5), start_from=str(tmp_path))


def test_the_discriminator_rests_until_its_step(tmp_path, features):
    model = make_model(adversarial_from_step=1000)
    before = [p.clone() for p in model.discriminator.parameters()]
    make_trainer(tmp_path, max_epochs=1).fit(model, make_data(features))
    after = list(model.discriminator.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_both_players_move_in_the_adversarial_stage(tmp_path, features):
    model = make_model(adversarial_from_step=0)
    before = [p.clone() for p in model.discriminator.parameters()]
    network = weights(model)
    trainer = make_trainer(tmp_path, max_epochs=1)
    trainer.fit(model, make_data(features))
    assert any(
        not torch.equal(a, b) for a, b in zip(before, model.discriminator.parameters(), strict=True)
    )
    assert not torch.equal(network, weights(model))
    assert {"train/adversarial", "train/feature", "train/cycle", "train/discriminator"} <= set(
        trainer.callback_metrics
    )


def state_of(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([value.flatten().float() for value in module.state_dict().values()]).clone()


def test_frozen_encoders_stay_as_they_were_while_the_decoder_learns(tmp_path, features):
    model = make_model(adversarial_from_step=0, frozen_encoders=True)
    encoders = model.network.content_encoder, model.network.speaker_encoder
    before, decoder = [state_of(e) for e in encoders], state_of(model.network.decoder)
    make_trainer(tmp_path, max_epochs=1).fit(model, make_data(features))
    for encoder, was in zip(encoders, before, strict=True):
        assert torch.equal(state_of(encoder), was)
    assert not torch.equal(state_of(model.network.decoder), decoder)


def test_frozen_encoders_refuse_losses_that_would_teach_them():
    with pytest.raises(ValueError, match="set speaker_adversary_weight"):
        make_model(frozen_encoders=True, consistency_weight=0.1)


def test_in_its_head_start_the_critic_alone_learns(tmp_path, features):
    model = make_model(adversarial_from_step=0, critic_head_start=1000)
    parameters = [p.detach().clone() for p in model.network.parameters()]
    critic = state_of(model.discriminator)
    make_trainer(tmp_path, max_epochs=1).fit(model, make_data(features))
    after = list(model.network.parameters())
    assert all(torch.equal(a, b) for a, b in zip(parameters, after, strict=True))
    assert not torch.equal(state_of(model.discriminator), critic)


def test_a_share_of_the_batch_is_heard_in_the_networks_own_conversion(features):
    data = make_data(features)
    data.setup()
    batch = next(iter(data.train_dataloader()))
    model = make_model(self_conversion_share=0.5)
    heard = model._said_by_others(batch, model._voice(batch))
    changed = [not torch.equal(a, b) for a, b in zip(heard, batch.heard, strict=True)]
    assert changed == [True, True, False, False]


def test_the_critic_hears_where_in_the_spectrum_a_patch_lies():
    torch.manual_seed(0)
    critic = MelDiscriminator(speaker_dim=8)
    mel = torch.randn(2, 80, 64)
    scores, features = critic(mel, torch.randn(2, 8))
    flipped, _ = critic(mel.flip(1), torch.randn(2, 8))
    assert scores.shape == (2, 5, 4)
    assert [f.shape[1:] for f in features] == [
        (32, 40, 32),
        (64, 20, 16),
        (128, 10, 8),
        (128, 5, 4),
    ]
    assert not torch.allclose(scores, flipped.flip(1), atol=1e-3)


def test_checkpoints_hold_plain_data_only(tmp_path, features):
    trainer = make_trainer(tmp_path, max_epochs=1)
    trainer.fit(make_model(), make_data(features))
    trainer.save_checkpoint(tmp_path / "plain.ckpt")
    loaded = torch.load(tmp_path / "plain.ckpt", weights_only=True)
    assert loaded["hyper_parameters"]["network"]["content_dim"] == TINY.content_dim


def test_more_speakers_than_the_adversary_knows_are_refused(tmp_path, features):
    model = make_model(speaker_adversary_weight=0.1, n_speakers=2)
    with pytest.raises(ValueError, match=r"model\.n_speakers to at least 4"):
        make_trainer(tmp_path, max_epochs=1).fit(model, make_data(features))


class _WriteWeights(pl.Callback):
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert pl_module.n_batches_done == 4  # an epoch's steps in each process
        torch.save(weights(pl_module), f"{self.folder}/rank{trainer.global_rank}.pt")


def test_two_processes_keep_identical_weights(tmp_path, features):
    strategy = DDPStrategy(
        process_group_backend="gloo", start_method="spawn", find_unused_parameters=True
    )
    trainer = make_trainer(
        tmp_path,
        devices=2,
        strategy=strategy,
        max_epochs=1,
        callbacks=[_WriteWeights(str(tmp_path))],
    )
    model = make_model(speaker_adversary_weight=0.1, adversarial_from_step=2)
    before = weights(model).clone()
    trainer.fit(model, make_data(features))
    ranks = [torch.load(tmp_path / f"rank{i}.pt", weights_only=True) for i in range(2)]
    assert torch.equal(ranks[0], ranks[1])
    assert not torch.equal(ranks[0], before)


def test_the_reconstruction_loss_ignores_frames_that_are_not_there():
    mel, mel_hat = torch.zeros(2, 80, 10), torch.zeros(2, 80, 10)
    valid = torch.ones(2, 10)
    valid[:, 5:] = 0
    mel_hat[..., 5:] = 100
    assert reconstruction_loss(mel_hat, mel, valid) == 0


def test_the_reconstruction_loss_refuses_to_broadcast():
    with pytest.raises(ValueError, match="shapes differ"):
        reconstruction_loss(torch.zeros(2, 1, 80, 10), torch.zeros(2, 80, 10), torch.ones(2, 10))


def test_matched_pitch_has_the_targets_median_and_the_sources_melody():
    f0 = torch.tensor([[0.0, 100.0, 110.0, 120.0, 0.0]])
    target = torch.tensor([[200.0, 0.0, 220.0, 240.0]])
    moved = match_pitch(f0, target)
    assert torch.allclose(moved[0, 1:4], torch.tensor([200.0, 220.0, 240.0]))
    assert moved[0, 0] == moved[0, 4] == 0


def test_pitch_stays_where_the_target_has_none():
    f0 = torch.tensor([[100.0, 0.0]])
    assert torch.equal(match_pitch(f0, torch.zeros(1, 3)), f0)


def test_a_reversed_gradient_has_the_other_sign():
    x = torch.ones(3, requires_grad=True)
    (2 * reverse_gradient(x)).sum().backward()
    assert torch.equal(x.grad, torch.full((3,), -2.0))


def test_virtual_voices_of_no_warp_are_the_real_ones(features):
    batch = next(iter(_loaded(features)))
    assert all(torch.equal(a, b) for a, b in zip(batch, virtual_voices(batch, 0.0), strict=True))


def test_consistency_pulls_the_codes_of_two_copies_together(features):
    data = make_data(features)
    data.setup()
    batch = next(iter(data.train_dataloader()))

    def distance(weight: float) -> float:
        torch.manual_seed(0)
        model = make_model(consistency_weight=weight, learning_rate=5.0e-3).train()
        optimizers = model.configure_optimizers()
        model._optimizers = lambda: optimizers
        model.manual_backward = lambda loss: loss.backward()
        seen: dict[str, float] = {}
        model._log = lambda stage, values, n: seen.update(values)
        for i in range(12):
            model.training_step(batch, i)
        with torch.no_grad():
            codes = [
                model.network.eval().encode_content(model.perturbation(batch.heard))
                for _ in range(2)
            ]
        assert ("consistency" in seen) == (weight > 0)
        return float((codes[0] - codes[1]).abs().mean() / codes[0].std())

    assert distance(20.0) < 0.8 * distance(0.0)


def test_what_is_heard_is_what_the_content_encoder_gets(features):
    data = make_data(features)
    data.setup()
    batch = next(iter(data.train_dataloader()))
    model = make_model(warp=0.0, tilt=0.0, noise=-float("inf"), n_masks=0).eval()
    codes = []
    model.network.content_encoder.register_forward_hook(lambda *call: codes.append(call[2]))
    model._autoencoder_losses(batch)
    model._autoencoder_losses(batch._replace(heard=batch.heard.roll(1, 0)))
    # The references' codes come first, then those of what is heard.
    torch.testing.assert_close(codes[3], codes[1].roll(1, 0))


def test_virtual_voices_move_pitch_and_formants_of_about_half_the_batch(features):
    batch = next(iter(_loaded(features)))
    many = type(batch)(*(x.repeat_interleave(16, 0) for x in batch))
    moved = virtual_voices(many, 0.2)
    ratio = torch.where(many.f0 > 0, moved.f0 / many.f0.clamp_min(1), torch.nan).nanmedian(1).values
    changed = (ratio - 1).abs() > 1e-4
    assert 0.25 < float(changed.float().mean()) < 0.75
    assert ratio.min() >= 1 / 1.2 - 1e-4
    assert ratio.max() <= 1.2 + 1e-4
    same = ((moved.mel - many.mel).abs() < 1e-3).flatten(1).all(1)
    assert torch.equal(same, ~changed)


def _loaded(features):
    data = make_data(features)
    data.setup()
    return data.train_dataloader()
