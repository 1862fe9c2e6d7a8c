/*
 * How fast one bucket is listed in parallel, in virtual time: the real lister against computed keys
 * and pages that take 50 ms, give or take half.  No socket, no sleep, and the same figures
 * anywhere.
 *
 *   bench_listing [KEYS [SLOTS [SEED]]]
 *
 * For each shape of keys: how many times faster than one chain, and requests over the least
 * possible number.  first: of a bucket never seen.  again: with the boundaries that the first
 * listing left.  grown: the same boundaries, and one key in fifty is new.
 * Then the requests of a listing of which patterns leave little.
 */
#include "fake/s3_stub/keys.h"
#include "table/boundaries.h"
#include "table/lister.h"

#include <bucketable/error.h>

#include <stdio.h>
#include <stdlib.h>

enum { PAGE_KEYS = 1000, PAGE_US = 50000, JITTER_PERCENT = 50, SLOTS_MAX = 256 };

/* A page under way. */
struct flight {
    bool is_used;
    uint64_t done_us;
    size_t chain;
    uint64_t first; /* number of its first key */
    struct bkt_str prefix;
};

struct world {
    struct stub_keys keys;
    bool has_docs; /* the keys of put_docs_key() instead */
    size_t slots;
    uint64_t random;
    uint64_t now_us;
    struct flight flights[SLOTS_MAX];
    uint64_t requests;
    uint64_t covered;
    struct bkt_boundaries boundaries;
    char texts[PAGE_KEYS][STUB_KEY_BYTES_MAX];
    struct bkt_object objects[PAGE_KEYS];
};

static void die(const char *what, const struct bkt_error *err)
{
    (void)fprintf(stderr, "bench_listing: %s: %s\n", what, err ? err->message : "");
    exit(1);
}

/* One in a hundred is a page of 2024; half of the rest sorts before it. */
static size_t put_docs_key(uint64_t i, uint64_t count, char out[STUB_KEY_BYTES_MAX])
{
    uint64_t first = count / 2;
    uint64_t end = first + count / 100;
    const char *format = i < first ? "data/%010llu.bin" : "logs/%010llu.log";
    if (i >= first && i < end)
        format = "docs/2024/%010llu/page.md";
    return (size_t)snprintf(out, STUB_KEY_BYTES_MAX, format, (unsigned long long)i);
}

static size_t put_key(const struct world *world, uint64_t i, char out[STUB_KEY_BYTES_MAX])
{
    if (world->has_docs)
        return put_docs_key(i, world->keys.count, out);
    return stub_keys_at(&world->keys, i, out);
}

/* The first key that is above `key`, or not below it. */
static uint64_t seek(const struct world *world, struct bkt_str key, bool above)
{
    uint64_t low = 0;
    uint64_t high = world->keys.count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        char text[STUB_KEY_BYTES_MAX];
        struct bkt_str at = {text, put_key(world, middle, text)};
        int order = bkt_str_cmp(at, key);
        if (order < 0 || (above && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The first key of the page that is asked for.  Tokens are the page before's last key. */
static uint64_t where(const struct world *world, const struct bkt_list_request *request)
{
    struct bkt_str after = request->token.len > 0 ? request->token : request->start_after;
    return after.len > 0 ? seek(world, after, true) : seek(world, request->prefix, false);
}

static void ask(struct world *world, const struct bkt_list_request *request)
{
    size_t slot = 0;
    while (world->flights[slot].is_used)
        slot++;
    world->random = stub_mix(world->random);
    uint64_t spread = (uint64_t)PAGE_US * JITTER_PERCENT / 100;
    world->flights[slot] = (struct flight){
        .is_used = true,
        .done_us = world->now_us + PAGE_US - spread + world->random % (2 * spread + 1),
        .chain = request->chain,
        .first = where(world, request),
        .prefix = request->prefix,
    };
    world->requests++;
}

static void answer(struct world *world, struct bkt_lister *lister, struct flight *flight)
{
    struct bkt_page page = {.objects = world->objects};
    for (uint64_t i = flight->first; i < world->keys.count; i++) {
        char text[STUB_KEY_BYTES_MAX];
        struct bkt_str key = {text, put_key(world, i, text)};
        if (!bkt_str_has_prefix(key, flight->prefix))
            break;
        if (page.object_count == PAGE_KEYS) {
            page.is_truncated = true;
            page.next_token = world->objects[PAGE_KEYS - 1].key;
            break;
        }
        char *kept = world->texts[page.object_count];
        memcpy(kept, text, key.len);
        world->objects[page.object_count++].key = (struct bkt_str){kept, key.len};
    }
    struct bkt_arena arena = {0};
    struct bkt_covered covered;
    struct bkt_error err = {.code = BKT_OK};
    if (bkt_lister_page(lister, flight->chain, &page, &arena, &covered, &err) != BKT_OK)
        die("a page was refused", &err);
    size_t end = page.object_count - covered.drop;
    world->covered += end - covered.skip;
    if (end > covered.skip &&
        bkt_boundaries_add(&world->boundaries, page.objects[end - 1].key, end - covered.skip))
        die("no memory", NULL);
    bkt_arena_clear(&arena);
    flight->is_used = false;
}

static struct flight *earliest(struct world *world)
{
    struct flight *best = NULL;
    for (size_t i = 0; i < world->slots; i++) {
        struct flight *flight = &world->flights[i];
        if (flight->is_used && (!best || flight->done_us < best->done_us))
            best = flight;
    }
    return best;
}

static void list(struct world *world, struct bkt_lister *lister)
{
    world->now_us = 0;
    world->requests = 0;
    world->covered = 0;
    size_t flying = 0;
    for (;;) {
        struct bkt_list_request request;
        while (flying < world->slots && bkt_lister_next(lister, 0, &request)) {
            ask(world, &request);
            flying++;
        }
        struct flight *flight = earliest(world);
        if (!flight)
            break;
        world->now_us = flight->done_us;
        answer(world, lister, flight);
        flying--;
    }
}

static struct bkt_filter *new_filter(const char *included, const char *excluded)
{
    struct bkt_str in = bkt_str_from(included);
    struct bkt_str out = bkt_str_from(excluded);
    struct bkt_filter_spec spec = {
        .included = &in,
        .included_count = included != NULL,
        .excluded = &out,
        .excluded_count = excluded != NULL,
        .max_file_size = UINT64_MAX,
    };
    struct bkt_filter *filter;
    struct bkt_error err = {.code = BKT_OK};
    if (bkt_filter_new(&spec, &filter, &err) != BKT_OK)
        die("no filter", &err);
    return filter;
}

/* List all that `filter` asks for, in ranges that end at `boundaries` if there are any. */
static void run(struct world *world, const struct bkt_filter *filter, struct bkt_str boundaries)
{
    struct bkt_lister *lister;
    struct bkt_error err = {.code = BKT_OK};
    struct bkt_arena arena = {0};
    const struct bkt_str *keys;
    size_t count;
    if (bkt_lister_new(filter, "bench", &lister, &err) != BKT_OK)
        die("no lister", &err);
    struct bkt_covered gap;
    while (bkt_lister_next_gap(lister, 0, &gap)) {
    }
    bkt_lister_set_slots(lister, world->slots);
    if (bkt_boundaries_read(boundaries, &arena, &keys, &count) != BKT_OK ||
        bkt_lister_cut(lister, keys, count) != BKT_OK)
        die("no memory", NULL);
    list(world, lister);
    bkt_lister_free(lister);
    bkt_arena_clear(&arena);
}

static void report(const struct world *world, const char *shape, const char *what)
{
    if (world->covered != world->keys.count)
        die("not every key was listed", NULL);
    double pages = (double)((world->keys.count + PAGE_KEYS - 1) / PAGE_KEYS);
    (void)printf("%s_%s_speedup %.2f\n%s_%s_requests %.3f\n", shape, what,
                 pages * PAGE_US / (double)world->now_us, shape, what,
                 (double)world->requests / pages);
}

static void set_keys(struct world *world, const char *shape_name, uint64_t count, uint64_t seed)
{
    enum stub_shape shape;
    if (!stub_shape_parse(shape_name, &shape))
        die("no such shape", NULL);
    stub_keys_clear(&world->keys);
    stub_keys_init(&world->keys, shape, count, seed);
}

static void measure_shape(struct world *world, const char *shape, uint64_t count, uint64_t seed)
{
    struct bkt_filter *filter = new_filter(NULL, NULL);
    struct bkt_buf boundaries = BKT_BUF_INIT(1 << 20);
    world->random = seed;
    set_keys(world, shape, count, seed);
    run(world, filter, bkt_buf_str(&boundaries));
    report(world, shape, "first");
    if (bkt_boundaries_write(&world->boundaries, &boundaries) != BKT_OK)
        die("no memory", NULL);
    run(world, filter, bkt_buf_str(&boundaries));
    report(world, shape, "again");
    set_keys(world, shape, count + count / 50, seed);
    run(world, filter, bkt_buf_str(&boundaries));
    report(world, shape, "grown");
    bkt_boundaries_clear(&world->boundaries);
    bkt_buf_clear(&boundaries);
    bkt_filter_free(filter);
}

static void measure_patterns(struct world *world, uint64_t count, uint64_t seed)
{
    struct bkt_filter *one_percent = new_filter("docs/2024/**/*.md", NULL);
    struct bkt_filter *all_but_deep = new_filter(NULL, "m/**");
    set_keys(world, "deep", count, seed);
    run(world, all_but_deep, BKT_STR(""));
    (void)printf("excluded_directory_list_requests %llu\n", (unsigned long long)world->requests);
    struct bkt_buf boundaries = BKT_BUF_INIT(1 << 20);
    if (bkt_boundaries_write(&world->boundaries, &boundaries) != BKT_OK)
        die("no memory", NULL);
    run(world, all_but_deep, bkt_buf_str(&boundaries));
    (void)printf("excluded_directory_again_list_requests %llu\n",
                 (unsigned long long)world->requests);
    bkt_buf_clear(&boundaries);
    world->has_docs = true;
    run(world, one_percent, BKT_STR(""));
    (void)printf("included_percent_list_requests %llu\n", (unsigned long long)world->requests);
    bkt_boundaries_clear(&world->boundaries);
    bkt_filter_free(one_percent);
    bkt_filter_free(all_but_deep);
}

int main(int argc, char **argv)
{
    static const char *const shapes[] = {"hex", "dates", "deep", "isots", "zipf"};
    static struct world world;
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    world.slots = argc > 2 ? strtoul(argv[2], NULL, 10) : 16;
    if (count < 1000 || world.slots == 0 || world.slots > SLOTS_MAX)
        die("KEYS from 1000, SLOTS from 1 to 256", NULL);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        measure_shape(&world, shapes[i], count, seed);
    measure_patterns(&world, count, seed);
    stub_keys_clear(&world.keys);
    return 0;
}
