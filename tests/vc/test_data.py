import pytest
import torch

from tests.vc.features import write_features
from vc.data import SegmentDataset, VoiceData, read_index


def make(features, **changes) -> VoiceData:
    settings = {
        "batch_size": 4,
        "segment_frames": 64,
        "reference_frames": 48,
        "steps_per_epoch": 3,
        "n_validation": 4,
        "num_workers": 0,
    } | changes
    data = VoiceData(features=str(features), **settings)
    data.setup()
    return data


def test_no_dev_speaker_is_trained_on(tmp_path):
    data = make(write_features(tmp_path, n_speakers=5, n_dev=2))
    assert data.train_set.speakers == ["s0", "s1", "s2"]
    assert data.dev_set.speakers == ["s3", "s4"]


def test_batches_have_the_shapes_of_the_legend(tmp_path):
    batch = next(iter(make(write_features(tmp_path)).train_dataloader()))
    assert batch.mel.shape == (4, 80, 64)
    assert batch.mean.shape == batch.deviation.shape == (4, 80)
    assert batch.f0.shape == batch.valid.shape == (4, 64)
    assert batch.reference.shape == batch.relative_reference.shape == (4, 80, 48)
    assert batch.speaker.shape == (4,)


def test_the_reference_never_holds_the_target_segment(tmp_path):
    write_features(tmp_path, n_speakers=3, n_dev=1, n_utterances=1)
    data = make(tmp_path)
    for i in range(20):
        item = data.train_set[i]
        frames = {tuple(f) for f in item.mel.T.tolist()}
        assert not any(tuple(f) in frames for f in item.reference.T.tolist())


def test_an_utterance_shorter_than_the_segment_is_marked_where_it_ends(tmp_path):
    write_features(tmp_path, n_frames=40)
    item = make(tmp_path).train_set[0]
    assert item.mel.shape == (80, 64)
    assert int(item.valid.sum()) in (40, 47)
    assert (item.f0[~item.valid] == 0).all()


def test_a_segment_is_a_function_of_epoch_and_index_alone(tmp_path):
    write_features(tmp_path)
    first, again = make(tmp_path).train_set, make(tmp_path).train_set
    assert torch.equal(first[3].mel, again[3].mel)
    again.epoch.fill_(1)
    assert not torch.equal(first[3].mel, again[3].mel)


def test_balance_zero_hears_all_speakers_alike(tmp_path):
    utterances = read_index(write_features(tmp_path, n_speakers=2, n_dev=0))
    many = utterances + [u for u in utterances if u.speaker == "s0"] * 9
    settings = {"segment_frames": 64, "reference_frames": 48, "n_items": 1, "seed": 0}
    even = SegmentDataset(many, balance=0.0, **settings)
    proportional = SegmentDataset(many, balance=1.0, **settings)
    assert even.weights[0] == even.weights[1]
    assert proportional.weights[0] == 10 * proportional.weights[1]


def test_a_folder_without_an_index_says_how_to_make_one(tmp_path):
    with pytest.raises(ValueError, match="vc prepare"):
        make(tmp_path)


def test_one_training_speaker_is_refused(tmp_path):
    write_features(tmp_path, n_speakers=2, n_dev=1)
    with pytest.raises(ValueError, match="at least two"):
        make(tmp_path)


def test_odd_segments_are_refused(tmp_path):
    with pytest.raises(ValueError, match="even"):
        make(write_features(tmp_path), segment_frames=63)
