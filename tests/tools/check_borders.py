#!/usr/bin/env python3
"""Fails on every #include that crosses a border between rooms the wrong way.

A room may include itself, the doors (include/narthex/<room>/) of the rooms that LINKS allows it,
and of the rooms those can see. The private headers of another room are never allowed. A part of a
room (PARTS) may use less: its own headers, the doors of its room and those of the rooms it is
allowed. Third-party headers that cost much to compile belong to one room each (HEAVY).

usage: check_borders.py [REPOSITORY]
"""
import pathlib
import re
import sys

LINKS = {
    "base": [],
    "model": ["base"],
    "storage": ["model"],
    "config": ["model"],
    "net": ["base"],
    "proto": ["model"],
    "tsdb": ["storage"],
    "promql": ["storage"],
    "remote": ["tsdb", "net", "proto", "config"],
    "scrape": ["storage", "net", "proto", "config"],
    "alerting": ["promql", "storage", "net", "config"],
    "web": ["promql", "storage", "net", "proto", "config"],
    "cli": ["tsdb", "promql", "config", "net", "alerting", "scrape", "web"],
    "server": ["tsdb", "promql", "scrape", "alerting", "web", "remote", "cli", "proto"],
}
FOLDERS = {
    "tsdb": "tsdb", "promql": "promql", "scrape": "scrape", "alerting": "alerting", "web": "web",
    **{f"src/{r}": r for r in ("base", "model", "storage", "config", "net", "proto", "remote",
                               "cli", "server")},
}
# What reads bytes from outside and nothing else: folders of a room with a library of their own.
PARTS = {
    "src/config/yaml": ["model"],
    "src/net/coding": ["base"],
    "scrape/answers": ["config"],
    "scrape/textparse": ["proto"],
}
# Third-party header prefix -> rooms whose files may include it.
HEAVY = {
    "boost/beast": {"net"},
    "boost/asio": {"net", "scrape", "web"},
    "yaml-cpp/": {"config"},
    "google/protobuf": {"proto"},
    "re2/": {"model"},
    "spdlog/": {"base"},
    "ares": {"scrape"},
    "pugixml": {"net", "scrape"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def reachable(rooms):
    seen, todo = set(), list(rooms)
    while todo:
        room = todo.pop()
        if room not in seen:
            seen.add(room)
            todo += LINKS[room]
    return seen


def part_of(path):
    """The part that a path from the root belongs to."""
    return next((part for part in PARTS if path.startswith(part + "/")), None)


def room_of(path):
    """The room that a path from the root belongs to, and whether it is one of its doors."""
    if path.startswith("include/narthex/"):
        return path.split("/")[2], True
    for folder, room in FOLDERS.items():
        if path.startswith(folder + "/"):
            return room, False
    return None, False


def check(root):
    problems = []
    files = [p for top in ("include", "src", *{f for f in FOLDERS if "/" not in f})
             for p in (root / top).rglob("*") if p.suffix in (".cc", ".h")
             and "node_modules" not in p.parts]
    for path in sorted(files):
        rel = path.relative_to(root).as_posix()
        room, is_door = room_of(rel)
        if room is None:
            continue
        part = part_of(rel)
        allowed = reachable(LINKS[room] if part is None else PARTS[part]) | {room}
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            target = match.group(2)
            line = text.count("\n", 0, match.start()) + 1
            where = f"{rel}:{line}"
            if target.startswith("narthex/"):
                other = target.split("/")[1]
                if other not in allowed:
                    problems.append(f"{where}: '{part or room}' may not use room '{other}'")
            elif match.group(1) == '"':
                other, _ = room_of(target)
                if other is not None and other != room:
                    problems.append(f"{where}: '{target}' is private to room '{other}'")
                elif part not in (None, part_of(target)):
                    problems.append(f"{where}: '{target}' is no header of the part '{part}'")
                if is_door:
                    problems.append(f"{where}: a door may not include the private '{target}'")
            for prefix, rooms in HEAVY.items():
                if target.startswith(prefix) and room not in rooms:
                    problems.append(f"{where}: <{target}> belongs to {', '.join(sorted(rooms))}")
    return problems, len(files)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    problems, count = check(root)
    for problem in problems:
        print(problem)
    print(f"{count} files, {len(problems)} includes across a border")
    return 1 if problems or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
