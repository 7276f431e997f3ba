"""Fills the parts of the documents that the code, the model files and the command lines know best.

    python -m docs.generate            writes them anew
    python -m docs.generate --check    names the documents that are behind, and ends with status 1

Such a part stands between `<!-- generated: NAME -->` and `<!-- /generated -->`; the rest is written by hand.
"""
