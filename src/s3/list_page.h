/*
 * One answer to ListObjectsV2 (Amazon S3 API Reference, "ListObjectsV2", Response Syntax).
 *
 * What a listing leaves out is deleted from the table, so nothing here is taken for granted: an
 * answer that is cut off, is no well-formed XML, does not say whether more follows, says so without
 * a token, or lacks a key or a size is an error and never a shorter list.
 *
 * Elements come in any order, unknown ones are passed over, namespaces do not matter.
 */
#ifndef S3_LIST_PAGE_H
#define S3_LIST_PAGE_H

#include "core/arena.h"
#include "core/object.h"

#include <bucketable/error.h>

enum { BKT_LIST_PAGE_COUNT_MAX = 100000 }; /* objects, and common prefixes, of one page */

enum bkt_list_order {
    BKT_LIST_ASCENDING, /* general purpose buckets: keys ascend by bytes, none comes twice */
    BKT_LIST_ANY_ORDER, /* directory buckets */
};

/* Views of the answer's body and of the arena: valid while both are. */
struct bkt_list_page {
    const struct bkt_object *objects;
    size_t object_count;
    const struct bkt_str *common_prefixes; /* decoded as keys are */
    size_t common_prefix_count;
    bool is_truncated;         /* more pages follow, whatever the count of this one is */
    struct bkt_str next_token; /* not empty when is_truncated, else empty */
    bool url_encoded;          /* the server said so, and keys were decoded */
};

/*
 * Read a page.  `out_page` is written on success only.
 *
 * BKT_EPARSE        the answer is not what it should be, retriable: proxies and resets cut answers
 * off BKT_ES3           the root is `<Error>` (S3 may say so after a status of 200), retriable: ask
 *                   bkt_s3error_parse() for its code
 * BKT_EUNSUPPORTED  keys do not ascend although `order` says so
 * BKT_ELIMIT        more than BKT_LIST_PAGE_COUNT_MAX
 * BKT_ENOMEM
 */
BKT_MUST_CHECK int bkt_list_page_parse(struct bkt_str body,
                                       enum bkt_list_order order,
                                       struct bkt_arena *arena,
                                       struct bkt_list_page *out_page,
                                       struct bkt_error *err);

#endif
