#include "table/chain.h"

#include "table/span.h"

/* Longer than any token seen in the wild (MinIO's is some 100 bytes longer than the key). */
enum { TOKEN_BYTES_MAX = 8 << 10 };

/* Pages without a key are legal (delete markers), but not without end. */
enum { EMPTY_PAGES_MAX = 10000 };

struct bkt_chain bkt_chain_new(struct bkt_str prefix)
{
    return (struct bkt_chain){
        .prefix = prefix,
        .up_to = BKT_BUF_INIT(BKT_CHAIN_MARK_BYTES_MAX),
        .mark = BKT_BUF_INIT(BKT_CHAIN_MARK_BYTES_MAX),
        .seen = BKT_BUF_INIT(BKT_CHAIN_MARK_BYTES_MAX),
        .first = BKT_BUF_INIT(BKT_CHAIN_MARK_BYTES_MAX),
        .token = BKT_BUF_INIT(TOKEN_BYTES_MAX),
    };
}

void bkt_chain_clear(struct bkt_chain *chain)
{
    bkt_buf_clear(&chain->up_to);
    bkt_buf_clear(&chain->mark);
    bkt_buf_clear(&chain->seen);
    bkt_buf_clear(&chain->first);
    bkt_buf_clear(&chain->token);
}

bool bkt_chain_may_cut(const struct bkt_chain *chain,
                       const struct bkt_filter *filter,
                       struct bkt_str key)
{
    struct bkt_str excluded;
    struct bkt_str mark = bkt_buf_str(&chain->mark);
    return key.len > 0 && bkt_str_has_prefix(key, chain->prefix) && bkt_str_cmp(key, mark) > 0 &&
           bkt_str_cmp(key, chain->after) > 0 &&
           (chain->up_to.len == 0 || bkt_str_cmp(key, bkt_buf_str(&chain->up_to)) < 0) &&
           !bkt_filter_excluded_prefix(filter, key, &excluded);
}

int bkt_chain_cut(struct bkt_chain *lower, struct bkt_str key, struct bkt_chain *out_upper)
{
    struct bkt_chain upper = bkt_chain_new(lower->prefix);
    struct bkt_buf up_to = BKT_BUF_INIT(BKT_CHAIN_MARK_BYTES_MAX);
    int rc = bkt_buf_append(&upper.mark, key);
    if (rc == BKT_OK)
        rc = bkt_buf_append(&up_to, key);
    if (rc) {
        bkt_chain_clear(&upper);
        bkt_buf_clear(&up_to);
        return rc;
    }
    upper.jump = true;
    upper.up_to = lower->up_to;
    lower->up_to = up_to;
    *out_upper = upper;
    return BKT_OK;
}

void bkt_chain_join(struct bkt_chain *lower, struct bkt_chain *upper)
{
    bkt_buf_clear(&lower->up_to);
    lower->up_to = upper->up_to;
    upper->up_to = BKT_BUF_INIT(BKT_CHAIN_MARK_BYTES_MAX);
}

int bkt_chain_check_keys(const struct bkt_chain *chain,
                         const struct bkt_page *page,
                         struct bkt_error *err)
{
    int rc = bkt_page_check_keys(page, chain->prefix, err);
    if (rc)
        return rc;
    if (page->object_count > 0 && chain->seen.len > 0 &&
        bkt_str_cmp(page->objects[0].key, bkt_buf_str(&chain->seen)) <= 0)
        return bkt_error_set(err, BKT_EPARSE, "the listing goes back to keys that it gave before");
    return BKT_OK;
}

size_t bkt_chain_count_before(const struct bkt_chain *chain, const struct bkt_page *page)
{
    size_t skip = 0;
    struct bkt_str mark = bkt_buf_str(&chain->mark);
    if (mark.len == 0)
        return 0;
    while (skip < page->object_count && bkt_str_cmp(page->objects[skip].key, mark) <= 0)
        skip++;
    return skip;
}

size_t bkt_chain_count_behind(const struct bkt_chain *chain,
                              const struct bkt_page *page,
                              size_t skip)
{
    size_t drop = 0;
    struct bkt_str up_to = bkt_buf_str(&chain->up_to);
    if (up_to.len == 0)
        return 0;
    while (skip + drop < page->object_count &&
           bkt_str_cmp(page->objects[page->object_count - 1 - drop].key, up_to) > 0)
        drop++;
    return drop;
}

/* Over the directory that the mark lies in and that is excluded. */
static int jump(struct bkt_chain *chain, struct bkt_str excluded)
{
    bkt_buf_reset(&chain->token);
    bkt_buf_reset(&chain->seen);
    chain->jump = true;
    return bkt_span_behind_prefix(excluded, &chain->mark);
}

static int move(struct bkt_chain *chain,
                struct bkt_str last,
                const struct bkt_filter *filter,
                enum bkt_chain_step *out_step)
{
    int rc = bkt_buf_set(&chain->seen, last);
    if (rc || bkt_str_cmp(last, bkt_buf_str(&chain->mark)) <= 0)
        return rc;
    rc = bkt_buf_set(&chain->mark, last);
    if (rc)
        return rc;
    chain->mark_at = chain->asked_at;

    struct bkt_str excluded;
    if (filter && bkt_filter_excluded_prefix(filter, last, &excluded)) {
        *out_step = BKT_CHAIN_JUMPED;
        return jump(chain, excluded);
    }
    *out_step = BKT_CHAIN_MOVED;
    return BKT_OK;
}

int bkt_chain_advance(struct bkt_chain *chain,
                      const struct bkt_page *page,
                      const struct bkt_filter *filter,
                      enum bkt_chain_step *out_step,
                      struct bkt_error *err)
{
    if (page->next_token.len == 0)
        return bkt_error_set(err, BKT_EPARSE, "more keys follow, but there is no token to go on");
    if (bkt_str_eq(page->next_token, bkt_buf_str(&chain->token)))
        return bkt_error_set(err, BKT_EPARSE, "the answer repeats the token that was sent");

    chain->empty_pages = page->object_count == 0 ? chain->empty_pages + 1 : 0;
    if (chain->empty_pages > EMPTY_PAGES_MAX)
        return bkt_error_set(err, BKT_EPARSE, "more than %d pages in a row hold no key",
                             EMPTY_PAGES_MAX);

    chain->jump = false;
    int rc = bkt_buf_set(&chain->token, page->next_token);
    if (rc == BKT_ELIMIT)
        return bkt_error_set(err, BKT_EPARSE, "the continuation token has more than %d bytes",
                             TOKEN_BYTES_MAX);
    *out_step = BKT_CHAIN_STAYED;
    if (rc || page->object_count == 0)
        return rc;
    return move(chain, page->objects[page->object_count - 1].key, filter, out_step);
}
