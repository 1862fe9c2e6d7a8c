/* Redis URLs as people write them, and those that are none. */
#include "events/redis_url.h"

#include "t_events.h"

static void urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool is_tls, is_unix;
        const char *host;
        unsigned port, database;
        const char *user, *password, *place;
    } cases[] = {
        {"redis://h", false, false, "h", 6379, 0, "", "", "redis://h:6379/0"},
        {"redis://", false, false, "localhost", 6379, 0, "", "", "redis://localhost:6379/0"},
        {"redis://h/", false, false, "h", 6379, 0, "", "", "redis://h:6379/0"},
        {"redis://h:7000/5", false, false, "h", 7000, 5, "", "", "redis://h:7000/5"},
        {"redis://h?db=5", false, false, "h", 6379, 5, "", "", "redis://h:6379/5"},
        {"rediss://h:1", true, false, "h", 1, 0, "", "", "rediss://h:1/0"},
        {"redis://:pw@h", false, false, "h", 6379, 0, "", "pw", "redis://h:6379/0"},
        {"redis://pw@h", false, false, "h", 6379, 0, "", "pw", "redis://h:6379/0"},
        {"redis://app:p%40s%3As%25@h", false, false, "h", 6379, 0, "app", "p@s:s%",
         "redis://h:6379/0"},
        {"redis://app:a+b@c@h", false, false, "h", 6379, 0, "app", "a+b@c", "redis://h:6379/0"},
        {"redis://[::1]:7", false, false, "::1", 7, 0, "", "", "redis://::1:7/0"},
        {"redis://[::1]", false, false, "::1", 6379, 0, "", "", "redis://::1:6379/0"},
        {"unix:///run/r.sock", false, true, "/run/r.sock", 6379, 0, "", "", "unix:///run/r.sock"},
        {"unix://u:p@/run/a%20b?db=3", false, true, "/run/a b", 6379, 3, "u", "p",
         "unix:///run/a b"},
        {"redis+unix:///r", false, true, "/r", 6379, 0, "", "", "unix:///r"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].url);
        struct bkt_redis_url url;
        assert_int_equal(bkt_redis_url_parse(bkt_str_from(cases[i].url), BKT_STR(""), &url, NULL),
                         BKT_OK);
        assert_int_equal(url.is_tls, cases[i].is_tls);
        assert_int_equal(url.is_unix, cases[i].is_unix);
        assert_string_equal(url.host, cases[i].host);
        assert_int_equal(url.port, cases[i].port);
        assert_int_equal(url.database, cases[i].database);
        assert_string_equal(url.user, cases[i].user);
        assert_string_equal(url.password, cases[i].password);
        assert_string_equal(url.place, cases[i].place);
    }
}

static void a_password_from_elsewhere(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *user, *password;
    } cases[] = {
        {"redis://h", "", "elsewhere"},         {"redis://app@h", "app", "elsewhere"},
        {"redis://app:@h", "app", "elsewhere"}, {"redis://:own@h", "", "own"},
        {"redis://app:own@h", "app", "own"},    {"unix://app@/r", "app", "elsewhere"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].url);
        struct bkt_redis_url url;
        struct bkt_str text = bkt_str_from(cases[i].url);
        assert_int_equal(bkt_redis_url_parse(text, BKT_STR("elsewhere"), &url, NULL), BKT_OK);
        assert_string_equal(url.user, cases[i].user);
        assert_string_equal(url.password, cases[i].password);
    }
    char password[512] = {0};
    struct bkt_redis_url url;
    memset(password, 'x', sizeof(password));
    struct bkt_str longest = {password, 511};
    struct bkt_str too_long = {password, 512};
    assert_int_equal(bkt_redis_url_parse(BKT_STR("redis://h"), longest, &url, NULL), BKT_OK);
    assert_int_equal(bkt_redis_url_parse(BKT_STR("redis://h"), too_long, &url, NULL), BKT_ECONFIG);
}

static void others_are_refused_without_telling_the_secret(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        "http://SECRET@h",
        "redis:/h",
        "redis://SECRET@h:0",
        "redis://SECRET@h:65536",
        "redis://SECRET@h:x",
        "redis://SECRET@h/x",
        "redis://SECRET@h/-1",
        "redis://SECRET@h/65536",
        "redis://SECRET@h/1/2",
        "redis://SECRET@[::1",
        "redis://SECRET@[::1]x",
        "redis://user:@h",
        "redis://SECRET%zz@h",
        "redis://SECRET%2@h",
        "redis://SECRET%00@h",
        "redis://SECRET@h h",
        "redis://SECRET@h#f",
        "redis://SECRET@h?timeout=3",
        "unix://SECRET@run/r.sock",
        "unix://SECRET@",
        "unix:///r?db=x",
    };
    for (size_t i = 0; i < T_COUNT(urls); i++) {
        print_message("# %s\n", urls[i]);
        struct bkt_redis_url url;
        struct bkt_error err;
        assert_int_equal(bkt_redis_url_parse(bkt_str_from(urls[i]), BKT_STR(""), &url, &err),
                         BKT_ECONFIG);
        assert_null(strstr(err.message, "SECRET"));
        assert_non_null(strstr(err.message, "redis_url: "));
    }
    char text[700];
    memset(text, 'x', sizeof(text));
    memcpy(text, "redis://", 8);
    struct bkt_redis_url url;
    assert_int_equal(bkt_redis_url_parse((struct bkt_str){text, 300}, BKT_STR(""), &url, NULL),
                     BKT_ECONFIG);
    text[690] = '@';
    assert_int_equal(bkt_redis_url_parse((struct bkt_str){text, 695}, BKT_STR(""), &url, NULL),
                     BKT_ECONFIG);
    memcpy(text, "unix:///", 8);
    assert_int_equal(bkt_redis_url_parse((struct bkt_str){text, 120}, BKT_STR(""), &url, NULL),
                     BKT_ECONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(a_password_from_elsewhere),
        cmocka_unit_test(others_are_refused_without_telling_the_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
