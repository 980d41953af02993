"""Records of features: rows of lists, whole records, examples, candidates, tokens of a prompt."""

from __future__ import annotations

from typing import Literal

from monosema.server.record import Record
from monosema.server.records import Coverage, Interval


class TokenFigure(Record):
    """A token at which a feature fires."""

    token: int
    """Its number in the vocabulary."""
    text: str
    count: int
    """Positions of this token at which the feature fires."""
    share: float
    """Share of the feature's summed activation that is at this token."""


class FeatureName(Record):
    """What a feature is called."""

    text: str
    confidence: float
    """A measured share in [0, 1]; its rule says of what. 1 for a name that a person gave."""
    by: str
    """Who named it; `rule` for none but the rules, `a person` for a name of somebody's own."""
    rule: str
    """Rule that gave it; `own` for a person's."""


class FeatureRow(Record):
    """A feature in a list. Activations are in scaled units (docs/metrics.md)."""

    number: int
    """Row of the decoder."""
    name: FeatureName | None
    """Null before the index is whole."""
    density: float
    """Share of positions at which it fires; 0 for one that never fires."""
    count: int
    """Positions at which it fires."""
    mean: float
    """Mean of its activations where it fires."""
    maximum: float
    """Largest activation."""
    tokens: list[TokenFigure]
    """Tokens at which it fires with the largest summed activation, largest first."""


class FeaturePage(Record):
    """One page of a list of features."""

    features: list[FeatureRow]
    total: int
    """Features in the whole list."""
    next: str | None
    """`cursor` of the next page; null on the last one."""
    version: str
    """Version of the SAE that the list is of."""
    coverage: Coverage
    """What the list is of."""


class Histogram(Record):
    """Positions by activation."""

    edges: list[float]
    """Lower edge of each bin, and the upper edge of the last; the outer bins also take what lies outside."""
    counts: list[int]


class TokenLogit(Record):
    """A token whose logit a feature's direction changes."""

    text: str
    logit: float
    """Change of the logit by an activation of 1, before the final normalisation."""


class Neighbour(Record):
    """A feature with a similar direction."""

    number: int
    name: FeatureName | None
    cosine: float
    """Of the two decoder rows."""


class TagFigure(Record):
    """How a feature answers to the spans of a tag."""

    tag: str
    positions: int
    """Positions inside its spans."""
    count: int
    """Of these, where the feature fires."""
    mean: float
    """Mean activation over all of them."""
    precision: float
    """Share of the feature's firings that are inside."""
    recall: float
    """Share of positions inside at which it fires."""
    f1: float
    """Of "the position is inside": how well firing tells it."""


class FeatureRecord(FeatureRow):
    """All that is known of a feature."""

    by_rule: FeatureName | None
    """What the rules call it where a person has named it; null elsewhere."""
    note: str
    """What a person has written about it; empty where nobody has."""
    histogram: Histogram
    promoted: list[TokenLogit]
    """Tokens whose logits it raises most."""
    suppressed: list[TokenLogit]
    """Tokens whose logits it lowers most."""
    neighbours: list[Neighbour]
    tags: list[TagFigure]
    """The tags in whose spans it fires, by F1, best first, 50 at most."""
    coverage: Coverage
    """What all of this is of."""


class DocumentTag(Record):
    """A tag of a whole document."""

    name: str
    value: str
    """As text; JSON where it was no text."""


class Example(Record):
    """A piece of a document with a feature's activation at each token."""

    document: int
    """Number of the document."""
    position: int
    """Offset of the peak among the document's tokens."""
    source: str
    """File or data set that the document is from."""
    tags: list[DocumentTag]
    tokens: list[str]
    """Texts of the tokens; end to end they are the text of the piece."""
    activations: list[float]
    """One for each token; 0 where it does not fire, and at positions that are left out."""
    peak: int
    """Which token the piece is shown for."""


Group = Literal[
    "top",
    "silent",
    "interval:0",
    "interval:1",
    "interval:2",
    "interval:3",
    "interval:4",
    "interval:5",
    "interval:6",
    "interval:7",
    "interval:8",
    "interval:9",
    "quantile:0",
    "quantile:1",
    "quantile:2",
    "quantile:3",
    "quantile:4",
]
"""Largest activations, or a sample: of those in one tenth of (0, maximum], or of one fifth of all, 0 the weakest; or of
the positions at which the feature is silent although the first of its `tokens` stands there."""


class Examples(Record):
    """Examples of one group."""

    feature: int
    group: Group
    maximum: float
    """Largest activation of the feature, for colours."""
    examples: list[Example]
    coverage: Coverage
    """What they were chosen from."""


class Concept(Record):
    """A tag that stands in the text of an index."""

    tag: str
    positions: int
    """Positions inside its spans."""


class Concepts(Record):
    """The tags of an index, most positions first."""

    concepts: list[Concept]
    coverage: Coverage
    """What the index has seen."""


class Candidate(Record):
    """A feature that was found."""

    feature: FeatureRow
    score: float
    """What it was ranked by."""
    why: str
    """The figures behind it, in words."""


class Weighted(Record):
    """A feature of a set."""

    number: int
    weight: float
    """Its score as a share of the best one's."""


class Classifier(Record):
    """How well features tell labelled texts apart: shares of held-out texts that are told right, with intervals."""

    accuracy: Interval
    """Of the classifier on several features."""
    single: Interval
    """Of the best single feature with its best threshold."""
    best: int
    """That feature."""
    larger: Interval
    """Of always saying the label that more texts have."""
    held_out: int
    """Texts that these are measured on."""
    used: int
    """Features that have a weight."""


class Found(Record):
    """Features that were found, best first."""

    candidates: list[Candidate]
    together: list[Weighted]
    """Those that may share what was looked for, to steer with as a set; none for a search that says nothing of that."""
    classifier: Classifier | None
    """Of labelled texts alone."""
    coverage: Coverage
    """What was searched."""


class Firing(Record):
    """A feature at a token."""

    number: int
    activation: float
    share: float | None
    """Of its largest activation in the index; null where there is no index, or where it never fired there."""


class PromptToken(Record):
    """A token of a prompt."""

    token: int
    """Its number in the vocabulary."""
    text: str
    left_out: Literal["special", "massive"] | None
    """Why nothing is told of it: a special token, or a position with a norm far above the median."""
    fires: int
    """How many features fire here."""
    strongest: list[Firing]
    """Features with the largest activations here, largest first."""
    values: list[float]
    """Activation of each feature that was asked for."""


class PromptRecord(Record):
    """A prompt as an SAE sees it."""

    features: list[int]
    """The features whose `values` each token has."""
    tokens: list[PromptToken]
    """End to end their texts are the prompt as the model has it."""
