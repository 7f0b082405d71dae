"""What a corpus leaves beside the weights."""

import pytest
import soundfile

from tests.vc.serving import make_converter
from tests.vc.sounds import SAMPLE_RATE, voice
from vc.__main__ import main
from vc.inference import VoiceConverter
from vc.screen import Screen, listen
from vc.voice_space import VoiceSpace, invent
from vc.voices import VoiceProfile, save_profile


@pytest.fixture
def weights(tmp_path):
    """Weights with a ready voice of their own."""
    folder = tmp_path / "weights"
    make_converter().save_pretrained(folder)
    converter = VoiceConverter.from_pretrained(folder)
    heard = listen(converter, (voice(120.0, 1.0, 2.0, 5), SAMPLE_RATE))
    ready = VoiceProfile(heard.speaker, *heard.pitch, "ann", converter.fingerprint)
    save_profile(ready, folder / "voices" / "ann.voice")
    return folder


def write_corpus(folder, n_train: int, n_dev: int = 0) -> None:
    """A manifest of one utterance of each of so many speakers."""
    rows = ["file\tspeaker\tsplit"]
    for i in range(n_train + n_dev):
        path = folder / f"s{i}" / "u.wav"
        path.parent.mkdir(parents=True)
        waveform = voice(100.0 + 3 * i, 1.0 + 0.004 * i, 1.2, i)
        soundfile.write(path, waveform.numpy(), SAMPLE_RATE)
        rows.append(f"s{i}/u.wav\ts{i}\t{'train' if i < n_train else 'dev'}")
    (folder / "manifest.tsv").write_text("\n".join(rows) + "\n")


def test_a_copy_of_calibrated_weights_is_calibrated(weights, tmp_path):
    corpus = tmp_path / "corpus"
    write_corpus(corpus, 40)
    assert main(["calibrate", str(corpus), "--weights", str(weights)]) == 0
    VoiceConverter.from_pretrained(weights).save_pretrained(tmp_path / "copy")
    for name in ("screen", "space"):
        made = {path.name: path.read_bytes() for path in (weights / name).iterdir()}
        copied = {path.name: path.read_bytes() for path in (tmp_path / "copy" / name).iterdir()}
        assert made == copied


def test_a_corpus_leaves_a_screen_and_a_space_of_its_training_speakers(weights, tmp_path, capsys):
    corpus = tmp_path / "corpus"
    write_corpus(corpus, 41, 2)
    (corpus / "s0" / "u.wav").write_bytes(b"not sound")
    assert main(["calibrate", str(corpus), "--weights", str(weights)]) == 2
    out, error = capsys.readouterr()
    assert "40 recordings of 40 speakers, 1 failed" in out
    assert error.count("\n") == 1
    assert main(["calibrate", str(corpus), "--weights", str(weights)]) == 2
    assert "--force" in capsys.readouterr().err

    converter = VoiceConverter.from_pretrained(weights)
    assert len(Screen.load(weights / "screen", converter.fingerprint).clean) == 20
    space = VoiceSpace.load(weights / "space", converter.fingerprint)
    known = [converter.profile(name) for name in converter.voices()]
    first, again, other = (invent(known, seed, space=space) for seed in (1, 1, 2))
    assert first.vector.equal(again.vector)
    assert not first.vector.allclose(other.vector)
    assert 60 <= first.f0_median <= 400
    with pytest.raises(ValueError, match="is of other weights"):
        VoiceSpace.load(weights / "space", "0" * 16)

    path = tmp_path / "new.voice"
    args = ["voice", "invent", "-o", str(path), "--weights", str(weights), "--seed", "1"]
    assert main(args) == 0
    assert converter.profile(path).vector.allclose(first.vector)


def test_too_few_speakers_calibrate_nothing(weights, tmp_path, capsys):
    write_corpus(tmp_path / "corpus", 3)
    assert main(["calibrate", str(tmp_path / "corpus"), "--weights", str(weights)]) == 2
    assert "3 training speakers; 40 are needed" in capsys.readouterr().err
    assert not (weights / "screen").exists()
