#!/usr/bin/env bash
# From a folder of one's own pictures to a model that Mien runs: look, train, convert, package, judge, try.
#
#   PATH=$PWD/.venv-train/bin:$PATH examples/own_pictures/train.sh PICTURES OUT [RECIPE]
#
# PICTURES: one folder an emotion (anger, disgust, fear, happiness, sadness, surprise, neutral), in it cropped faces;
# a fifth of each is kept for judging. OUT: a new folder; OUT/model.tflite is the result. RECIPE [recipe.toml].
set -euo pipefail

if [[ $# -ne 2 && $# -ne 3 ]]; then
    echo "usage: train.sh PICTURES OUT [RECIPE]" >&2
    exit 2
fi
pictures=$1 out=$2
recipe=${3:-$(dirname -- "${BASH_SOURCE[0]}")/recipe.toml}

mien-train data --data "$pictures"
mien-train fit "$recipe" --data "$pictures" --out "$out/run"

# The pictures show which values occur; their labels play no part in it.
mien-convert to-int8 "$out/run/model.keras" --out "$out/bare.tflite" --labels fer2013 --calibration "$pictures"
mien-convert package "$out/bare.tflite" --out "$out/model.tflite" --labels fer2013 \
    --name own-pictures --version 1.0.0 --description "seven emotions, trained on our own pictures" \
    --licence "for our own use" --origin "examples/own_pictures, on $pictures"

mien-train evaluate "$out/model.tflite" --data "$pictures" --split test
mien predict --whole --model "$out/model.tflite" "$pictures/happiness"
echo "mien run --model $out/model.tflite starts Mien with it"
