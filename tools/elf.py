"""What a program or library says of the libraries that it works with."""

import json
import re
import struct
import subprocess
import tempfile
from pathlib import Path

NOTE_DLOPEN = 0x407C0C0A


def needed(path):
    """File names of those that it is linked with."""
    dynamic = subprocess.run(["readelf", "-d", "-W", path], check=True, capture_output=True,
                             text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(\S+)\]", dynamic)


def load_notes(path):
    """[{"soname": [file name], "priority": ..., ...}] of what it loads when needed: src/core/load.h."""
    with tempfile.TemporaryDirectory() as place:
        notes = Path(place) / "notes"
        subprocess.run(["objcopy", f"--dump-section=.note.dlopen={notes}", path,
                        Path(place) / "copy"], stderr=subprocess.DEVNULL)
        raw = notes.read_bytes() if notes.exists() else b""
    found, at = [], 0
    while at < len(raw):
        owner_len, text_len, kind = struct.unpack_from("=III", raw, at)
        begin = at + 12 + (owner_len + 3) // 4 * 4
        if kind == NOTE_DLOPEN:
            found += json.loads(raw[begin:begin + text_len].rstrip(b"\0"))
        at = begin + (text_len + 3) // 4 * 4
    return found


def loaded(path):
    """File names of those that it loads when it needs them."""
    return [name for note in load_notes(path) for name in note["soname"]]
