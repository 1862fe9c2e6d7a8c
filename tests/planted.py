"""Mistakes that are planted in the code: what tests/sim/mutants.py and tests/unit/mutants.py share."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def chosen(doc, mistakes):
    """(BUILD, names) of the command line; ends the program where that is wrong."""
    arguments = sys.argv[1:]
    unknown = [name for name in arguments[1:] if name not in mistakes]
    if not arguments or not Path(arguments[0]).is_dir() or unknown:
        print(f"there is no mistake {unknown[0]}" if unknown else doc, file=sys.stderr)
        sys.exit(2)
    return Path(arguments[0]).resolve(), arguments[1:] or list(mistakes)


def plant(name, path, edits, directory):
    """A copy of the source file with the mistake in it."""
    text = (ROOT / path).read_text()
    for old, new in edits:
        if text.count(old) != 1:
            raise SystemExit(f"{name}: its text is {text.count(old)} times in {path}: {old!r}")
        text = text.replace(old, new)
    mutated = directory / f"{name}.c"
    mutated.write_text(text)
    return mutated


def tell(name, what, found, seconds):
    print(f"{'caught  ' if found else 'SURVIVED'} {seconds:5.1f} s  {name}: {what}\n"
          f"                    {found or 'by nothing'}", flush=True)
