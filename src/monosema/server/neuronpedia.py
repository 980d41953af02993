"""Routes that answer as Neuronpedia's inference server does: tokens and directions, and what its other routes share.

`model` is a study, `source` one of its SAEs. `neuronpedia_activation.py` reads prompts, `neuronpedia_steer.py` writes.
"""

from __future__ import annotations

import torch
from fastapi import APIRouter

from monosema.errors import MonosemaError, UsageError
from monosema.index import find_by_direction
from monosema.models import LanguageModel
from monosema.server.access import Asking, Studies
from monosema.server.catalog import Catalog
from monosema.server.errors import NotFoundError
from monosema.server.neuronpedia_records import (
    MOST_RESULTS,
    Capabilities,
    CosineFeature,
    CosinesRequest,
    CosinesResponse,
    Endpoints,
    FeatureOf,
    Healthy,
    ServedSources,
    TokenizeRequest,
    TokenizeResponse,
    VectorResponse,
)
from monosema.server.served import ServedSAE
from monosema.server.shelf import asked_of
from monosema.server.writing import MOST_TOKENS

MOST_DIGITS = 20
"""Of a feature's number; Python makes no number of thousands of them."""
router = APIRouter(tags=["neuronpedia"])


@router.get("/health")
async def get_health() -> Healthy:
    """Whether the server answers."""
    return Healthy()


@router.get("/v1/capabilities")
def get_capabilities(studies: Studies) -> Capabilities:
    """What can be asked."""
    models = []
    for name in studies.names:
        try:
            models.append(ServedSources(model=name, sources=[sae.name for sae in sources_of(studies, name)]))
        except (MonosemaError, OSError):
            continue  # a broken study does not take the others down
    return Capabilities(
        models=models,
        max_concurrent_requests=1,
        max_tokens=MOST_TOKENS,
        max_num_results=MOST_RESULTS,
        endpoints=Endpoints(),
    )


@router.post("/v1/tokenize")
def tokenize(studies: Studies, caller: Asking, asked: TokenizeRequest) -> TokenizeResponse:
    """Tokens of a text."""
    served = sources_of(studies, asked.model)[0]

    def cut(model: LanguageModel) -> TokenizeResponse:
        ids = with_bos(model, asked.text)
        bos = model.tokenizer.bos_token_id
        begun = ids[:1] == [bos]
        if asked.prepend_bos is False and begun:
            ids, begun = ids[1:], False
        return TokenizeResponse(
            tokens=ids, token_strings=[model.tokenizer.decode([one]) for one in ids], prepend_bos=begun
        )

    return studies.with_model(served, caller, cut)


@router.post("/v1/util/sae-vector")
def sae_vector(studies: Studies, asked: FeatureOf) -> VectorResponse:
    """A feature's decoder row, in the model's own units."""
    served = studies.sae(asked.model, asked.source)
    return VectorResponse(vector=_row(served, asked.index).tolist(), hook_name=served.autoencoder().output)


@router.post("/v1/util/sae-topk-by-decoder-cossim")
def sae_topk_by_decoder_cossim(studies: Studies, asked: CosinesRequest) -> CosinesResponse:
    """Features whose decoder rows are closest to a feature's, or to a vector."""
    served = studies.sae(asked.model, asked.source)
    if (asked.feature is None) == (asked.vector is None):
        raise UsageError("give one thing to compare with: a feature, or a vector")
    if asked.feature is not None:
        vector = _row(studies.sae(asked.feature.model, asked.feature.source), asked.feature.index)
    else:
        vector = torch.tensor(asked.vector)
    found = find_by_direction(served.autoencoder(), vector, n=asked.num_results)
    return CosinesResponse(
        feature=asked.feature,
        topk_decoder_cossim_features=[
            CosineFeature(
                feature=FeatureOf(model=asked.model, source=asked.source, index=one.feature),
                cosine_similarity=one.score,
            )
            for one in found
        ],
    )


def sources_of(studies: Catalog, study: str) -> list[ServedSAE]:
    """The trained SAEs of a study that are of the model of its first. Raises `NotFoundError` where there is none."""
    opened, _ = studies.study(study)
    saes = [studies.sae(study, name) for name in asked_of(opened).saes]
    trained = [sae for sae in saes if sae.made("sae") is not None]
    if not trained:
        raise NotFoundError(f"no SAE of {study} was trained yet")
    return [sae for sae in trained if sae.asked.place.model == trained[0].asked.place.model]


def with_bos(model: LanguageModel, text: str) -> list[int]:
    """Tokens of a text, behind the beginning-of-text token where the model has one."""
    bos = model.tokenizer.bos_token
    ids = model.encode(rest) if (rest := text.removeprefix(bos or "")) else []
    if bos is None or ids[:1] == [model.tokenizer.bos_token_id]:
        return ids
    return [model.tokenizer.bos_token_id, *ids]


def feature_number(served: ServedSAE, index: str | int) -> int:
    """A feature's number. Raises `UsageError` for one that is none."""
    text, d_sae = str(index), served.autoencoder().d_sae
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and int(text) < d_sae):
        raise UsageError(f"index is {text[:20]!a}; {served.name} has features 0 to {d_sae - 1}")
    return int(text)


def _row(served: ServedSAE, index: int) -> torch.Tensor:
    number = feature_number(served, index)
    sae = served.autoencoder()
    return (sae.W_dec[number] / sae.unit).float().cpu()
