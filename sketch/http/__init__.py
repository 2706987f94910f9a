"""The vocabulary: values and two interfaces that every other room speaks in.

This room imports the standard library, ``multidict`` and ``yarl``, and nothing else of ``sketch``.
The framework and the server never import each other; what one has to say to the other is said in the
words that are defined here.
"""
