"""Records of the routes that answer as Neuronpedia's inference server does: camelCase outside, snake_case taken too."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel, StringConstraints
from pydantic.alias_generators import to_camel

from monosema.server.asked import WIDEST
from monosema.server.record import Record, Text

MOST_PROMPTS = 16
MOST_SOURCE_PROMPTS = 4
MOST_RESULTS = 1000
Model = Annotated[Text, StringConstraints(max_length=200)]
"""Name of a study."""
Source = Annotated[Text, StringConstraints(max_length=200)]
"""Name of an SAE of it."""
Prompts = Annotated[list[Text], Field(min_length=1, max_length=MOST_PROMPTS)]


class Wire(Record):
    """The base of these records."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class OneFeature(Wire):
    """What is asked of one feature (source and index), or of one direction (vector and hook)."""

    model: Model
    source: Source | None = None
    index: str | int | None = None
    vector: list[float] | None = Field(None, min_length=1, max_length=WIDEST)
    hook: Text | None = Field(None, max_length=100)


class SingleRequest(OneFeature):
    """Activations at each token of a prompt."""

    prompt: Text


class SingleBatchRequest(OneFeature):
    """The same for several prompts."""

    prompts: Prompts


class ActivationValues(Wire):
    """One activation a token."""

    values: list[float]
    max_value: float
    max_value_index: int


class SingleResponse(Wire):
    """Activations and tokens of a prompt."""

    activation: ActivationValues
    tokens: list[str]
    tokens_is_special: list[bool]


class SingleBatchResponse(Wire):
    """One for each prompt."""

    results: list[SingleResponse]


class AllFeatures(Wire):
    """What is asked of all features."""

    model: Model
    source_set: str
    """Taken and not used: a study is one set."""
    selected_sources: list[Source] = Field(max_length=64)
    """None: all SAEs of the study's first model that are trained."""
    sort_by_token_indexes: list[int] = Field(max_length=WIDEST)
    """Sort by the sum of the activations at these tokens; none: by the largest activation."""
    ignore_bos: bool
    """Special tokens are left out in any case."""
    num_results: int | None = Field(25, ge=1, le=MOST_RESULTS)


class AllRequest(AllFeatures):
    """The features that fire most in a prompt."""

    prompt: Text


class AllBatchRequest(AllFeatures):
    """The same for several prompts."""

    prompts: Prompts


class AllFeature(ActivationValues):
    """A feature and its activations."""

    source: str
    index: int
    sum_values: float
    """Over the tokens to sort by; 0 where there are none."""


class AllResponse(Wire):
    """Features, the strongest first, and the tokens of the prompt."""

    activations: list[AllFeature]
    tokens: list[str]


class AllBatchResponse(Wire):
    """One for each prompt."""

    results: list[AllResponse]


class TopKOf(Wire):
    """What is asked of each token."""

    model: Model
    source: Source
    top_k: int | None = Field(5, ge=1, le=100)
    ignore_bos: bool
    """Leave out the first token where it is the beginning-of-text token."""


class TopKRequest(TopKOf):
    """The strongest features at each token of a prompt."""

    prompt: Text


class TopKBatchRequest(TopKOf):
    """The same for several prompts."""

    prompts: Prompts


class TopKFeature(Wire):
    """A feature at a token."""

    feature_index: int
    activation_value: float


class TopKToken(Wire):
    """A token of the prompt."""

    token_position: int
    token: str
    is_special: bool
    top_features: list[TopKFeature]
    """Those that fire: fewer than asked for, or none."""


class TopKResponse(Wire):
    """All tokens."""

    results: list[TopKToken]
    tokens: list[str]


class TopKBatchResponse(Wire):
    """One for each prompt."""

    results: list[TopKResponse]


class SourceRequest(Wire):
    """All activations of an SAE in a few prompts."""

    model: Model
    source: Source
    prompts: Annotated[list[Text], Field(min_length=1, max_length=MOST_SOURCE_PROMPTS)]


class ActiveFeatures(RootModel[dict[str, list[tuple[int, float]]]]):
    """For each feature that fires, by its number: pairs of a token's position and the activation there."""


class SourceResult(Wire):
    """One prompt."""

    tokens: list[str]
    active_features: ActiveFeatures


class SourceResponse(Wire):
    """One for each prompt."""

    results: list[SourceResult]


class TokenizeRequest(Wire):
    """A text to cut into tokens."""

    model: Model
    text: Text
    prepend_bos: bool | None = None
    """Force the beginning-of-text token on or off; not given: as all routes here have it."""


class TokenizeResponse(Wire):
    """Tokens of a text."""

    tokens: list[int]
    token_strings: list[str]
    prepend_bos: bool


class FeatureOf(Wire):
    """One feature."""

    model: Model
    source: Source
    index: int


class VectorResponse(Wire):
    """A feature's direction."""

    vector: list[float]
    hook_name: str


class CosinesRequest(Wire):
    """Features whose directions are closest to a feature's, or to a vector."""

    model: Model
    source: Source
    feature: FeatureOf | None = None
    vector: list[float] | None = Field(None, min_length=1, max_length=WIDEST)
    num_results: int = Field(ge=1, le=128)


class CosineFeature(Wire):
    """A feature that is close."""

    feature: FeatureOf
    cosine_similarity: float


class CosinesResponse(Wire):
    """The closest first."""

    feature: FeatureOf | None
    topk_decoder_cossim_features: list[CosineFeature]


class Endpoints(Record):
    """Which routes there are."""

    tokenize: bool = True
    activation_single: bool = True
    activation_all: bool = True
    activation_source: bool = True
    activation_topk_by_token: bool = True
    activation_raw: bool = False
    activation_attention: bool = False
    dfa: bool = False
    steer_completion: bool = True
    steer_completion_chat: bool = True
    lens_logit: bool = False
    lens_jacobian: bool = False
    neurons: bool = False


class ServedSources(Record):
    """A study."""

    model: str
    sources: list[str]


class Capabilities(Record):
    """What can be asked of this server."""

    models: list[ServedSources]
    """What `model` and `source` may name."""
    max_concurrent_requests: int
    max_tokens: int
    """Most new tokens of an answer."""
    max_num_results: int
    endpoints: Endpoints


class Healthy(Record):
    """The server answers."""

    status: Literal["healthy"] = "healthy"
