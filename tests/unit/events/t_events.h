#ifndef TESTS_T_EVENTS_H
#define TESTS_T_EVENTS_H

#include "events/envelope.h"

#include "t.h"

#include <stdio.h>
#include <stdlib.h>

/* A view in a static table, where BKT_STR() is no constant. */
#define T_STR(literal)                  \
    {                                   \
        "" literal, sizeof(literal) - 1 \
    }

/* A growing line of text of its own memory, so that bkt_mem_live() counts the code's alone. */
struct t_line {
    char text[8192];
    size_t len;
};

static inline void t_line_add(struct t_line *line, struct bkt_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        assert_true(line->len + 3 < sizeof(line->text));
        char byte = bytes.ptr[i];
        if (byte == '\0') {
            line->text[line->len++] = '\\';
            byte = '0';
        }
        line->text[line->len++] = byte;
    }
    line->text[line->len] = '\0';
}

/* "changed BUCKET KEY", "metadata ...", "nothing ..."; a doubtful key is "KEY or OTHER". */
static inline void t_line_add_events(struct t_line *line,
                                     const struct bkt_event *events,
                                     size_t count)
{
    static const char *const kinds[] = {"changed ", "metadata ", "nothing "};
    for (size_t i = 0; i < count; i++) {
        if (line->len > 0)
            t_line_add(line, BKT_STR("; "));
        t_line_add(line, bkt_str_from(kinds[events[i].kind]));
        t_line_add(line, events[i].bucket);
        t_line_add(line, BKT_STR(" "));
        t_line_add(line, events[i].key);
        if (events[i].key_other.len > 0) {
            t_line_add(line, BKT_STR(" or "));
            t_line_add(line, events[i].key_other);
        }
    }
}

/* The events, or "ack: REASON", or "poison: REASON"; "!REASON" at the end when records were bad. */
static inline void t_line_add_envelope(struct t_line *line, const struct bkt_envelope *envelope)
{
    if (envelope->list.count > 0) {
        t_line_add_events(line, envelope->list.events, envelope->list.count);
        if (!envelope->is_poison)
            return;
        t_line_add(line, BKT_STR(" !"));
    } else {
        t_line_add(line, envelope->is_poison ? BKT_STR("poison: ") : BKT_STR("ack: "));
    }
    t_line_add(line, bkt_str_from(envelope->reason));
}

/* Is `text` what is expected?  "..." at the end of that stands for any words. */
static inline void t_assert_line(const char *text, const char *expected)
{
    size_t len = strlen(expected);
    if (len >= 3 && strcmp(expected + len - 3, "...") == 0 && strncmp(text, expected, len - 3) == 0)
        return;
    assert_string_equal(text, expected);
}

/* Read `body` and compare what it says. */
static inline void t_expect(struct bkt_str body, enum bkt_key_form form, const char *expected)
{
    struct bkt_envelope envelope = {0};
    int rc = bkt_envelope_read(&envelope, body, BKT_ENVELOPE_BODY_BYTES_MAX, form);
    assert_int_equal(rc, BKT_OK);
    struct t_line line = {0};
    t_line_add_envelope(&line, &envelope);
    t_assert_line(line.text, expected);
    bkt_envelope_clear(&envelope);
    assert_int_equal(bkt_mem_live(), 0);
}

struct t_text {
    char *ptr; /* to free() */
    size_t len;
};

/* The file tests/data/events/NAME. */
static inline struct t_text t_load(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/events/%s", getenv("BKT_TEST_DATA"), name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    enum { FILE_BYTES_MAX = 1 << 16 };
    char *bytes = malloc(FILE_BYTES_MAX);
    assert_non_null(bytes);
    size_t len = fread(bytes, 1, FILE_BYTES_MAX, file);
    assert_true(len < FILE_BYTES_MAX);
    (void)fclose(file);
    return (struct t_text){bytes, len};
}

#endif
