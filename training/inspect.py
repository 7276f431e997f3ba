"""What is in a data set: its balance, its copies and their quarrels."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from training.dataset import UNLABELLED, Faces
from training.duplicates import duplicate_groups
from training.splits import is_training
from training.votes import majority


class Inspection(Struct, frozen=True, eq=False):
    """counts: faces of each label, by split. skipped: what the readers left out.

    copies: faces that show what an earlier one shows. exact: those among them that agree in every pixel.
    leaked: training faces that also stand in an evaluation split. conflicts: pictures whose copies have different
    labels. agreement: the share of faces, among those with a majority, whose label is the taggers' one.
    groups: for every row the first one with its picture.
    """

    counts: dict[str, dict[str, int]]
    skipped: dict[str, int]
    copies: int
    exact: int
    leaked: int
    conflicts: int
    agreement: float | None
    groups: NDArray[np.intp]


def inspect(faces: Faces) -> Inspection:
    """Look at all faces; takes seconds for tens of thousands."""
    groups = duplicate_groups(faces.pixels)
    flat = faces.pixels.reshape(len(faces), -1)
    training = is_training(faces)
    return Inspection(
        counts=label_counts(faces),
        skipped=faces.skipped,
        copies=len(faces) - len(np.unique(groups)),
        exact=len(faces) - len(np.unique(flat, axis=0)),
        leaked=int((training & np.isin(groups, groups[~training])).sum()),
        conflicts=len(conflicting(faces, groups)),
        agreement=agreement_with_votes(faces),
        groups=groups,
    )


def label_counts(faces: Faces) -> dict[str, dict[str, int]]:
    """Faces of each label, by split; unlabelled ones are not counted."""
    return {
        str(split): {
            label: int(((faces.splits == split) & (faces.emotions == number)).sum())
            for number, label in enumerate(faces.labels)
        }
        for split in np.unique(faces.splits)
    }


def conflicting(faces: Faces, groups: NDArray[np.intp]) -> list[int]:
    """The groups whose faces have more than one label."""
    labelled = faces.emotions != UNLABELLED
    pairs = np.unique(np.stack([groups[labelled], faces.emotions[labelled]], axis=1), axis=0)
    names, labels = np.unique(pairs[:, 0], return_counts=True)
    return [int(name) for name in names[labels > 1]]


def agreement_with_votes(faces: Faces) -> float | None:
    """None where nobody voted."""
    if faces.votes is None:
        return None
    from edge.model.labels import FERPLUS

    winners = majority(faces.votes)
    known = (winners != UNLABELLED) & (faces.emotions != UNLABELLED)
    words = np.array([*FERPLUS])[winners[known]]
    return float((words == np.array(faces.labels)[faces.emotions[known]]).mean()) if known.any() else None


def as_text(found: Inspection) -> str:
    """The findings as a page for people."""
    labels = list(next(iter(found.counts.values())))
    lines = [f"{'':>12} " + " ".join(f"{label:>9}" for label in labels) + f" {'all':>9}"]
    for split, counts in found.counts.items():
        row = [*counts.values(), sum(counts.values())]
        lines.append(f"{split or '(no split)':>12} " + " ".join(f"{count:>9}" for count in row))
    lines += [
        "",
        f"copies of an earlier picture: {found.copies} ({found.exact} exact)",
        f"training faces that also stand in another split: {found.leaked}",
        f"pictures whose copies have different labels: {found.conflicts}",
    ]
    if found.agreement is not None:
        lines.append(f"labels that agree with the taggers' majority: {100 * found.agreement:.1f} %")
    lines += [f"left out: {count} {reason}" for reason, count in found.skipped.items()]
    return "\n".join(lines)
