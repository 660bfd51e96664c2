#!/usr/bin/env python3
"""Holds `narthex check rules` and `narthex test rules` against what promtool made of the same files.

usage: judge_rule_tools.py NARTHEX FOLDER      FOLDER has reference_*.json and the files it names
"""
import json
import pathlib
import re
import subprocess
import sys

# What 3.14 takes and the recorded version refused, or the other way round.
NEWER = {"start-time-test.yml", "features.yml"}


def words(text):
    return " ".join(text.split())


def begins(got, start):
    if "found duplicate series" in start:  # Which of the two is named first is chance there.
        return sorted(re.findall(r'[\w"=]+', got)) == sorted(re.findall(r'[\w"=]+', start))
    return got.startswith(start)


def check(narthex, folder, name, want):
    command = want["command"].split()[1:]
    run = subprocess.run([narthex, *command], cwd=folder, capture_output=True, text=True, timeout=120)
    if run.returncode != want["exit"]:
        return f"exit code {run.returncode}, want {want['exit']}: {run.stderr}"
    got, start = words(run.stdout + run.stderr), words(want.get("output", ""))
    if not begins(got, start):
        return f"printed {got!r}, want {start!r}"
    return None


def main():
    narthex, folder = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2])
    bad = count = 0
    for reference in folder.glob("reference_*.json"):
        for name, want in sorted(json.loads(reference.read_text()).items()):
            if want["command"].split()[1:3] not in (["check", "rules"], ["test", "rules"]):
                continue
            if name in NEWER:
                continue
            count += 1
            problem = check(narthex, folder, name, want)
            if problem:
                bad += 1
                print(f"judge: {name}: {problem}")
    print(f"judge: {count - bad} of {count} rule files and rule tests as promtool")
    return 1 if bad or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
