import pytest
import torch

from vc.layers import ChannelNorm, ConvBlock, InstanceNorm, make_norm


def test_channel_norm_of_a_frame_does_not_depend_on_other_frames():
    x = torch.randn(2, 8, 10)
    changed = x.clone()
    changed[..., 5:] += 3
    assert torch.equal(ChannelNorm()(x)[..., :5], ChannelNorm()(changed)[..., :5])


def test_instance_norm_removes_what_is_constant_over_time():
    x = torch.randn(2, 8, 50)
    moved = 3 * x + torch.randn(2, 8, 1)
    assert torch.allclose(InstanceNorm()(x), InstanceNorm()(moved), atol=1e-3)


def test_film_with_zero_condition_leaves_the_block_unconditional():
    block = ConvBlock(8, 5, condition_dim=4)
    x = torch.randn(2, 8, 10)
    plain = ConvBlock(8, 5)
    plain.conv = block.conv
    assert torch.allclose(block(x, torch.zeros(2, 4)), plain(x))


def test_an_unknown_norm_is_refused_by_name():
    with pytest.raises(ValueError, match="'batch'"):
        make_norm("batch")
