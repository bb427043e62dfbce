#!/usr/bin/env bash
# Redo qa-mini: a teacher of BERT-base's size, a student of six layers whose vocabulary pays for
# their depth, and what each ingredient adds.
#
#     MPNET=all-mpnet-base-v2 CORPUS=data/corpus QUESTIONS=data/squad/train-shifts.json.gz \
#       DEV=data/squad/dev-v1.1.json.gz bash distill/recipes/qa_mini.sh runs/qa-mini
#
# Five and a half minutes on one H200 with JOBS=7, which runs students beside each other; it has not
# been run on CPUs. A step that is finished is not run again: give the same command after a stop.
set -euo pipefail

runs=${1:-runs/qa-mini}
corpus=${CORPUS:?names the folder of plain text, see docs/data.md}
questions=${QUESTIONS:?names the training questions in the format of SQuAD}
dev=${DEV:?names the development set of SQuAD}
mpnet=${MPNET:?names the folder of all-mpnet-base-v2, see docs/data.md}
minilm=${MINILM:-minilm}
jobs=${JOBS:-1}
python=${PYTHON:-python}
here=$(dirname "$0")
half=()
if command -v nvidia-smi > /dev/null; then half=(--bf16 True --tf32 True); fi

finetune() { # KIND NAME [OPTIONS]
  $python -m distill.finetune "$here/qa_mini/$1.yaml" --train_file "$questions" \
    --output_dir "$runs/$2" --logits_cache "$runs/logits" "${half[@]}" "${@:3}" \
    > "$runs/$2.log" 2>&1
}
beside() { # run a command beside others, at most $jobs of them
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
  "$@" &
}
finish() { # wait for all; a failed one ends the recipe
  for job in $(jobs -p); do wait "$job"; done
}

# Plain text: an encyclopaedia, without the marks of its tokenization, and books.
mkdir -p "$runs"
for part in valid test; do
  zcat "$corpus/wikitext-2/$part.txt.gz" | sed 's/<unk> \?//g; s/ @\(.\)@ /\1/g' |
    gzip > "$runs/$part.txt.gz"
done
text=("$corpus/wikisplit/sentences.txt.gz" "$runs/test.txt.gz" "$runs/valid.txt.gz"
  "$corpus/books/nonfiction.txt.gz")
[ -f "$runs/cloze.json.gz" ] || $python -m distill.cloze --output_file "$runs/cloze.json.gz" \
  --seed 42 --text "${text[@]}"

# 16,000 entries instead of 30,522 are the size of three layers.
[ -d "$runs/minilm-16k" ] || $python -m distill.trim_vocabulary --model "$minilm" \
  --text "${text[@]}" --keep 16000 --out "$runs/minilm-16k"
for layers in 6 3; do
  [ -d "$runs/start-$layers" ] || $python -m distill.init_student --teacher "$runs/minilm-16k" \
    --layers $layers --output_dir "$runs/start-$layers"
done
[ -d "$runs/mpnet-16k" ] || $python -m distill.trim_vocabulary --model "$mpnet" \
  --like "$runs/minilm-16k" --out "$runs/mpnet-16k"

# The teacher, from labels.
finetune teacher teacher --model "$runs/mpnet-16k"

# Students: from labels alone; then the second stage, one ingredient after another: the teacher's
# answers, clozes of plain text, which the teacher alone answers, depth. The student that is shipped
# has three seeds.
beside finetune student labels --model "$runs/start-6" --dropout 0.1 --seed 1
second=(--teacher "$runs/teacher")
clozes=(--extra_files "$runs/cloze.json.gz" --alpha 1)
for seed in 1 2 3; do
  beside finetune student "clozes-$seed" --model "$runs/start-6" "${second[@]}" "${clozes[@]}" \
    --seed $seed
done
beside finetune student answers --model "$runs/start-6" "${second[@]}" --seed 1
beside finetune student three-layers --model "$runs/start-3" "${second[@]}" "${clozes[@]}" --seed 1
finish
[ -d "$runs/mean" ] || $python -m distill.average --output_dir "$runs/mean" \
  --models "$runs/clozes-1" "$runs/clozes-2" "$runs/clozes-3"

# SQuAD's development set is read here for the first time. The mean of three seeds is what is shipped,
# whatever they score.
for model in teacher labels answers clozes-1 clozes-2 clozes-3 three-layers mean; do
  beside $python -m distill.evaluate --task squad --model "$runs/$model" --data "$dev" --json \
    --save_predictions "$runs/$model.answers.json" > "$runs/$model.dev.json"
done
finish
