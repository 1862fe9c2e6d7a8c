#include "api/listing_int.h"

#include "core/mem.h"

/*
 * Of a bound's bytes: keys have 1,024 at most, so how it goes on behind this decides nothing.
 */
enum { BOUND_BYTES_MAX = 2 * BKT_KEY_BYTES_MAX };

enum { CALLS_PER_TURN = 64 };

static int keep_bound(struct bkt_buf *buf, const char *text, size_t len)
{
    *buf = BKT_BUF_INIT(BOUND_BYTES_MAX);
    if (!text || len == 0)
        return BKT_OK;
    return bkt_buf_append(buf,
                          (struct bkt_str){text, len < BOUND_BYTES_MAX ? len : BOUND_BYTES_MAX});
}

static int open_pages(struct bkt_listing *listing, struct bkt_str from, struct bkt_error *err)
{
    struct bkt_asker *asker = &listing->source->asker;
    const struct bkt_listing_options *options = &listing->options;
    bool is_serial = options->order == BKT_ROWS_KEY_ORDER || options->rows_max > 0;
    size_t slots = is_serial ? 1 : asker->bucket.settings->list_concurrency;
    struct bkt_str to = bkt_buf_str(&listing->to);
    int rc = pages_open(&listing->pages, asker, slots, from, to, err);
    if (rc == BKT_OK && options->rows_max <= UINT32_MAX)
        listing->pages.keys_max = (uint32_t)options->rows_max;
    return rc;
}

int bkt_listing_open(struct bkt_source *source,
                     const struct bkt_listing_options *options,
                     struct bkt_listing **out_listing,
                     struct bkt_error *err)
{
    struct bkt_listing *listing = bkt_mem_calloc(1, sizeof(*listing));
    if (!listing)
        return bkt_error_set(err, BKT_ENOMEM, "open a listing: out of memory");
    listing->source = source;
    listing->reads = (struct reads){.asker = &source->asker, .window = 1};
    if (options) {
        size_t size = sizeof(listing->options);
        memcpy(&listing->options, options, options->size < size ? options->size : size);
    }
    options = &listing->options;
    int rc = keep_bound(&listing->from, options->from, options->from_len);
    if (rc == BKT_OK)
        rc = keep_bound(&listing->to, options->to, options->to_len);
    if (rc)
        (void)bkt_error_set(err, rc, "open a listing: %s", bkt_error_text(rc));
    else
        rc = open_pages(listing, bkt_buf_str(&listing->from), err);
    /* Nothing but the empty key, which no object has, is up to it. */
    listing->is_over = options->to && options->to_len == 0;
    if (rc) {
        bkt_listing_close(listing);
        return rc;
    }
    *out_listing = listing;
    return BKT_OK;
}

void bkt_listing_close(struct bkt_listing *listing)
{
    if (!listing)
        return;
    reads_clear(&listing->reads);
    pages_close(&listing->pages);
    bkt_buf_clear(&listing->from);
    bkt_buf_clear(&listing->to);
    bkt_mem_free(listing);
}

static bool is_within(const struct bkt_listing *listing, struct bkt_str key)
{
    const struct bkt_listing_options *options = &listing->options;
    if (listing->from.len > 0) {
        int order = bkt_str_cmp(key, bkt_buf_str(&listing->from));
        if (order < 0 || (order == 0 && options->from_is_excluded))
            return false;
    }
    if (listing->to.len > 0) {
        int order = bkt_str_cmp(key, bkt_buf_str(&listing->to));
        if (order > 0 || (order == 0 && options->to_is_excluded))
            return false;
    }
    return true;
}

/* Shows the object in `listed` if it is a row that is wanted. */
static bool is_wanted(const struct bkt_listing *listing,
                      const struct bkt_object *object,
                      struct bkt_listed_texts *texts,
                      struct bkt_listed *listed)
{
    const struct bkt_listing_options *options = &listing->options;
    if (!is_within(listing, object->key) ||
        !bkt_filter_matches(listing->source->asker.bucket.filter, object->key, object->size, NULL))
        return false;
    *listed = bkt_listed_show(object, texts);
    return !options->wants || options->wants(options->ctx, listed);
}

/* The newest row is done with. */
static void leave_row(struct bkt_listing *listing)
{
    struct reads *reads = &listing->reads;
    if (!listing->object)
        return;
    if (!listing->was_asked && reads->window > 1)
        reads->window /= 2;
    if (reads->first && reads->first->object == listing->object)
        reads_drop_first(reads);
    listing->object = NULL;
    listing->was_asked = false;
}

static void leave_page(struct bkt_listing *listing)
{
    if (listing->ahead_page == listing->pages.first) {
        listing->ahead_page = listing->pages.first->next;
        listing->ahead_at = listing->ahead_page ? listing->ahead_page->at : 0;
    }
    pages_drop_first(&listing->pages);
}

/* Let what is under way go on, and begin what comes next, without waiting. */
static int go_on(struct bkt_listing *listing, struct bkt_error *err)
{
    struct pages *pages = &listing->pages;
    const struct held_page *page = pages->first;
    bool is_half_walked = page && page->at * 2 > page->end;
    bool is_due = listing->reads.count > 0 || ++listing->calls % CALLS_PER_TURN == 0;
    int rc = BKT_OK;
    if (!is_due)
        return rc;
    if (listing->options.rows_max == 0 && (is_half_walked || pages->slots_used > 1))
        rc = pages_ask(pages, err);
    if (rc == BKT_OK)
        rc = bkt_asker_turn(&listing->source->asker, 0, err);
    return rc ? rc : pages_take(pages, err);
}

static int next(struct bkt_listing *listing,
                const struct bkt_listed **out_listed,
                struct bkt_error *err)
{
    struct pages *pages = &listing->pages;
    leave_row(listing);
    int rc = go_on(listing, err);
    while (rc == BKT_OK) {
        while (pages->first && pages->first->at == pages->first->end)
            leave_page(listing);
        rc = pages_wait(pages, err);
        if (rc || !pages->first)
            break;
        struct held_page *page = pages->first;
        while (page->at < page->end) {
            const struct bkt_object *object = &page->answer->page.objects[page->at++];
            if (!is_wanted(listing, object, &listing->texts, &listing->listed))
                continue;
            listing->object = object;
            listing->given++;
            *out_listed = &listing->listed;
            return BKT_OK;
        }
    }
    if (rc == BKT_OK) {
        listing->is_over = true;
        *out_listed = NULL;
    }
    return rc;
}

static int next_listed(struct bkt_listing *listing,
                       const struct bkt_listed **out_listed,
                       struct bkt_error *err)
{
    if (listing->is_over) {
        leave_row(listing);
        *out_listed = NULL;
        return BKT_OK;
    }
    return next(listing, out_listed, err);
}

int bkt_listing_next(struct bkt_listing *listing,
                     const struct bkt_listed **out_listed,
                     struct bkt_error *err)
{
    int rc = bkt_guard_enter(&listing->source->guard, "bkt_listing_next()", err);
    if (rc)
        return rc;
    rc = next_listed(listing, out_listed, err);
    bkt_guard_leave(&listing->source->guard);
    return rc;
}

static void forget(struct bkt_listing *listing)
{
    listing->object = NULL;
    listing->was_asked = false;
    listing->ahead_page = NULL;
    reads_clear(&listing->reads);
    pages_close(&listing->pages);
}

static bool ends_below(const struct held_page *page, struct bkt_str key)
{
    return page->end == 0 || bkt_str_cmp(page->answer->page.objects[page->end - 1].key, key) < 0;
}

static int seek_key(struct bkt_listing *listing,
                    const char *key,
                    size_t key_len,
                    struct bkt_error *err)
{
    struct pages *pages = &listing->pages;
    struct bkt_str to = {key, key_len < BOUND_BYTES_MAX ? key_len : BOUND_BYTES_MAX};
    if (listing->options.order != BKT_ROWS_KEY_ORDER)
        return bkt_error_set(err, BKT_ECONFIG, "seek in a listing that is in any order");
    if (listing->is_over || bkt_str_cmp(to, bkt_buf_str(&listing->from)) <= 0)
        return BKT_OK;
    leave_row(listing);
    listing->options.from_is_excluded = false;
    int rc = bkt_buf_set(&listing->from, to);
    if (rc)
        return bkt_error_set(err, rc, "seek in a listing: %s", bkt_error_text(rc));
    while (listing->reads.first && bkt_str_cmp(listing->reads.first->object->key, to) < 0)
        reads_drop_first(&listing->reads);
    while (pages->first && pages->first->next && ends_below(pages->first, to))
        leave_page(listing);
    if (pages->first && !ends_below(pages->first, to))
        return BKT_OK; /* what is below is no longer within the bounds */
    forget(listing);
    rc = open_pages(listing, to, err);
    listing->pages.keys_max = 0;
    return rc;
}

int bkt_listing_seek(struct bkt_listing *listing,
                     const char *key,
                     size_t key_len,
                     struct bkt_error *err)
{
    int rc = bkt_guard_enter(&listing->source->guard, "bkt_listing_seek()", err);
    if (rc)
        return rc;
    rc = seek_key(listing, key, key_len, err);
    bkt_guard_leave(&listing->source->guard);
    return rc;
}

/* The next object to read ahead; NULL: none that is listed yet. */
static const struct bkt_object *look_ahead(struct bkt_listing *listing)
{
    const struct bkt_listing_options *options = &listing->options;
    struct held_page *first = listing->pages.first;
    if (!listing->ahead_page || (listing->ahead_page == first && listing->ahead_at < first->at)) {
        listing->ahead_page = first;
        listing->ahead_at = first->at;
    }
    for (;;) {
        struct held_page *page = listing->ahead_page;
        while (listing->ahead_at < page->end) {
            struct bkt_listed_texts texts;
            struct bkt_listed listed;
            const struct bkt_object *object = &page->answer->page.objects[listing->ahead_at];
            if (is_wanted(listing, object, &texts, &listed) &&
                (!options->may_be_read || options->may_be_read(options->ctx, &listed)))
                return object;
            listing->ahead_at++;
        }
        if (!page->next)
            return NULL;
        listing->ahead_page = page->next;
        listing->ahead_at = page->next->at;
    }
}

/* One more row was asked for: the reads go farther ahead. */
static int read_ahead(struct bkt_listing *listing, struct bkt_error *err)
{
    struct reads *reads = &listing->reads;
    const struct bkt_listing_options *options = &listing->options;
    size_t most = listing->source->asker.bucket.settings->get_concurrency;
    uint64_t rows_left = UINT64_MAX;
    if (options->rows_max > 0)
        rows_left = options->rows_max > listing->given ? options->rows_max - listing->given : 0;
    const struct bkt_object *object;
    int rc = BKT_OK;
    while (rc == BKT_OK && reads->count < reads->window && reads->count <= rows_left &&
           (object = look_ahead(listing)) && reads_have_room(reads, object->size)) {
        rc = reads_start(reads, object, err);
        listing->ahead_at++;
    }
    reads->window = reads->window * 2 < most ? reads->window * 2 : most;
    return rc;
}

static int read_row(struct bkt_listing *listing, struct bkt_error *err)
{
    struct reads *reads = &listing->reads;
    const struct bkt_object *object = listing->object;
    int rc = BKT_OK;
    if (!reads->first || reads->first->object != object) {
        reads_clear(reads); /* they were farther ahead than the row, which cannot be */
        rc = reads_start(reads, object, err);
    }
    if (rc == BKT_OK)
        rc = read_ahead(listing, err);
    if (rc)
        return rc;
    struct bkt_question *question = &reads->first->question;
    rc = bkt_asker_wait(&listing->source->asker, &question->is_answered, err);
    if (rc)
        return rc;
    if (question->lacks_memory)
        return bkt_error_set(err, BKT_ENOMEM, "read an object: out of memory");
    bkt_object_refine_time(&question->asked.object, object->last_modified_ms);
    return bkt_source_show(listing->source, &question->asked, object->key, &listing->row, err);
}

static int show_row(struct bkt_listing *listing,
                    const struct bkt_row **out_row,
                    struct bkt_error *err)
{
    if (!listing->object)
        return bkt_error_set(err, BKT_ENOROW, "read a row: the listing is at none");
    if (!listing->was_asked) {
        listing->row_err = (struct bkt_error){0};
        listing->row_rc = read_row(listing, &listing->row_err);
        listing->was_asked = true;
    }
    if (listing->row_rc) {
        if (err)
            *err = listing->row_err;
        return listing->row_rc;
    }
    *out_row = &listing->row.shown.row;
    return BKT_OK;
}

int bkt_listing_row(struct bkt_listing *listing,
                    const struct bkt_row **out_row,
                    struct bkt_error *err)
{
    int rc = bkt_guard_enter(&listing->source->guard, "bkt_listing_row()", err);
    if (rc)
        return rc;
    rc = show_row(listing, out_row, err);
    bkt_guard_leave(&listing->source->guard);
    return rc;
}
