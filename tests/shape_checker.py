"""The run-time checker of signatures that tests run with: beartype, where an int is a float, as for mypy."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
