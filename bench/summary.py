"""The first table of docs/performance.md: what a reader gets, compared with what is used today."""

LESS, MORE = "less", "more"  # which of two figures is the better one

# (what is done, section, by what else, its figure, our figure, the better one)
ROWS = (
    ("copy objects of 1 KB from MinIO, processor time", "minio", "rclone to files",
     "first: rclone, CPU", "first: bucketable, CPU", LESS),
    ("", "minio", "a boto3 script", "first: boto3, CPU", "first: bucketable, CPU", LESS),
    ("the 10,000 of them, elapsed", "minio", "rclone to files",
     "first: rclone, wall", "first: bucketable, wall", LESS),
    ("", "minio", "a boto3 script", "first: boto3, wall", "first: bucketable, wall", LESS),
    ("their peak of memory", "minio", "rclone to files",
     "first: rclone, peak RSS", "first: bucketable, peak RSS", LESS),
    ("find nothing new, processor time", "minio", "rclone to files",
     "again: rclone, CPU", "again: bucketable, CPU", LESS),
    ("", "minio", "a boto3 script", "again: boto3, CPU", "again: bucketable, CPU", LESS),
    ("find nothing new in 1,000,000 keys, processor time", "resync", "rclone lsf, which only lists",
     "rclone lsf, CPU", "bucketable, CPU", LESS),
    ("take changes from a queue into the table", "backlog", "a loop of boto3",
     "boto3, changes", "bucketable, changes", MORE),
    ("", "backlog", "the same, processor time", "boto3, CPU", "bucketable, CPU", LESS),
    ("match a key against five patterns", "glob", "the globset crate", "set, crate", "set", LESS),
    ("read a page of a listing", "list_page", "expat",
     "list_page_233KB_expat_mb_s", "list_page_233KB_mb_s", MORE),
    ("write rows to PostgreSQL", "postgres_sink", "an INSERT each",
     "single_rows_per_s", "sink_rows_per_s", MORE),
    ("start, and list a page", "startup", "curl", "curl of a page", "bucketable ls", LESS),
)
HEAD = ("to", "used today", "it", "bucketable", "better by")


def number(figure):
    value = figure.median
    text = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{text} {figure.unit}"


def lines_of(sections):
    """Rows of cells, without what was not measured.  `sections` is {name: Figures}."""
    last = ""
    for what, section, peer, theirs, ours, better in ROWS:
        last = what or last
        found = sections[section].all if section in sections else {}
        if theirs in found and ours in found:
            pair = (found[theirs].median, found[ours].median)
            gain = pair[1] / pair[0] if better == MORE else pair[0] / pair[1]
            yield last, peer, number(found[theirs]), number(found[ours]), f"{gain:.3g} x"


def table(sections):
    """In Markdown; empty where nothing of it was measured."""
    rows = list(lines_of(sections))
    if not rows:
        return ""
    lines = [HEAD, ("---",) * len(HEAD)]
    for at, row in enumerate(rows):
        is_again = at > 0 and rows[at - 1][0] == row[0]
        lines.append(("",) * is_again + row[is_again:])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
