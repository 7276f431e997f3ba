#!/usr/bin/env bash
# The proofs in docs/CONVERTING.md: models that are not ours, converted and measured. About 15 minutes.
#
#   tests/converters/proofs/make.sh OUT FER2013.npz [YUNET.onnx PHOTOS BOXES.csv EVAL.py CALIBRATION]
#
# The last five measure the detector: PHOTOS that are at least as wide as high, their BOXES.csv, the script that
# scores a detector on them, and a folder of other photos to calibrate with.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
[[ $# -eq 2 || $# -eq 7 ]] || { sed -n '4,7p' "$0" >&2; exit 2; }
out=$1 data=$2
mkdir -p "$out"

prove() {
    local name=$1 options=("${@:2}")
    [[ -f $out/$name.keras ]] || python "$here/networks.py" "$name" "$out/$name.keras" "$data"
    mien-convert to-int8 "$out/$name.keras" --out "$out/$name.tflite" --force --calibration "$data" "${options[@]}"
    mien-convert verify "$out/$name.tflite" --against "$out/$name.keras" --data "$data" \
        "${options[@]}" "${limits[@]}" || echo "$name: a limit does not hold"
}

# Random weights have no favourite label: only the scores can agree.
limits=(--min-agreement 0 --samples 500)
prove mobilenetv2 --range=-1,1
limits=(--labels fer2013)
prove mini-xception --range=-1,1
mien-convert compare "$out/mobilenetv2.tflite" "$out/mini-xception.tflite"

if [[ $# -eq 7 ]]; then
    yunet=$3 photos=$4 boxes=$5 score=$6 calibration=$7
    options=(--size 320x320 --range "0,255" --bgr)
    mien-convert to-int8 "$yunet" --out "$out/yunet.tflite" --force --calibration "$calibration" --samples 200 \
        "${options[@]}"
    mien-convert verify "$out/yunet.tflite" --against "$yunet" --data "$photos" --samples 60 "${options[@]}" ||
        echo "yunet: a limit does not hold"
    mien-convert compare "$out/yunet.tflite"
    for model in "$yunet" "$out/yunet.tflite"; do
        MIEN_PROOF=$model PYTHONPATH=$here python "$score" yunet:detect "$photos" "$boxes"
    done
fi
