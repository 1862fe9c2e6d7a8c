/*
 * What a glob costs: nanoseconds a key over a million keys of the kind that buckets hold, for each
 * pattern and for all of them as a set; then microseconds a match for patterns made to be slow.
 * bench/peers/globset does the same with the globset crate, over the same keys.
 */
#include <bucketable/glob.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEYS = 1000000, KEY_BYTES_MAX = 96, ROUNDS = 5, HOSTILE_MATCHES = 2000 };

struct key {
    unsigned char len;
    char bytes[KEY_BYTES_MAX];
};

static const char *const patterns[] = {
    "**/*.md", "docs/**", "*.{txt,html}", "data/[0-9]*/**", "!x",
};
enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

static uint64_t random_state = 88172645463325252U;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % limit;
}

static void make_key(struct key *key)
{
    static const char *const roots[] = {"docs",   "data",  "logs",   "images",
                                        "backup", "users", "public", "raw"};
    static const char *const endings[] = {"md",  "txt",  "html", "json",
                                          "csv", "jpeg", "log",  "parquet"};
    int len = snprintf(key->bytes, sizeof(key->bytes), "%s/", roots[random_below(8)]);
    for (uint32_t depth = random_below(4); depth > 0; depth--) {
        size_t room = sizeof(key->bytes) - (size_t)len;
        if (random_below(2))
            len += snprintf(key->bytes + len, room, "%u/", random_below(3000));
        else
            len += snprintf(key->bytes + len, room, "part-%04x/", random_below(65536));
    }
    uint32_t name = random_below(UINT32_MAX);
    const char *ending = endings[random_below(8)];
    len += snprintf(key->bytes + len, sizeof(key->bytes) - (size_t)len, "%08x.%s", name, ending);
    key->len = (unsigned char)len;
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static struct bkt_glob *glob_of(const char *pattern)
{
    struct bkt_glob *glob = NULL;
    struct bkt_error err;
    if (bkt_glob_new(pattern, strlen(pattern), &glob, &err)) {
        (void)fprintf(stderr, "%s: %s\n", pattern, err.message);
        exit(EXIT_FAILURE);
    }
    return glob;
}

/* The best of some rounds, which other work on the machine disturbs least. */
static void measure(const char *name,
                    const struct bkt_glob_set *set,
                    const struct bkt_glob *glob,
                    const struct key *keys)
{
    double best = 0;
    size_t matches = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        matches = 0;
        for (size_t i = 0; i < KEYS; i++) {
            matches += set ? bkt_glob_set_matches(set, keys[i].bytes, keys[i].len)
                           : bkt_glob_matches(glob, keys[i].bytes, keys[i].len);
        }
        double spent = now_ns() - start;
        if (round == 0 || spent < best)
            best = spent;
    }
    printf("%-16s %8.1f ns per key, %zu match\n", name, best / KEYS, matches);
}

static void measure_hostile(const char *unit, size_t count, const char *end)
{
    char pattern[256] = "";
    char path[1024];
    memset(path, 'a', sizeof(path));
    for (size_t i = 0; i < count; i++)
        memcpy(pattern + i * strlen(unit), unit, strlen(unit) + 1);
    memcpy(pattern + count * strlen(unit), end, strlen(end) + 1);

    struct bkt_glob *glob = glob_of(pattern);
    size_t matches = 0;
    double start = now_ns();
    for (int i = 0; i < HOSTILE_MATCHES; i++)
        matches += bkt_glob_matches(glob, path, sizeof(path));
    double spent = now_ns() - start;
    printf("%-8s x %-2zu %-4s %8.2f us per match, %zu match\n", unit, count, end,
           spent / HOSTILE_MATCHES / 1e3, matches);
    bkt_glob_free(glob);
}

int main(void)
{
    struct key *keys = calloc(KEYS, sizeof(*keys));
    struct bkt_glob_set *set = NULL;
    if (!keys || bkt_glob_set_new(&set, NULL)) {
        free(keys);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < KEYS; i++)
        make_key(&keys[i]);

    int rc = BKT_OK;
    for (size_t i = 0; i < PATTERNS && rc == BKT_OK; i++)
        rc = bkt_glob_set_add(set, patterns[i], strlen(patterns[i]), NULL);
    if (rc == BKT_OK)
        measure("set", set, NULL, keys);
    for (size_t i = 0; i < PATTERNS; i++) {
        struct bkt_glob *glob = glob_of(patterns[i]);
        measure(patterns[i], NULL, glob, keys);
        bkt_glob_free(glob);
    }
    measure_hostile("*a", 7, "*b");
    measure_hostile("{a,aa}", 30, "");
    measure_hostile("{*a,a*}", 12, "");
    measure_hostile("{*a,a*}", 12, "[bc]");
    measure_hostile("a/**/", 12, "");

    bkt_glob_set_free(set);
    free(keys);
    return rc == BKT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
