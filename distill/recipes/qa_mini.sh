#!/usr/bin/env bash
# Redo qa-mini: a teacher of BERT-base's size, a student of six layers whose vocabulary pays for
# their depth, and what each ingredient adds.
#
#     MPNET=all-mpnet-base-v2 CORPUS=data/corpus QUESTIONS=data/squad/train-shifts.json.gz \
#       DEV=data/squad/dev-v1.1.json.gz bash distill/recipes/qa_mini.sh runs/qa-mini
#
# JOBS=12 runs students beside each other, on a GPU; it has not been run on CPUs. A step that is
# finished is not run again: give the same command after a stop.
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

once() { # FILE COMMAND..., which writes FILE, if it is not there
  [ -e "$1" ] || "${@:2}"
}
finetune() { # KIND NAME [OPTIONS]
  $python -m distill.finetune "$here/qa_mini/$1.yaml" --train_file "$questions" \
    --out "$runs/$2" --logits_cache "$runs/logits" "${half[@]}" "${@:3}" \
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

# Clozes, of each passage twice; 16,000 entries instead of 30,522, which are the size of three
# layers; the starts of the students, and the teacher's under the same vocabulary.
for seed in 42 43; do
  file=$runs/cloze-$seed.json.gz
  beside once "$file" $python -m distill.cloze --out "$file" --seed $seed --text "${text[@]}"
done
beside once "$runs/minilm-16k" $python -m distill.trim_vocabulary --model "$minilm" \
  --text "${text[@]}" --keep 16000 --out "$runs/minilm-16k"
beside once "$runs/start-3" $python -m distill.init_student --teacher "$minilm" --layers 3 \
  --out "$runs/start-3"
finish
beside once "$runs/start-6" $python -m distill.init_student --teacher "$runs/minilm-16k" \
  --layers 6 --out "$runs/start-6"
beside once "$runs/mpnet-16k" $python -m distill.trim_vocabulary --model "$mpnet" \
  --like "$runs/minilm-16k" --out "$runs/mpnet-16k"
finish

# The teacher, from labels; beside it the students from labels alone, which need none.
beside finetune teacher teacher --model "$runs/mpnet-16k"
teacher=$!
for seed in 1 2 3; do
  beside finetune student "labels-$seed" --model "$runs/start-6" --dropout 0.1 --seed $seed
done
wait "$teacher"

# The second stage, one ingredient after another: the teacher's answers, clozes of plain text, which
# the teacher alone answers, its hidden states (by their relations: it is wider); and three layers
# with the whole vocabulary instead of six with half of it.
second=(--teacher "$runs/teacher")
clozes=(--extra_files "$runs/cloze-42.json.gz" "$runs/cloze-43.json.gz" --alpha 1)
six=(--model "$runs/start-6" "${second[@]}")
beside finetune student relations "${six[@]}" "${clozes[@]}" --relation_weight 1 --seed 1
for seed in 1 2 3; do
  beside finetune student "clozes-$seed" "${six[@]}" "${clozes[@]}" --seed $seed
  beside finetune student "answers-$seed" "${six[@]}" --seed $seed
done
beside finetune student three-layers --model "$runs/start-3" "${second[@]}" "${clozes[@]}" --seed 1
finish
once "$runs/mean" $python -m distill.average --out "$runs/mean" \
  --models "$runs/clozes-1" "$runs/clozes-2" "$runs/clozes-3"

# SQuAD's development set is read here for the first time. The mean of three seeds is what is shipped,
# whatever they score.
models=(teacher three-layers relations mean)
for row in labels answers clozes; do models+=("$row"-{1,2,3}); done
score() {
  $python -m distill.evaluate --task squad --data "$dev" --json --model "$runs/$1" \
    --save_predictions "$runs/$1.answers.json" > "$runs/$1.dev.json"
}
difference() { # of two models' answers, paired
  $python -m distill.evaluate --task squad --data "$dev" --json \
    --predictions "$runs/$1.answers.json" "$runs/$2.answers.json" > "$runs/$1.$2.json"
}
for model in "${models[@]}"; do beside score "$model"; done
finish
for seed in 1 2 3; do
  beside difference "labels-$seed" "answers-$seed"
  beside difference "answers-$seed" "clozes-$seed"
  beside difference "clozes-$seed" mean
done
for pair in "clozes-1 relations" "three-layers clozes-1" "teacher mean"; do
  beside difference $pair
done
finish

# Half precision, the tokenizer and the card, as the preset qa-mini carries them.
once "$runs/shipped" $python -m distill.ship --model "$runs/mean" \
  --card "$here/../models/qa-mini/README.md" --out "$runs/shipped"
