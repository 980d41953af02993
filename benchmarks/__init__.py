"""One module per promise: each prints its figures beside their targets, measured in the same run."""
