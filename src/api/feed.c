#include "api/feed.h"

#include "core/cond.h"
#include "core/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

enum { NOTES_MAX = 1000 };

struct item {
    struct bkt_row row;
    struct bkt_value *columns; /* owned, the texts behind them too; NULL: none */
    bool is_acked;
};

struct held_note {
    struct held_note *next;
    struct bkt_note note; /* its texts lie behind it */
};

struct bkt_feed {
    bkt_note_fn *tell;
    void *tell_ctx;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    struct item *items; /* of the group that is out, or is being filled */
    size_t count, cap;
    size_t taken;
    size_t acked;
    uint64_t first_id; /* of items[0] */
    bool is_out;       /* the group may be taken */
    bool is_canceled;
    bool has_left; /* the caller looks at no row any more */
    bool has_ended;
    int rc; /* how it ended */
    struct bkt_error err;
    struct held_note *note_first, *note_last;
    size_t note_count;
};

int bkt_feed_new(bkt_note_fn *tell, void *ctx, struct bkt_feed **out_feed, struct bkt_error *err)
{
    struct bkt_feed *feed = bkt_mem_calloc(1, sizeof(*feed));
    if (!feed)
        return bkt_error_set(err, BKT_ENOMEM, "prepare the rows: out of memory");
    feed->tell = tell;
    feed->tell_ctx = ctx;
    feed->first_id = 1;
    (void)pthread_mutex_init(&feed->mutex, NULL);
    bkt_cond_init(&feed->changed);
    *out_feed = feed;
    return BKT_OK;
}

static void empty(struct bkt_feed *feed)
{
    for (size_t i = 0; i < feed->count; i++)
        bkt_mem_free(feed->items[i].columns);
    feed->first_id += feed->taken;
    feed->count = 0;
    feed->taken = 0;
    feed->acked = 0;
    feed->is_out = false;
}

void bkt_feed_free(struct bkt_feed *feed)
{
    if (!feed)
        return;
    empty(feed);
    while (feed->note_first) {
        struct held_note *next = feed->note_first->next;
        bkt_mem_free(feed->note_first);
        feed->note_first = next;
    }
    (void)pthread_cond_destroy(&feed->changed);
    (void)pthread_mutex_destroy(&feed->mutex);
    bkt_mem_free(feed->items);
    bkt_mem_free(feed);
}

static int canceled(struct bkt_error *err)
{
    return bkt_error_set(err, BKT_ECANCELED, "stopped; what was acknowledged in whole is done");
}

/* The engine's side. */

static int begin(void *self, struct bkt_error *err)
{
    (void)err;
    struct bkt_feed *feed = self;
    (void)pthread_mutex_lock(&feed->mutex);
    empty(feed);
    (void)pthread_mutex_unlock(&feed->mutex);
    return BKT_OK;
}

/* The columns' texts are gone when apply() returns; all else lasts until commit() does. */
static int keep_columns(struct item *item)
{
    size_t bytes = item->row.column_count * sizeof(struct bkt_value);
    for (size_t i = 0; i < item->row.column_count; i++)
        bytes += item->row.columns[i].len;
    if (item->row.column_count == 0)
        return BKT_OK;
    item->columns = bkt_mem_alloc(bytes);
    if (!item->columns)
        return BKT_ENOMEM;
    char *text = (char *)(item->columns + item->row.column_count);
    for (size_t i = 0; i < item->row.column_count; i++) {
        struct bkt_value *column = &item->columns[i];
        *column = item->row.columns[i];
        if (column->len > 0)
            memcpy(text, column->text, column->len);
        column->text = text;
        text += column->len;
    }
    item->row.columns = item->columns;
    return BKT_OK;
}

/* Alone with the items: the group is not out yet. */
static int apply(void *self, const struct bkt_row *row, struct bkt_error *err)
{
    struct bkt_feed *feed = self;
    if (feed->count == feed->cap) {
        size_t cap = feed->cap ? feed->cap * 2 : 64;
        struct item *items = bkt_mem_realloc(feed->items, cap * sizeof(*items));
        if (!items)
            return bkt_error_set(err, BKT_ENOMEM, "hand out a row: out of memory");
        feed->items = items;
        feed->cap = cap;
    }
    struct item *item = &feed->items[feed->count];
    *item = (struct item){.row = *row};
    if (keep_columns(item))
        return bkt_error_set(err, BKT_ENOMEM, "hand out a row: out of memory");
    feed->count++;
    return BKT_OK;
}

/* What the caller looks at stays until it is done with it, canceled or not. */
static bool is_given_up(const struct bkt_feed *feed)
{
    return feed->is_canceled && (feed->has_left || feed->taken == feed->acked);
}

static int commit(void *self, struct bkt_error *err)
{
    struct bkt_feed *feed = self;
    int rc = BKT_OK;
    (void)pthread_mutex_lock(&feed->mutex);
    feed->is_out = true;
    (void)pthread_cond_broadcast(&feed->changed);
    while (feed->acked < feed->count && !is_given_up(feed))
        (void)pthread_cond_wait(&feed->changed, &feed->mutex);
    if (feed->acked < feed->count)
        rc = canceled(err);
    empty(feed);
    (void)pthread_mutex_unlock(&feed->mutex);
    return rc;
}

static void rollback(void *self)
{
    (void)begin(self, NULL);
}

struct bkt_target_ops bkt_feed_ops(const char *name, size_t rows_max)
{
    return (struct bkt_target_ops){
        .size = sizeof(struct bkt_target_ops),
        .name = name,
        .begin = begin,
        .apply = apply,
        .commit = commit,
        .rollback = rollback,
        .batch_rows = rows_max,
    };
}

void bkt_feed_cancel(struct bkt_feed *feed)
{
    (void)pthread_mutex_lock(&feed->mutex);
    feed->is_canceled = true;
    (void)pthread_cond_broadcast(&feed->changed);
    (void)pthread_mutex_unlock(&feed->mutex);
}

void bkt_feed_leave(struct bkt_feed *feed)
{
    (void)pthread_mutex_lock(&feed->mutex);
    feed->has_left = true;
    (void)pthread_cond_broadcast(&feed->changed);
    (void)pthread_mutex_unlock(&feed->mutex);
}

void bkt_feed_end(struct bkt_feed *feed, int rc, const struct bkt_error *err)
{
    (void)pthread_mutex_lock(&feed->mutex);
    feed->has_ended = true;
    feed->rc = rc;
    if (rc)
        feed->err = *err;
    (void)pthread_cond_broadcast(&feed->changed);
    (void)pthread_mutex_unlock(&feed->mutex);
}

void bkt_feed_note(struct bkt_feed *feed, const struct bkt_note *note)
{
    size_t message_len = note->message ? strlen(note->message) : 0;
    struct held_note *held = bkt_mem_alloc(sizeof(*held) + message_len + 1 + note->key_len + 1);
    if (!held)
        return; /* it is for people; the rows do not depend on it */
    *held = (struct held_note){.note = *note};
    char *text = (char *)(held + 1);
    if (message_len > 0)
        memcpy(text, note->message, message_len);
    text[message_len] = '\0';
    held->note.message = text;
    if (note->key) {
        char *key = text + message_len + 1;
        memcpy(key, note->key, note->key_len);
        held->note.key = key;
    }
    (void)pthread_mutex_lock(&feed->mutex);
    bool is_kept = feed->note_count < NOTES_MAX;
    if (is_kept) {
        feed->note_count++;
        if (feed->note_last)
            feed->note_last->next = held;
        else
            feed->note_first = held;
        feed->note_last = held;
        (void)pthread_cond_broadcast(&feed->changed);
    }
    (void)pthread_mutex_unlock(&feed->mutex);
    if (!is_kept)
        bkt_mem_free(held);
}

/* The caller's side. */

static void tell_notes(struct bkt_feed *feed)
{
    while (feed->note_first) {
        struct held_note *held = feed->note_first;
        feed->note_first = held->next;
        if (!feed->note_first)
            feed->note_last = NULL;
        feed->note_count--;
        (void)pthread_mutex_unlock(&feed->mutex);
        if (feed->tell)
            feed->tell(feed->tell_ctx, &held->note);
        bkt_mem_free(held);
        (void)pthread_mutex_lock(&feed->mutex);
    }
}

/* Is there an answer yet?  The mutex is held. */
static bool look(struct bkt_feed *feed,
                 enum bkt_taken *taken,
                 const struct bkt_row **out_row,
                 uint64_t *out_id)
{
    if (feed->is_out && feed->taken < feed->count) {
        *out_row = &feed->items[feed->taken].row;
        *out_id = feed->first_id + feed->taken;
        feed->taken++;
        *taken = BKT_TAKEN_ROW;
        return true;
    }
    /* Until commit() has seen the last acknowledgment there is a group, but nothing to wait for. */
    if (feed->is_out && feed->acked < feed->count) {
        *out_id = feed->count - feed->acked;
        *taken = BKT_TAKEN_GROUP;
        return true;
    }
    *taken = BKT_TAKEN_END;
    return feed->has_ended;
}

int bkt_feed_take(struct bkt_feed *feed,
                  int timeout_ms,
                  enum bkt_taken *out_taken,
                  const struct bkt_row **out_row,
                  uint64_t *out_id,
                  struct bkt_error *err)
{
    struct timespec until = bkt_cond_deadline(timeout_ms);
    enum bkt_taken taken = BKT_TAKEN_NOTHING;
    int rc = BKT_OK;
    (void)pthread_mutex_lock(&feed->mutex);
    for (bool is_late = false;;) {
        tell_notes(feed);
        if (feed->is_canceled) {
            feed->has_left = true;
            (void)pthread_cond_broadcast(&feed->changed);
            rc = canceled(err);
            break;
        }
        if (look(feed, &taken, out_row, out_id)) {
            rc = taken == BKT_TAKEN_END ? feed->rc : BKT_OK;
            if (rc && err)
                *err = feed->err;
            break;
        }
        taken = BKT_TAKEN_NOTHING;
        if (is_late)
            break;
        if (timeout_ms < 0)
            (void)pthread_cond_wait(&feed->changed, &feed->mutex);
        else
            is_late = pthread_cond_timedwait(&feed->changed, &feed->mutex, &until) == ETIMEDOUT;
    }
    (void)pthread_mutex_unlock(&feed->mutex);
    if (rc == BKT_OK)
        *out_taken = taken;
    return rc;
}

static int ack_locked(struct bkt_feed *feed, uint64_t id, struct bkt_error *err)
{
    if (id == 0 || id >= feed->first_id + feed->taken) {
        return bkt_error_set(err, BKT_ENOROW, "acknowledge %" PRIu64 ": it was not handed out", id);
    }
    if (id < feed->first_id) {
        bool was_given_up = feed->is_canceled || feed->rc;
        return was_given_up ? canceled(err) : BKT_OK;
    }
    struct item *item = &feed->items[id - feed->first_id];
    if (!item->is_acked) {
        item->is_acked = true;
        feed->acked++;
        if (feed->acked == feed->count || feed->is_canceled)
            (void)pthread_cond_broadcast(&feed->changed);
    }
    return BKT_OK;
}

int bkt_feed_ack(struct bkt_feed *feed, uint64_t id, struct bkt_error *err)
{
    (void)pthread_mutex_lock(&feed->mutex);
    int rc = ack_locked(feed, id, err);
    (void)pthread_mutex_unlock(&feed->mutex);
    return rc;
}
