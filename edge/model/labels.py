"""The vocabulary of emotions: every label in code, files and events is one of these words.

Source of the eight and their order: FER+, Barsoum et al. 2016, arXiv:1608.01041 (the seven of FER-2013,
Goodfellow et al. 2013, plus contempt).
"""

from edge.errors import ModelError

FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
FER2013 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""In the order of fer2013.csv's emotion column, 0 to 6."""

UNCERTAIN = "uncertain"
"""The honest answer when no score is high enough; never a label of a model."""

ALIASES = {
    "angry": "anger", "an": "anger", "ang": "anger",
    "contemptuous": "contempt",
    "disgusted": "disgust", "di": "disgust", "dis": "disgust",
    "afraid": "fear", "fearful": "fear", "scared": "fear", "fe": "fear", "fea": "fear",
    "happy": "happiness", "joy": "happiness", "ha": "happiness", "hap": "happiness",
    "calm": "neutral", "ne": "neutral", "neu": "neutral",
    "sad": "sadness", "sa": "sadness",
    "surprised": "surprise", "su": "surprise", "sur": "surprise",
}  # fmt: skip
"""Other data sets' names (CK+, JAFFE's file codes, the Kaggle folders, RAF-DB) to ours, in lower case."""


def canonical(name: str) -> str | None:
    """Mien's word for an emotion as another data set spells it; None where it has no such word."""
    word = name.strip().lower()
    word = ALIASES.get(word, word)
    return word if word in FERPLUS else None


def check_labels(labels: tuple[str, ...], outputs: int, where: str) -> None:
    """Raises ModelError unless there is one distinct label of the vocabulary for each output."""
    if len(labels) != outputs:
        raise ModelError(f"{where}: {len(labels)} labels for {outputs} outputs: there must be one for each")
    if len(set(labels)) != len(labels):
        raise ModelError(f"{where}: a label stands twice: {', '.join(labels)}")
    for label in labels:
        if label not in FERPLUS:
            raise ModelError(f"{where}: label {label!r} is none of {', '.join(FERPLUS)}")
