"""One SAE of a study as it is served: its artifacts, and its index, whole or as far as it is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from jaxtyping import Float

import monosema
from monosema.artifact import DRAFT, Artifact, draft_place
from monosema.corpora import Tokens
from monosema.errors import DamagedError, UsageError
from monosema.files import digest_json, read_json, seal
from monosema.index import Embed, FeatureIndex, Names, packaged_embedder, read_names
from monosema.index.index import RECORD, SEGMENTS
from monosema.index.segment import Segment
from monosema.index.tags import TaggedRows
from monosema.models import load_tokenizer
from monosema.models.loading import identity
from monosema.pipeline import OpenStudy
from monosema.pipeline.asked import SAEAsked
from monosema.pipeline.finding import MEANING, meaning_of
from monosema.pipeline.indexing import joined
from monosema.pipeline.notes import Notes, notes_place, own_names, read_notes
from monosema.pipeline.work import Work
from monosema.sae import SAE, SAEConfig
from monosema.server.errors import NotReadyError
from monosema.server.firings import Shares
from monosema.server.records import Coverage
from monosema.server.shelf import Shelf, Standing, asked_of, not_ready

T = TypeVar("T")

SAE_BYTES = 2 << 30
"""Of all SAEs of a study that are held; the last one is, however large."""
VERSIONED = ("sae", "evaluation", "index", "relations", MEANING)


@dataclass(frozen=True, kw_only=True)
class IndexPlace:
    """Where an index lies."""

    folder: Path
    finished: bool
    key: tuple[Any, ...]
    """Another one when there is more of it, or another index."""
    further: tuple[str, ...] = ()
    """Tokens that one which is being made covers besides those that the SAE was trained on."""


@dataclass(frozen=True)
class ServedSAE:
    """One SAE of a study and all that was made for it, for one request."""

    study: OpenStudy
    name: str
    shelf: Shelf
    _seen: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def _once(self, what: str, look: Callable[[], T]) -> T:
        """What `look` gives, once a request. The lock of Python 3.11's `cached_property` is one for all studies."""
        if what not in self._seen:
            self._seen[what] = look()
        return cast("T", self._seen[what])

    @property
    def asked(self) -> SAEAsked:
        """What study.toml asks of it."""
        return asked_of(self.study).saes[self.name]

    @property
    def _standing(self) -> Standing:
        return self._once("standing", lambda: Standing(self.study, self.shelf))

    def made(self, kind: str, name: str | None = None) -> Artifact | None:
        """The artifact `kind/NAME` of this SAE, its files not checked; None where it was not made."""
        return self._standing.made(kind, self.name if name is None else name)

    def state(self, kind: str, name: str | None = None) -> str:
        """How `kind/NAME` stands: made, stale (its parents were remade), unfinished or absent."""
        return self._standing.state(kind, self.name if name is None else name)

    def need(self, kind: str) -> Artifact:
        """The same; raises `NotReadyError` that says how it stands where it was not made."""
        found = self.made(kind)
        if found is None:
            raise self._not_ready(kind)
        return found

    def _not_ready(self, kind: str) -> NotReadyError:
        return not_ready(self.study, kind, self.name, self.state(kind))

    @property
    def version(self) -> str:
        """Changes whenever one of `VERSIONED` is remade, as an index grows, and with each note."""
        artifacts = [self.made(kind) for kind in VERSIONED]
        hashes = [None if artifact is None else artifact.hash for artifact in artifacts]
        growing = None if self.settled or self.place is None else self.place.key
        return digest_json([monosema.__version__, *hashes, growing, self.noted])[:16]

    @property
    def noted(self) -> tuple[int, int, int] | None:
        """Changes whenever somebody notes something; None where nobody has."""
        return seal(notes_place(self.study, self.name))

    @property
    def settled(self) -> bool:
        """Whether what is told of it stays as it is until something is remade: no unfinished index is shown."""
        return self.place is None or self.place.finished

    @property
    def place(self) -> IndexPlace | None:
        """Where its index lies, looked up once a request; None where there is no part of one yet.

        One that is being made is shown where there is no finished one of the present SAE.
        """
        return self._once("place", self._look)

    def _look(self) -> IndexPlace | None:
        whole, sae = self.made("index"), self.made("sae")
        if sae is None:
            return None
        fits = whole is not None and whole.manifest.parents.get(sae.key) == sae.hash
        growing = None if fits else self._growing(sae)
        if growing is not None or whole is None:
            return growing
        return IndexPlace(folder=whole.path, finished=True, key=(whole.hash, sae.hash))

    def _growing(self, sae: Artifact) -> IndexPlace | None:
        """The index that is being made of the present SAE; None where no part of it is finished."""
        draft = draft_place(self.study.place("index", self.name))
        begun = seal(draft / DRAFT)
        parts = _parts(draft / SEGMENTS)
        if begun is None or not parts or not (draft / RECORD).is_file():
            return None
        question = self.kept("draft of the index", begun, lambda: read_json(draft / DRAFT))
        if question["parents"].get(sae.key) != sae.hash:
            return None
        further = [f"{corpus}.{self.asked.place.model}" for corpus in question["asked"].get("indexed", [])]
        return IndexPlace(folder=draft, finished=False, key=(*begun, parts), further=tuple(further))

    def index(self) -> FeatureIndex:
        """Its index, checked when it is opened; what is there of one that is being made.

        One for all of a request, however it grows. Raises `NotReadyError`, and `RefusedError` for one of another SAE.
        """
        return self._once("index", self._open)

    def open_index(self) -> FeatureIndex | None:
        """Its index where it is whole and open already, which takes no time to tell; None elsewhere."""
        place = self.place
        if place is None or not place.finished:
            return None
        found: FeatureIndex | None = self.shelf.held(f"index of {self.name}", place.key)
        if found is not None:
            self._seen["index"] = found
        return found

    def _open(self) -> FeatureIndex:
        self.need("sae")
        try:
            return self._opened()
        except NotReadyError:
            self._seen.clear()  # it may have been finished, or begun, since that was looked up
            return self._opened()

    def _opened(self) -> FeatureIndex:
        place = self.place
        if place is None:
            raise self._not_ready("index")
        if place.finished:
            return self.kept("index", place.key, lambda: self.study.index(self.name))

        def is_further(key: tuple[Any, ...]) -> bool:
            """Whether another request has opened more of the same already."""
            return len(key) == len(place.key) and key[:-1] == place.key[:-1] and key[-1] >= place.key[-1]

        name = f"index of {self.name}"
        before: FeatureIndex | None = self.shelf.last(name)
        opened = [] if before is None else before.segments
        return self.shelf.get(name, place.key, lambda: self._open_growing(place, opened), serves=is_further)

    def _open_growing(self, place: IndexPlace, opened: Sequence[Segment]) -> FeatureIndex:
        """`opened`: segments that the last reader has open."""
        try:
            documents = joined(self._tokens(place))
            return FeatureIndex(place.folder, documents, self._tokenizer().decode, opened)
        except (UsageError, DamagedError):
            # the first part is not there while later ones are, what was damaged is being made again, or all of it was
            # finished at this moment, which `_open` sees
            raise self._not_ready("index") from None

    def _tokens(self, place: IndexPlace) -> list[Tokens]:
        """Checked once, not again for every part that an index grows by."""
        names = [self.asked.tokens, *place.further]
        key = [None if (found := self.made("tokens", name)) is None else found.hash for name in names]
        return self.kept("tokens", key, lambda: [self.study.load("tokens", name) for name in names])

    def coverage(self) -> Coverage:
        """How much of the text its index has seen. Raises as `index` does."""
        index = self.index()
        place, whole = self.place, index.positions
        if place is not None and not place.finished:
            whole = sum(tokens.count("train") for tokens in self._tokens(place))
        return Coverage(finished=self.settled, positions=index.positions, expected=whole)

    def names(self) -> Names | None:
        """Names of its features, those by people before those by rule; None before the index is whole."""
        return self._once("names", self._read_names)

    def _read_names(self) -> Names | None:
        place = self.place
        if place is None or not place.finished:
            return None
        by_rule = self.kept("names", place.key, lambda: read_names(place.folder))
        return by_rule.with_own(own_names(self.notes()))

    def notes(self) -> Notes:
        """What people say of its features. Raises `DamagedError` where their file is broken."""
        return self._once("notes", self._read_notes)

    def _read_notes(self) -> Notes:
        hash_, place = self.need("sae").hash, notes_place(self.study, self.name)
        return self.kept("notes", (hash_, self.noted), lambda: read_notes(place, hash_))

    def tagged(self) -> TaggedRows:
        """Tags of all rows of its index. Raises as `index` does."""
        index = self.index()
        return self.kept("tagged rows", index, lambda: TaggedRows(index.segments, index.tokens.spans()))

    def meaning(self) -> tuple[Embed, Float[np.ndarray, "d_sae d"]]:
        """The packaged embedding model and the vectors of features' words, as `monosema find --like` has kept them.

        Raises `UsageError` where there is no such model, `NotReadyError` where nothing was kept.
        """
        folder, index = packaged_embedder(), self.need("index")
        status = self.study.status(
            MEANING, self.name, {"embedder": identity(folder)}, {index.key: index.hash}
        )
        if status.state != "fresh":
            raise NotReadyError(
                f"the meanings of the words of {self.name} were not made yet",
                advice=f"make them with: monosema find {self.study.path} --sae {self.name} --like TEXT",
            )
        return self.kept(MEANING, self.need(MEANING).hash, lambda: meaning_of(self.study, self.name, folder))

    def autoencoder(self) -> SAE:
        """The SAE itself, for as long as there is room. Raises `NotReadyError` where it was not trained yet."""
        artifact = self.need("sae")
        size = sum(int(entry["bytes"]) for entry in artifact.manifest.files.values())
        held = self.shelf.get("SAEs", None, lambda: Shelf(SAE_BYTES))
        return held.get(self.name, artifact.hash, lambda: self.study.sae(self.name), size=size)

    def config(self) -> SAEConfig:
        """The settings of the SAE, which stay when it was let go of. Raises as `autoencoder` does."""
        return self.kept("config", self.need("sae").hash, lambda: self.autoencoder().config)

    def shares(self) -> Shares:
        """How its index puts activations to its maxima; without a finished one of this SAE nothing is known."""
        index = self.index() if self.state("index") == "made" else None

        def share(feature: int, activation: float) -> float | None:
            maximum = 0.0 if index is None else index.maximum(feature)
            return activation / maximum if maximum > 0 else None

        return share

    def text_of(self) -> Callable[[int], str]:
        """The text of a token by its number."""

        def opened() -> Callable[[int], str]:
            tokenizer = self._tokenizer()
            return lru_cache(maxsize=None)(lambda token: str(tokenizer.decode([token])))

        return self.kept("vocabulary", self.need("sae").hash, opened)

    def _tokenizer(self) -> Any:
        source = Work(self.study).source(self.asked.place.model)
        return self.kept("tokenizer", self.need("sae").hash, lambda: load_tokenizer(source))

    def kept(self, what: str, key: Any, make: Callable[[], T]) -> T:
        """What `make` gave for this key, kept until there is another one."""
        return self.shelf.get(f"{what} of {self.name}", key, make)


def _parts(folder: Path) -> int:
    """How many parts of an index are finished: their records are counted, none is opened."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except FileNotFoundError:
        return 0
    return sum(name.endswith(".json") and not name.startswith(".") for name in names)
