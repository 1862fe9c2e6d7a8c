/*
 * ListObjectsV2 (and V1): one page of a bucket as XML, and the ways in which a server may get it
 * wrong.  https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
#ifndef STUB_LIST_H
#define STUB_LIST_H

#include "bucket.h"

/* X(name in a fault rule, bit) */
#define STUB_LIE_MAP(X)         \
    X(no_is_truncated, 0)       \
    X(repeated_token, 1)        \
    X(unsorted, 2)              \
    X(outside_prefix, 3)        \
    X(duplicate_key, 4)         \
    X(empty_page_truncated, 5)  \
    X(empty_body, 6)            \
    X(ignore_start_after, 7)    \
    X(missing_token, 8)         \
    X(no_etag, 9)               \
    X(no_last_modified, 10)     \
    X(ignore_encoding_type, 11) \
    X(cut_after_contents, 12)   \
    X(no_namespace, 13)         \
    X(ignore_prefix, 14)        \
    X(unquoted_etag, 15)        \
    X(short_page, 16)           \
    X(no_size, 17)              \
    X(never_truncated, 18)

enum stub_lie {
#define X(name, bit) STUB_LIE_##name = 1 << (bit),
    STUB_LIE_MAP(X)
#undef X
};

/* 0 when there is no lie of that name. */
unsigned stub_lie_parse(const char *name);

struct stub_list {
    const struct stub_bucket *bucket;
    struct bkt_str bucket_name;
    struct bkt_str query; /* as received */
    unsigned lies;        /* of enum stub_lie */
};

/* Append a page to `out`; false with InvalidArgument's text when the query is not valid. */
bool stub_list_page(const struct stub_list *list, struct stub_text *out, const char **out_wrong);

#endif
