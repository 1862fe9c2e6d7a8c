/* The pages of a listing: one after the other in key order, several at a time in any. */
#include "api/listing_int.h"

#include "core/mem.h"

enum { KEYS_OF_A_PAGE = 1000 };

int pages_open(struct pages *pages,
               struct bkt_asker *asker,
               size_t slot_count,
               struct bkt_str from,
               struct bkt_str to,
               struct bkt_error *err)
{
    *pages = (struct pages){.asker = asker, .slot_count = slot_count, .slots_used = 1};
    pages->slots = bkt_mem_calloc(slot_count, sizeof(*pages->slots));
    if (!pages->slots)
        return bkt_error_set(err, BKT_ENOMEM, "prepare a listing: out of memory");
    int rc = bkt_lister_new(asker->bucket.filter, asker->bucket.settings->bucket_name,
                            &pages->lister, err);
    if (rc)
        return rc;
    rc = bkt_lister_limit(pages->lister, from, to);
    return rc ? bkt_error_set(err, rc, "prepare a listing: %s", bkt_error_text(rc)) : BKT_OK;
}

void pages_drop_first(struct pages *pages)
{
    struct held_page *page = pages->first;
    pages->first = page->next;
    if (!pages->first)
        pages->last = NULL;
    pages->held_count--;
    bkt_s3_page_free(page->answer);
    bkt_mem_free(page);
    /* Who has walked one page is likely to want more than the next. */
    if (pages->slots_used < pages->slot_count)
        pages->slots_used =
            pages->slots_used * 2 < pages->slot_count ? pages->slots_used * 2 : pages->slot_count;
}

void pages_close(struct pages *pages)
{
    for (size_t i = 0; pages->slots && i < pages->slot_count; i++) {
        struct page_slot *slot = &pages->slots[i];
        if (slot->is_asked && !slot->is_answered)
            bkt_s3_cancel(pages->asker->bucket.s3, slot);
        if (slot->page)
            bkt_s3_page_free(slot->page);
    }
    while (pages->first)
        pages_drop_first(pages);
    bkt_mem_free(pages->slots);
    bkt_lister_free(pages->lister);
    *pages = (struct pages){0};
}

static void on_page(void *ctx, uint64_t id, struct bkt_s3_page *page, const struct bkt_error *err)
{
    (void)id;
    struct page_slot *slot = ctx;
    slot->is_answered = true;
    slot->page = page;
    if (!page)
        slot->err = *err;
}

/* Hand an answer to the lister, and keep what it covers of it. */
static int take(struct pages *pages, struct page_slot *slot, struct bkt_error *err)
{
    struct bkt_s3_page *answer = slot->page;
    size_t chain = slot->chain;
    struct bkt_error why = slot->err;
    *slot = (struct page_slot){0};
    if (!answer) {
        if (err)
            *err = why;
        return why.code;
    }
    struct held_page *held = bkt_mem_calloc(1, sizeof(*held));
    if (!held) {
        bkt_s3_page_free(answer);
        return bkt_error_set(err, BKT_ENOMEM, "list the bucket: out of memory");
    }
    struct bkt_arena arena = {0};
    struct bkt_covered covered;
    int rc = bkt_lister_page(pages->lister, chain, &answer->page, &arena, &covered, err);
    bkt_arena_clear(&arena);
    if (rc) {
        bkt_s3_page_free(answer);
        bkt_mem_free(held);
        return rc;
    }
    *held = (struct held_page){
        .answer = answer, .at = covered.skip, .end = answer->page.object_count - covered.drop};
    if (pages->last)
        pages->last->next = held;
    else
        pages->first = held;
    pages->last = held;
    pages->held_count++;
    return BKT_OK;
}

int pages_take(struct pages *pages, struct bkt_error *err)
{
    int rc = BKT_OK;
    for (size_t i = 0; i < pages->slot_count && rc == BKT_OK; i++) {
        if (pages->slots[i].is_answered)
            rc = take(pages, &pages->slots[i], err);
    }
    return rc;
}

static struct page_slot *free_slot(struct pages *pages)
{
    struct page_slot *found = NULL;
    size_t asked = 0;
    for (size_t i = 0; i < pages->slot_count; i++) {
        if (pages->slots[i].is_asked)
            asked++;
        else if (!found)
            found = &pages->slots[i];
    }
    return asked + pages->held_count < pages->slots_used + 1 && asked < pages->slots_used ? found
                                                                                          : NULL;
}

int pages_ask(struct pages *pages, struct bkt_error *err)
{
    /* A clock is what deletes need; nothing is deleted here. */
    static const uint64_t clock = 0;
    struct page_slot *slot;
    struct bkt_list_request request;
    bkt_lister_set_slots(pages->lister, pages->slots_used);
    while ((slot = free_slot(pages)) && bkt_lister_next(pages->lister, clock, &request)) {
        slot->chain = request.chain;
        slot->is_asked = true;
        struct bkt_s3_list list = {
            .prefix = request.prefix,
            .start_after = request.start_after,
            .token = request.token,
            .max_keys = pages->keys_max < KEYS_OF_A_PAGE ? pages->keys_max : 0,
            .on_page = on_page,
            .ctx = slot,
        };
        pages->keys_max = 0;
        int rc = bkt_s3_list(pages->asker->bucket.s3, &list, err);
        if (rc) {
            *slot = (struct page_slot){0};
            return rc;
        }
    }
    return BKT_OK;
}

static bool is_waiting(const struct pages *pages)
{
    for (size_t i = 0; i < pages->slot_count; i++) {
        if (pages->slots[i].is_asked)
            return true;
    }
    return false;
}

int pages_wait(struct pages *pages, struct bkt_error *err)
{
    for (;;) {
        int rc = pages_take(pages, err);
        if (rc)
            return rc;
        if (pages->first)
            return BKT_OK;
        rc = pages_ask(pages, err);
        if (rc || !is_waiting(pages))
            return rc;
        rc = bkt_asker_turn(pages->asker, -1, err);
        if (rc)
            return rc;
    }
}
