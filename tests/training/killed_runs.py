"""Run as a script: trains toy fields, once unbroken and once killed again and again, and prints what came out.

Each training happens in a forked child, so that SIGKILL ends it at any point, in the middle of a write too.
"""

import hashlib
import importlib
import json
import os
import signal
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
import toys

from nfield.core.seeding import generator
from nfield.io.run_folder import NfieldWarning, RunFolder
from nfield.training.loop import fit
from nfield.training.settings import TrainingSettings

for name in ("torch._dynamo", "PIL.PngImagePlugin"):
    # Needed on the way; once here is faster than in each child.
    importlib.import_module(name)

CASES = {
    "adam": {"optimizer": "adam", "ema": 0.9, "clip": 0.5, "learning_rate": 1e-2},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.01, "warmup_steps": 5, "precision": "bfloat16"},
    "muon": {"optimizer": "muon", "learning_rate": 1e-2},
    "lbfgs": {"optimizer": "lbfgs", "schedule": "constant"},
    "not-finite": {"optimizer": "adam", "learning_rate": 1e-2, "ema": 0.5},
}
# Kind of point and how often it is passed before the kill, one for each life of the process.
KILLS = [("batch", 1), ("batch", 5), ("replace", 3), ("evaluate", 2), ("batch", 4), ("replaced", 6), ("replace", 4)]


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def train(case, path, kill, checkpoint_seconds):
    """One life: start or go on, and die at the given point if it is reached."""
    passed = {"batch": 0, "evaluate": 0, "replace": 0, "replaced": 0}

    def reach(point):
        passed[point] += 1
        if kill == (point, passed[point]):
            die()

    replace = os.replace

    def watched_replace(source, target):
        reach("replace")
        replace(source, target)
        reach("replaced")

    def on_batch(batch):
        reach("batch")
        return float("nan") if case == "not-finite" and batch[0, 0].abs() > 0.97 else 1.0

    os.replace = watched_replace
    # A killed process, unlike a power cut, takes nothing with it that has been written: syncing is only slow.
    os.fsync = lambda handle: None
    options = {"steps": 14 if case == "lbfgs" else 24, "precision": "float32", "evaluations": 8, **CASES[case]}
    settings = TrainingSettings(checkpoint_seconds=checkpoint_seconds, **options)
    folder = RunFolder.create(path, resume=True)
    if not folder.holds_run:
        folder.write_config({"case": case})
    task = toys.Sine(on_batch=on_batch, on_evaluate=lambda: reach("evaluate"))
    warnings.simplefilter("ignore", NfieldWarning)
    fit(toys.Toy(seed=3), task, settings, generator=generator(4, "batches"), folder=folder, resume=True)


def live(*arguments):
    """Train in a child process; True if it was not killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            train(*arguments)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit(f"{arguments} failed")
    return os.WIFEXITED(status)


def outcome(path):
    folder = RunFolder(path)
    weights = sorted(folder.checkpoints.glob("*.safetensors"))
    lines = [{k: v for k, v in line.items() if k != "seconds"} for line in folder.read_history("field")]
    pictures = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for _, p in folder.list_snapshots("field")}
    checkpoint = folder.load_checkpoint("field")
    return {
        "weights": [weights[-1].name, hashlib.sha256(weights[-1].read_bytes()).hexdigest()],
        "history": lines,
        "pictures": pictures,
        "failures": checkpoint.state["training"]["counters"]["failures"],
        "left over": [str(p) for p in Path(path).rglob("*temporary*")],
    }


def main():
    torch.set_num_threads(1)
    report = {}
    with tempfile.TemporaryDirectory() as root:
        for case in CASES:
            live(case, f"{root}/{case}-unbroken", None, 1000.0)
            for name, checkpoint_seconds in (("every-step", 0.0), ("seldom", 0.02)):
                kills = list(KILLS)
                path = f"{root}/{case}-{name}"
                lives = 1
                while not live(case, path, kills.pop(0) if kills else None, checkpoint_seconds):
                    lives += 1
                report[f"{case} {name}"] = {
                    "lives": lives,
                    "unbroken": outcome(f"{root}/{case}-unbroken"),
                    "killed": outcome(path),
                }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
