/*
 * A bucket into a target of your own: here a log of tab-separated lines, "+ KEY CONTENT" for a row
 * and "- KEY" for one that is gone, where tabs, line feeds and backslashes are \t, \n and \\:
 *
 *     cc custom_target.c $(pkg-config --cflags --libs bucketable) -o custom_target &&
 *         ./custom_target s3://my-docs/docs/ rows.tsv
 */
#include <bucketable/bucketable.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct log {
    FILE *file;
    off_t batch_start; /* where to cut the file when a batch fails */
};

static int fail(const char *doing, struct bkt_error *err)
{
    return bkt_error_set(err, BKT_ETARGET, "%s the log: %s", doing, strerror(errno));
}

static int begin(void *self, struct bkt_error *err)
{
    struct log *log = self;
    log->batch_start = ftello(log->file);
    return log->batch_start < 0 ? fail("begin to write", err) : BKT_OK;
}

static void write_escaped(FILE *file, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        const char *escape = c == '\t' ? "\\t" : c == '\n' ? "\\n" : "\\\\";
        (void)(strchr("\t\n\\", c) && c ? fputs(escape, file) : fputc(c, file));
    }
}

static int apply(void *self, const struct bkt_row *row, struct bkt_error *err)
{
    struct log *log = self;
    (void)fputs(row->op == BKT_ROW_UPSERT ? "+\t" : "-\t", log->file);
    write_escaped(log->file, row->key, row->key_len);
    if (row->op == BKT_ROW_UPSERT) {
        (void)fputc('\t', log->file);
        write_escaped(log->file, row->content, row->content_len);
    }
    (void)fputc('\n', log->file);
    return ferror(log->file) ? fail("write", err) : BKT_OK;
}

static int commit(void *self, struct bkt_error *err)
{
    struct log *log = self;
    return fflush(log->file) || fsync(fileno(log->file)) ? fail("write", err) : BKT_OK;
}

static void rollback(void *self)
{
    struct log *log = self;
    clearerr(log->file);
    if (fflush(log->file) || ftruncate(fileno(log->file), log->batch_start) ||
        fseeko(log->file, log->batch_start, SEEK_SET))
        perror("roll the log back");
}

static const struct bkt_target_ops ops = {
    .size = sizeof(ops),
    .name = "custom-target",
    .begin = begin,
    .apply = apply,
    .commit = commit,
    .rollback = rollback,
};

int main(int argc, char **argv)
{
    struct log log = {.file = argc == 3 ? fopen(argv[2], "ab") : NULL};
    if (!log.file) {
        perror("usage: custom_target s3://BUCKET/PREFIX FILE");
        return 2;
    }
    char state[4096];
    (void)snprintf(state, sizeof(state), "%s.state", argv[2]);
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_config *config = NULL;
    struct bkt_sync *sync = NULL;
    struct bkt_counts counts = {0};
    if (bkt_config_new(&config, &err) || bkt_config_source(config, argv[1], &err) ||
        bkt_config_set(config, "state", state, &err) ||
        bkt_config_set_target(config, &ops, &log, &err) ||
        bkt_sync_new(config, NULL, &sync, &err) || bkt_sync_run(sync, &counts, &err))
        (void)fprintf(stderr, "custom_target: %s\n", err.message);
    else
        (void)printf("%llu rows\n", (unsigned long long)counts.matched);
    bkt_sync_free(sync);
    bkt_config_free(config);
    return fclose(log.file) || err.code ? 1 : 0;
}
