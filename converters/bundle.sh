#!/usr/bin/env bash
# From a recipe to a bundled model: train, convert, verify, measure, package. Every bundled model is made so.
#
#   converters/bundle.sh NAME DATA [RUNS]
#
# NAME: emotion-fer2013, or emotion, which starts from the former's trunk. DATA: fer2013.npz or fer2013.csv. RUNS: where training results lie [runs]; a finished
# RUNS/NAME/model.keras is taken as it is, an interrupted training goes on. The result is edge/assets/NAME.tflite.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

fail() {
    echo "bundle.sh: $*" >&2
    exit 2
}

[[ $# -eq 2 || $# -eq 3 ]] || fail "usage: converters/bundle.sh NAME DATA [RUNS]"
name=$1 data=$2 runs=${3:-runs}
[[ -f $data ]] || fail "$data: no such file"
for command in mien-train mien-convert; do
    command -v "$command" >/dev/null || fail "$command is not on the PATH: activate the environment of ./setup.sh train"
done

origin="Trained from scratch by the Mien project (mien-train fit $name) on FER-2013 (Goodfellow et al. 2013) \
with the FER+ votes (Barsoum et al. 2016)"
licence="MIT for the weights; the training pictures are not part of them and have their own terms"
start=
case $name in
    emotion-fer2013)
        labels=fer2013 version=1.0.0
        description="seven emotions of one face, 48x48 luma" ;;
    emotion)
        labels=ferplus version=1.0.0 start=$runs/emotion-fer2013/model.keras
        description="eight emotions of one face by the votes of ten people, 48x48 luma" ;;
    *) fail "$name: not one of the bundled models: emotion-fer2013, emotion" ;;
esac

model=$runs/$name/model.keras
if [[ ! -f $model ]]; then
    options=()
    if [[ -n $start ]]; then options+=(--start "$start"); fi
    if [[ -f $runs/$name/checkpoint.npz ]]; then options+=(--resume); fi
    mien-train fit "$name" --data "$data" --out "$runs/$name" "${options[@]}"
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
