#!/usr/bin/env python3
"""Holds what `narthex check rules|config` and `narthex test rules` print against a real promtool.

usage: judge_promtool.py NARTHEX PROMTOOL FOLDER

Every YAML file of FOLDER/promtool, FOLDER/rules and FOLDER/config is given to both, whatever it is
meant for: exit code, standard output and errors must be the same. What may differ stands below, each
with its reason. A promtool older than 3.14 prints other things, and nothing is compared then.
"""
import pathlib
import re
import subprocess
import sys

RULES = [["check", "rules"], ["check", "rules", "--lint=all"],
         ["check", "rules", "--lint=all", "--lint-fatal"],
         ["check", "rules", "--ignore-unknown-fields"], ["test", "rules"], ["test", "rules", "--diff"],
         ["test", "rules", "--ignore-unknown-fields"]]
CONFIG = [["check", "config"], ["check", "config", "--syntax-only"],
          ["check", "config", "--lint=all", "--lint-fatal"]]
WHERE = {"promtool": RULES + CONFIG, "rules": RULES, "config": CONFIG}


def without_line(narthex, promtool):
    """Narthex adds the line to errors of the configuration that promtool gives none."""
    return re.sub(r" \(line \d+\)$", "", narthex, flags=re.M), promtool


def without_second_reading(narthex, promtool):
    """promtool reads a rule file twice, and tells twice that it is of another kind."""
    return narthex, re.sub(r"\S+: yaml: unmarshal errors:\n(  line \d+: .* rulefmt\.ruleGroups\n)+", "",
                           promtool)


def any_order_of_duplicates(narthex, promtool):
    """Which of two equal series is named first is chance in 3.14; Narthex sorts them, as later ones do."""
    def ordered(text):
        return re.sub(r"operation: \[(\{.*?\}), (\{.*?\})\];",
                      lambda m: "operation: " + " ".join(sorted(m.groups())), text)
    return ordered(narthex), ordered(promtool)


def without_warnings(narthex, promtool):
    """promtool logs environment variables that are not set."""
    return narthex, re.sub(r"^time=.* level=WARN .*\n", "", promtool, flags=re.M)


def own_expression(narthex, promtool):
    """Narthex names the regular expression as it was written, promtool what it made of it."""
    return narthex, re.sub(r"`\^\(\?s:(.*)\)\$`", r"`\1`", promtool)


REASONS = [without_line, without_second_reading, any_order_of_duplicates, without_warnings,
           own_expression]
# This promtool was built without these discoveries, or Narthex has not this one yet.
NOT_COMPARABLE = re.compile(r"field \w+_sd_configs not found in type|not available in Narthex yet")


def run(program, arguments, folder):
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def compare(narthex, promtool, arguments, folder, counts):
    ours, theirs = run(narthex, arguments, folder), run(promtool, arguments, folder)
    if ours == theirs:
        counts["equal"] += 1
        return
    if NOT_COMPARABLE.search(ours[2] + theirs[2]):
        counts["not comparable"] += 1
        return
    one, other = "\n--\n".join(ours[1:]), "\n--\n".join(theirs[1:])
    for reason in REASONS:
        one, other = reason(one, other)
    if ours[0] == theirs[0] and one == other:
        counts["equal but for what is known"] += 1
        return
    counts["different"] += 1
    print(f"judge: {' '.join(arguments)} in {folder.name}: narthex {ours}, promtool {theirs}")


def is_old(promtool):
    version = subprocess.run([promtool, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+)\.(\d+)", version.stdout + version.stderr)
    return (int(found[1]), int(found[2])) < (3, 14)


def main():
    narthex, promtool = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:3])
    if is_old(promtool):
        print("judge: this promtool is older than 3.14: printed texts are not compared")
        return 0
    counts = dict.fromkeys(["equal", "equal but for what is known", "not comparable", "different"], 0)
    for name, commands in WHERE.items():
        folder = pathlib.Path(sys.argv[3]) / name
        for file in sorted(folder.glob("*.y*ml")):
            for command in commands:
                compare(narthex, promtool, [*command, file.name], folder, counts)
    print("judge: printed as promtool: " + ", ".join(f"{n} {what}" for what, n in counts.items()))
    return 1 if counts["different"] or not counts["equal"] else 0


if __name__ == "__main__":
    sys.exit(main())
