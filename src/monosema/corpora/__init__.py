"""Documents from files and data sets, their splits, and tokens packed into rows.

Tokenizers are known only as objects passed in; no model is known here.
"""

from monosema.corpora.document import Document, Message, Span, split_of
from monosema.corpora.encode import EncodedDocument, Encoder, tokenizer_hash
from monosema.corpora.joined import Documents, JoinedTokens
from monosema.corpora.keys import document_of, key_of, position_of
from monosema.corpora.mentions import load_concepts
from monosema.corpora.near import NEAR, NearMentions
from monosema.corpora.settings import SPLITS, CorpusSettings
from monosema.corpora.sources import digest_sources, read_documents
from monosema.corpora.tokens import Batch, DocumentEntry, SpanTable, Tokens
from monosema.corpora.write import TokensSummary, write_tokens

__all__ = [
    "NEAR",
    "SPLITS",
    "Batch",
    "CorpusSettings",
    "Document",
    "DocumentEntry",
    "Documents",
    "EncodedDocument",
    "Encoder",
    "JoinedTokens",
    "Message",
    "NearMentions",
    "Span",
    "SpanTable",
    "Tokens",
    "TokensSummary",
    "digest_sources",
    "document_of",
    "key_of",
    "load_concepts",
    "position_of",
    "read_documents",
    "split_of",
    "tokenizer_hash",
    "write_tokens",
]
