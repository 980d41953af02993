"""Neuronpedia's routes that read prompts.

Activations are in our scaled units (docs/metrics.md), with special tokens and massive positions left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from fastapi import APIRouter

from monosema.errors import UsageError
from monosema.index.contexts import TokenTexts
from monosema.index.reading import Reading, read_prompt, texts_of
from monosema.models import LanguageModel
from monosema.server.access import Asking, Studies
from monosema.server.catalog import Catalog
from monosema.server.neuronpedia import feature_number, sources_of, with_bos
from monosema.server.neuronpedia_records import (
    ActivationValues,
    ActiveFeatures,
    AllBatchRequest,
    AllBatchResponse,
    AllFeature,
    AllFeatures,
    AllRequest,
    AllResponse,
    OneFeature,
    SingleBatchRequest,
    SingleBatchResponse,
    SingleRequest,
    SingleResponse,
    SourceRequest,
    SourceResponse,
    SourceResult,
    TopKBatchRequest,
    TopKBatchResponse,
    TopKFeature,
    TopKOf,
    TopKRequest,
    TopKResponse,
    TopKToken,
)
from monosema.server.presence import Caller
from monosema.server.served import ServedSAE

router = APIRouter(prefix="/v1/activation", tags=["neuronpedia"])


@router.post("/single")
def activation_single(studies: Studies, caller: Asking, asked: SingleRequest) -> SingleResponse:
    """Activations of one feature, or of a direction, at each token of a prompt."""
    return _single(studies, caller, asked, [asked.prompt])[0]


@router.post("/single-batch")
def activation_single_batch(
    studies: Studies, caller: Asking, asked: SingleBatchRequest
) -> SingleBatchResponse:
    """The same for several prompts."""
    return SingleBatchResponse(results=_single(studies, caller, asked, asked.prompts))


@router.post("/all")
def activation_all(studies: Studies, caller: Asking, asked: AllRequest) -> AllResponse:
    """The features that fire most in a prompt."""
    return _all(studies, caller, asked, [asked.prompt])[0]


@router.post("/all-batch")
def activation_all_batch(studies: Studies, caller: Asking, asked: AllBatchRequest) -> AllBatchResponse:
    """The same for several prompts."""
    return AllBatchResponse(results=_all(studies, caller, asked, asked.prompts))


@router.post("/topk-by-token")
def activation_topk_by_token(studies: Studies, caller: Asking, asked: TopKRequest) -> TopKResponse:
    """The strongest features at each token of a prompt."""
    return _topk(studies, caller, asked, [asked.prompt])[0]


@router.post("/topk-by-token-batch")
def activation_topk_by_token_batch(
    studies: Studies, caller: Asking, asked: TopKBatchRequest
) -> TopKBatchResponse:
    """The same for several prompts."""
    return TopKBatchResponse(results=_topk(studies, caller, asked, asked.prompts))


@router.post("/source")
def activation_source(studies: Studies, caller: Asking, asked: SourceRequest) -> SourceResponse:
    """All activations of an SAE in a few prompts."""
    served = studies.sae(asked.model, asked.source)
    results = []
    for (reading,) in _readings(studies, caller, [served], asked.prompts):
        found: dict[str, list[tuple[int, float]]] = {}
        acts = reading.acts
        for feature, row, value in zip(
            acts.indices.tolist(), acts.rows().tolist(), acts.values.tolist(), strict=True
        ):
            found.setdefault(str(feature), []).append((row, value))
        results.append(SourceResult(tokens=reading.texts, active_features=ActiveFeatures(found)))
    return SourceResponse(results=results)


def _readings(
    studies: Catalog, caller: Caller, saes: Sequence[ServedSAE], prompts: Sequence[str]
) -> list[list[Reading]]:
    """For each prompt how each SAE of one model reads it."""
    opened = [sae.autoencoder() for sae in saes]
    return studies.with_model(
        saes[0],
        caller,
        lambda model: [
            [read_prompt(model, sae, with_bos(model, text)) for sae in opened] for text in prompts
        ],
    )


def _single(
    studies: Catalog, caller: Caller, asked: OneFeature, prompts: Sequence[str]
) -> list[SingleResponse]:
    of_feature = asked.source is not None and asked.index is not None
    if of_feature == (asked.vector is not None and asked.hook is not None):
        raise UsageError("give one thing: source and index, or vector and hook")
    if not of_feature:
        return _along(studies, caller, asked, prompts)
    served = studies.sae(asked.model, asked.source or "")
    number = feature_number(served, asked.index or 0)
    return [
        _one(reading.texts, reading.special.tolist(), reading.values([number])[:, 0].tolist())
        for (reading,) in _readings(studies, caller, [served], prompts)
    ]


def _along(
    studies: Catalog, caller: Caller, asked: OneFeature, prompts: Sequence[str]
) -> list[SingleResponse]:
    """Activations of the model along a vector."""
    if not bool(torch.tensor(asked.vector).isfinite().all()):
        raise UsageError("the vector holds a number that is not finite, or too large for one of 32 bits")
    served, vector, hook = sources_of(studies, asked.model)[0], torch.tensor(asked.vector), asked.hook or ""

    def read(model: LanguageModel) -> list[SingleResponse]:
        found = []
        for text in prompts:
            ids = with_bos(model, text)
            x = next(iter(model.capture(torch.tensor([ids]), [hook]).values()))[0].float().cpu()  # [s, width]
            if x.shape[1] != len(vector):
                raise UsageError(f"the vector has {len(vector)} numbers; {hook} is {x.shape[1]} wide")
            special = [one in model.tokenizer.all_special_ids for one in ids]
            found.append(
                _one(texts_of(TokenTexts(model.tokenizer.decode), ids), special, (x @ vector).tolist())
            )
        return found

    return studies.with_model(served, caller, read)


def _one(tokens: list[str], special: list[bool], values: list[float]) -> SingleResponse:
    best = max(range(len(values)), key=values.__getitem__)
    activation = ActivationValues(values=values, max_value=values[best], max_value_index=best)
    return SingleResponse(activation=activation, tokens=tokens, tokens_is_special=special)


def _all(studies: Catalog, caller: Caller, asked: AllFeatures, prompts: Sequence[str]) -> list[AllResponse]:
    saes = [studies.sae(asked.model, name) for name in asked.selected_sources]
    if len({sae.asked.place.model for sae in saes}) > 1:
        raise UsageError("the selected sources are of different models; ask for those of one")
    saes = saes or sources_of(studies, asked.model)
    return [
        _strongest(asked, [sae.name for sae in saes], found)
        for found in _readings(studies, caller, saes, prompts)
    ]


def _strongest(asked: AllFeatures, names: Sequence[str], readings: Sequence[Reading]) -> AllResponse:
    length, sorting = len(readings[0].ids), sorted(set(asked.sort_by_token_indexes))
    if sorting and not 0 <= sorting[0] <= sorting[-1] < length:
        raise UsageError(f"sortByTokenIndexes is {sorting}; this prompt has tokens 0 to {length - 1}")
    found = []
    for name, reading in zip(names, readings, strict=True):
        features, place = reading.acts.indices.unique(return_inverse=True)
        values = torch.zeros(len(features), length)
        values[place, reading.acts.rows()] = reading.acts.values
        keys = values[:, sorting].sum(1) if sorting else values.amax(1)
        for row in keys.argsort(descending=True, stable=True)[: asked.num_results or 25].tolist():
            found.append((float(keys[row]), name, int(features[row]), values[row]))
    found.sort(key=lambda one: -one[0])
    activations = [
        AllFeature(
            source=name,
            index=feature,
            values=values.tolist(),
            max_value=float(values.max()),
            max_value_index=int(values.argmax()),
            sum_values=float(values[sorting].sum()),
        )
        for _, name, feature, values in found[: asked.num_results or 25]
    ]
    return AllResponse(activations=activations, tokens=readings[0].texts)


def _topk(studies: Catalog, caller: Caller, asked: TopKOf, prompts: Sequence[str]) -> list[TopKResponse]:
    served = studies.sae(asked.model, asked.source)
    return [_by_token(asked, reading) for (reading,) in _readings(studies, caller, [served], prompts)]


def _by_token(asked: TopKOf, reading: Reading) -> TopKResponse:
    ends, results = reading.acts.offsets.tolist(), []
    for row, text in enumerate(reading.texts):
        if row == 0 and asked.ignore_bos and reading.special[0]:
            continue
        here = slice(ends[row], ends[row + 1])
        best = reading.acts.values[here].argsort(descending=True, stable=True)[: asked.top_k or 5]
        pairs = zip(
            reading.acts.indices[here][best].tolist(), reading.acts.values[here][best].tolist(), strict=True
        )
        results.append(
            TopKToken(
                token_position=row,
                token=text,
                is_special=bool(reading.special[row]),
                top_features=[TopKFeature(feature_index=one, activation_value=value) for one, value in pairs],
            )
        )
    return TopKResponse(results=results, tokens=[one.token for one in results])
