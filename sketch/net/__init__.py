"""Serving: what stands between the engines and the operating system."""
