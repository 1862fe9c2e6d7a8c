/*
 * What stands for a target: "docs.db", "postgresql://user@host/db", "kafka://broker:9092/topic",
 * "jsonl:-".
 */
#ifndef API_TARGET_URL_H
#define API_TARGET_URL_H

#include "core/buf.h"

#include <bucketable/error.h>

enum bkt_target_kind {
    BKT_TARGET_SQLITE,
    BKT_TARGET_POSTGRES,
    BKT_TARGET_KAFKA,
    BKT_TARGET_JSONL,
};

/* Views of the text that was parsed; every one but `topic` reaches to its end or to a separator. */
struct bkt_target_url {
    enum bkt_target_kind kind;
    /*
     * SQLITE: the file.  POSTGRES: the whole URL, which is libpq's to read.  KAFKA: the brokers,
     * "b1:9092,b2".  JSONL: the file, or "-" for stdout.
     */
    struct bkt_str rest;
    struct bkt_str topic; /* KAFKA */
};

/* BKT_ECONFIG, and what to write instead; no message shows a password. */
BKT_MUST_CHECK int bkt_target_url_parse(const char *url,
                                        struct bkt_target_url *out_url,
                                        struct bkt_error *err);

/*
 * Append a URL as it may be shown: without what stands between ":" and "@" in its authority, and
 * with "***" for the values of query parameters whose names hold "password" or "secret".  Text that
 * is no URL stays as it is.  Errors are the buffer's.
 */
BKT_MUST_CHECK int bkt_url_printable(struct bkt_str url, struct bkt_buf *out);

#endif
