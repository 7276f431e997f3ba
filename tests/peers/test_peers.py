"""The comparison with other programs: Mien's own side of it runs here, the others need their 8 GB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import material as material_file
import numpy as np
import pytest
from material import bundled, from_faces, judged, write
from measure import as_text, in_turns, score
from programs import PEERS, PeerError, Program, environment, own_bytes

from edge.sources import demo

HERE = Path(__file__).resolve().parent


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write(bundled(), tmp_path)


def test_mien_answers_and_is_judged(pictures: Path) -> None:
    material = bundled()
    with Program("mien", sys.executable, pictures, 0) as program:
        answers = in_turns([program], material, len(material.pictures))["mien"]
        peak = program.peak_bytes()
    found = score(material, answers)
    assert (found["found"], found["false_boxes"]) == (1.0, 0)
    assert found["right"]["portrait"]["share"] == 1.0
    assert found["ms"] > 0
    assert found["cpu_ms"] > 0
    assert program.start_s > 0
    assert 20e6 < peak < 1e9
    sums = {"start_s": program.start_s, "rss_bytes": peak, "installed_bytes": own_bytes()}
    told = {
        "scene": "s",
        "pictures": 8,
        "detector": "d",
        "model": "m",
        "marks": [],
        "programs": {"mien": found | sums},
    }
    assert "mien" in as_text(told)


def test_who_is_first_changes_from_picture_to_picture() -> None:
    asked = []

    class Asked:
        def __init__(self, name: str) -> None:
            self.name = name

        def ask(self, number: int) -> dict:
            asked.append((number, self.name))
            return {"ms": 1.0, "cpu_ms": 1.0, "faces": []}

    answers = in_turns([Asked("a"), Asked("b")], bundled(), 3)  # type: ignore[list-item]
    assert [name for _, name in asked] == ["a", "b", "b", "a"] * 3
    assert [number for number, _ in asked] == [n for n in range(6) for _ in range(2)]
    assert [answer["picture"] for answer in answers["a"]] == [3, 4, 5]


def test_a_found_face_is_one_that_lies_where_it_is_shown() -> None:
    material = bundled()
    x_min, y_min, x_max, y_max = material.boxes[0].as_pixels()
    face = {"box": [x_min, y_min, x_max, y_max], "said": "happy"}
    elsewhere = {"box": [0, 0, 40, 40], "said": "angry"}
    assert judged(material, 0, [elsewhere, face]) == (True, 1, demo.EMOTION)
    assert judged(material, 0, [elsewhere]) == (False, 1, "")
    assert judged(material, 0, []) == (False, 0, "")


def test_faces_on_a_wall_carry_both_labels(tmp_path: Path) -> None:
    votes = np.zeros((4, 10), np.uint8)
    votes[:3, 2] = 9
    path = tmp_path / "faces.npz"
    usage = np.array(["PublicTest"] * 3 + ["Training"])
    np.savez(path, pixels=np.full((4, 48, 48), 90, np.uint8), emotion=np.full(4, 3), usage=usage, votes=votes)
    material = from_faces(path, "PublicTest", 3)
    assert material.pictures.shape == (3, 480, 640)
    assert material.truths == {"FER-2013": ["happiness"] * 3, "FER+": ["surprise"] * 3}
    assert all(box.width == box.height == 200 for box in material.boxes)
    with pytest.raises(SystemExit, match="split PublicTest has 3 faces, fewer than 4"):
        from_faces(path, "PublicTest", 4)


def test_the_rooms_may_be_photos_in_which_nobody_is(tmp_path: Path) -> None:
    path, rooms = tmp_path / "faces.npz", tmp_path / "rooms"
    usage = np.array(["PublicTest"] * 3)
    np.savez(path, pixels=np.full((3, 48, 48), 250, np.uint8), emotion=np.full(3, 3), usage=usage)
    rooms.mkdir()
    for name, grey in (("dark", 20), ("light", 200), ("peopled", 120)):
        cv2.imwrite(str(rooms / f"{name}.png"), np.full((60, 100), grey, np.uint8))
    (rooms / "boxes.csv").write_text("image,x,y,w,h\npeopled.png,5,5,20,20\n")
    pictures = from_faces(path, "PublicTest", 3, rooms).pictures
    assert pictures.shape == (3, 480, 640)
    corners = [round(float(picture[:10, :10].mean())) for picture in pictures]
    assert corners == pytest.approx([20, 200, 20], abs=2)
    assert material_file.empty(rooms)[0].shape == (60, 100)


def test_a_program_that_fails_is_one_line(pictures: Path) -> None:
    with pytest.raises(PeerError, match=r"^fly: KeyError: 'fly'$"):
        Program("fly", sys.executable, pictures, 0)


def test_an_environment_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="pip install"):
        environment((str(tmp_path / "nothing-here"),), tmp_path / "environments")


def test_an_unknown_program_is_refused_before_anything_is_installed() -> None:
    done = subprocess.run([sys.executable, HERE / "measure.py", "fly"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(f"fly: must be one of {', '.join(PEERS)}")


def test_a_setting_that_is_none_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, HERE / "measure.py", "--set", "detect.legs=4"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "measure.py: detect.legs: no such setting (mien config --print lists them)\n"
