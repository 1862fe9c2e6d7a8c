/*
 * The engine's socket to where the objects are: what it asks for, and what it is told.
 *
 * The engine asks through struct bkt_want (engine.h) and never waits; whoever drives it answers
 * with the structs below.  Their meaning is that of S3: reads and listings are strongly consistent,
 * a listing is in the order of the keys' bytes.
 */
#ifndef TABLE_TABLE_SOURCE_H
#define TABLE_TABLE_SOURCE_H

#include "core/buf.h"
#include "core/checksum.h"
#include "core/page.h"

enum bkt_read_kind {
    BKT_READ_OBJECT,       /* the whole object, and its bytes in `body` */
    BKT_READ_NOT_MODIFIED, /* it still has the ETag that was named in the question */
    BKT_READ_ABSENT,       /* NoSuchKey; the bucket itself is still to be confirmed */
    BKT_READ_STOPPED,      /* bkt_engine_admit() wanted it so; object.size is known */
    BKT_READ_FAILED,       /* `reason` says why, after all retries */
};

/* The answer to one read.  Views are valid until the call that hands it over returns. */
struct bkt_read {
    enum bkt_read_kind kind;
    struct bkt_object object; /* key apart: what the head said (OBJECT, STOPPED) */
    struct bkt_object_extra extra;
    struct bkt_buf *body;         /* OBJECT: taken over */
    struct bkt_checksum checksum; /* OBJECT: what the body should be, to be verified; or none */
    struct bkt_str reason;        /* FAILED: a line for people */
};

#endif
