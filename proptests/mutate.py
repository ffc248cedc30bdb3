#!/usr/bin/env python3
"""Breaks the rules of the validator, one at a time, and sees which tests notice.

    proptests/mutate.py [--check] [--all] [WORD ...]

mutations.json lists the breaks: in which file below crates/parv-validator/src, which text (it must occur exactly once) becomes
which. In the new text, BROKEN says whether the break is on. All are built into one set of test programs, behind a
variable of the environment, so that a break costs a run and not a build; then the files are put back. A break is held against
the scripted tests first and against the random ones (PARV_CASES is handed on) when those let it pass; with --all, against
all. With words, only breaks whose name contains one of them; with --check, only whether all apply. Ends with an error
if a break survives or does not apply. Takes minutes of processor time, so it is no part of CI.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = HERE.parent / "crates/parv-validator/src"
SCRIPTED = ["scenarios", "moments", "refusals", "revocation", "device_bans", "expiry", "references", "content"]
RANDOM = ["adversary", "standing", "convergence", "settled", "model", "small_world"]
# A test that does not end has noticed something, too.
SECONDS = 1800

SWITCH = """
/// Whether a rule is to be broken.
pub(crate) fn is_broken(number: usize) -> bool {
    static BROKEN: std::sync::OnceLock<Option<usize>> = std::sync::OnceLock::new();
    *BROKEN.get_or_init(|| std::env::var("PARV_BROKEN").ok()?.parse().ok()) == Some(number)
}
"""


def broken(mutations):
    """The sources with all breaks in them, by their paths, and the names of those that do not apply."""
    sources, amiss = {}, []
    for number, mutation in enumerate(mutations):
        path = SOURCES / mutation["file"]
        source = sources.setdefault(path, path.read_text())
        if source.count(mutation["find"]) != 1:
            amiss.append(mutation["name"])
            continue
        switched = mutation["replace"].replace("BROKEN", f"crate::is_broken({number})")
        sources[path] = source.replace(mutation["find"], switched)
    sources[SOURCES / "lib.rs"] = (SOURCES / "lib.rs").read_text() + SWITCH
    return sources, amiss


def build(sources, folder):
    """The test programs with those sources, by name; the tree is left as it was found."""
    kept = {path: path.read_text() for path in sources}
    try:
        for path, source in sources.items():
            path.write_text(source)
        command = ["cargo", "test", "-p", "parv-proptests", "--no-run", "--message-format", "json-render-diagnostics"]
        done = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True)
    finally:
        for path, source in kept.items():
            path.write_text(source)
    if done.returncode:
        sys.exit("it does not compile")
    programs = {}
    for message in map(json.loads, done.stdout.splitlines()):
        if message.get("executable") and message["target"]["name"] in SCRIPTED + RANDOM:
            name = message["target"]["name"]
            programs[name] = shutil.copy(message["executable"], folder / name)
    return programs


def failures(program, number):
    """The names of the tests in a program that notice a break; nobody's number breaks nothing."""
    environment = {"PARV_CASES": "200", "RUST_BACKTRACE": "0", "PARV_BROKEN": str(number)}
    environment |= {name: value for name, value in os.environ.items() if name != "PARV_BROKEN"}
    try:
        done = subprocess.run([program], cwd=HERE, env=environment, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return ["(it did not end)"]
    if done.returncode == 0:
        return []
    blocks = done.stdout.split("\nfailures:\n")
    named = sorted({line.strip() for line in blocks[-1].splitlines() if line.startswith("    ")}) if len(blocks) > 1 else []
    return named or ["(it broke off)"]


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    mutations = json.loads((HERE / "mutations.json").read_text())
    sources, amiss = broken(mutations)
    for name in amiss:
        print(f"DOES NOT APPLY  {name}", flush=True)
    bad = len(amiss)
    if "--check" in sys.argv:
        return 1 if bad else 0
    with tempfile.TemporaryDirectory() as folder:
        programs = build(sources, pathlib.Path(folder))
        for name in SCRIPTED + RANDOM:
            if failed := failures(programs[name], "nothing"):
                sys.exit(f"{name} fails with nothing broken: {', '.join(failed)}")
        for number, mutation in enumerate(mutations):
            if mutation["name"] in amiss or words and not any(word in mutation["name"] for word in words):
                continue
            began, caught = time.monotonic(), []
            for name in SCRIPTED + RANDOM:
                if not caught or "--all" in sys.argv or name in SCRIPTED:
                    caught += [f"{name}::{test}" for test in failures(programs[name], number)]
            bad += not caught
            seconds = f"{time.monotonic() - began:.0f} s"
            print(f"{'killed' if caught else 'SURVIVED'}  {mutation['name']}  ({seconds}; {', '.join(caught)})", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
