"""The shipped stages, from their YAML, one after the other."""

from pathlib import Path

import pytest

from summarize.__main__ import main
from summarize.chain import STAGES
from summarize.prepare import prepare
from summarize.subwords import Subwords
from tests.summarize.corpus import documents, sentences

# one step teaches nothing, so every alarm would ring
SLACK = {
    "game": [
        *("--model.limits.most_perplexity", "1.0e9"),
        *("--model.limits.least_code_gain", "-9"),
        *("--model.limits.least_protected", "0"),
    ],
    "selftrain": ["--model.n_documents", "8"],
}
CONFIGS = Path(__file__).parents[2] / "configs" / "summarize"


def test_each_stage_is_stepped_from_its_yaml_and_begins_where_the_last_ended(tmp_path):
    (tmp_path / "documents.txt").write_text("\n".join(documents(200)))
    (tmp_path / "sentences.txt").write_text("\n".join(sentences(300)))
    data = tmp_path / "data"
    prepare(tmp_path / "documents.txt", tmp_path / "sentences.txt", data, n_vocabulary=150)
    # small in everything that does not decide what is built
    small = {
        "data.folder": data,
        "data.batch_size": 4,
        "data.steps_per_epoch": 1,
        "data.n_validation": 4,
        "data.n_processes": 1,
        "model.network.n_vocabulary": Subwords.load(data).n_vocabulary,
        "model.network.hidden_dim": 16,
        "trainer.accelerator": "cpu",
        "trainer.max_epochs": 1,
        "trainer.enable_progress_bar": "false",
        "trainer.enable_model_summary": "false",
    }
    args = [part for key, value in small.items() for part in (f"--{key}", str(value))]
    before: list[str] = []
    for stage, name in STAGES.items():
        config = ["--config", str(CONFIGS / name)]
        run = tmp_path / stage
        folder = ["--trainer.default_root_dir", str(run)]
        assert main(["fit", *config, *args, *SLACK.get(stage, []), *folder, *before]) == 0
        last = run / "checkpoints" / "last.ckpt"
        assert last.is_file()
        before = ["--model.weights", str(last)]
    assert main(["validate", *config, *args, *folder, "--ckpt_path", str(last)]) == 0
    assert main(["test", stage, *config, *args, *folder, "--ckpt_path", str(last)]) == 0


@pytest.mark.parametrize("args", [["fit"], ["fit", "everything"], ["fit", "--config", "my.yaml"]])
def test_a_stage_that_does_not_exist_is_refused(args, capsys):
    assert main(args) == 2
    assert "distil, mine, reconstruct, game, selftrain" in capsys.readouterr().err
