"""What ground truth tells: concepts under conditions, and what of them counts as shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from monosema.evaluation.bootstrap import Figure
from monosema.evaluation.concepts import ConceptScore
from monosema.evaluation.known import KnownFacts, wilson


@dataclass(frozen=True, kw_only=True)
class ConceptRecord:
    """One concept under one condition."""

    concept: str
    condition: str
    feature: int
    threshold: float
    score: ConceptScore
    """Of the best feature."""
    baselines: dict[str, ConceptScore]
    """Of the best neuron and residual coordinate, of a probe and of the best token or pair."""
    shown: bool
    """Whether it reaches F1 .6 and more than the token rule, where no name stands near."""
    frequency: float
    """Share of the training positions that stand inside spans of the concept; 0 where the text has none."""
    transfer: ConceptScore | None = None
    """On all descriptions: feature and threshold as `unnamed` chose them. None elsewhere."""


@dataclass(frozen=True, kw_only=True)
class GroundTruth:
    """All concepts that could be scored."""

    records: tuple[ConceptRecord, ...]
    documents: int
    """Held-out documents."""
    further: int
    """Of these, documents that are none of the tokens' own."""
    left_out: int
    """Concepts of the documents' tags with too few held-out documents."""
    alive: int
    """Features that are alive: of the training where that is known, else those that fire at any held-out position."""
    seen_unscorable: int
    """Concepts that stand in more than 1/alive of the training positions and could not be scored under "unnamed"."""
    named: bool
    """Whether names are marked in held-out documents; if not, "unnamed" leaves out nothing and nothing is shown."""
    descriptions: int
    """Documents of the condition "described"."""
    facts: KnownFacts | None
    """Which facts the model itself knows; None where none was asked."""

    @property
    def shown_share(self) -> float:
        """Share of the scored concepts that a feature shows."""
        decisive = [one.shown for one in self.records if one.condition == "unnamed"]
        return sum(decisive) / max(len(decisive), 1)

    @property
    def seen_often(self) -> int:
        """Concepts scored under "unnamed" that stand in more than 1/alive of the training positions."""
        return len(self._often)

    @property
    def concepts_with_feature(self) -> Figure | None:
        """Share of these that a feature shows (C19: more than half where it is as in the paper); None without any."""
        return wilson(sum(self._often), len(self._often)) if self._often else None

    @property
    def _often(self) -> list[bool]:
        return [
            one.shown for one in self.records if one.condition == "unnamed" and one.frequency * self.alive > 1
        ]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        share = self.concepts_with_feature
        return asdict(self) | {
            "shown_share": self.shown_share,
            "seen_often": self.seen_often,
            "concepts_with_feature": None if share is None else asdict(share),
        }
