"""What stands in README.md, CONTRIBUTING.md and docs/ to be typed or written, block by block.

    ```sh fences, indented blocks     commands
    ```console, indented from "$ "    commands after "$ ", and what each prints; "..." is anything
    indented, with "sqlite> "         a session of SQLite's shell: no command
    ```json, ```python, ```text ...   no command

A comment in the line above a block says more of it:

    <!-- not run: WHY -->             only looked at
    <!-- exits STATUS -->             what its last command exits with, where that is not 0
    <!-- before: COMMAND -->          has to be run first, and is not worth showing
    <!-- file: NAME -->               the block is that file, for the commands after it
"""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = {"c", "console", "dockerfile", "ini", "json", "python", "sh", "sql", "sqlite", "text", "toml",
             "yaml"}
NOTE = re.compile(r"\s*<!-- (not run|before|file): (.*?) -->\s*$|\s*<!-- (exits) (\d+) -->\s*$")
FENCE = re.compile(r"( *)```(\w*)\s*$")
HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)")


@dataclass
class Command:
    line: int
    text: str
    output: list = None  # lines, of a console alone


@dataclass
class Block:
    line: int
    language: str
    lines: list
    notes: dict = field(default_factory=dict)

    @property
    def text(self):
        return "\n".join(self.lines) + "\n"

    def commands(self):
        if self.language == "console":
            return self._typed()
        return list(_joined(list(enumerate(self.lines, self.line)))) if self.language == "sh" else []

    def _typed(self):
        found, at = [], 0
        while at < len(self.lines):
            if not self.lines[at].startswith("$ "):
                found[-1].output.append(self.lines[at])
                at += 1
                continue
            rest = [(self.line + n, self.lines[n]) for n in range(at, len(self.lines))]
            rest[0] = (rest[0][0], rest[0][1][2:])
            found.append(next(_joined(rest)))
            found[-1].output = []
            at += found[-1].text.count("\n") + 1
        for command in found:
            while command.output and not command.output[-1]:
                command.output.pop()
        return found


def _is_whole(text):
    if text.endswith("\\"):
        return False
    if match := HEREDOC.search(text):
        return text.rstrip().endswith("\n" + match[1])
    try:
        shlex.split(text, comments=True)
        return True
    except ValueError:
        return False


def _joined(lines):
    """Commands that go over several lines, as one each."""
    text, first = "", 0
    for number, line in lines:
        if not text and (not line.strip() or line.lstrip().startswith("#")):
            continue
        first = first if text else number
        text = f"{text}\n{line}" if text else line
        if _is_whole(text):
            yield Command(first, text)
            text = ""
    assert not text, f"line {first}: a command that does not end: {text}"


def blocks(path):
    """All blocks of a document, in order."""
    found, notes, block, fence, was_blank = [], {}, None, None, True
    for number, line in enumerate([*path.read_text().splitlines(), ""], 1):
        if fence is not None:
            if line.strip() == "```":
                fence = block = None
            else:
                block.lines.append(line[len(fence):] if line.startswith(fence) else line)
        elif match := FENCE.match(line):
            fence = match[1]
            block = Block(number + 1, match[2], [], notes)
            found.append(block)
            notes = {}
        elif match := NOTE.match(line):
            notes[match[1] or match[3]] = match[2] or match[4]
        elif block and (line.startswith("    ") or not line.strip()):
            block.lines.append(line[4:])
        elif line.startswith("    ") and line.strip() and was_blank:
            block = Block(number, "console" if line[4:].startswith("$ ") else "sh", [line[4:]], notes)
            found.append(block)
            notes = {}
        elif line.strip():
            block, notes = None, {}
        was_blank = not line.strip() or bool(NOTE.match(line))
    for block in found:
        while block.lines and not block.lines[-1].strip():
            block.lines.pop()
        if any(line.startswith("sqlite> ") for line in block.lines):
            block.language = "sqlite"
    return found


def documents():
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
