"""The HTTP API: what was made and measured in studies, read-only, for the browser and for other programs."""

from monosema.server.app import create_app
from monosema.server.serving import listen, serve, url_of

__all__ = ["create_app", "listen", "serve", "url_of"]
