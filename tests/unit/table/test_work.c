/* The entries against a model: a plain array of keys, each with its stage. */
#include "table/work.h"

#include "t.h"

enum { KEYS = 300, STEPS = 20000 };

static uint64_t random_state = 7;

static unsigned random_below(unsigned limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((random_state >> 33) % limit);
}

static struct bkt_str key_of(unsigned number, char out[16])
{
    size_t len = 0;
    do
        out[len++] = (char)('a' + number % 3);
    while ((number /= 3) > 0);
    return (struct bkt_str){out, len};
}

static void the_map_is_the_model(void **state)
{
    (void)state;
    struct bkt_work work;
    int stages[KEYS]; /* -1: no entry */
    bkt_work_init(&work, 42);
    for (unsigned i = 0; i < KEYS; i++)
        stages[i] = -1;
    for (unsigned step = 0; step < STEPS; step++) {
        char text[16];
        unsigned number = random_below(KEYS);
        struct bkt_str key = key_of(number, text);
        struct bkt_work_item *item = bkt_work_find(&work, key);
        assert_int_equal(item != NULL, stages[number] >= 0);
        if (!item) {
            assert_int_equal(bkt_work_add(&work, key, &item), BKT_OK);
            stages[number] = BKT_WORK_QUEUED;
        } else if (random_below(3) == 0) {
            bkt_work_remove(&work, item);
            stages[number] = -1;
            continue;
        } else {
            stages[number] = (int)random_below(BKT_WORK_STAGE_COUNT);
            if (random_below(2))
                bkt_work_move(&work, item, (enum bkt_work_stage)stages[number]);
            else
                bkt_work_move_first(&work, item, (enum bkt_work_stage)stages[number]);
        }
        assert_int_equal(item->stage, stages[number]);
    }
    size_t counts[BKT_WORK_STAGE_COUNT] = {0};
    size_t total = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        char text[16];
        struct bkt_work_item *item = bkt_work_find(&work, key_of(i, text));
        assert_int_equal(item ? (int)item->stage : -1, stages[i]);
        if (item) {
            counts[item->stage]++;
            total++;
        }
    }
    assert_int_equal(work.count, total);
    for (int i = 0; i < BKT_WORK_STAGE_COUNT; i++)
        assert_int_equal(work.queues[i].count, counts[i]);
    bkt_work_clear(&work);
    assert_int_equal(bkt_mem_live(), 0);
}

static void a_stage_is_a_queue(void **state)
{
    (void)state;
    struct bkt_work work;
    struct bkt_work_item *items[3];
    bkt_work_init(&work, 1);
    assert_int_equal(bkt_work_add(&work, BKT_STR("a"), &items[0]), BKT_OK);
    assert_int_equal(bkt_work_add(&work, BKT_STR("b"), &items[1]), BKT_OK);
    assert_int_equal(bkt_work_add(&work, BKT_STR("c"), &items[2]), BKT_OK);
    assert_ptr_equal(work.queues[BKT_WORK_QUEUED].oldest, items[0]);
    bkt_work_move(&work, items[0], BKT_WORK_QUEUED);
    assert_ptr_equal(work.queues[BKT_WORK_QUEUED].oldest, items[1]);
    assert_ptr_equal(work.queues[BKT_WORK_QUEUED].newest, items[0]);
    bkt_work_move_first(&work, items[2], BKT_WORK_QUEUED);
    assert_ptr_equal(work.queues[BKT_WORK_QUEUED].oldest, items[2]);
    assert_ptr_equal(items[2]->newer, items[1]);
    assert_ptr_equal(items[1]->older, items[2]);
    bkt_work_move_first(&work, items[1], BKT_WORK_READ);
    assert_ptr_equal(work.queues[BKT_WORK_READ].newest, items[1]);
    bkt_work_clear(&work);
}

static void an_etag_is_replaced_and_forgotten(void **state)
{
    (void)state;
    struct bkt_work work;
    struct bkt_work_item *item;
    bkt_work_init(&work, 1);
    assert_int_equal(bkt_work_add(&work, BKT_STR("a"), &item), BKT_OK);
    assert_int_equal(bkt_work_set_etag(item, BKT_STR("e1")), BKT_OK);
    assert_int_equal(bkt_work_set_etag(item, BKT_STR("e2")), BKT_OK);
    assert_true(bkt_str_eq(item->known_etag, BKT_STR("e2")));
    assert_int_equal(bkt_work_set_etag(item, BKT_STR("")), BKT_OK);
    assert_int_equal(item->known_etag.len, 0);
    bkt_work_clear(&work);
}

static int fill(void)
{
    struct bkt_work work;
    int rc = BKT_OK;
    bkt_work_init(&work, 1);
    for (unsigned i = 0; i < 100 && rc == BKT_OK; i++) {
        char text[16];
        struct bkt_work_item *item;
        rc = bkt_work_add(&work, key_of(i, text), &item);
        if (rc == BKT_OK)
            rc = bkt_work_set_etag(item, BKT_STR("e"));
        for (unsigned n = 0; n < 3 && rc == BKT_OK; n++)
            rc = bkt_work_add_ticket(&item->tickets, &work);
    }
    bkt_work_clear(&work);
    return rc;
}

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    T_TORTURE(fill());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_map_is_the_model),
        cmocka_unit_test(a_stage_is_a_queue),
        cmocka_unit_test(an_etag_is_replaced_and_forgotten),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
