"""Teaches a small model to write numbers in English, with Python's standard library alone.

The model reads the last characters of a text and guesses the next one. It saves after every epoch, goes on from its
checkpoint when the machine is lost, and ends with a curve of its loss.
"""

import json
import os
import signal
import sys
import time
from math import exp, log, tanh
from operator import mul
from random import Random

from chart import draw_loss

EPOCHS = int(os.environ.get("EPOCHS", "24"))
EPOCH_SECONDS = float(os.environ.get("EPOCH_SECONDS", "1.2"))  # at least: a fast computer waits
CHECKPOINT_DIR = os.environ.get("GPUJOB_CHECKPOINT_DIR") or "ckpt"
OUTPUT_DIR = os.environ.get("GPUJOB_OUTPUT_DIR") or "outputs"
ATTEMPT = int(os.environ.get("GPUJOB_ATTEMPT") or "1")
PLATFORM = os.environ.get("GPUJOB_PLATFORM") or "here"

SEED = 7
CONTEXT = 8
HIDDEN = 32
EXAMPLES = 4000  # per epoch
RATE = 0.08
KEEP = 4  # checkpoints
END = "."

ONES = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def spell(number):
    """Writes 1 to 9999 in words."""
    if number >= 1000:
        rest = number % 1000
        return ONES[number // 1000 - 1] + " thousand" + (" " + spell(rest) if rest else "")
    if number >= 100:
        rest = number % 100
        return ONES[number // 100 - 1] + " hundred" + (" " + spell(rest) if rest else "")
    if number >= 20:
        rest = number % 10
        return TENS[number // 10 - 2] + ("-" + spell(rest) if rest else "")
    return ONES[number - 1]


NUMBERS = [spell(number) for number in range(1, 10000)]
LETTERS = sorted({letter for number in NUMBERS for letter in number} | {END})
INDEX = {letter: index for index, letter in enumerate(LETTERS)}


def make_examples():
    """Every place in every number: the characters before it, and the one that follows."""
    examples = []
    for number in NUMBERS:
        context = [INDEX[END]] * CONTEXT
        for letter in number + END:
            examples.append((tuple(context), INDEX[letter]))
            context = context[1:] + [INDEX[letter]]
    return examples


def new_state():
    """Fresh weights: `input[place][letter]` and `output[letter]` are rows as long as the hidden layer."""
    random = Random(SEED)

    def row():
        return [random.gauss(0, 0.15) for _ in range(HIDDEN)]

    return {
        "epoch": 0,
        "step": 0,
        "sum": 0.0,
        "input": [[row() for _ in LETTERS] for _ in range(CONTEXT)],
        "output": [row() for _ in LETTERS],
        "bias": [0.0] * len(LETTERS),
        "history": [],
    }


def guess(state, context):
    """The hidden layer, and how likely each letter is to come next."""
    rows = [state["input"][place][letter] for place, letter in enumerate(context)]
    hidden = [tanh(total) for total in map(sum, zip(*rows))]
    scores = [sum(map(mul, weights, hidden)) + b for weights, b in zip(state["output"], state["bias"])]
    top = max(scores)
    powers = [exp(score - top) for score in scores]
    total = sum(powers)
    return hidden, [power / total for power in powers]


def learn(state, context, target, rate):
    """One step of gradient descent; answers the loss before it."""
    hidden, chances = guess(state, context)
    loss = -log(max(chances[target], 1e-12))
    chances[target] -= 1
    back = [0.0] * HIDDEN
    for letter, error in enumerate(chances):
        weights = state["output"][letter]
        pull = rate * error
        back = [b + error * w for b, w in zip(back, weights)]
        state["output"][letter] = [w - pull * h for w, h in zip(weights, hidden)]
        state["bias"][letter] -= pull
    change = [rate * b * (1 - h * h) for b, h in zip(back, hidden)]
    for place, letter in enumerate(context):
        row = state["input"][place][letter]
        state["input"][place][letter] = [w - c for w, c in zip(row, change)]
    return loss


def list_checkpoints():
    """The saved states, the oldest first."""
    names = sorted(name for name in os.listdir(CHECKPOINT_DIR) if name.endswith(".json"))
    return [os.path.join(CHECKPOINT_DIR, name) for name in names]


def save(state):
    """Writes the checkpoint beside its place and moves it there: nobody ever sees half a file.

    A file of its own for each epoch lies still long enough to be fetched while the next one is made.
    """
    os.makedirs(CHECKPOINT_DIR, exist_ok=True)
    path = os.path.join(CHECKPOINT_DIR, f"epoch-{state['epoch']:03d}.json")
    with open(path + ".new", "w") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)
    for old in list_checkpoints()[:-KEEP]:
        os.remove(old)


def load():
    """The newest checkpoint that was brought along, else fresh weights."""
    if os.environ.get("GPUJOB_RESUME") != "1":
        return new_state()
    with open(list_checkpoints()[-1]) as file:
        return json.load(file)


def run_epoch(state, examples, should_stop):
    """Goes on with the epoch where it was left; False when it was told to stop."""
    began = time.monotonic()
    rate = RATE * (1 - 0.9 * state["epoch"] / EPOCHS)
    # The order depends on the epoch alone, so a resumed run learns exactly what an unbroken one does.
    order = Random(SEED * 1000 + state["epoch"]).sample(examples, EXAMPLES)
    while state["step"] < EXAMPLES:
        if should_stop():
            return False
        context, target = order[state["step"]]
        state["sum"] += learn(state, context, target, rate)
        state["step"] += 1
    while time.monotonic() - began < EPOCH_SECONDS:
        if should_stop():
            break
        time.sleep(0.05)
    loss = state["sum"] / EXAMPLES
    place = {"attempt": ATTEMPT, "platform": PLATFORM}
    state["history"].append({"epoch": state["epoch"] + 1, "loss": round(loss, 6), **place})
    state.update(epoch=state["epoch"] + 1, step=0, sum=0.0)
    print(f"epoch {state['epoch']:2d}/{EPOCHS}  loss {loss:.4f}", flush=True)
    return True


def write_number(state, random):
    """Lets the model write a number of its own."""
    context, text = [INDEX[END]] * CONTEXT, ""
    while len(text) < 60:
        _, chances = guess(state, context)
        letter = random.choices(range(len(LETTERS)), chances)[0]
        if LETTERS[letter] == END:
            break
        text += LETTERS[letter]
        context = context[1:] + [letter]
    return text


def write_results(state):
    """Writes metrics.json and loss.svg, and shows what the model has learnt."""
    random, known = Random(SEED), set(NUMBERS)
    written = [write_number(state, random) for _ in range(200)]
    right = sum(text in known for text in written)
    print("it writes: " + ", ".join(written[:5]), flush=True)
    print(f"{right} of 200 are real numbers; loss {state['history'][-1]['loss']:.4f}", flush=True)
    metrics = {
        "loss": state["history"][-1]["loss"],
        "realNumbers": right / len(written),
        "examples": written[:10],
        "history": state["history"],
    }
    os.makedirs(OUTPUT_DIR, exist_ok=True)
    with open(os.path.join(OUTPUT_DIR, "metrics.json"), "w") as file:
        json.dump(metrics, file, indent=2)
    with open(os.path.join(OUTPUT_DIR, "loss.svg"), "w") as file:
        file.write(draw_loss(state["history"]))


def main():
    """Trains to the end, or until it is told to save and go."""
    told = []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    state = load()
    start = f"resuming at epoch {state['epoch'] + 1}" if state["epoch"] or state["step"] else "starting"
    print(f"{start}: attempt {ATTEMPT} on {PLATFORM}, {len(NUMBERS)} numbers to learn", flush=True)
    examples = make_examples()
    while state["epoch"] < EPOCHS:
        finished = run_epoch(state, examples, lambda: bool(told))
        save(state)
        if told or not finished:
            print(f"told to stop: saved in epoch {state['epoch'] + 1}", flush=True)
            sys.exit(128 + signal.SIGTERM)
    write_results(state)


if __name__ == "__main__":
    main()
