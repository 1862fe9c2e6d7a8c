/*
 * JSON from peers: core/json.h, with limits on its size, and with the strings that S3 may send.
 *
 * core/json.h refuses a text with `\u0000`, and cJSON one with half a surrogate pair.  Neither may
 * make a message unreadable: EventBridge and MinIO's listen stream write keys and metadata as they
 * are.  So the first is carried through, and the second becomes U+FFFD, as Go and Java have it.
 */
#ifndef EVENTS_DOC_H
#define EVENTS_DOC_H

#include "core/arena.h"
#include "core/json.h"

#include <cjson/cJSON.h>

struct bkt_doc_limits {
    size_t bytes_max;
    unsigned depth_max; /* arrays and objects inside one another; at most 500 */
    size_t values_max;
};

/*
 * Read `text`: one value, with white space and a UTF-8 byte-order mark around it allowed; to free
 * with bkt_json_free().  BKT_EPARSE (the message says where), BKT_ELIMIT, BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_doc_parse(struct bkt_str text,
                                 const struct bkt_doc_limits *limits,
                                 struct cJSON **out_json,
                                 struct bkt_error *err);

/* The text of a member that is a string, NULL otherwise; U+0000 in it is the bytes C0 80. */
const char *bkt_doc_text(const cJSON *object, const char *name);

/* Is that member this very string? */
bool bkt_doc_is(const cJSON *object, const char *name, const char *text);

/* A string node's bytes, U+0000 as the byte 0, copied into `arena`; BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_doc_dup(const cJSON *node,
                               struct bkt_arena *arena,
                               struct bkt_str *out_text);

#endif
