/* libm is at hand everywhere, and no test program is linked with what it asks for here. */
#include "core/load.h"

#include "t.h"

#include <string.h>

static const char *const absolute[] = {"fabs", "ceil"};
static const char *const unknown[] = {"fabs", "bkt_no_such_function"};

static struct bkt_load load_of(const char *file, const char *const *names)
{
    return (struct bkt_load){
        .file = file, .purpose = "tests", .package = "libtest1", .names = names, .count = 2};
}

static void functions_can_be_called(void **state)
{
    (void)state;
    struct bkt_load load = load_of("libm.so.6", absolute);
    struct {
        double (*fabs)(double);
        double (*ceil)(double);
    } math = {0};
    struct bkt_error err;

    assert_int_equal(bkt_load(&load, &math, &err), BKT_OK);
    assert_true(math.fabs(-2.5) == 2.5);
    assert_true(math.ceil(2.5) == 3);
    assert_int_equal(bkt_load(&load, &math, &err), BKT_OK);
}

static void missing_library_is_named(void **state)
{
    (void)state;
    struct bkt_load load = load_of("libbkt-is-not-there.so.7", absolute);
    void *pointers[2] = {0};
    struct bkt_error err;

    assert_int_equal(bkt_load(&load, pointers, &err), BKT_ECONFIG);
    assert_non_null(strstr(err.message, "libbkt-is-not-there.so.7 is needed for tests"));
    assert_non_null(strstr(err.message, "as libtest1 on Debian"));
    assert_null(pointers[0]);
}

static void missing_function_is_named(void **state)
{
    (void)state;
    struct bkt_load load = load_of("libm.so.6", unknown);
    void *pointers[2] = {0};
    struct bkt_error err;

    assert_int_equal(bkt_load(&load, pointers, &err), BKT_ECONFIG);
    assert_non_null(strstr(err.message, "has no bkt_no_such_function"));
    /* The next call looks again. */
    assert_int_equal(bkt_load(&load, pointers, &err), BKT_ECONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_can_be_called),
        cmocka_unit_test(missing_library_is_named),
        cmocka_unit_test(missing_function_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
