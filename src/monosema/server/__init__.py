"""The HTTP API: what was made and measured in studies, and what people note; for the browser and other programs."""

from monosema.server.app import create_app
from monosema.server.door import Door
from monosema.server.observing import LOG
from monosema.server.serving import listen, serve, url_of

__all__ = ["LOG", "Door", "create_app", "listen", "serve", "url_of"]
