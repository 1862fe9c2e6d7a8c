/* The merge against ten obvious lines, on random pages and states, walked in pieces of any size. */
#include "table/merge.h"

#include "core/time.h"

#include "t.h"
#include "t_target.h"

enum { CASES = 20000, LETTERS = 12 };

static uint64_t random_state = 3;

static unsigned random_below(unsigned limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((random_state >> 33) % limit);
}

/* Twelve keys "a" to "l"; what becomes of each. */
static const char *const names[LETTERS] = {"a", "b", "c", "d", "e", "f",
                                           "g", "h", "i", "j", "k", "l"};

struct world {
    struct bkt_object objects[LETTERS];
    bool is_listed[LETTERS];
    struct t_target target;
    struct bkt_page page;
    struct bkt_object on_page[LETTERS];
};

static const char *const etags[] = {"e1", "e2", ""};

/* The first two are one. */
static const char *const classes[] = {"", "STANDARD", "GLACIER_IR"};

static void make_world(struct world *world)
{
    *world = (struct world){.page.objects = world->on_page};
    for (unsigned i = 0; i < LETTERS; i++) {
        world->is_listed[i] = random_below(2);
        world->objects[i] =
            (struct bkt_object){.key = bkt_str_from(names[i]),
                                .etag = bkt_str_from(etags[random_below(3)]),
                                .size = random_below(4),
                                .storage_class = bkt_str_from(classes[random_below(3)]),
                                .last_modified_ms = BKT_TIME_NONE};
        if (world->is_listed[i])
            world->on_page[world->page.object_count++] = world->objects[i];
        if (random_below(3) == 0)
            continue;
        struct t_row *row = t_find_or_add(&world->target, bkt_str_from(names[i]));
        static const unsigned flags[] = {0,
                                         BKT_STATE_ROW,
                                         BKT_STATE_ROW,
                                         BKT_STATE_FAILED,
                                         BKT_STATE_ROW | BKT_STATE_FAILED,
                                         BKT_STATE_FAILED | BKT_STATE_FAILED_CONTENT};
        row->flags = flags[random_below(T_COUNT(flags))];
        if (row->flags & BKT_STATE_ROW)
            row->flags |= bkt_class_mark(bkt_str_from(classes[random_below(3)]));
        row->revision = random_below(4);
        row->size = random_below(4);
        row->decode = random_below(5) != 0;
        t_copy(row->etag, bkt_str_from(etags[random_below(3)]));
        t_copy(row->failed_etag, bkt_str_from(etags[random_below(3)]));
    }
}

static bool decode_is_current(const void *ctx, const struct bkt_state_row *row)
{
    (void)ctx;
    return row->decode != 0;
}

enum { NOTHING = -1 };

/* What is to be said of a key. */
static int expected(const struct world *world,
                    const struct bkt_filter *filter,
                    const struct t_row *row,
                    unsigned i,
                    uint64_t read_at,
                    bool shows_class)
{
    const struct bkt_object *object = &world->objects[i];
    bool is_row =
        world->is_listed[i] && bkt_filter_matches(filter, object->key, object->size, NULL);
    bool has_row = row && (row->flags & BKT_STATE_ROW);
    bool has_failed = row && (row->flags & BKT_STATE_FAILED);
    if (!is_row && (has_row || has_failed))
        return row->revision <= read_at ? BKT_DIFFERENCE_ABSENT : BKT_DIFFERENCE_UNCERTAIN;
    if (!is_row)
        return NOTHING;
    if (row && (row->flags & BKT_STATE_FAILED_CONTENT) && row->decode && object->etag.len > 0 &&
        bkt_str_eq(object->etag, bkt_str_from(row->failed_etag)))
        return BKT_DIFFERENCE_FAILED;
    /* Times are of no use here: the state has none. */
    bool is_same = has_row && !has_failed && row->decode && object->size == row->size &&
                   object->etag.len > 0 && bkt_str_eq(object->etag, bkt_str_from(row->etag));
    if (shows_class && is_same)
        is_same = (row->flags & BKT_STATE_CLASS) == bkt_class_mark(object->storage_class);
    return is_same ? BKT_DIFFERENCE_NONE : BKT_DIFFERENCE_READ;
}

struct told {
    int of[LETTERS];
    unsigned times[LETTERS];
    bool has_object[LETTERS];
    bool has_row[LETTERS];
    int last;
};

static int on_difference(void *ctx,
                         enum bkt_difference difference,
                         const struct bkt_object *object,
                         const struct bkt_state_row *row,
                         struct bkt_error *err)
{
    struct told *told = ctx;
    (void)err;
    int i = (object ? object->key.ptr[0] : row->key.ptr[0]) - 'a';
    assert_true(i > told->last);
    told->last = i;
    told->of[i] = (int)difference;
    told->times[i]++;
    told->has_object[i] = object != NULL;
    told->has_row[i] = row != NULL;
    return BKT_OK;
}

static void it_says_what_is_obvious(void **state)
{
    (void)state;
    static const struct bkt_str excluded[] = {{"c", 1}, {"k", 1}};
    struct bkt_filter *filter;
    assert_int_equal(bkt_filter_new(&(struct bkt_filter_spec){.excluded = excluded,
                                                              .excluded_count = 2,
                                                              .max_file_size = 2},
                                    &filter, NULL),
                     BKT_OK);
    static struct world world;
    for (unsigned n = 0; n < CASES; n++) {
        make_world(&world);
        uint64_t read_at = random_below(4);
        size_t limit = 1 + random_below(4);
        struct bkt_table_target target = {&t_target_ops, &world.target};
        bool shows_class = random_below(2);
        struct bkt_merge_rules rules = {.filter = filter,
                                        .columns = shows_class ? BKT_COLUMN_STORAGE_CLASS : 0,
                                        .decode_is_current = decode_is_current};
        struct bkt_merge merge = {.covered.read_at = read_at};
        struct bkt_merge_counts counts = {0};
        struct told told = {.last = -1};
        bkt_merge_begin(&merge, &world.page);
        unsigned runs = 0;
        for (; !merge.is_done; runs++)
            assert_int_equal(
                bkt_merge_run(&merge, &rules, &target, limit, &counts, on_difference, &told, NULL),
                BKT_OK);
        assert_true(runs <= world.target.count / limit + 1);
        uint64_t matched = 0;
        for (unsigned i = 0; i < LETTERS; i++) {
            const struct t_row *row = t_find(&world.target, bkt_str_from(names[i]));
            int want = expected(&world, filter, row, i, read_at, shows_class);
            if (told.times[i] != (want != NOTHING) || (want != NOTHING && told.of[i] != want))
                fail_msg("case %u, key %s: %d, %u times, instead of %d", n, names[i], told.of[i],
                         told.times[i], want);
            matched += world.is_listed[i] && bkt_filter_matches(filter, world.objects[i].key,
                                                                world.objects[i].size, NULL);
            if (want == BKT_DIFFERENCE_READ) {
                assert_true(told.has_object[i]);
                assert_int_equal(told.has_row[i], row != NULL);
            }
        }
        assert_int_equal(counts.listed, world.page.object_count);
        assert_int_equal(counts.matched, matched);
        bkt_merge_clear(&merge);
    }
    bkt_filter_free(filter);
    assert_int_equal(bkt_mem_live(), 0);
}

static void only_the_covered_stretch_is_looked_at(void **state)
{
    (void)state;
    struct bkt_filter *filter;
    assert_int_equal(bkt_filter_new(&(struct bkt_filter_spec){.max_file_size = 9}, &filter, NULL),
                     BKT_OK);
    static struct t_target rows;
    rows = (struct t_target){.count = 0};
    for (unsigned i = 0; i < 6; i++)
        t_find_or_add(&rows, bkt_str_from(names[i]))->flags = BKT_STATE_ROW;
    struct bkt_table_target target = {&t_target_ops, &rows};
    struct bkt_merge_rules rules = {.filter = filter, .decode_is_current = decode_is_current};
    struct bkt_merge merge = {
        .covered.span = {.after = BKT_STR("b"), .up_to = BKT_STR("d"), .has_up_to = true}};
    struct bkt_merge_counts counts = {0};
    struct told told = {.last = -1};
    bkt_merge_begin(&merge, NULL);
    while (!merge.is_done)
        assert_int_equal(
            bkt_merge_run(&merge, &rules, &target, 1, &counts, on_difference, &told, NULL), BKT_OK);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(told.times[i], i == 2 || i == 3);
    bkt_merge_clear(&merge);
    bkt_filter_free(filter);
}

/* The guard under all pruning: a stretch that nobody listed proves nothing of what could be a row.
 */
static void a_gap_with_a_possible_row_is_an_error(void **state)
{
    (void)state;
    struct bkt_filter *filter;
    assert_int_equal(bkt_filter_new(&(struct bkt_filter_spec){.max_file_size = 9}, &filter, NULL),
                     BKT_OK);
    static struct t_target rows;
    rows = (struct t_target){.count = 0};
    t_find_or_add(&rows, BKT_STR("a"))->flags = BKT_STATE_ROW;
    struct bkt_table_target target = {&t_target_ops, &rows};
    struct bkt_merge_rules rules = {.filter = filter, .decode_is_current = decode_is_current};
    struct bkt_merge merge = {.covered.is_gap = true};
    struct bkt_merge_counts counts = {0};
    struct told told = {.last = -1};
    bkt_merge_begin(&merge, NULL);
    assert_int_equal(bkt_merge_run(&merge, &rules, &target, 9, &counts, on_difference, &told, NULL),
                     BKT_EUNSUPPORTED);
    assert_int_equal(told.times[0], 0);
    bkt_merge_clear(&merge);
    bkt_filter_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_is_obvious),
        cmocka_unit_test(only_the_covered_stretch_is_looked_at),
        cmocka_unit_test(a_gap_with_a_possible_row_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
