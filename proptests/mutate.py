#!/usr/bin/env python3
"""Breaks the rules of the validator one at a time and sees whether a test notices.

    proptests/mutate.py [--check] [WORD ...]

mutations.json lists the breaks: in which file below crates/parv-validator/src, which text (it must occur exactly once) becomes
which, and the test of proptests/tests that is to notice. Works on the tree that it lies in, puts every file back, and ends with
an error if a break survives or does not apply. With words, only breaks whose name contains one of them; with --check, only
whether all apply. PARV_CASES is handed on. Takes a minute for each break, so it is no part of CI.
"""
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = HERE.parent / "crates/parv-validator/src"


def test(target):
    """Whether the tests pass, and the names of those that do not."""
    file, _, name = target.partition("::")
    command = ["cargo", "test", "-q", "-p", "parv-proptests", "--test", file, "--", *([name] if name else [])]
    environment = {"PARV_CASES": "200", "RUST_BACKTRACE": "0"} | dict(os.environ)
    done = subprocess.run(command, cwd=HERE.parent, env=environment, capture_output=True, text=True)
    if "could not compile" in done.stderr:
        sys.exit(f"it does not compile:\n{done.stderr}")
    blocks = done.stdout.split("\nfailures:\n")
    failed = sorted({line.strip() for line in blocks[-1].splitlines() if line.startswith("    ")}) if len(blocks) > 1 else []
    return done.returncode == 0, failed


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    mutations = json.loads((HERE / "mutations.json").read_text())
    bad = 0
    for mutation in mutations:
        name, path = mutation["name"], SOURCES / mutation["file"]
        if words and not any(word in name for word in words):
            continue
        source = path.read_text()
        if source.count(mutation["find"]) != 1:
            print(f"DOES NOT APPLY  {name}", flush=True)
            bad += 1
            continue
        if "--check" in sys.argv:
            continue
        began = time.monotonic()
        path.write_text(source.replace(mutation["find"], mutation["replace"]))
        try:
            survived, failed = test(mutation["test"])
        finally:
            path.write_text(source)
        bad += survived
        seconds = f"{time.monotonic() - began:.0f} s"
        print(f"{'SURVIVED' if survived else 'killed'}  {name}  ({seconds}; {', '.join(failed)})", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
