#!/usr/bin/env python3
"""Prints a source file, the project headers it includes (directly or not) and the lint settings.

Its output changes exactly when a check of that file could give another result.

usage: include_closure.py FILE     (from the repository's root)
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def main():
    todo, seen = [pathlib.Path(sys.argv[1])], set()
    out = sys.stdout
    out.write(pathlib.Path(".clang-tidy").read_text(encoding="utf-8"))
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        text = path.read_text(encoding="utf-8")
        out.write(f"== {path}\n{text}")
        for name in sorted(INCLUDE.findall(text)):
            for base in (pathlib.Path("include"), pathlib.Path(".")):
                if (base / name).is_file():
                    todo.append(base / name)
                    break


if __name__ == "__main__":
    main()
