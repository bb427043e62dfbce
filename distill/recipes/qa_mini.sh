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
common=(--task squad --train_file "$questions" --max_length 320 --doc_stride 192 --dropout 0
  --weight_decay 0.01 --per_device_train_batch_size 16 --warmup_steps 60 --logging_steps 50
  --save_steps 100 --save_total_limit 2 --held_out 0.02 --report_to none)
two_processes=(env OMP_NUM_THREADS=1 $python -m torch.distributed.run --nproc_per_node 2 -m)
second_stage=(--alpha 0.5 --hidden_weight 4 --learning_rate 3e-4)

# Plain text: an encyclopaedia, without the marks of its tokenization, and books.
mkdir -p "$runs"
for part in valid test; do
  zcat "$corpus/wikitext-2/$part.txt.gz" | sed 's/<unk> \?//g; s/ @\(.\)@ /\1/g' |
    gzip > "$runs/$part.txt.gz"
done
text=("$corpus/wikisplit/sentences.txt.gz" "$runs/test.txt.gz" "$runs/valid.txt.gz"
  "$corpus/books/nonfiction.txt.gz")
clozes() { # FILE SEED TEXT... [OPTIONS]
  [ -f "$1" ] || $python -m distill.cloze --output_file "$1" --seed "$2" --text "${@:3}"
}
mean() { # OUTPUT MODEL..., a model given twice counts twice
  local paths=("${@/#/$runs/}")
  [ -d "${paths[0]}" ] ||
    $python -m distill.average --models "${paths[@]:1}" --output_dir "${paths[0]}"
}

# The teacher: MiniLM's six layers on 27,108 questions, 2,600 steps in three rounds; the mean of the
# last two rounds answers the held-out questions better than either.
$python -m distill.finetune --model minilm --output_dir "$runs/teacher" \
  --learning_rate 2e-4 --max_steps 1200 --seed 1 "${common[@]}"
$python -m distill.finetune --model "$runs/teacher" --output_dir "$runs/teacher-2" \
  --learning_rate 1.5e-4 --max_steps 1000 --seed 2 "${common[@]}"
$python -m distill.finetune --model "$runs/teacher-2" --output_dir "$runs/teacher-3" \
  --learning_rate 1e-4 --max_steps 400 --seed 3 "${common[@]}"
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
$python -m distill.finetune --model "$runs/teacher-mean" --output_dir "$runs/teacher-wiki" \
  --learning_rate 1e-4 --max_steps 800 --seed 7 "${common[@]}" --train_file "$runs/wiki.json" \
  --dropout 0.1 --warmup_steps 40

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
"${two_processes[@]}" distill.finetune \
  --model "$runs/student-d3" --teacher "$runs/teacher-mean" --output_dir "$runs/student-d4" \
  --max_steps 3400 --seed 4 "${second_stage[@]}" "${common[@]}" --per_device_train_batch_size 8
mean student-mean student-d3 student-d4

# By now the student knows the questions of its training by heart (F1 92 on them). Three more
# rounds add clozes of plain text and learn from the teacher alone.
clozes "$runs/cloze.json.gz" 42 "${text[@]}"
"${two_processes[@]}" distill.finetune \
  --model "$runs/student-mean" --teacher "$runs/teacher-mean" --output_dir "$runs/student-d5" \
  --extra_files "$runs/cloze.json.gz" --max_steps 2800 --seed 5 "${second_stage[@]}" --alpha 1 \
  "${common[@]}" --per_device_train_batch_size 8
mean student-mean-2 student-mean student-d5 student-d5
clozes "$runs/cloze-2.json.gz" 43 "${text[@]}"
$python -m distill.finetune --model "$runs/student-mean-2" --teacher "$runs/teacher-mean" \
  --output_dir "$runs/student-d6" --extra_files "$runs/cloze-2.json.gz" --max_steps 2000 --seed 6 \
  "${second_stage[@]}" --alpha 1 "${common[@]}"
mean student-mean-3 student-d5 student-d6 student-d6
clozes "$runs/cloze-3.json.gz" 44 "${text[@]}"
$python -m distill.finetune --model "$runs/student-mean-3" --teacher "$runs/teacher-mean" \
  --output_dir "$runs/student-d7" --extra_files "$runs/cloze-3.json.gz" --max_steps 2000 --seed 7 \
  "${second_stage[@]}" --alpha 1 "${common[@]}"
mean student-mean-4 student-d6 student-d7 student-d7

# The last round, as the teacher's: questions and text of Wikipedia alone.
clozes "$runs/cloze-wiki.json.gz" 45 "${text[@]:0:3}" --questions 1
"${two_processes[@]}" distill.finetune \
  --model "$runs/student-mean-4" --teacher "$runs/teacher-wiki" --output_dir "$runs/student-d8" \
  --extra_files "$runs/cloze-wiki.json.gz" --max_steps 550 --seed 8 "${second_stage[@]}" --alpha 1 \
  --learning_rate 2e-4 "${common[@]}" --train_file "$runs/wiki.json" --per_device_train_batch_size 8
mean qa-mini student-d7 student-d8

# The same student from labels alone, to be held against the first round.
$python -m distill.finetune --model "$runs/start" --output_dir "$runs/student" \
  --learning_rate 3e-4 --max_steps 900 --seed 1 "${common[@]}"

# And after pre-training distillation, which needs a teacher with an MLM head.
pretraining=(--text "${text[@]}" --sequence_length 128 --corpus_dir "$runs/corpus" --held_out 0.01
  --per_device_train_batch_size 16 --gradient_accumulation_steps 1 --save_steps 50
  --save_total_limit 1 --logging_steps 25 --report_to none --seed 1)
$python -m distill.adapt_mlm --model minilm --output_dir "$runs/minilm-mlm" \
  --frozen_steps 300 --max_steps 400 "${pretraining[@]}"
$python -m distill.pretrain --teacher "$runs/minilm-mlm" --layers 3 --masked_only \
  --output_dir "$runs/start-p" --max_steps 500 "${pretraining[@]}"
$python -m distill.finetune --model "$runs/start-p" --teacher "$runs/teacher" \
  --output_dir "$runs/student-p" --max_steps 900 --seed 1 "${second_stage[@]}" "${common[@]}"

for model in teacher-mean teacher-wiki student student-d student-p qa-mini; do
  $python -m distill.evaluate --task squad --model "$runs/$model" --json
done

# Half precision, the tokenizer and the card, as the preset qa-mini carries them.
card=$(dirname "$0")/../models/qa-mini/README.md
$python -m distill.ship --model "$runs/qa-mini" --card "$card" --output_dir "$runs/shipped"
