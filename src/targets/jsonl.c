#include "targets/jsonl.h"

#include "core/json_write.h"
#include "core/mem.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A piece is a multiple of 3, so that base64 goes on where it ended. */
enum { WRITE_BYTES = 1 << 20, PIECE_BYTES = 768 << 10, TAIL_BYTES = 64 << 10 };

struct jsonl {
    char *path;
    int fd; /* -1: not open */
    bool is_stdout;
    bool is_regular;
    off_t batch_start; /* of a regular file */
    struct bkt_buf lines;
};

int bkt_jsonl_new(const char *path, void **out_self, struct bkt_error *err)
{
    struct jsonl *jsonl = bkt_mem_calloc(1, sizeof(*jsonl));
    if (jsonl)
        jsonl->path = bkt_mem_strdup(path, strlen(path));
    if (!jsonl || !jsonl->path) {
        bkt_mem_free(jsonl);
        return bkt_error_set(err, BKT_ENOMEM, "open %s: out of memory", path);
    }
    jsonl->fd = -1;
    jsonl->is_stdout = strcmp(path, "-") == 0;
    jsonl->lines = BKT_BUF_INIT(SIZE_MAX / 2);
    *out_self = jsonl;
    return BKT_OK;
}

static const char *name_of(const struct jsonl *jsonl)
{
    return jsonl->is_stdout ? "standard output" : jsonl->path;
}

static int fail(const struct jsonl *jsonl, const char *doing, int errnum, struct bkt_error *err)
{
    if (errnum == EPIPE)
        return bkt_error_set(err, BKT_ECLOSED, "%s %s: its reader is gone", doing, name_of(jsonl));
    char text[128] = "";
    (void)strerror_r(errnum, text, sizeof(text));
    const char *advice = "";
    if (errnum == ENOSPC || errnum == EDQUOT)
        advice = ": make room and run it again; what is there ends with a whole line";
    return bkt_error_set(err, BKT_ETARGET, "%s %s: %s%s", doing, name_of(jsonl), text, advice);
}

/* A line that a killed run left half-written goes: its change comes again. */
static int trim_half_line(const struct jsonl *jsonl, off_t size, struct bkt_error *err)
{
    char bytes[TAIL_BYTES];
    int fd = open(jsonl->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(jsonl, "read", errno, err);
    off_t end = size;
    bool is_found = false;
    int errnum = 0;
    while (end > 0 && !is_found && errnum == 0) {
        size_t want = end < TAIL_BYTES ? (size_t)end : TAIL_BYTES;
        ssize_t len = pread(fd, bytes, want, end - (off_t)want);
        if (len != (ssize_t)want) {
            errnum = len < 0 ? errno : EIO;
            break;
        }
        size_t keep = want;
        while (keep > 0 && bytes[keep - 1] != '\n')
            keep--;
        end -= (off_t)(want - keep);
        is_found = keep > 0;
    }
    (void)close(fd);
    if (errnum == 0 && end < size && ftruncate(jsonl->fd, end) != 0)
        errnum = errno;
    return errnum ? fail(jsonl, "read", errnum, err) : BKT_OK;
}

static int attach(void *self, const struct bkt_target_table *table, struct bkt_error *err)
{
    struct jsonl *jsonl = self;
    if (jsonl->fd < 0) {
        jsonl->fd = jsonl->is_stdout
                        ? STDOUT_FILENO
                        : open(jsonl->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    }
    struct stat status;
    if (jsonl->fd < 0 || fstat(jsonl->fd, &status) != 0)
        return fail(jsonl, "open", errno, err);
    jsonl->is_regular = S_ISREG(status.st_mode);
    if (!jsonl->is_regular || jsonl->is_stdout || status.st_size == 0)
        return BKT_OK;
    if (table->is_new) {
        return bkt_error_set(err, BKT_EFOREIGN,
                             "open %s: it has lines and its state is new, so nobody would know "
                             "which rows of theirs to delete: name its state file, or move it away",
                             jsonl->path);
    }
    return trim_half_line(jsonl, status.st_size, err);
}

/* Where the next write goes; with O_APPEND that is the end. */
static int begin(void *self, struct bkt_error *err)
{
    struct jsonl *jsonl = self;
    bkt_buf_reset(&jsonl->lines);
    if (!jsonl->is_regular)
        return BKT_OK;
    bool is_appended = (fcntl(jsonl->fd, F_GETFL) & O_APPEND) != 0;
    jsonl->batch_start = lseek(jsonl->fd, 0, is_appended ? SEEK_END : SEEK_CUR);
    return jsonl->batch_start < 0 ? fail(jsonl, "write", errno, err) : BKT_OK;
}

/* write(), and 0 or what errno says.  Whether SIGPIPE is ignored is the program's to say, not ours.
 */
static int write_some(int fd, const char *bytes, size_t len, size_t *out_written)
{
    sigset_t pipe_signal;
    sigset_t before;
    sigset_t pending;
    (void)sigemptyset(&pipe_signal);
    (void)sigaddset(&pipe_signal, SIGPIPE);
    (void)sigpending(&pending);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    ssize_t written = write(fd, bytes, len);
    int errnum = written < 0 ? errno : 0;
    if (errnum == EPIPE && !sigismember(&pending, SIGPIPE)) {
        struct timespec now = {0};
        (void)sigtimedwait(&pipe_signal, NULL, &now);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    *out_written = written < 0 ? 0 : (size_t)written;
    return errnum;
}

static int write_lines(struct jsonl *jsonl, struct bkt_error *err)
{
    size_t at = 0;
    while (at < jsonl->lines.len) {
        size_t written;
        int errnum = write_some(jsonl->fd, jsonl->lines.ptr + at, jsonl->lines.len - at, &written);
        at += written;
        if (errnum == EAGAIN) {
            struct pollfd wait = {.fd = jsonl->fd, .events = POLLOUT};
            (void)poll(&wait, 1, -1);
        } else if (errnum != 0 && errnum != EINTR) {
            return fail(jsonl, "write", errnum, err);
        }
    }
    bkt_buf_reset(&jsonl->lines);
    return BKT_OK;
}

static int append_column(struct bkt_buf *lines, const struct bkt_value *column)
{
    int rc = bkt_buf_append_char(lines, ',');
    struct bkt_str text = {column->text, column->len};
    if (rc == BKT_OK && column->kind == BKT_VALUE_TEXT)
        return bkt_json_append_field(lines, column->name, text);
    if (column->kind == BKT_VALUE_NULL)
        text = BKT_STR("null");
    if (rc == BKT_OK)
        rc = bkt_buf_printf(lines, "\"%s\":", column->name);
    return rc ? rc : bkt_buf_append(lines, text);
}

static int write_when_full(struct jsonl *jsonl, struct bkt_error *err)
{
    return jsonl->lines.len < WRITE_BYTES ? BKT_OK : write_lines(jsonl, err);
}

static int fail_to_append(const struct jsonl *jsonl, int rc, struct bkt_error *err)
{
    return rc ? bkt_error_set(err, rc, "write %s: %s", name_of(jsonl), bkt_error_text(rc)) : rc;
}

static int append_start(struct bkt_buf *lines, const struct bkt_row *row, bool is_text)
{
    bool is_upsert = row->op == BKT_ROW_UPSERT;
    int rc = bkt_buf_append(lines, is_upsert ? BKT_STR("{\"op\":\"upsert\",")
                                             : BKT_STR("{\"op\":\"delete\","));
    if (rc == BKT_OK)
        rc = bkt_json_append_field(lines, "filename", (struct bkt_str){row->key, row->key_len});
    if (rc == BKT_OK && is_upsert) {
        rc = bkt_buf_append(lines, is_text ? BKT_STR(",\"content\":\"")
                                           : BKT_STR(",\"content_base64\":\""));
    }
    return rc;
}

/* Written piece by piece, so that a large content is in memory once. */
static int append_content(struct jsonl *jsonl,
                          struct bkt_str content,
                          bool is_text,
                          struct bkt_error *err)
{
    int rc = BKT_OK;
    for (size_t at = 0; at < content.len && rc == BKT_OK; at += PIECE_BYTES) {
        size_t left = content.len - at;
        struct bkt_str piece = {content.ptr + at, left < PIECE_BYTES ? left : PIECE_BYTES};
        rc = is_text ? bkt_json_append_text_piece(&jsonl->lines, piece)
                     : bkt_json_append_base64_piece(&jsonl->lines, piece);
        rc = rc ? fail_to_append(jsonl, rc, err) : write_when_full(jsonl, err);
    }
    return rc ? rc : fail_to_append(jsonl, bkt_buf_append_char(&jsonl->lines, '"'), err);
}

static int append_end(struct bkt_buf *lines, const struct bkt_row *row)
{
    int rc = BKT_OK;
    for (size_t i = 0; i < row->column_count && rc == BKT_OK; i++)
        rc = append_column(lines, &row->columns[i]);
    return rc ? rc : bkt_buf_append(lines, BKT_STR("}\n"));
}

static int apply(void *self, const struct bkt_row *row, struct bkt_error *err)
{
    struct jsonl *jsonl = self;
    struct bkt_str content = {row->content, row->content_len};
    bool is_text = !row->content_is_bytes && bkt_utf8_valid_len(content) == content.len;
    int rc = fail_to_append(jsonl, append_start(&jsonl->lines, row, is_text), err);
    if (rc == BKT_OK && row->op == BKT_ROW_UPSERT)
        rc = append_content(jsonl, content, is_text, err);
    if (rc == BKT_OK)
        rc = fail_to_append(jsonl, append_end(&jsonl->lines, row), err);
    return rc ? rc : write_when_full(jsonl, err);
}

static int commit(void *self, struct bkt_error *err)
{
    struct jsonl *jsonl = self;
    int rc = write_lines(jsonl, err);
    if (rc == BKT_OK && jsonl->is_regular && fdatasync(jsonl->fd) != 0)
        rc = fail(jsonl, "write", errno, err);
    return rc;
}

static void rollback(void *self)
{
    struct jsonl *jsonl = self;
    bkt_buf_reset(&jsonl->lines);
    if (jsonl->is_regular && ftruncate(jsonl->fd, jsonl->batch_start) == 0)
        (void)lseek(jsonl->fd, jsonl->batch_start, SEEK_SET);
}

static void jsonl_free(void *self)
{
    struct jsonl *jsonl = self;
    if (!jsonl)
        return;
    if (jsonl->fd >= 0 && !jsonl->is_stdout)
        (void)close(jsonl->fd);
    bkt_buf_clear(&jsonl->lines);
    bkt_mem_free(jsonl->path);
    bkt_mem_free(jsonl);
}

const struct bkt_target_ops bkt_jsonl_ops = {
    .size = sizeof(bkt_jsonl_ops),
    .name = "jsonl",
    .attach = attach,
    .begin = begin,
    .apply = apply,
    .commit = commit,
    .rollback = rollback,
    .free = jsonl_free,
};
