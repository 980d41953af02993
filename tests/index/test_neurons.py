"""Correlations with neurons against NumPy's on the captured activations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import monosema as ms
from monosema import pipeline
from monosema.errors import UsageError
from monosema.index.neurons import correlations, neuron_hooks
from monosema.pipeline.loaders import OpenStudy
from pipeline.small_study import new_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    made = new_study(tmp_path_factory.mktemp("neurons") / "study")
    pipeline.run(made, goal="sae")
    return ms.open(made.path)


def test_correlations_are_those_of_the_activations_themselves(study: OpenStudy) -> None:
    model, sae, tokens = study.model(), study.sae(), study.tokens()
    subset = torch.tensor([5, 0, 17, 40])
    batches = list(tokens.batches("train", 512))[:4]
    found = correlations(model, sae, batches, subset, positions=10_000, seed=0, shown=2)
    hooks = [*neuron_hooks(sae), sae.input]
    assert list(found.by_hook) == hooks
    seen: dict[str, list[np.ndarray]] = {hook: [] for hook in hooks}
    for batch in batches:
        for hook, x in model.capture(batch.ids, hooks, batch.real).items():
            seen[hook].append(x[batch.keep].double().numpy())
    x = {hook: np.concatenate(parts) for hook, parts in seen.items()}
    usual = np.linalg.norm(x[sae.input], axis=1) <= sae.massive
    acts = sae.encode(torch.from_numpy(x[sae.input][usual]).float()).dense()[:, subset].double().numpy()
    assert found.positions == usual.sum()
    for hook in hooks:
        for place in range(len(subset)):
            if not acts[:, place].std():
                assert not found.by_hook[hook].r[place].any()
                continue
            r = np.array([np.corrcoef(acts[:, place], unit)[0, 1] for unit in x[hook][usual].T])
            r = np.nan_to_num(r)
            units = found.by_hook[hook].units[place].numpy()
            np.testing.assert_allclose(found.by_hook[hook].r[place].numpy(), r[units], atol=1e-5)
            np.testing.assert_allclose(np.sort(np.abs(r))[::-1][:2], np.abs(r[units]), atol=1e-5)


def test_the_neurons_before_a_hook_point_are_those_that_it_can_hold(study: OpenStudy) -> None:
    assert neuron_hooks(study.sae())[-1] == "mlp_act." + study.sae().input.split(".")[1]


def test_no_position_is_refused(study: OpenStudy) -> None:
    with pytest.raises(UsageError, match="no position to correlate over"):
        correlations(study.model(), study.sae(), [], torch.tensor([1]), positions=10, seed=0)
