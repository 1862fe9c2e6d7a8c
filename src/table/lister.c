#include "table/lister.h"

#include "core/escape.h"
#include "core/mem.h"
#include "table/chain.h"
#include "table/split.h"

#include <assert.h>

enum { PREFIX_SHOWN_BYTES = 256 }; /* in messages */

/* How splitting is tuned: docs/internals/listing.md. */
enum {
    MISSES_MAX = 12,           /* cuts in a row behind which there was nothing */
    ALPHABET_STRIDE = 16,      /* every so many keys of a page are looked at */
    PAGES_PER_PROBE = 3,       /* so many pages must have been seen for each probe under way */
    PAGES_BEFORE_PROBES = 120, /* where much is excluded, so that probes cost less than it saves */
};
static const double pages_worth_a_split = 3;
static const double lean_between = 0.5;

struct bkt_lister {
    const struct bkt_filter *filter;
    const char *bucket;
    struct bkt_arena arena;
    struct bkt_chain *chains;
    size_t chain_count;
    size_t chain_room;
    size_t done_count;
    struct bkt_span *gaps;
    size_t gap_count;
    size_t gap_next;
    bool ignores_start_after;
    bool has_jumped; /* over an excluded directory */

    size_t slots;
    struct bkt_alphabet alphabet;
    uint64_t page_count; /* with keys */
    size_t probe_count;  /* under way */
    uint64_t miss_count; /* probes that found nothing */
    uint64_t last_name;
};

static int add_gap(struct bkt_lister *lister, struct bkt_str after, struct bkt_str next_prefix)
{
    struct bkt_span *gap = &lister->gaps[lister->gap_count];
    *gap = (struct bkt_span){.after = after, .has_up_to = next_prefix.len > 0};
    if (gap->has_up_to) {
        int rc = bkt_span_before(&lister->arena, next_prefix, &gap->up_to);
        if (rc)
            return rc;
    }
    lister->gap_count++;
    return BKT_OK;
}

static void enroll(struct bkt_lister *lister, struct bkt_chain *chain)
{
    chain->name = ++lister->last_name;
    chain->lean = lean_between;
}

/* Room for one more at the end. */
static int reserve_chain(struct bkt_lister *lister)
{
    if (lister->chain_count < lister->chain_room)
        return BKT_OK;
    size_t room = lister->chain_room * 2 + 8;
    struct bkt_chain *chains = bkt_mem_realloc(lister->chains, room * sizeof(*chains));
    if (!chains)
        return BKT_ENOMEM;
    lister->chains = chains;
    lister->chain_room = room;
    return BKT_OK;
}

/* All keys with the prefix; `out_last` is a span's end. */
static int add_chain(struct bkt_lister *lister, struct bkt_str prefix, struct bkt_str *out_last)
{
    int rc = reserve_chain(lister);
    if (rc)
        return rc;
    struct bkt_chain *chain = &lister->chains[lister->chain_count++];
    *chain = bkt_chain_new(prefix);
    enroll(lister, chain);
    *out_last = (struct bkt_str){"", 0};
    if (prefix.len == 0)
        return BKT_OK;
    rc = bkt_span_before(&lister->arena, prefix, &chain->after);
    if (rc == BKT_OK)
        rc = bkt_span_last_of_prefix(&lister->arena, prefix, out_last);
    return rc ? rc : bkt_buf_set(&chain->up_to, *out_last);
}

/* Prefixes and what lies between them, from the first key to the last. */
static int cut(struct bkt_lister *lister, const struct bkt_str *prefixes, size_t count)
{
    lister->gaps = bkt_arena_alloc(&lister->arena, (count + 1) * sizeof(*lister->gaps));
    if (!lister->gaps)
        return BKT_ENOMEM;

    struct bkt_str after = {"", 0};
    bool is_open = true; /* keys are left after the last span */
    for (size_t i = 0; i < count; i++) {
        int rc = BKT_OK;
        if (prefixes[i].len > 0)
            rc = add_gap(lister, after, prefixes[i]);
        if (rc == BKT_OK)
            rc = add_chain(lister, prefixes[i], &after);
        if (rc)
            return rc;
        is_open = after.len > 0;
    }
    return is_open ? add_gap(lister, after, (struct bkt_str){"", 0}) : BKT_OK;
}

int bkt_lister_new(const struct bkt_filter *filter,
                   struct bkt_lister **out_lister,
                   struct bkt_error *err)
{
    struct bkt_lister *lister = bkt_mem_calloc(1, sizeof(*lister));
    if (!lister)
        return bkt_error_set(err, BKT_ENOMEM, "prepare a listing: out of memory");
    lister->filter = filter;
    lister->bucket = "?";
    lister->slots = 1;

    const struct bkt_str *prefixes;
    size_t count;
    int rc = bkt_filter_prefixes(filter, &lister->arena, &prefixes, &count, err);
    if (rc == BKT_OK) {
        rc = cut(lister, prefixes, count);
        if (rc)
            (void)bkt_error_set(err, rc, "prepare a listing: %s", bkt_error_text(rc));
    }
    if (rc) {
        bkt_lister_free(lister);
        return rc;
    }
    *out_lister = lister;
    return BKT_OK;
}

void bkt_lister_free(struct bkt_lister *lister)
{
    if (!lister)
        return;
    for (size_t i = 0; i < lister->chain_count; i++)
        bkt_chain_clear(&lister->chains[i]);
    bkt_mem_free(lister->chains);
    bkt_arena_clear(&lister->arena);
    bkt_mem_free(lister);
}

void bkt_lister_set_bucket(struct bkt_lister *lister, const char *name)
{
    lister->bucket = name;
}

void bkt_lister_set_slots(struct bkt_lister *lister, size_t slots)
{
    lister->slots = slots;
}

bool bkt_lister_next_gap(struct bkt_lister *lister, uint64_t clock, struct bkt_covered *out_gap)
{
    if (lister->gap_next == lister->gap_count)
        return false;
    *out_gap = (struct bkt_covered){
        .span = lister->gaps[lister->gap_next++], .is_gap = true, .read_at = clock};
    return true;
}

/* Splitting. */

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
                enroll(lister, &chains[new_count++]);
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

static void estimate(const struct bkt_lister *lister, struct bkt_chain *chain)
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

/* A place for one more chain: one that is done, or a new one at the end. */
static int find_place(struct bkt_lister *lister, size_t *out_index)
{
    for (size_t i = 0; i < lister->chain_count && lister->done_count > 0; i++) {
        if (lister->chains[i].is_done) {
            bkt_chain_clear(&lister->chains[i]);
            lister->done_count--;
            *out_index = i;
            return BKT_OK;
        }
    }
    int rc = reserve_chain(lister);
    if (rc == BKT_OK)
        *out_index = lister->chain_count++;
    return rc;
}

/* Whether one more probe may be under way or have found nothing. */
static bool may_probe(const struct bkt_lister *lister)
{
    uint64_t pages = lister->page_count;
    if (lister->has_jumped)
        pages = pages > PAGES_BEFORE_PROBES ? pages - PAGES_BEFORE_PROBES : 1;
    return (lister->probe_count + lister->miss_count) * PAGES_PER_PROBE < pages;
}

/*
 * Split the chain that has the longest way to go.  False when none is worth it.  Without memory
 * there is one range less, and no other harm.
 */
static bool split(struct bkt_lister *lister, size_t *out_index)
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
        enroll(lister, &upper);
        upper.is_probe = true;
        upper.parent = (size_t)(lower - lister->chains);
        upper.parent_name = lower->name;
        upper.lean = (lower->lean + 1) / 2;
        estimate(lister, lower);
        size_t index;
        if (find_place(lister, &index) != BKT_OK) {
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
static void judge_probe(struct bkt_lister *lister, struct bkt_chain *chain, bool has_keys)
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

bool bkt_lister_next(struct bkt_lister *lister,
                     uint64_t clock,
                     struct bkt_list_request *out_request)
{
    size_t index = 0;
    while (index < lister->chain_count &&
           (lister->chains[index].is_done || lister->chains[index].in_flight))
        index++;
    if (index == lister->chain_count && !split(lister, &index))
        return false;
    struct bkt_chain *chain = &lister->chains[index];
    chain->in_flight = true;
    chain->asked_at = clock;
    if (chain->token.len == 0)
        chain->mark_at = clock;
    *out_request = (struct bkt_list_request){
        .chain = index,
        .prefix = chain->prefix,
        .start_after = chain->jump ? bkt_buf_str(&chain->mark) : (struct bkt_str){"", 0},
        .token = bkt_buf_str(&chain->token),
    };
    return true;
}

bool bkt_lister_is_done(const struct bkt_lister *lister)
{
    return lister->done_count == lister->chain_count && lister->gap_next == lister->gap_count;
}

static void end_chain(struct bkt_lister *lister, struct bkt_chain *chain)
{
    chain->is_done = true;
    lister->done_count++;
}

/*
 * A server that ignores start-after would send everything before a chain's range again: give what
 * was not begun back to the chain before it, if that is still under way.
 */
static bool give_back(struct bkt_lister *lister, struct bkt_chain *upper)
{
    for (size_t i = 0; i < lister->chain_count; i++) {
        struct bkt_chain *lower = &lister->chains[i];
        if (lower->is_done || lower == upper || lower->up_to.len == 0 ||
            !bkt_str_eq(bkt_buf_str(&lower->up_to), bkt_buf_str(&upper->mark)))
            continue;
        bkt_chain_join(lower, upper);
        end_chain(lister, upper);
        return true;
    }
    return false;
}

static void give_back_idle(struct bkt_lister *lister)
{
    for (size_t i = 0; i < lister->chain_count; i++) {
        struct bkt_chain *chain = &lister->chains[i];
        if (!chain->is_done && !chain->in_flight && !chain->is_begun && chain->mark.len > 0)
            (void)give_back(lister, chain);
    }
}

static int limit_chain(struct bkt_lister *lister,
                       struct bkt_chain *chain,
                       struct bkt_str from,
                       struct bkt_str to)
{
    bool is_below = chain->up_to.len > 0 && bkt_str_cmp(bkt_buf_str(&chain->up_to), from) < 0;
    if (is_below || (to.len > 0 && bkt_str_cmp(chain->prefix, to) > 0)) {
        end_chain(lister, chain);
        return BKT_OK;
    }
    struct bkt_str shared = bkt_span_shared(from, to);
    int rc = BKT_OK;
    if (shared.len > chain->prefix.len && bkt_str_has_prefix(shared, chain->prefix))
        rc = bkt_arena_dup(&lister->arena, shared, &chain->prefix);
    struct bkt_str after;
    if (rc == BKT_OK)
        rc = bkt_span_start_after(&lister->arena, from, &after);
    if (rc == BKT_OK && after.len > 0 && bkt_str_cmp(after, chain->prefix) >= 0) {
        rc = bkt_buf_set(&chain->mark, after);
        chain->jump = true;
    }
    bool is_shorter =
        to.len > 0 && (chain->up_to.len == 0 || bkt_str_cmp(to, bkt_buf_str(&chain->up_to)) < 0);
    return rc || !is_shorter ? rc : bkt_buf_set(&chain->up_to, to);
}

int bkt_lister_limit(struct bkt_lister *lister, struct bkt_str from, struct bkt_str to)
{
    int rc = BKT_OK;
    for (size_t i = 0; i < lister->chain_count && rc == BKT_OK; i++)
        rc = limit_chain(lister, &lister->chains[i], from, to);
    return rc;
}

/* What a page's keys tell of those to come. */
static int learn(struct bkt_lister *lister,
                 struct bkt_chain *chain,
                 const struct bkt_page *page,
                 const struct bkt_covered *covered)
{
    size_t end = page->object_count - covered->drop;
    judge_probe(lister, chain, covered->skip < end);
    if (covered->skip == end)
        return BKT_OK;
    lister->page_count++;
    if (lister->slots < 2)
        return BKT_OK;
    for (size_t i = covered->skip; i < end; i += ALPHABET_STRIDE) {
        struct bkt_str key = page->objects[i].key;
        size_t len = chain->prefix.len;
        bkt_alphabet_see(&lister->alphabet, (struct bkt_str){key.ptr + len, key.len - len});
    }
    return bkt_buf_set(&chain->first, page->objects[covered->skip].key);
}

/* Where the chain goes on after a page that is not the last one. */
static int advance(struct bkt_lister *lister,
                   struct bkt_chain *chain,
                   const struct bkt_page *page,
                   struct bkt_error *err)
{
    enum bkt_chain_step step;
    int rc = bkt_chain_advance(chain, page, lister->ignores_start_after ? NULL : lister->filter,
                               &step, err);
    if (rc)
        return rc;
    if (step == BKT_CHAIN_JUMPED) {
        chain->pages_left = 0; /* nothing is known of what follows */
        lister->has_jumped = true;
    } else if (step == BKT_CHAIN_MOVED && lister->slots > 1) {
        estimate(lister, chain);
    }
    return BKT_OK;
}

/* Take a believable page in. */
static int take(struct bkt_lister *lister,
                struct bkt_chain *chain,
                const struct bkt_page *page,
                struct bkt_arena *arena,
                struct bkt_covered *out_covered,
                struct bkt_error *err)
{
    struct bkt_covered covered = {.span.after = chain->after, .read_at = chain->mark_at};
    covered.skip = bkt_chain_count_before(chain, page);
    if (covered.skip > 0 && !lister->ignores_start_after) {
        lister->ignores_start_after = true;
        give_back_idle(lister); /* this chain may end later now */
    }
    covered.drop = bkt_chain_count_behind(chain, page, covered.skip);
    if (chain->mark.len > 0 && bkt_arena_dup(arena, bkt_buf_str(&chain->mark), &covered.span.after))
        return BKT_ENOMEM;
    if (learn(lister, chain, page, &covered) != BKT_OK)
        return BKT_ENOMEM;

    struct bkt_str end = covered.span.after;
    if (covered.skip > 0 && !chain->is_begun && give_back(lister, chain)) {
        covered.skip = page->object_count;
        covered.drop = 0;
        covered.span.has_up_to = true;
    } else {
        bool is_last = !page->is_truncated || covered.drop > 0;
        if (!is_last) {
            int rc = advance(lister, chain, page, err);
            if (rc)
                return rc;
            /* What is left of the chain may all be excluded, or nothing. */
            is_last = chain->up_to.len > 0 &&
                      bkt_str_cmp(bkt_buf_str(&chain->mark), bkt_buf_str(&chain->up_to)) >= 0;
        }
        end = bkt_buf_str(is_last ? &chain->up_to : &chain->mark);
        covered.span.has_up_to = !is_last || end.len > 0;
        if (is_last)
            end_chain(lister, chain);
    }
    chain->is_begun = true;
    *out_covered = covered;
    return covered.span.has_up_to ? bkt_arena_dup(arena, end, &out_covered->span.up_to) : BKT_OK;
}

int bkt_lister_page(struct bkt_lister *lister,
                    size_t chain_index,
                    const struct bkt_page *page,
                    struct bkt_arena *arena,
                    struct bkt_covered *out_covered,
                    struct bkt_error *err)
{
    assert(chain_index < lister->chain_count);
    struct bkt_chain *chain = &lister->chains[chain_index];
    assert(chain->in_flight);

    int rc = bkt_chain_check_keys(chain, page, err);
    if (rc == BKT_OK)
        rc = take(lister, chain, page, arena, out_covered, err);
    if (rc == BKT_ENOMEM)
        (void)bkt_error_set(err, rc, "%s", bkt_error_text(rc));
    if (rc) {
        char prefix[PREFIX_SHOWN_BYTES];
        bkt_escape(chain->prefix, prefix, sizeof(prefix));
        return bkt_error_wrap(err, rc, "list s3://%s/%s", lister->bucket, prefix);
    }
    chain->in_flight = false;
    return BKT_OK;
}
