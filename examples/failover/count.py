"""Counts to the end, one number a second, and goes on where it was saved when its machine is lost."""

import os
import time

END = int(os.environ.get("COUNT_TO", "20"))
SAVED = os.path.join(os.environ.get("GPUJOB_CHECKPOINT_DIR") or "ckpt", "numbers")
OUTPUT_DIR = os.environ.get("GPUJOB_OUTPUT_DIR") or "outputs"


def read_start():
    """The number after the last one that was saved; 1 where nothing was."""
    if os.environ.get("GPUJOB_RESUME") != "1":
        return 1
    return max(int(name) for name in os.listdir(SAVED)) + 1


def main():
    """A saved number is an empty file of that name, so it is never half written."""
    os.makedirs(SAVED, exist_ok=True)
    place = f"attempt {os.environ.get('GPUJOB_ATTEMPT')} on {os.environ.get('GPUJOB_PLATFORM')}"
    start = read_start()
    print(f"counting from {start}: {place}", flush=True)
    for number in range(start, END + 1):
        time.sleep(1)
        print(number, flush=True)
        with open(os.path.join(SAVED, str(number)), "w"):
            pass
    with open(os.path.join(OUTPUT_DIR, "counted"), "w") as file:
        file.write(f"{END}, ended by {place}\n")


main()
