"""The chain of stages and the export of what it made, on a small language, through the command."""

import json

import pytest

from summarize import chain
from summarize.__main__ import main
from summarize.inference import Summarizer
from summarize.prepare import prepare
from summarize.text import count_words
from tests.summarize.corpus import documents, prepared, sentences

SMALL = {
    "data.batch_size": 4,
    "data.steps_per_epoch": 1,
    "data.n_validation": 4,
    "data.n_processes": 1,
    "model.network.hidden_dim": 16,
    "trainer.accelerator": "cpu",
    "trainer.max_epochs": 1,
    "trainer.enable_progress_bar": "false",
    "trainer.enable_model_summary": "false",
}
OPTIONS = [part for key, value in SMALL.items() for part in (f"--{key}", str(value))]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    run = tmp_path_factory.mktemp("run") / "run"
    args = ["--data", data, "-o", str(run), "--stages", "distil,reconstruct"]
    assert main(["train", *args, "--minutes", "distil=5", *OPTIONS]) == 0
    return run


def test_a_stage_begins_with_the_weights_of_the_one_before(data, run, monkeypatch):
    given = []
    monkeypatch.setattr(chain, "fit", lambda *args: given.append(args) or pytest.fail("trained"))
    ended = chain.train(data, run, ["distil", "reconstruct"], configs="configs/summarize")
    assert [t.stage for t in ended] == ["distil", "reconstruct"]
    assert given == []  # what is done is not done again
    args = chain._args("x.yaml", data, run / "game", 150, 90.5, [ended[-1].checkpoint])
    assert args[args.index("--model.weights") + 1] == str(run / "reconstruct" / chain.CHECKPOINT)
    assert args[args.index("--trainer.max_time") + 1] == "00:01:30:30"
    assert "--ckpt_path" not in args
    assert "--ckpt_path" in chain._args("x.yaml", data, run / "distil", 150, 1, [])


def test_a_run_is_exported_and_serves(run, tmp_path, capsys):
    assert main(["export", str(run), "-o", str(tmp_path / "weights")]) == 0
    assert "reconstruct" in capsys.readouterr().out
    summarizer = Summarizer.from_pretrained(tmp_path / "weights")
    assert summarizer.method == "best"
    summary = summarizer.summarize(documents(1)[0], 7)
    assert count_words(summary.text) == 7
    assert "200 documents" in (tmp_path / "weights" / "README.md").read_text()
    assert main(["export", str(run), "-o", str(tmp_path / "weights")]) == 2
    assert "not empty" in capsys.readouterr().err
    assert main(["export", str(run), "-o", str(tmp_path / "weights"), "--force"]) == 0


def test_a_corpus_in_which_nothing_can_be_mined_leaves_that_stage_out(tmp_path, capsys):
    (tmp_path / "documents.txt").write_text("\n".join(documents(200)))
    strange = [f"{line} of Atlantis" for line in sentences(300)]
    (tmp_path / "sentences.txt").write_text("\n".join(strange))
    folder = tmp_path / "data"
    prepare(tmp_path / "documents.txt", tmp_path / "sentences.txt", folder, n_vocabulary=150)
    run = tmp_path / "run"
    args = ["--data", str(folder), "-o", str(run), "--stages", "distil,mine,selftrain"]
    for _ in range(2):  # what was left out stays left out
        assert main(["train", *args, *OPTIONS, "--trainer.limit_val_batches", "0"]) == 0
        assert "no sentence says what a document says" in capsys.readouterr().out
    assert chain.last_trained(run).stage == "selftrain"  # which asks for mined pairs, too


def test_what_an_alarm_ended_is_not_handed_on(run):
    ended = run / "reconstruct" / chain.DONE
    before = ended.read_text()
    ended.write_text(json.dumps({"alarm": "distinct is 0.010"}))
    assert chain.last_trained(run).stage == "distil"
    ended.write_text(before)
    assert chain.last_trained(run).stage == "reconstruct"
    assert chain.last_trained(run / "distil").checkpoint == run / "distil" / chain.CHECKPOINT


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--stages", "distil,polish"], "no stage 'polish'"),
        (["--minutes", "distil=soon"], "--minutes distil=soon"),
        (["--minutes", "polish=3"], "no stage 'polish'"),
        (["--configs", "nowhere"], "no configuration"),
    ],
)
def test_a_chain_that_cannot_be_is_refused_before_it_begins(data, tmp_path, args, said, capsys):
    assert main(["train", "--data", data, "-o", str(tmp_path / "run"), *args]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_nothing_to_export_is_refused(tmp_path, data, capsys):
    assert main(["export", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "no stage that has ended" in capsys.readouterr().err
    (tmp_path / "some.ckpt").write_bytes(b"no checkpoint")
    assert main(["export", str(tmp_path / "some.ckpt"), "-o", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
