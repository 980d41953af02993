"""`python -m monosema`: the command line where its script is not on the path."""

from monosema.cli import main

main()
