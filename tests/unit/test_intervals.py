"""The interval of a mean covers what it should, as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from linrep_core.intervals import interval


def test_it_is_the_interval_of_students_t_test():
    values = [0.3, 0.9, -0.2, 0.4]
    found = interval(values)
    low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (found.mean, found.n) == (pytest.approx(np.mean(values)), 4)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_it_covers_the_true_mean_in_95_of_100_samples():
    samples = np.random.default_rng(0).normal(1.0, 2.0, size=(4000, 5))
    covered = np.mean([found.low <= 1.0 <= found.high for found in map(interval, samples)])
    assert covered == pytest.approx(0.95, abs=0.01)


def test_a_single_run_has_a_mean_and_no_interval():
    found = interval([0.5])
    assert found.mean == 0.5
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize(("values", "message"), [([], "at least one run"), ([np.nan], "finite"), ("ab", "array")])
def test_bad_values_are_refused(values, message):
    with pytest.raises(ValueError, match=f"values must .*{message}"):
        interval(values)
