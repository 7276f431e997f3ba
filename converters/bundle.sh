#!/usr/bin/env bash
# From a recipe to a bundled model: train, convert, verify, measure, package. Every bundled model is made so.
#
#   converters/bundle.sh NAME DATA [RUNS [OUT]]
#
# NAME: emotion, emotion-fer2013 or emotion-small. The first two start from `trunk`, `trunk-late` and `trunk-full`, the
# last from `trunk-small` and `trunk-small-late`, which are trained if they are not there; each is the mean of three
# trainings with other seeds. All learn from the teachers' scores, training/parents/soft-targets.npz (docs/ACCURACY.md).
# DATA: fer2013.npz, with votes in it. RUNS: where training results lie [runs]; a finished RUNS/NAME/model.keras is taken
# as it is, an interrupted training goes on. The results are edge/assets/NAME.tflite and the float network that it was
# converted from, training/parents/NAME.keras; OUT, a folder, takes both instead.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

# shellcheck source=converters/bundle_checks.sh
source converters/bundle_checks.sh

[[ $# -ge 2 && $# -le 4 ]] || fail "usage: converters/bundle.sh NAME DATA [RUNS [OUT]]"
name=$1 data=$2 runs=${3:-runs} assets=${4:-edge/assets} parents=${4:-training/parents}
need_file "$data"
need_commands

origin="Trained from scratch by the Mien project (mien-train fit $name) on FER-2013 (Goodfellow et al. 2013) \
with the FER+ votes (Barsoum et al. 2016)"
licence="MIT for the weights; the training pictures are not part of them and have their own terms"
calibrate=yes # whether a temperature of the int8 file's own is tried; it ships where it makes the scores truer
case $name in
    emotion-fer2013)
        labels=fer2013 version=1.3.0 trunks=(trunk trunk-late trunk-full) second=ferplus seeds=(2 12 22)
        description="seven emotions of one face, 48x48 luma" ;;
    emotion)
        labels=ferplus version=1.3.0 trunks=(trunk trunk-late trunk-full) second=ferplus seeds=(3 13 23)
        description="eight emotions of one face by the votes of ten people, 48x48 luma" ;;
    emotion-small)
        labels=ferplus version=1.1.0 trunks=(trunk-small trunk-small-late) second=fer2013 seeds=(4 14 24)
        description="eight emotions of one face for the smallest boards, 48x48 luma" ;;
    *) fail "$name: not one of the bundled models: emotion, emotion-fer2013, emotion-small" ;;
esac

# Trains by a recipe into a folder, unless it is done: NAME, FOLDER, then further options for fit.
train() {
    local recipe=$1 folder=$2
    shift 2
    [[ -f $folder/model.keras ]] && return
    if [[ -f $folder/checkpoint.npz ]]; then set -- --resume "$@"; fi
    mien-train fit "$recipe" --data "$data" --out "$folder" --teacher training/parents/soft-targets.npz "$@"
}

model=$runs/$name/model.keras
if [[ ! -f $model ]]; then
    # Each trunk starts from both heads of the one before.
    before=()
    for part in "${trunks[@]}"; do
        train "$part" "$runs/$part" "${before[@]}"
        before=(--start "$runs/$part/model.keras" --start "$runs/$part/second-$second.keras")
    done
    each=()
    for seed in "${seeds[@]}"; do
        train "$name" "$runs/$name-$seed" --seed "$seed" "${before[@]}"
        each+=("$runs/$name-$seed/model.keras")
    done
    mkdir -p "$runs/$name"
    mien-train average "${each[@]}" --out "$model"
fi

work=$(mktemp -d)
trap 'rm -rf -- "$work" "$parents/unfinished-$name.keras"' EXIT

# Converts MODEL to FILE.
to_int8() {
    mien-convert to-int8 "$1" --out "$2" --labels "$labels" --calibration "$data" --ids training/calibration.txt
}

# Divides the logits by the temperature that the int8 file wants, converts again, and makes that the model where its
# answers are the same and its scores truer, all on the validation tenth: PublicTest chooses nothing.
try_temperature() {
    local tried=$work/calibrated status=0
    mien-train calibrate "$model" --int8 "$file" --data "$data" --part validation --out "$tried"
    to_int8 "$tried/model.keras" "$tried/$name.tflite"
    mien-train calibrate "$model" --int8 "$file" --data "$data" --same-as "$tried/$name.tflite" --truer || status=$?
    case $status in
        0) model=$tried/model.keras file=$tried/$name.tflite chosen="with that temperature: it makes the scores truer" ;;
        3) chosen="without that temperature: it makes the scores no truer, or changes answers" ;;
        *) exit "$status" ;;
    esac
}

file=$work/$name.tflite chosen="without a temperature of the int8 file's own: none was asked for"
to_int8 "$model" "$file"
if [[ $calibrate == yes ]]; then try_temperature; fi
echo "$name: packaged $chosen"
mien-convert audit "$file"
mien-convert verify "$file" --against "$model" --data "$data" --split PublicTest \
    --labels "$labels" --metrics "$work/conversion.json"
mien-train evaluate "$file" --data "$data" --split PublicTest --json >"$work/evaluation.json"
mkdir -p "$assets" "$parents"
cp -- "$model" "$parents/unfinished-$name.keras" # a full disk shows before anything is replaced
mien-convert package "$file" --out "$assets/$name.tflite" --force --labels "$labels" \
    --name "$name" --version "$version" --description "$description" --licence "$licence" --origin "$origin" \
    --metrics conversion="$work/conversion.json" --metrics evaluation="$work/evaluation.json"
mv -- "$parents/unfinished-$name.keras" "$parents/$name.keras"
mien-convert inspect "$assets/$name.tflite"
