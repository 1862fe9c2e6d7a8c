/*
 * A page of a listing: the word for it that who reads the answer and who believes it have in
 * common.
 */
#ifndef CORE_PAGE_H
#define CORE_PAGE_H

#include "core/object.h"

#include <bucketable/error.h>

/* Views into memory of `owner`, which whoever holds the page frees with free(owner). */
struct bkt_page {
    const struct bkt_object *objects;
    size_t object_count;
    bool is_truncated;         /* more pages follow, whatever the count of this one is */
    struct bkt_str next_token; /* not empty when truncated, else empty */
    void *owner;
    void (*free)(void *owner);
};

/*
 * Whether its keys can be those that were asked for: of S3's length (BKT_EPARSE), below `prefix`
 * (BKT_EPARSE, retriable: a server or a proxy lost the question), and ascending by their bytes
 * (BKT_EUNSUPPORTED).
 */
BKT_MUST_CHECK int bkt_page_check_keys(const struct bkt_page *page,
                                       struct bkt_str prefix,
                                       struct bkt_error *err);

#endif
