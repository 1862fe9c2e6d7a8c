/*
 * What table_target.h promises, as tests that every target runs.
 *
 * A target brings a kit: how its table is made to be gone, how a handle on it is opened, how a row
 * is read as its users see it.
 */
#ifndef TESTS_TARGETS_TARGET_CONFORMANCE_H
#define TESTS_TARGETS_TARGET_CONFORMANCE_H

#include "core/buf.h"
#include "table/table_target.h"
#include "targets/status.h"

#include "t.h"

struct target_kit {
    void *ctx;
    /* No table and no state; handles were freed before. */
    void (*forget)(void *ctx);
    /* One more handle on the one table; not attached. */
    int (*open)(void *ctx, struct bkt_table_target *out_target, struct bkt_error *err);
    /* The table, opened to be looked at; NULL where that cannot be. */
    int (*look)(void *ctx, struct bkt_table_target *out_target, struct bkt_error *err);
    /* How its tables fare; NULL where nobody tells. */
    int (*status)(void *ctx, const struct bkt_status_told *told, struct bkt_error *err);
    /* Whether there is such a row; its content, and whether it is bytes rather than text. */
    bool (*read_row)(void *ctx, struct bkt_str key, struct bkt_buf *content, bool *out_is_bytes);
    /* A metadata column of a row as text, "NULL" for none; false: no such row.  May be NULL. */
    bool (*read_column)(void *ctx, struct bkt_str key, const char *column, struct bkt_buf *text);
    /* How often something was synced to disk so far; NULL where that cannot be seen. */
    unsigned long (*count_syncs)(void *ctx);
    bool can_hold_nul;   /* in text */
    bool can_hold_bytes; /* in a table of text: what is no text */
    /* What a target that is no database cannot do: */
    bool is_whole;       /* a row is written whole or not at all: nothing of it is touched */
    bool is_untyped;     /* text and bytes look the same */
    bool has_one_writer; /* a handle that writes stops the others */
    bool is_volatile;    /* the rows end with the process */
    bool is_slow;        /* thousands of transactions are too many */
    size_t content_max;  /* bytes; 0: no limit that matters */
    size_t large_bytes;  /* of the largest content that is tried; 0: 100 MiB */
};

/* Run them all; the number of failed tests. */
int target_conformance(const struct target_kit *tested);

/* The same of a target's own tests: no table when one begins, no memory left behind when it ends.
 */
#define TARGET_TEST(test) cmocka_unit_test_setup_teardown(test, target_test_begin, target_test_end)
int target_test_begin(void **state);
int target_test_end(void **state);
int target_tests(const struct target_kit *tested,
                 const char *name,
                 const struct CMUnitTest *tests,
                 size_t count);

/* A file, and those that SQLite keeps beside it. */
void target_remove(const char *path);

/* "key:flags:etag" of every state row, with blanks between. */
void target_assert_state(struct bkt_table_target t, const char *expected);

#endif
