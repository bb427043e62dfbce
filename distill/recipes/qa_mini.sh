#!/usr/bin/env bash
# Redo qa-mini: a teacher, a student of half its depth, with and without the second stage.
#
#     CORPUS=data/corpus QUESTIONS=data/squad/train-shifts.json.gz \
#       bash distill/recipes/qa_mini.sh runs/qa-mini
#
# Every step resumes from its last complete checkpoint: give the same command again. Two CPU cores
# take eleven to fourteen hours.
set -euo pipefail

runs=${1:-runs/qa-mini}
corpus=${CORPUS:?names the folder of plain text, see docs/data.md}
questions=${QUESTIONS:?names the training questions in the format of SQuAD}
python=${PYTHON:-python}
here=$(dirname "$0")

finetune() { # KIND NAME [OPTIONS]
  $python -m distill.finetune "$here/qa_mini/$1.yaml" --train_file "$questions" \
    --out "$runs/$2" "${@:3}"
}
finetune_by_two() { # the same by two processes, one a core, with the same 16 windows a step
  OMP_NUM_THREADS=1 $python -m torch.distributed.run --nproc_per_node 2 -m distill.finetune \
    "$here/qa_mini/$1.yaml" --train_file "$questions" --out "$runs/$2" \
    --per_device_train_batch_size 8 "${@:3}"
}
clozes() { # FILE SEED TEXT... [OPTIONS]
  [ -f "$1" ] || $python -m distill.cloze --out "$1" --seed "$2" --text "${@:3}"
}
mean() { # OUTPUT MODEL..., a model given twice counts twice
  local paths=("${@/#/$runs/}")
  [ -d "${paths[0]}" ] || $python -m distill.average --models "${paths[@]:1}" --out "${paths[0]}"
}

# Plain text: an encyclopaedia, without the marks of its tokenization, and books.
mkdir -p "$runs"
for part in valid test; do
  zcat "$corpus/wikitext-2/$part.txt.gz" | sed 's/<unk> \?//g; s/ @\(.\)@ /\1/g' |
    gzip > "$runs/$part.txt.gz"
done
text=("$corpus/wikisplit/sentences.txt.gz" "$runs/test.txt.gz" "$runs/valid.txt.gz"
  "$corpus/books/nonfiction.txt.gz")

# The teacher: MiniLM's six layers on 27,108 questions, 2,600 steps in three rounds; the mean of the
# last two rounds answers the held-out questions better than either.
finetune labels teacher --model minilm --learning_rate 2e-4 --max_steps 1200 --seed 1
finetune labels teacher-2 --model "$runs/teacher" --learning_rate 1.5e-4 --max_steps 1000 --seed 2
finetune labels teacher-3 --model "$runs/teacher-2" --learning_rate 1e-4 --max_steps 400 --seed 3
mean teacher-mean teacher-2 teacher-3

# More than two thirds of the questions are on forum posts and product reviews, SQuAD's on Wikipedia:
# a last round on those of Wikipedia alone.
if [ ! -f "$runs/wiki.json" ]; then
  $python - "$questions" > "$runs/wiki.part" <<'PYTHON'
import gzip, json, sys
squad = json.load(gzip.open(sys.argv[1]))
squad["data"] = [a for a in squad["data"] if a["title"].startswith("new_wiki/")]
json.dump(squad, sys.stdout)
PYTHON
  mv "$runs/wiki.part" "$runs/wiki.json"
fi
finetune labels teacher-wiki --model "$runs/teacher-mean" --train_file "$runs/wiki.json" \
  --learning_rate 1e-4 --max_steps 800 --seed 7 --dropout 0.1 --warmup_steps 40

# The student's start: the teacher's layers 0, 2 and 4, before any question answering.
[ -d "$runs/start" ] ||
  $python -m distill.init_student --teacher minilm --layers 3 --out "$runs/start"

# Student (D): 6,650 steps in four rounds, and the mean of the last two.
finetune second_stage student-d --model "$runs/start" --teacher "$runs/teacher" \
  --max_steps 900 --seed 1
finetune second_stage student-d2 --model "$runs/student-d" --teacher "$runs/teacher-2" \
  --max_steps 650 --seed 2
finetune second_stage student-d3 --model "$runs/student-d2" --teacher "$runs/teacher-2" \
  --max_steps 1700 --seed 3
finetune_by_two second_stage student-d4 --model "$runs/student-d3" \
  --teacher "$runs/teacher-mean" --max_steps 3400 --seed 4
mean student-mean student-d3 student-d4

# By now the student knows the questions of its training by heart (F1 92 on them). Three more
# rounds add clozes of plain text and learn from the teacher alone.
second=(--teacher "$runs/teacher-mean" --alpha 1)
clozes "$runs/cloze.json.gz" 42 "${text[@]}"
finetune_by_two second_stage student-d5 --model "$runs/student-mean" "${second[@]}" \
  --extra_files "$runs/cloze.json.gz" --max_steps 2800 --seed 5
mean student-mean-2 student-mean student-d5 student-d5
clozes "$runs/cloze-2.json.gz" 43 "${text[@]}"
finetune second_stage student-d6 --model "$runs/student-mean-2" "${second[@]}" \
  --extra_files "$runs/cloze-2.json.gz" --max_steps 2000 --seed 6
mean student-mean-3 student-d5 student-d6 student-d6
clozes "$runs/cloze-3.json.gz" 44 "${text[@]}"
finetune second_stage student-d7 --model "$runs/student-mean-3" "${second[@]}" \
  --extra_files "$runs/cloze-3.json.gz" --max_steps 2000 --seed 7
mean student-mean-4 student-d6 student-d7 student-d7

# The last round, as the teacher's: questions and text of Wikipedia alone.
clozes "$runs/cloze-wiki.json.gz" 45 "${text[@]:0:3}" --questions 1
finetune_by_two second_stage student-d8 --model "$runs/student-mean-4" \
  --teacher "$runs/teacher-wiki" --alpha 1 --train_file "$runs/wiki.json" \
  --extra_files "$runs/cloze-wiki.json.gz" --learning_rate 2e-4 --max_steps 550 --seed 8
mean qa-mini student-d7 student-d8

# The same student from labels alone, to be held against the first round.
finetune labels student --model "$runs/start" --learning_rate 3e-4 --max_steps 900 --seed 1

# And after pre-training distillation, which needs a teacher with an MLM head.
pretraining=("$here/qa_mini/pretraining.yaml" --text "${text[@]}" --corpus_dir "$runs/corpus")
$python -m distill.adapt_mlm "${pretraining[@]}" --model minilm --out "$runs/minilm-mlm" \
  --frozen_steps 300 --max_steps 400
$python -m distill.pretrain "${pretraining[@]}" --teacher "$runs/minilm-mlm" --layers 3 \
  --masked_only --out "$runs/start-p" --max_steps 500
finetune second_stage student-p --model "$runs/start-p" --teacher "$runs/teacher" \
  --max_steps 900 --seed 1

for model in teacher-mean teacher-wiki student student-d student-p qa-mini; do
  $python -m distill.evaluate --task squad --model "$runs/$model" --json
done

# Half precision, the tokenizer and the card, as the preset qa-mini carries them.
card=$(dirname "$0")/../models/qa-mini/README.md
$python -m distill.ship --model "$runs/qa-mini" --card "$card" --out "$runs/shipped"
