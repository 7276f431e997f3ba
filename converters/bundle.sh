#!/usr/bin/env bash
# From a recipe to a bundled model: train, convert, verify, measure, package. Every bundled model is made so.
#
#   converters/bundle.sh NAME DATA [RUNS]
#
# NAME: emotion, emotion-fer2013 or emotion-small. The first two start from the `trunk`, which is trained if it is not
# there. All learn from the teacher's scores, training/parents/soft-targets.npz (mien-train fit teacher, then teach).
# DATA: fer2013.npz or fer2013.csv. RUNS: where training results lie [runs]; a finished RUNS/NAME/model.keras is taken
# as it is, an interrupted training goes on. The result is edge/assets/NAME.tflite.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

# shellcheck source=converters/bundle_checks.sh
source converters/bundle_checks.sh

[[ $# -eq 2 || $# -eq 3 ]] || fail "usage: converters/bundle.sh NAME DATA [RUNS]"
name=$1 data=$2 runs=${3:-runs}
need_file "$data"
need_commands

origin="Trained from scratch by the Mien project (mien-train fit $name) on FER-2013 (Goodfellow et al. 2013) \
with the FER+ votes (Barsoum et al. 2016)"
licence="MIT for the weights; the training pictures are not part of them and have their own terms"
start=()
case $name in
    emotion-fer2013)
        labels=fer2013 version=1.1.0 start=("$runs/trunk/model.keras")
        description="seven emotions of one face, 48x48 luma" ;;
    emotion)
        labels=ferplus version=1.1.0 start=("$runs/trunk/model.keras" "$runs/trunk/second-ferplus.keras")
        description="eight emotions of one face by the votes of ten people, 48x48 luma" ;;
    emotion-small)
        labels=ferplus version=1.0.0
        description="eight emotions of one face for the smallest boards, 48x48 luma" ;;
    *) fail "$name: not one of the bundled models: emotion, emotion-fer2013, emotion-small" ;;
esac

# Trains by a recipe, unless it is done: NAME, then the models to start from.
train() {
    local recipe=$1 options=() file
    shift
    [[ -f $runs/$recipe/model.keras ]] && return
    for file in "$@"; do options+=(--start "$file"); done
    if [[ -f $runs/$recipe/checkpoint.npz ]]; then options+=(--resume); fi
    mien-train fit "$recipe" --data "$data" --out "$runs/$recipe" \
        --teacher training/parents/soft-targets.npz "${options[@]}"
}

model=$runs/$name/model.keras
if [[ ! -f $model ]]; then
    if [[ ${#start[@]} -gt 0 ]]; then train trunk; fi
    train "$name" "${start[@]}"
fi

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
mien-convert to-int8 "$model" --out "$work/$name.tflite" --labels "$labels" \
    --calibration "$data" --ids training/calibration.txt
mien-convert audit "$work/$name.tflite"
mien-convert verify "$work/$name.tflite" --against "$model" --data "$data" --split PublicTest \
    --labels "$labels" --metrics "$work/conversion.json"
mien-train evaluate "$work/$name.tflite" --data "$data" --split PublicTest --json >"$work/evaluation.json"
mien-convert package "$work/$name.tflite" --out "edge/assets/$name.tflite" --force --labels "$labels" \
    --name "$name" --version "$version" --description "$description" --licence "$licence" --origin "$origin" \
    --metrics conversion="$work/conversion.json" --metrics evaluation="$work/evaluation.json"
mien-convert inspect "edge/assets/$name.tflite"
