"""Co-active features against correlations of the dense matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from index.test_reduce import F, dense, segments
from monosema.index.coactive import FEWEST, coactive
from monosema.index.codes import NONE


def test_co_active_features_are_those_whose_firings_correlate_most(tmp_path: Path) -> None:
    acts = dense()
    acts[:, 7] = acts[:, 6] * (torch.arange(len(acts)) % 9 > 0)  # nearly always together
    parts = segments(tmp_path / "s", acts, [300, 301, 550])
    fires = acts.numpy() > 0
    subset = np.array([6, 1, 11, 2])
    found = coactive(parts, subset, fires.sum(0), shown=4)
    assert found.features[0, 0] == 7
    for place, feature in enumerate(subset):
        phi = np.full(F, -np.inf)
        for other in range(F):
            both = int((fires[:, feature] & fires[:, other]).sum())
            flat = fires[:, feature].std() == 0 or fires[:, other].std() == 0
            if other != feature and both >= FEWEST and not flat:
                phi[other] = np.corrcoef(fires[:, feature], fires[:, other])[0, 1]
        order = [other for other in np.argsort(-phi, kind="stable")[:4] if np.isfinite(phi[other])]
        assert found.features[place].tolist() == order + [NONE] * (4 - len(order))
        assert np.allclose(found.phi[place, : len(order)], phi[order], atol=1e-6)
        expected = [(fires[:, feature] & fires[:, other]).sum() for other in order]
        assert found.together[place, : len(order)].tolist() == expected
