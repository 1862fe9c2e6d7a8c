/*
 * List pages against expat: what expat refuses we refuse, and what both take they read alike.  Ours
 * refuses more in the ways that list_oracle.h names.
 */
#include "core/mem.h"

#include "../tests/unit/s3/list_oracle.h"

enum { BYTES_MAX = 64 << 10 }; /* what the oracle's tables hold */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct bkt_str body)
{
    struct bkt_arena arena = {0};
    struct bkt_page page;
    int rc = bkt_list_page_parse(body, &arena, &page, NULL);

    struct oracle *oracle = oracle_calloc(1, sizeof(*oracle));
    bool is_xml = oracle_read(oracle, body);
    if (!is_xml) {
        /* An <Error> is told by its first tag, before the rest is looked at. */
        if (rc != BKT_EPARSE && rc != BKT_ES3)
            abort();
    } else if (!oracle->is_beyond || rc == BKT_OK) {
        if (oracle_page(oracle) != rc)
            abort();
        if (rc == BKT_OK && !oracle_same_page(oracle, &page))
            abort();
    }
    oracle_free(oracle);
    free(oracle);
    bkt_arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > BYTES_MAX)
        return 0;
    struct bkt_str body = {(const char *)data, size};
    check(body);
    if (bkt_mem_live() != 0)
        abort();
    return 0;
}
