"""`make demo`: the whole platform on this machine, shown on real flights."""
