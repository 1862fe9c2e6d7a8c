/*
 * wiped: the program, which tells of secrets that it left in memory.
 *
 *     WIPED=HEX[,HEX...] wiped COMMAND [ARGUMENT...]
 *
 * Each HEX is a secret, all of its bits turned over, so that this process holds it nowhere before
 * the program finds it where it looks. Twice it is looked for: in each block that the library gives
 * back, whose first finding ends the process with status 97 and the places in the code that gave it
 * back; and, with WIPED_AT_END set, in all memory that can be written when the command is done,
 * whoever left it there: status 98.
 */
#include "cli/cli.h"

#include <bucketable/memory.h>

#include <execinfo.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRETS_MAX = 16, SECRET_BYTES_MAX = 512, LEFT_IN_BLOCK = 97, LEFT_AT_END = 98 };

struct masked {
    unsigned char bytes[SECRET_BYTES_MAX];
    size_t len;
};

static struct masked secrets[SECRETS_MAX];
static size_t secret_count;

static bool begins_with(const unsigned char *at, const struct masked *secret)
{
    size_t i = 0;
    while (i < secret->len && (at[i] ^ secret->bytes[i]) == 0xff)
        i++;
    return i == secret->len;
}

/* The number of the first secret in there, from 1; 0: none. */
static size_t find(const unsigned char *bytes, size_t len, const unsigned char **out_at)
{
    for (size_t i = 0; i < secret_count; i++) {
        const struct masked *secret = &secrets[i];
        const unsigned char *at = bytes;
        const unsigned char *end = bytes + len;
        int first = secret->bytes[0] ^ 0xff;
        while (secret->len <= (size_t)(end - at) &&
               (at = memchr(at, first, (size_t)(end - at) - secret->len + 1)) != NULL) {
            if (begins_with(at, secret)) {
                *out_at = at;
                return i + 1;
            }
            at++;
        }
    }
    return 0;
}

static void look_at(const void *block)
{
    void *frames[24];
    const unsigned char *at;
    size_t number = find(block, malloc_usable_size((void *)(uintptr_t)block), &at);
    if (number == 0)
        return;
    (void)fprintf(stderr, "wiped: secret %zu is in a block that is given back by\n", number);
    (void)fflush(stderr);
    backtrace_symbols_fd(frames, backtrace(frames, 24), STDERR_FILENO);
    _exit(LEFT_IN_BLOCK);
}

static void *allocate(void *ctx, size_t bytes)
{
    (void)ctx;
    return calloc(1, bytes); /* what was there before is nobody's fault here */
}

static void release(void *ctx, void *block)
{
    (void)ctx;
    look_at(block);
    free(block);
}

/* It always moves, as it may. */
static void *resize(void *ctx, void *block, size_t bytes)
{
    void *moved = allocate(ctx, bytes);
    if (!moved)
        return NULL;
    size_t len = malloc_usable_size(block);
    memcpy(moved, block, len < bytes ? len : bytes);
    release(ctx, block);
    return moved;
}

static bool read_secret(const char *hex, size_t len, struct masked *out)
{
    if (len == 0 || len % 2 != 0 || len / 2 > SECRET_BYTES_MAX)
        return false;
    out->len = len / 2;
    for (size_t i = 0; i < out->len; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        out->bytes[i] = (unsigned char)byte;
    }
    return true;
}

static bool read_secrets(const char *text)
{
    while (text && *text && secret_count < SECRETS_MAX) {
        size_t len = strcspn(text, ",");
        if (!read_secret(text, len, &secrets[secret_count++]))
            return false;
        text += len + (text[len] == ',');
    }
    return secret_count > 0;
}

/* Whether one is left in what "FROM-TO rw.. NAME" names. */
static bool is_left_in(const char *line)
{
    uintptr_t from;
    uintptr_t to;
    char mode[5];
    const unsigned char *at;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, mode) != 3 || mode[0] != 'r' ||
        mode[1] != 'w')
        return false;
    const unsigned char *bytes =
        (const unsigned char *)from; /* NOLINT(performance-no-int-to-ptr) */
    size_t number = find(bytes, to - from, &at);
    if (number > 0)
        (void)fprintf(stderr, "wiped: secret %zu is left at %p in %s", number, (const void *)at,
                      line);
    return number > 0;
}

static bool is_left(void)
{
    static char lines[256][256];
    size_t count = 0;
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        return true;
    while (count < 256 && fgets(lines[count], sizeof(lines[count]), maps))
        count++;
    (void)fclose(maps);
    for (size_t i = 0; i < count; i++)
        found = is_left_in(lines[i]) || found;
    return found || count == 256;
}

int main(int argc, char **argv)
{
    static const struct bkt_allocator looking = {
        .size = sizeof(looking), .allocate = allocate, .resize = resize, .release = release};
    struct bkt_error err;
    (void)signal(SIGPIPE, SIG_IGN);
    if (!read_secrets(getenv("WIPED")) || bkt_set_allocator(&looking, &err)) {
        (void)fprintf(stderr, "usage: WIPED=HEX[,HEX...] wiped COMMAND [ARGUMENT...]\n");
        return 2;
    }
    int status = cli_run(argc, argv);
    (void)fflush(NULL);
    if (getenv("WIPED_AT_END") && is_left())
        return LEFT_AT_END;
    return status;
}
