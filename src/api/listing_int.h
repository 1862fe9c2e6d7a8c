/* A listing from the inside: what is shared by its files and nobody else. */
#ifndef API_LISTING_INT_H
#define API_LISTING_INT_H

#include "api/source_int.h"

#include <bucketable/listing.h>

/* Pages of the listing, in the order in which they came. */

struct held_page {
    struct held_page *next;
    struct bkt_s3_page *answer;
    size_t at; /* the next object to walk */
    size_t end;
};

struct page_slot {
    size_t chain;
    bool is_asked;
    bool is_answered;
    struct bkt_s3_page *page; /* answered; NULL: it failed */
    struct bkt_error err;
};

struct pages {
    struct bkt_asker *asker;
    struct bkt_lister *lister;
    struct page_slot *slots;
    size_t slot_count;
    size_t slots_used; /* of them, at a time; grows as pages are walked */
    struct held_page *first, *last;
    size_t held_count;
    uint32_t keys_max; /* of the first page; 0: as many as the server likes */
};

/* `slot_count` pages at a time at most; from `from` up to `to`, see bkt_lister_limit(). */
BKT_MUST_CHECK int pages_open(struct pages *pages,
                              struct bkt_asker *asker,
                              size_t slot_count,
                              struct bkt_str from,
                              struct bkt_str to,
                              struct bkt_error *err);
void pages_close(struct pages *pages);

/* Take in what has come. */
BKT_MUST_CHECK int pages_take(struct pages *pages, struct bkt_error *err);

/* Ask for what there is room for. */
BKT_MUST_CHECK int pages_ask(struct pages *pages, struct bkt_error *err);

/* Wait until the first page has an object to walk; there is none when the listing is over. */
BKT_MUST_CHECK int pages_wait(struct pages *pages, struct bkt_error *err);

/* The first page is walked. */
void pages_drop_first(struct pages *pages);

/* Objects that are read, or have been, in the order in which the listing comes to them. */

struct reading {
    struct reading *next;
    const struct bkt_object *object; /* in a held page */
    struct bkt_question question;
};

struct reads {
    struct bkt_asker *asker;
    struct reading *first, *last;
    size_t count;
    uint64_t bytes; /* as listed, of all of them */
    size_t window;  /* how many there may be */
};

bool reads_have_room(const struct reads *reads, uint64_t size);
BKT_MUST_CHECK int reads_start(struct reads *reads,
                               const struct bkt_object *object,
                               struct bkt_error *err);
void reads_drop_first(struct reads *reads);
void reads_clear(struct reads *reads);

struct bkt_listing {
    struct bkt_source *source;
    struct bkt_listing_options options;
    struct bkt_buf from; /* copies of the bounds */
    struct bkt_buf to;
    struct pages pages;
    struct reads reads;
    uint64_t given;
    /* Where reading ahead has come to; NULL: no farther than the row. */
    struct held_page *ahead_page;
    size_t ahead_at;

    const struct bkt_object *object; /* of the newest row; NULL: none */
    struct bkt_listed listed;
    struct bkt_listed_texts texts;
    bool was_asked; /* for its content */
    int row_rc;     /* how that went */
    struct bkt_error row_err;
    struct bkt_asked_row row;
    unsigned calls;
    bool is_over;
};

#endif
