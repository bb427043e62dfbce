#!/usr/bin/env bash
# Redo qa-mini: a teacher, a student of half its depth, with and without the second stage.
#
#     CORPUS=../shared/data/corpus bash distill/recipes/qa_mini.sh runs/qa-mini
#
# Every step resumes from its last complete checkpoint: give the same command again. Two CPU cores
# take seven to nine hours.
set -euo pipefail

runs=${1:-runs/qa-mini}
corpus=${CORPUS:-../shared/data/corpus}
python=${PYTHON:-python}
common=(--task squad --max_length 320 --doc_stride 192 --dropout 0 --weight_decay 0.01
  --per_device_train_batch_size 16 --warmup_steps 60 --logging_steps 50 --save_steps 100
  --save_total_limit 2 --held_out 0.02 --report_to none)
second_stage=(--alpha 0.5 --hidden_weight 4 --learning_rate 3e-4)

# The teacher: MiniLM's six layers on 27,108 questions, 2,600 steps in three rounds; the mean of the
# last two rounds answers the held-out questions better than either.
$python -m distill.finetune --model minilm --output_dir "$runs/teacher" \
  --learning_rate 2e-4 --max_steps 1200 --seed 1 "${common[@]}"
$python -m distill.finetune --model "$runs/teacher" --output_dir "$runs/teacher-2" \
  --learning_rate 1.5e-4 --max_steps 1000 --seed 2 "${common[@]}"
$python -m distill.finetune --model "$runs/teacher-2" --output_dir "$runs/teacher-3" \
  --learning_rate 1e-4 --max_steps 400 --seed 3 "${common[@]}"
[ -d "$runs/teacher-mean" ] ||
  $python -m distill.average --models "$runs/teacher-2" "$runs/teacher-3" \
    --output_dir "$runs/teacher-mean"

# The student's start: the teacher's layers 0, 2 and 4, before any question answering.
[ -d "$runs/start" ] ||
  $python -m distill.init_student --teacher minilm --layers 3 --output_dir "$runs/start"

# Student (D): labels, the teacher's answers and its hidden states; 6,650 steps in four rounds,
# the fourth by two processes, one a core, with the same 16 windows a step; and the mean of the last
# two.
$python -m distill.finetune --model "$runs/start" --teacher "$runs/teacher" \
  --output_dir "$runs/student-d" --max_steps 900 --seed 1 "${second_stage[@]}" "${common[@]}"
$python -m distill.finetune --model "$runs/student-d" --teacher "$runs/teacher-2" \
  --output_dir "$runs/student-d2" --max_steps 650 --seed 2 "${second_stage[@]}" "${common[@]}"
$python -m distill.finetune --model "$runs/student-d2" --teacher "$runs/teacher-2" \
  --output_dir "$runs/student-d3" --max_steps 1700 --seed 3 "${second_stage[@]}" "${common[@]}"
OMP_NUM_THREADS=1 $python -m torch.distributed.run --nproc_per_node 2 -m distill.finetune \
  --model "$runs/student-d3" --teacher "$runs/teacher-mean" --output_dir "$runs/student-d4" \
  --max_steps 3400 --seed 4 "${second_stage[@]}" "${common[@]}" --per_device_train_batch_size 8
[ -d "$runs/student-mean" ] ||
  $python -m distill.average --models "$runs/student-d3" "$runs/student-d4" \
    --output_dir "$runs/student-mean"

# By now the student knows the questions of its training by heart (F1 92 on them). The last round,
# 2,800 steps, adds clozes of an encyclopaedia and of books, learns from the teacher alone, and
# counts twice in the mean.
[ -f "$runs/cloze.json.gz" ] || {
  for part in valid test; do
    zcat "$corpus/wikitext-2/$part.txt.gz" | sed 's/<unk> \?//g; s/ @\(.\)@ /\1/g' |
      gzip > "$runs/$part.txt.gz"
  done
  $python -m distill.cloze --output_file "$runs/cloze.json.gz" --text \
    "$corpus/wikisplit/sentences.txt.gz" "$runs/test.txt.gz" "$runs/valid.txt.gz" \
    "$corpus/books/nonfiction.txt.gz"
}
OMP_NUM_THREADS=1 $python -m torch.distributed.run --nproc_per_node 2 -m distill.finetune \
  --model "$runs/student-mean" --teacher "$runs/teacher-mean" --output_dir "$runs/student-d5" \
  --extra_files "$runs/cloze.json.gz" --max_steps 2800 --seed 5 "${second_stage[@]}" --alpha 1 \
  "${common[@]}" --per_device_train_batch_size 8
[ -d "$runs/qa-mini" ] ||
  $python -m distill.average --models "$runs/student-mean" "$runs/student-d5" "$runs/student-d5" \
    --output_dir "$runs/qa-mini"

# The same student from labels alone, to be held against the first round.
$python -m distill.finetune --model "$runs/start" --output_dir "$runs/student" \
  --learning_rate 3e-4 --max_steps 900 --seed 1 "${common[@]}"

for model in teacher-mean student student-d qa-mini; do
  $python -m distill.evaluate --task squad --model "$runs/$model" --json
done

# Half precision, the tokenizer and the card, as the preset qa-mini carries them.
card=$(dirname "$0")/../models/qa-mini/README.md
$python -m distill.ship --model "$runs/qa-mini" --card "$card" --output_dir "$runs/shipped"
