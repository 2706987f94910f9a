"""Measures sketch and its peers, one next to the other. `bench/README.md` explains the method."""
