/*
 * A bucket of ten keys, strongly consistent as S3 is.
 *
 * Every put and delete gives its key a new version number, which no rule of the engine knows: the
 * history checker orders what was seen by it.  Contents repeat, so that a key goes from A to B and
 * back to an A that has the same bytes and the same ETag.
 */
#ifndef SIM_BUCKET_H
#define SIM_BUCKET_H

#include "sim_rng.h"

#include "core/object.h"
#include "table/decode.h"
#include "table/lister.h"
#include "table/table_source.h"
#include "table/table_target.h"

enum { SIM_KEYS = 10, SIM_CONTENTS = 7, SIM_SPECS = 6, SIM_REJECTED = 4 };

/* In the order of their bytes. */
extern const struct bkt_str sim_keys[SIM_KEYS];

/* SIM_KEYS when there is no such key. */
unsigned sim_key_index(struct bkt_str key);

struct sim_content {
    struct bkt_str bytes;
    struct bkt_str etag;
    struct bkt_str replaced; /* as text, U+FFFD for what is none; empty: the bytes are text */
};

extern const struct sim_content sim_contents[SIM_CONTENTS];

/* What of the bucket is to be in the table, and how. */
struct sim_spec {
    const struct bkt_filter *filter;
    struct bkt_decode_policy policy;
    unsigned columns;
};

/* Made once; NULL when memory is out. */
const struct sim_spec *sim_specs(void);
void sim_specs_free(void);

/* The row that a content makes; false: none can be made of it. */
bool sim_row_content(const struct sim_spec *spec, unsigned content, struct bkt_str *out);

/* A key as it was at one moment. */
struct sim_seen {
    bool is_valid; /* something was seen at all */
    bool is_lie;   /* it was said to be absent, by a server without the bucket */
    bool is_failed;
    bool exists;
    unsigned content;
    uint32_t version;
};

struct sim_bucket {
    struct sim_seen objects[SIM_KEYS];
    uint32_t changed_at[SIM_KEYS]; /* by `writes` */
    uint32_t writes;
    bool is_gone; /* deleted, or hidden: everything is NoSuchKey */
    /* How its listings are, all permitted. */
    uint32_t page_size;
    bool ignores_start_after;
    bool has_empty_pages;
    bool lists_no_etags;
    bool skips_ahead; /* a token leads past keys that were absent when the page was made */
    uint32_t tokens;
};

enum sim_lie {
    SIM_LIE_NONE,
    SIM_LIE_TOKEN_REPEATED,
    SIM_LIE_TOKEN_MISSING,
    SIM_LIE_UNSORTED,
    SIM_LIE_OUTSIDE,
    SIM_LIE_BACK,
    SIM_LIE_COUNT,
};

void sim_bucket_put(struct sim_bucket *bucket, unsigned key, unsigned content);
void sim_bucket_delete(struct sim_bucket *bucket, unsigned key);

/* Would the object be a row by the spec, content apart? */
bool sim_is_row(const struct sim_spec *spec, unsigned key, const struct sim_seen *seen);

struct sim_page;

/*
 * What a listing request finds now.  `seen` is set for the keys that the page covers.  NULL: memory
 * is out.
 */
struct sim_page *sim_bucket_list(struct sim_bucket *bucket,
                                 struct sim_rng *rng,
                                 const struct bkt_list_request *request,
                                 enum sim_lie lie);

struct bkt_page sim_page_view(struct sim_page *page);
const struct sim_seen *sim_page_seen(const struct sim_page *page);
void sim_page_free(void *page);

struct bkt_object sim_object(unsigned key, const struct sim_seen *seen);

#endif
