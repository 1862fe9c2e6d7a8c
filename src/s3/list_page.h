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
#include "core/page.h"

enum { BKT_LIST_PAGE_COUNT_MAX = 100000 }; /* objects of one page */

/*
 * Read a page.  `out_page` is written on success only: views of the body and of the arena, without
 * an owner.  bkt_page_check_keys() is left to the caller.
 *
 * BKT_EPARSE  the answer is not what it should be, retriable: proxies and resets cut answers off
 * BKT_ES3     the root is `<Error>` (S3 may say so after a status of 200), retriable: ask
 *             bkt_s3error_parse() for its code
 * BKT_ELIMIT  more than BKT_LIST_PAGE_COUNT_MAX
 * BKT_ENOMEM
 */
BKT_MUST_CHECK int bkt_list_page_parse(struct bkt_str body,
                                       struct bkt_arena *arena,
                                       struct bkt_page *out_page,
                                       struct bkt_error *err);

#endif
