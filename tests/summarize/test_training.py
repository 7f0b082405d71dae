from dataclasses import replace

import pytest
import pytorch_lightning as pl
import torch

from summarize.alarms import Limits
from summarize.data import TextData
from summarize.losses import Rewards, token_loss
from summarize.model import TextConfig
from summarize.training import LitDistil, LitGame, LitReconstruct, LitSelfTrain
from tests.summarize.corpus import prepared

# of networks that know nothing yet
ANYTHING = Limits(1e9, -9.0, 1.0, 0.0, 1.0, 1.0, 0.0)
SMALL = TextConfig(n_vocabulary=150, hidden_dim=32, n_layers=1, n_heads=2, dropout=0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("text"))


def trained(module, folder, tmp_path, n_steps=1, n_epochs=1, ckpt_path=None):
    data = TextData(
        folder,
        batch_size=8,
        steps_per_epoch=n_steps,
        n_validation=16,
        n_tokens=40,
        denoise=0.0,
    )
    trainer = pl.Trainer(
        max_epochs=n_epochs,
        accelerator="cpu",
        default_root_dir=tmp_path,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        reload_dataloaders_every_n_epochs=1,
    )
    trainer.fit(module, data, ckpt_path=ckpt_path)
    return trainer


def network_of(folder):
    """The configuration for the vocabulary that came out, which may be smaller than asked for."""
    from summarize.subwords import Subwords

    return replace(SMALL, n_vocabulary=Subwords.load(folder).n_vocabulary)


def test_distilling_comes_to_agree_with_the_search(folder, tmp_path):
    module = LitDistil(network_of(folder), learning_rate=5.0e-3)
    first = trained(module, folder, tmp_path, n_steps=1).callback_metrics
    last = trained(module, folder, tmp_path, n_steps=40).callback_metrics
    assert last["val/distillation"] < first["val/distillation"] - 0.5
    assert last["val/agreed"] > first["val/agreed"]


def test_reconstructing_gets_better_and_leaves_the_encoder_alone(folder, tmp_path):
    module = LitReconstruct(network_of(folder), learning_rate=5.0e-3)
    first = trained(module, folder, tmp_path, n_steps=1).callback_metrics["val/reconstruction"]
    before = {k: v.clone() for k, v in module.network.encoder.named_parameters()}
    last = trained(module, folder, tmp_path, n_steps=40).callback_metrics["val/reconstruction"]
    assert last < first - 0.3
    for name, value in module.network.encoder.named_parameters():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("strategy", ["policy", "gumbel"])
def test_the_game_moves_every_player(strategy, folder, tmp_path):
    module = LitGame(network_of(folder), strategy, limits=ANYTHING)
    before = {k: v.clone() for k, v in module.named_parameters()}
    trainer = trained(module, folder, tmp_path)
    assert trainer.global_step == 4
    for part in ("network.encoder", "network.decoder", "discriminator"):
        moved = [k for k, v in module.named_parameters() if not torch.equal(v, before[k])]
        assert any(name.startswith(part) for name in moved)
    assert all(torch.isfinite(v).all() for v in module.parameters())


def test_a_policy_turns_towards_what_is_rewarded(folder, tmp_path, monkeypatch):
    module = LitGame(network_of(folder), teacher_weight=0.0, learning_rate=5.0e-3, n_ramp=0)
    # the only thing that counts is how many subwords the code's words have
    module.limits = None

    def long_words(network, discriminator, words, tokens):
        n_subwords = (words != 0).sum((1, 2)).float()
        return Rewards(n_subwords, torch.zeros(words.shape[:2]))

    monkeypatch.setattr("summarize.training.rewards", long_words)
    data = TextData(folder, batch_size=16, n_validation=16, denoise=0.0)
    data.setup("fit")
    batch = next(iter(data.val_dataloader()))

    def earned() -> float:
        module.network.encoder.describe(*data.subwords.facts())
        actions = module.network.encode(batch.source, batch.lengths).actions
        words = module.network.words(batch.source, actions)
        return float(long_words(None, None, words, None).rebuilt.mean())

    before = earned()
    trained(module, folder, tmp_path, n_steps=15)
    assert earned() > before


def test_an_alarm_ends_the_training(folder, tmp_path, capsys):
    module = LitGame(network_of(folder), limits=replace(ANYTHING, least_distinct=1.1))
    trainer = trained(module, folder, tmp_path, n_epochs=3)
    assert trainer.current_epoch < 3
    assert "alarm: distinct" in capsys.readouterr().out
    assert module.alarm.startswith("distinct")


def test_without_an_alarm_the_training_goes_on(folder, tmp_path):
    module = LitGame(network_of(folder), limits=ANYTHING)
    assert trained(module, folder, tmp_path, n_epochs=2).current_epoch == 2
    assert module.alarm == ""


def test_every_stage_logs_what_the_alarms_hear(folder, tmp_path):
    for module in (LitDistil(network_of(folder)), LitGame(network_of(folder), limits=ANYTHING)):
        logged = trained(module, folder, tmp_path).callback_metrics
        names = ["perplexity", "self_bleu", "distinct", "lead_overlap", "protected"]
        assert {f"val/{name}" for name in names} <= set(logged)
    assert {"train/discriminator_accuracy", "val/code_gain"} <= set(logged)


def test_a_continued_run_is_the_run_that_was_not_interrupted(folder, tmp_path):
    def run(name, n_epochs, **options):
        module = LitGame(replace(network_of(folder), dropout=0.1), limits=ANYTHING)
        trainer = trained(module, folder, tmp_path / name, n_steps=2, n_epochs=n_epochs, **options)
        return module, trainer

    torch.manual_seed(0)
    whole, _ = run("whole", 2)
    torch.manual_seed(0)
    _, trainer = run("half", 1)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    torch.manual_seed(99)  # what the process drew before must not matter
    continued, _ = run("rest", 2, ckpt_path=tmp_path / "half.ckpt")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, continued.state_dict()[name]), name


def test_self_training_learns_the_codes_that_it_chose(folder, tmp_path):
    module = LitSelfTrain(network_of(folder), learning_rate=5.0e-3, n_samples=2, n_documents=24)
    trainer = trained(module, folder, tmp_path, n_steps=2)
    lessons = trainer.datamodule.train_batches.corpus.lessons
    assert sum(lessons.n_codes(i) for i in range(len(lessons))) == 24
    first = trained(module, folder, tmp_path, n_steps=1).callback_metrics["train/distillation"]
    last = trained(module, folder, tmp_path, n_steps=25).callback_metrics["train/distillation"]
    assert last < first


def test_a_stage_begins_with_the_weights_of_an_earlier(folder, tmp_path):
    first = LitDistil(network_of(folder))
    trainer = trained(first, folder, tmp_path)
    path = tmp_path / "first.ckpt"
    trainer.save_checkpoint(path)
    second = LitGame(network_of(folder), weights=str(path))
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name])
    with pytest.raises(ValueError, match="another network"):
        LitReconstruct(replace(network_of(folder), hidden_dim=16), weights=str(path))
    with pytest.raises(ValueError, match="not a checkpoint"):
        LitReconstruct(network_of(folder), weights=str(tmp_path / "missing.ckpt"))


def test_a_tokenizer_of_another_size_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="make them equal"):
        trained(LitDistil(replace(SMALL, n_vocabulary=99)), folder, tmp_path)


def test_a_strategy_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="policy, gumbel"):
        LitGame(SMALL, strategy="magic")


def test_padding_counts_for_nothing():
    logits = torch.randn(2, 5, 9)
    tokens = torch.tensor([[4, 5, 0, 0, 0], [4, 5, 6, 7, 8]])
    longer = token_loss(logits, tokens)
    assert torch.allclose(longer[:1], token_loss(logits[:1, :2], tokens[:1, :2]))
