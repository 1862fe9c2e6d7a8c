/* Where a listing is cut into ranges: by what the last one saw, and by what this one sees. */
#include "table/lister_int.h"

#include "core/mem.h"

/* How splitting is tuned: docs/internals/listing.md. */
enum {
    MISSES_MAX = 12,           /* cuts in a row behind which there was nothing */
    PAGES_PER_PROBE = 3,       /* so many pages must have been seen for each probe under way */
    PAGES_BEFORE_PROBES = 120, /* where much is excluded, so that probes cost less than it saves */
};
static const double pages_worth_a_split = 3;
static const double lean_between = 0.5;

void bkt_lister_enroll(struct bkt_lister *lister, struct bkt_chain *chain)
{
    chain->name = ++lister->last_name;
    chain->lean = lean_between;
}

int bkt_lister_cut(struct bkt_lister *lister, const struct bkt_str *keys, size_t count)
{
    size_t old_count = lister->chain_count;
    size_t room = old_count + count;
    struct bkt_chain *chains = bkt_mem_alloc((room + 1) * sizeof(*chains));
    if (!chains)
        return BKT_ENOMEM;
    size_t new_count = 0;
    int rc = BKT_OK;
    size_t next = 0;
    for (size_t i = 0; i < old_count; i++) {
        chains[new_count++] = lister->chains[i];
        for (; next < count && rc == BKT_OK; next++) {
            struct bkt_chain *lower = &chains[new_count - 1];
            if (lower->up_to.len > 0 && bkt_str_cmp(keys[next], bkt_buf_str(&lower->up_to)) >= 0)
                break;
            if (!bkt_chain_may_cut(lower, lister->filter, keys[next]))
                continue;
            rc = bkt_chain_cut(lower, keys[next], &chains[new_count]);
            if (rc == BKT_OK)
                bkt_lister_enroll(lister, &chains[new_count++]);
        }
    }
    bkt_mem_free(lister->chains);
    lister->chains = chains;
    lister->chain_count = new_count;
    lister->chain_room = room + 1;
    return rc;
}

static struct bkt_split_range rest_of(const struct bkt_chain *chain)
{
    return (struct bkt_split_range){
        .first = bkt_buf_str(&chain->first),
        .last = bkt_buf_str(&chain->mark),
        .up_to = bkt_buf_str(&chain->up_to),
    };
}

void bkt_lister_estimate(const struct bkt_lister *lister, struct bkt_chain *chain)
{
    struct bkt_split_range rest = rest_of(chain);
    chain->pages_left = bkt_split_pages(&lister->alphabet, &rest);
}

static struct bkt_chain *longest(struct bkt_lister *lister)
{
    struct bkt_chain *best = NULL;
    for (size_t i = 0; i < lister->chain_count; i++) {
        struct bkt_chain *chain = &lister->chains[i];
        if (!chain->is_done && chain->misses <= MISSES_MAX &&
            chain->pages_left > pages_worth_a_split &&
            (!best || chain->pages_left > best->pages_left))
            best = chain;
    }
    return best;
}

/* A key to cut at; false when there is none. */
static bool find_cut(struct bkt_lister *lister, struct bkt_chain *chain, struct bkt_buf *key)
{
    struct bkt_split_range rest = rest_of(chain);
    bool found = false;
    struct bkt_str excluded;
    if (bkt_split_cut(&lister->alphabet, &rest, chain->lean, key, &found) || !found)
        return false;
    if (bkt_filter_excluded_prefix(lister->filter, bkt_buf_str(key), &excluded) &&
        bkt_span_behind_prefix(excluded, key))
        return false;
    return bkt_chain_may_cut(chain, lister->filter, bkt_buf_str(key));
}

/* Whether one more probe may be under way or have found nothing. */
static bool may_probe(const struct bkt_lister *lister)
{
    uint64_t pages = lister->page_count;
    if (lister->has_jumped)
        pages = pages > PAGES_BEFORE_PROBES ? pages - PAGES_BEFORE_PROBES : 1;
    return (lister->probe_count + lister->miss_count) * PAGES_PER_PROBE < pages;
}

bool bkt_lister_split(struct bkt_lister *lister, size_t *out_index)
{
    if (lister->slots < 2 || lister->ignores_start_after || !may_probe(lister))
        return false;
    struct bkt_buf key = BKT_BUF_INIT(BKT_CHAIN_MARK_BYTES_MAX);
    struct bkt_chain *lower;
    bool is_split = false;
    while (!is_split && (lower = longest(lister)) != NULL) {
        struct bkt_chain upper;
        if (!find_cut(lister, lower, &key) ||
            bkt_chain_cut(lower, bkt_buf_str(&key), &upper) != BKT_OK) {
            lower->pages_left = 0;
            continue;
        }
        bkt_lister_enroll(lister, &upper);
        upper.is_probe = true;
        upper.parent = (size_t)(lower - lister->chains);
        upper.parent_name = lower->name;
        upper.lean = (lower->lean + 1) / 2;
        bkt_lister_estimate(lister, lower);
        size_t index;
        if (bkt_lister_find_place(lister, &index) != BKT_OK) {
            bkt_chain_join(lower, &upper);
            bkt_chain_clear(&upper);
            break;
        }
        lister->chains[index] = upper;
        lister->probe_count++;
        *out_index = index;
        is_split = true;
    }
    bkt_buf_clear(&key);
    return is_split;
}

/* A probe has been answered: did it find keys? */
void bkt_lister_judge_probe(struct bkt_lister *lister, struct bkt_chain *chain, bool has_keys)
{
    if (!chain->is_probe)
        return;
    chain->is_probe = false;
    lister->probe_count--;
    lister->miss_count += !has_keys;
    struct bkt_chain *parent = &lister->chains[chain->parent];
    if (parent->is_done || parent->name != chain->parent_name)
        return;
    parent->misses = has_keys ? 0 : parent->misses + 1;
    if (!has_keys)
        parent->lean = lean_between;
}
