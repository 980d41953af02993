"""A study as a static site: the browser's pages, and beside them as files what they ask the server for.

    index.html, assets/    the pages, told by a <meta> that they stand beside their answers
    data/site.json         which answers are in which files, what of each SAE is there
    data/answers/N.json    answers that are small or asked for whole (studies, records, maps, doses, curves)
    data/saes/N/           one SAE: `records/` (64 features each), `examples/` (16), `documents/` (texts around
                           examples), `tags/` (16, the most
                           common first), columns.json, words.json

A page asks the same questions as of the server; `web/src/api/static.ts` answers them from these files. Numbers that
are not whole have 6 figures. What needs the model, or can be asked in endless ways, is not there.
"""

from monosema.server.export.site import Site, Size, check_place, export, foretell, plan_site

__all__ = ["Site", "Size", "check_place", "export", "foretell", "plan_site"]
