#!/usr/bin/env bash
# From photos to the bundled face detector: label, train, convert, measure, package.
#
#   converters/bundle_face.sh FACES FER [RUNS]
#
# FACES: a folder of sets, each with boxes.csv and photos. FER: fer2013.npz or fer2013.csv. RUNS: where results lie
# [runs]; labels and what is finished of the two trainings, RUNS/face and RUNS/face-tuned, are taken as they are, an
# interrupted one goes on. MIEN_YUNET names the teacher's ONNX file. The results are edge/assets/face.tflite and the
# float network that it was converted from, training/parents/face.keras.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

# shellcheck source=converters/bundle_checks.sh
source converters/bundle_checks.sh

[[ $# -eq 2 || $# -eq 3 ]] || fail "usage: converters/bundle_face.sh FACES FER [RUNS]"
faces=$1 fer=$2 runs=${3:-runs}
[[ -d $faces ]] || fail "$faces: no such folder"
need_file "$fer"
[[ -f ${MIEN_YUNET:-} ]] || fail "MIEN_YUNET: must name YuNet's ONNX file, the teacher"
need_commands

# Trains by a recipe, unless it is done: NAME, then further options for a run that begins.
train() {
    local recipe=$1
    shift
    [[ -f $runs/$recipe/face.keras ]] && return
    if [[ -f $runs/$recipe/checkpoint.npz ]]; then set -- --resume; fi
    mien-train fit-detector "$recipe" --photos "$faces" --fer "$fer" --labels "$runs/face-labels" \
        --out "$runs/$recipe" "$@"
}

mkdir -p "$runs"
mien-train label-faces --photos "$faces" --fer "$fer" --out "$runs/face-labels"
train face
train face-tuned --start "$runs/face/face.keras"

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
mien-convert to-int8 "$runs/face-tuned/face.keras" --size 320x256 --import training.detector.model \
    --calibration "$runs/face-tuned/calibration.npz" --out "$work/face.tflite"
mien-convert audit "$work/face.tflite"
metrics=()
for set in mask853 ytf_keypoints; do
    mien-train evaluate-detector "$work/face.tflite" --data "$faces/$set" --validation --json >"$work/$set.json"
    metrics+=(--metrics "$set=$work/$set.json")
done
# The crop that gives back FER's faces from this detector's boxes, as the shell's variables scale, offset_x, offset_y.
crop=$(mien-train measure-crop "$work/face.tflite" --data "$fer")
for name in scale offset_x offset_y; do
    declare "$name=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["contract"][sys.argv[2]])' "$crop" "$name")"
done
mien-convert package "$work/face.tflite" --detector --out edge/assets/face.tflite --force \
    --name face --version 1.2.0 --description "faces in a luma frame of any size" \
    --licence "MIT for the weights; the training pictures are not part of them and have their own terms" \
    --origin "Trained from scratch by the Mien project (mien-train fit-detector) on photos labelled by YuNet \
(OpenCV zoo, MIT) and people, and on FER-2013 (Goodfellow et al. 2013)" \
    --crop-scale "${scale:?}" --crop-offset-x "${offset_x:?}" --crop-offset-y "${offset_y:?}" "${metrics[@]}"
cp -- "$runs/face-tuned/face.keras" training/parents/face.keras
mien-convert inspect edge/assets/face.tflite
