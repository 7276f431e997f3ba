"""What training is made of, what is kept out of it, and the pictures composed from it."""

from pathlib import Path

import numpy as np
import pytest
from faces import Spots, photo, write_set
from msgspec import structs

from edge.errors import SourceError
from training.dataset import Faces
from training.detector import material as material_file
from training.detector import validation
from training.detector.boxes import IGNORED
from training.detector.compose import (
    MAX_FACES,
    PASTED_SURE,
    calibration_set,
    certainty,
    clipped,
    compose,
    cut,
    draw_photo,
    mirror,
    padded,
    paste,
)
from training.detector.labelling import label_fer, label_sets
from training.detector.material import (
    Material,
    Picture,
    read_material,
    read_validation,
    read_validation_scenes,
)
from training.detector.spoil import spoil


def fer() -> Faces:
    pixels = np.random.default_rng(4).integers(100, 140, (20, 48, 48), np.uint8)
    pixels[:, 10:38, 12:36] = 255
    pixels[:, 20, 14:18] = np.random.default_rng(5).integers(0, 256, (20, 4), np.uint8)
    marks = np.array(["Training"] * 20)
    return Faces(pixels, np.zeros(20, np.int8), ("anger",), marks, np.arange(20).astype(str))


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photos, scenes, and their labels in `labels`; a.png and w0.png validate."""
    spots = [(40, 40, 14), (90, 60, 10)]
    people = {f"{name}.png": (photo(140, 110, spots), spots) for name in "abcd"}
    # People saw a face that the teacher cannot: it is drawn too dark.
    people["e.png"] = (photo(140, 110, spots[:1]), [*spots[:1], (100, 80, 9)])
    write_set(tmp_path / "photos" / "mask853", people)
    write_set(tmp_path / "photos" / "walls", {f"w{n}.png": (photo(150, 120, []), []) for n in range(4)})
    (tmp_path / "labels").mkdir()
    label_sets(Spots(), tmp_path / "photos", tmp_path / "labels", [140, 280], tell=lambda _: None)
    label_fer(Spots(), fer(), tmp_path / "labels", tell=lambda _: None)
    chosen = tmp_path / "validation.txt"
    chosen.write_text("mask853/a.png\nwalls/w0.png\n")
    peopled = tmp_path / "peopled.txt"
    peopled.write_text("# nobody\n")
    monkeypatch.setattr(validation, "LIST", chosen)
    monkeypatch.setattr(validation, "PEOPLED", peopled)
    forget_lists()
    yield tmp_path
    forget_lists()


def forget_lists() -> None:
    validation.read_list.cache_clear()
    validation.read_peopled.cache_clear()


@pytest.fixture
def material(sets: Path) -> Material:
    return read_material(sets / "photos", sets / "labels", fer())


def test_validation_photos_are_kept_out_of_the_material(sets: Path, material: Material) -> None:
    assert len(material.photos) == 4
    assert len(material.scenes) == 3
    (name, photos), *others = read_validation(sets / "photos").items()
    assert (name, [photo.path.name for photo in photos], others) == ("mask853", ["a.png"], [])


def test_scenes_that_show_people_are_neither_learnt_nor_validated_on(sets: Path, material: Material) -> None:
    chosen = sets / "validation.txt"
    chosen.write_text(chosen.read_text() + "walls/w2.png\n")
    (sets / "peopled.txt").write_text("# seen there\nwalls/gone.png\nwalls/w0.png\nwalls/w1.png\n")
    forget_lists()
    less = read_material(sets / "photos", sets / "labels", fer())
    w1, _, w3 = material.scenes
    assert (material.peopled, less.peopled) == (0, 1)
    assert len(less.scenes) == 1
    assert (less.scenes[0] == w3).all()
    assert (less.scenes[0] != w1).any()
    assert [photo.path.name for photo in read_validation_scenes(sets / "photos")] == ["w2.png"]
    assert len(less.photos) == len(material.photos)
    assert read_validation(sets / "photos").keys() == {"mask853"}


def test_a_face_that_people_saw_and_the_teacher_missed_is_learnt_too(material: Material) -> None:
    counts = sorted(int((picture.faces[:, 4] > 0).sum()) for picture in material.photos)
    assert counts == [2, 2, 2, 2]
    scores = {round(float(score), 2) for picture in material.photos for score in picture.faces[:, 4]}
    assert material_file.PEOPLE_MADE["mask853"] in scores


def test_missing_fer_labels_are_one_line(sets: Path) -> None:
    (sets / "labels" / "fer2013.npz").unlink()
    with pytest.raises(SourceError, match=r"fer2013\.npz: no labels that can be read"):
        read_material(sets / "photos", sets / "labels", fer())


def test_the_same_number_composes_the_same_picture_and_another_another(material: Material) -> None:
    first, again, other = (compose(material, 128, (5, 0, number)) for number in (1, 1, 2))
    assert (first.luma == again.luma).all()
    assert (first.faces == again.faces).all()
    assert (first.luma != other.luma).any()


def test_composed_pictures_are_whole_and_their_boxes_lie_inside(material: Material) -> None:
    learnt = 0
    for number in range(60):
        picture = compose(material, 128, (5, 1, number))
        assert picture.luma.shape == (128, 128)
        assert picture.luma.dtype == np.uint8
        assert len(picture.faces) <= MAX_FACES
        assert (picture.faces[:, :4] >= 0).all()
        assert (picture.faces[:, :4] <= 128).all()
        assert ((picture.faces[:, 4] > 0) | (picture.faces[:, 4] == IGNORED)).all()
        learnt += int((picture.faces[:, 4] > 0).sum())
    assert learnt > 60


def test_a_cut_keeps_boxes_on_their_faces(material: Material) -> None:
    whole = photo(140, 110, [(40, 40, 14)])
    picture = Picture(whole, np.array([[26, 26, 55, 55, 0.9]], np.float32))
    under = np.zeros((96, 96), np.uint8)
    for factor in (0.4, 1.0, 2.0):
        part = cut(picture, factor, np.array([10.0, 5.0]), (96, 96), under)
        rows, columns = np.nonzero(part.luma > 200)
        box = part.faces[0, :4]
        assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == pytest.approx(list(box), abs=1.5)


def test_pasted_faces_reach_every_size_and_over_the_edge(material: Material) -> None:
    wall = Picture(np.full((128, 128), 90, np.uint8), np.zeros((0, 5), np.float32))
    whole = np.tile(np.array([[0, 0, 1, 1, 0.9]], np.float32), (len(material.crops), 1))
    material = structs.replace(material, crop_faces=whole)
    pasted = [paste(wall, material, np.random.default_rng(seed)) for seed in range(300)]
    faces = np.concatenate([picture.faces for picture in pasted])
    longer = (faces[:, 2:4] - faces[:, :2]).max(axis=1)
    assert longer.min() < 20
    assert longer.max() > 110
    assert (faces[:, :4] >= 0).all()
    assert (faces[:, :4] <= 128).all()
    assert ((faces[:, :2] == 0).any(axis=1) | (faces[:, 2:4] == 128).any(axis=1)).any()
    assert (wall.luma == 90).all()


def test_pasted_faces_are_learnt_as_faces_whatever_the_teacher_says(material: Material) -> None:
    doubted = structs.replace(material, crop_faces=material.crop_faces * [1, 1, 1, 1, 0.6])
    wall = Picture(np.full((128, 128), 90, np.uint8), np.zeros((0, 5), np.float32))
    pasted = [paste(wall, doubted, np.random.default_rng(seed)) for seed in range(30)]
    scores = np.concatenate([picture.faces[:, 4] for picture in pasted])
    assert (scores[scores > 0] >= PASTED_SURE).all()


def test_the_smaller_a_face_the_less_sure_it_is() -> None:
    shares = certainty(np.array([280, 32, 24, 16, 12], np.float32))
    assert shares[:2].tolist() == [1, 1]
    assert shares[3] == pytest.approx(0.6)
    assert (np.diff(shares[1:]) < 0).all()
    assert shares.min() >= 0.5


def test_little_of_a_face_at_the_edge_is_ignored_and_nothing_of_it_is_dropped() -> None:
    faces = np.array([[-5, 10, 15, 30, 0.9], [-15, 10, 5, 30, 0.9], [-30, 10, -10, 30, 0.9]], np.float32)
    inside = clipped(faces, (100, 100))
    assert inside[:, 4].tolist() == pytest.approx([0.9, IGNORED])
    assert inside[0, :4].tolist() == [0, 10, 15, 30]


def test_a_mirrored_picture_takes_its_boxes_along() -> None:
    luma = np.zeros((10, 20), np.uint8)
    luma[2:5, 1:4] = 255
    turned = mirror(Picture(luma, np.array([[1, 2, 4, 5, 1]], np.float32)))
    assert turned.faces[0].tolist() == [16, 2, 19, 5, 1]
    assert (turned.luma[2:5, 16:19] == 255).all()


def test_spoiling_leaves_the_original_alone_and_gives_bytes() -> None:
    luma = photo(64, 48, [(30, 20, 9)])
    before = luma.copy()
    for seed in range(40):
        spoilt = spoil(luma, np.random.default_rng(seed))
        assert spoilt.shape == luma.shape
        assert spoilt.dtype == np.uint8
    assert (luma == before).all()


def test_calibration_pictures_have_the_devices_shape(material: Material) -> None:
    assert calibration_set(material, (96, 64), 3, 5).shape == (3, 64, 96)


def test_padding_is_black_and_cuts_off_what_it_covers() -> None:
    picture = Picture(np.full((64, 64), 200, np.uint8), np.array([[20, 20, 63, 63, 0.9]], np.float32))
    bands = [padded(picture, np.random.default_rng(seed)) for seed in range(20)]
    for band in bands:
        seen = np.nonzero(band.luma)
        assert (band.luma[: seen[0].max() + 1, : seen[1].max() + 1] == 200).all()
        assert band.faces[0, 2] <= seen[1].max() + 1
        assert band.faces[0, 3] <= seen[0].max() + 1
    assert {band.luma[-1].any() for band in bands} == {True, False}
    assert (picture.luma == 200).all()


def test_every_face_is_drawn_as_often_as_any_other() -> None:
    luma = np.zeros((32, 32), np.uint8)
    faces = np.array([[4, 4, 20, 20, 0.9]] * 4, np.float32)
    doubtful = np.array([[4, 4, 20, 20, IGNORED]], np.float32)
    photos = [Picture(luma, faces), Picture(luma, np.concatenate([faces[:1], doubtful]))]
    nothing = np.zeros((0, 48, 48), np.uint8), np.zeros((0, 5), np.float32)
    material = Material(photos, [luma], *nothing)
    rng = np.random.default_rng(4)
    drawn = [len(draw_photo(material, rng)[1]) for _ in range(500)]
    assert set(drawn) == {1, 4}
    assert drawn.count(4) / len(drawn) == pytest.approx(0.8, abs=0.06)
