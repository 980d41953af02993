"""The base of every record that the API takes or gives."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


class Record(BaseModel):
    """A named record; the sentence under each field is its description in the OpenAPI."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"expected Unicode text; there is half a surrogate pair at {error.start}") from None
    return text


Text = Annotated[str, AfterValidator(_encodable)]
"""A text that a tokenizer can take: JSON can spell out halves of surrogate pairs, which are none."""
