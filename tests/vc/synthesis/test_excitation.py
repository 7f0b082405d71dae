import pytest
import torch

from vc.synthesis.excitation import (
    Position,
    excite,
    frame_phase,
    hold_pitch,
    positional_noise,
    pulse_train,
)

HOP, RATE = 160, 16_000


def steady(f0: float, n_frames: int = 101) -> torch.Tensor:
    return torch.full((1, n_frames), f0)


def test_a_200_hz_comb_has_its_energy_at_multiples_of_200_hz():
    pulses = excite(steady(200.0), HOP, RATE, 0, Position()).pulses[0]
    power = torch.fft.rfft(pulses).abs().square()  # one second: bins of 1 Hz
    assert power[::200].sum() > 0.999 * power.sum()


@pytest.mark.parametrize("f0", [61.0, 173.3, 200.0, 580.0])
def test_a_comb_has_unit_power_at_any_pitch(f0):
    pulses = excite(steady(f0), HOP, RATE, 0, Position()).pulses
    assert float(pulses.square().mean()) == pytest.approx(1.0, abs=0.06)


def test_a_comb_is_the_sum_of_its_cosines():
    cycles = torch.linspace(0.0, 7.3, 500, dtype=torch.float64)[None]
    f0 = torch.full((1, 500), 1600.0)
    by_hand = sum(torch.cos(2 * torch.pi * k * cycles) for k in range(1, 6)) * (2 / 5) ** 0.5
    torch.testing.assert_close(pulse_train(cycles, f0, RATE).double(), by_hand, atol=2e-3, rtol=0.0)


def test_a_gliding_pitch_makes_no_clicks():
    f0 = torch.linspace(100.0, 300.0, 201)[None]
    pulses = excite(f0, HOP, RATE, 0, Position()).pulses[0]
    # A click between pulses would stand out of the ripple there.
    cycles = torch.cumsum(torch.linspace(100.0, 300.0, pulses.numel()).double() / RATE, 0)
    between = (cycles.remainder(1.0) - 0.5).abs() < 0.1
    assert pulses[between].abs().max() < 0.5


def test_pulses_are_silent_away_from_voicing_and_noise_is_not():
    f0 = torch.zeros(1, 101)
    f0[:, 40:60] = 150.0
    sound = excite(f0, HOP, RATE, 0, Position())
    assert sound.pulses[:, : 36 * HOP].abs().max() == 0
    assert sound.pulses[:, 64 * HOP :].abs().max() == 0
    assert sound.pulses[:, 45 * HOP : 55 * HOP].abs().max() > 1
    assert sound.noise[:, : 36 * HOP].std() == pytest.approx(1.0, abs=0.1)


def test_held_pitch_never_glides_to_zero():
    f0 = torch.tensor([[0.0] * 10 + [100.0] * 5 + [0.0] * 10])
    held, gate = hold_pitch(f0)
    assert set(held.unique().tolist()) == {0.0, 100.0}
    assert (held[gate > 0] == 100.0).all()
    assert gate.sum() > 5


def test_noise_is_a_function_of_absolute_position():
    whole = positional_noise(-700, 20_000)
    assert torch.equal(positional_noise(3000, 5000), whole[3700:8700])


def test_phase_carried_to_a_later_piece_continues_the_comb():
    f0 = 150 + 40 * torch.sin(torch.arange(300.0) / 20)[None]
    whole = excite(f0, HOP, RATE, 0, Position()).pulses
    phase = frame_phase(f0, HOP, RATE, Position())
    piece = excite(f0[:, 200:], HOP, RATE, 0, Position(200, 10, phase[:, 210])).pulses
    torch.testing.assert_close(piece, whole[:, 200 * HOP :], atol=1e-3, rtol=0.0)


def test_two_random_draws_differ():
    first, second = (excite(steady(120.0), HOP, RATE, HOP) for _ in range(2))
    assert first.pulses.shape == (1, 102 * HOP)
    for a, b in zip(first, second, strict=True):
        assert (a - b).abs().max() > 0.5
