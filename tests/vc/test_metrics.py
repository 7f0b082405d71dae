import numpy as np
import pytest

from vc.metrics import (
    bootstrap_interval,
    character_error_rate,
    cosine_similarity,
    edit_distance,
    f0_correlation,
    f0_median_error,
    mean_direction,
    mel_cepstral_distortion,
    warping_path,
    word_error_rate,
)


def melody(n: int = 200, base: float = 120.0) -> np.ndarray:
    """F0 (n,) that rises and falls, with a pause in the middle."""
    f0 = base * 2 ** (np.sin(np.arange(n) / 15.0) / 6.0)
    f0[n // 2 : n // 2 + n // 10] = 0.0
    return f0


def test_cosine_ignores_length_and_knows_opposites() -> None:
    a = np.array([1.0, 2.0, -1.0])
    assert cosine_similarity(a, 7.0 * a) == pytest.approx(1.0)
    assert cosine_similarity(a, -a) == pytest.approx(-1.0)
    assert cosine_similarity([1.0, 0.0], [0.0, 3.0]) == pytest.approx(0.0)


def test_no_speech_is_like_nobody() -> None:
    assert cosine_similarity(np.zeros(4), np.ones(4)) == 0.0
    assert not mean_direction([np.zeros(4), np.zeros(4)]).any()


def test_vectors_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        cosine_similarity(np.ones(3), np.ones(4))


def test_the_mean_direction_has_length_one_and_ignores_loud_vectors() -> None:
    mean = mean_direction([np.array([100.0, 0.0]), np.array([0.0, 1.0])])
    np.testing.assert_allclose(mean, np.sqrt([0.5, 0.5]))


def test_edit_distance_agrees_with_a_slow_recursion() -> None:
    def slow(a: str, b: str) -> int:
        if not a or not b:
            return len(a) + len(b)
        substituted = slow(a[1:], b[1:]) + (a[0] != b[0])
        return min(substituted, slow(a[1:], b) + 1, slow(a, b[1:]) + 1)

    rng = np.random.default_rng(0)
    for _ in range(40):
        a, b = ("".join(rng.choice(list("abc"), rng.integers(0, 6))) for _ in range(2))
        assert edit_distance(a, b) == slow(a, b) == edit_distance(b, a)


def test_error_rates_count_edits_per_unit_of_the_reference() -> None:
    assert character_error_rate("abcd", "abxd") == pytest.approx(0.25)
    assert character_error_rate("ab", "abcdef") == pytest.approx(2.0)
    assert word_error_rate("the cat sat", "the bat sat down") == pytest.approx(2 / 3)


def test_error_rates_ignore_case_and_punctuation() -> None:
    assert character_error_rate("It's  HERE, now!", "it's here now") == 0.0


def test_an_empty_reference_has_no_error_rate() -> None:
    assert np.isnan(character_error_rate("", "something"))
    assert np.isnan(word_error_rate("  ", "something"))


def test_an_octave_is_twelve_semitones_off_at_any_length() -> None:
    assert f0_median_error(melody(200), melody(200) * 2) == pytest.approx(12.0)
    assert f0_median_error(np.full(50, 100.0), np.full(900, 100.0)) == pytest.approx(0.0)


def test_unvoiced_frames_do_not_move_the_median() -> None:
    f0 = melody()
    assert f0_median_error(np.concatenate([f0, np.zeros(500)]), f0) == pytest.approx(0.0)
    assert np.isnan(f0_median_error(np.zeros(50), f0))


def test_a_transposed_and_stretched_melody_still_correlates_fully() -> None:
    f0 = melody()
    higher = np.where(f0 > 0, 50.0 * np.maximum(f0, 1.0) ** 1.3 / 100.0, 0.0)
    assert f0_correlation(higher, f0) == pytest.approx(1.0)


def test_an_inverted_melody_correlates_negatively_and_a_flat_one_not_at_all() -> None:
    f0 = melody()
    inverted = np.where(f0 > 0, 120.0**2 / np.maximum(f0, 1.0), 0.0)
    assert f0_correlation(inverted, f0) == pytest.approx(-1.0)
    assert f0_correlation(np.full(200, 100.0), f0) == 0.0


def test_the_longer_melody_is_cut_and_too_few_shared_frames_say_nothing() -> None:
    f0 = melody()
    assert f0_correlation(np.concatenate([f0, np.full(80, 400.0)]), f0) == pytest.approx(1.0)
    assert np.isnan(f0_correlation(f0[:8], f0))


def test_the_warping_path_is_monotonic_ends_at_both_ends_and_is_cheapest() -> None:
    def slow(cost: np.ndarray) -> float:
        total = np.full(cost.shape, np.inf)
        for i in range(cost.shape[0]):
            for j in range(cost.shape[1]):
                steps = [total[i - 1, j]] if i else []
                steps += [total[i, j - 1]] if j else []
                steps += [total[i - 1, j - 1]] if i and j else []
                total[i, j] = cost[i, j] + min(steps, default=0.0)
        return total[-1, -1]

    cost = np.random.default_rng(0).random((23, 31))
    rows, columns = warping_path(cost)
    assert (rows[0], columns[0], rows[-1], columns[-1]) == (0, 0, 22, 30)
    assert set(np.diff(rows)) <= {0, 1}
    assert set(np.diff(columns)) <= {0, 1}
    assert cost[rows, columns].sum() == pytest.approx(slow(cost))


def test_distortion_forgives_timing_but_not_another_spectrum() -> None:
    cepstra = np.random.default_rng(0).normal(size=(24, 60)).cumsum(1) / 10
    slower = np.repeat(cepstra, 2, axis=1)
    assert mel_cepstral_distortion(slower, cepstra) == pytest.approx(0.0, abs=1e-5)
    assert mel_cepstral_distortion(cepstra + 1.0, cepstra) > 5.0


def test_distortion_of_one_coefficient_has_its_closed_form() -> None:
    cepstra, moved = np.zeros((24, 5)), np.zeros((24, 5))
    moved[3] = 0.1
    expected = 10 / np.log(10) * np.sqrt(2 * 0.1**2)
    assert mel_cepstral_distortion(moved, cepstra) == pytest.approx(expected)


def test_the_interval_holds_the_mean_and_narrows_with_more_values() -> None:
    values = np.random.default_rng(0).normal(3.0, 1.0, 400)
    few, many = bootstrap_interval(values[:20]), bootstrap_interval(values)
    assert many.low < many.mean < many.high
    assert many.high - many.low < few.high - few.low
    # The normal approximation, which holds for 400 values.
    assert many.high - many.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_the_interval_is_repeatable_and_leaves_out_undefined_values() -> None:
    values = [1.0, float("nan"), 3.0]
    assert bootstrap_interval(values) == bootstrap_interval([1.0, 3.0])
    assert bootstrap_interval(values).n == 2
    assert bootstrap_interval([float("nan")]).n == 0
