/* A source from the inside: for the files that make use of it. */
#ifndef API_SOURCE_INT_H
#define API_SOURCE_INT_H

#include "api/asker.h"
#include "api/guard.h"
#include "core/time.h"
#include "table/decode.h"
#include "targets/shown.h"

#include <bucketable/source.h>

struct bkt_source {
    struct bkt_guard guard;
    struct bkt_asker asker;
};

/* What a struct bkt_listed points to beside the object itself. */
struct bkt_listed_texts {
    char etag[256];
    char last_modified[BKT_TIME_ISO_BYTES];
    char storage_class[64];
};

/* The object as users see it: it points into `texts` and to the object's key. */
struct bkt_listed bkt_listed_show(const struct bkt_object *object, struct bkt_listed_texts *texts);

/* The row that was made of an answer, and what it points into. */
struct bkt_asked_row {
    struct bkt_change change;
    struct bkt_decoded decoded;
    struct bkt_shown shown;
};

/*
 * Make the row of an object that is one; the body is decoded in place.  Where it cannot be,
 * `row->decoded` says so, and there is no more of it.
 */
BKT_MUST_CHECK int bkt_asked_show(const struct bkt_settings *settings,
                                  struct bkt_asked *asked,
                                  struct bkt_asked_row *row,
                                  struct bkt_error *err);

/*
 * Make the row of what the bucket answered for `key`; the body is decoded in place.  BKT_ENOROW
 * when it is none: the message says why, and err->http_status is 404 when there is no object.
 * BKT_ETEXT: it cannot be decoded.
 */
BKT_MUST_CHECK int bkt_source_show(const struct bkt_source *source,
                                   struct bkt_asked *asked,
                                   struct bkt_str key,
                                   struct bkt_asked_row *row,
                                   struct bkt_error *err);

#endif
