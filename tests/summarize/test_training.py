from dataclasses import replace

import pytest
import pytorch_lightning as pl
import torch

from summarize.data import TextData
from summarize.model import TextConfig
from summarize.prepare import prepare
from summarize.training import LitDistil, LitGame, LitReconstruct, token_loss
from tests.summarize.corpus import documents, sentences

SMALL = TextConfig(n_vocabulary=150, hidden_dim=32, n_layers=1, n_heads=2, dropout=0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("text")
    (root / "documents.txt").write_text("\n".join(documents(200)))
    (root / "sentences.txt").write_text("\n".join(sentences(300)))
    prepare(root / "documents.txt", root / "sentences.txt", root / "data", n_vocabulary=150)
    return str(root / "data")


def trained(module, folder, tmp_path, n_steps=1, n_epochs=1):
    data = TextData(
        folder, batch_size=8, steps_per_epoch=n_steps, n_validation=16, n_tokens=40, num_workers=0
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
    trainer.fit(module, data)
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
    last = trained(module, folder, tmp_path, n_steps=12).callback_metrics["val/reconstruction"]
    assert last < first - 0.3
    for name, value in module.network.encoder.named_parameters():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("strategy", ["policy", "gumbel"])
def test_the_game_moves_every_player(strategy, folder, tmp_path):
    module = LitGame(network_of(folder), strategy, least_code_gain=-9.0, fewest_distinct=0.0)
    before = {k: v.clone() for k, v in module.named_parameters()}
    trainer = trained(module, folder, tmp_path)
    assert trainer.global_step == 4
    for part in ("network.encoder", "network.decoder", "discriminator"):
        moved = [k for k, v in module.named_parameters() if not torch.equal(v, before[k])]
        assert any(name.startswith(part) for name in moved)
    assert all(torch.isfinite(v).all() for v in module.parameters())


def test_a_policy_turns_towards_what_is_rewarded(folder, tmp_path, monkeypatch):
    module = LitGame(network_of(folder), teacher_weight=0.0, learning_rate=5.0e-3, n_ramp=0)
    # the only thing that counts is how late in the document the copied words stand
    n_vocabulary = module.network.config.n_vocabulary

    def late(batch, actions):
        places = (actions - n_vocabulary).clamp(min=0).float() / 20
        words = torch.zeros(len(actions), int(batch.lengths.max()))
        return places.sum(1) / batch.lengths, words

    monkeypatch.setattr(module, "_rewards", late)
    module.limits = {}
    data = TextData(folder, batch_size=16, n_validation=16, num_workers=0)
    data.setup("fit")
    batch = next(iter(data.val_dataloader()))

    def mean_place() -> float:
        module.network.encoder.describe(*data.subwords.facts())
        actions = module.network.encode(batch.source, batch.lengths).actions
        return float(late(batch, actions)[0].mean())

    before = mean_place()
    trained(module, folder, tmp_path, n_steps=15)
    assert mean_place() > before


def test_an_alarm_ends_the_training(folder, tmp_path, capsys):
    module = LitGame(network_of(folder), fewest_distinct=0.999, least_code_gain=-9.0)
    trainer = trained(module, folder, tmp_path, n_epochs=3)
    assert trainer.current_epoch < 3
    assert "alarm: distinct" in capsys.readouterr().out


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
