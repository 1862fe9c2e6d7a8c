/* What --listen takes, and which Host headers a loopback address believes. */
#include "cli/listen_address.h"

#include "t.h"

#include <arpa/inet.h>
#include <string.h>

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int family; /* 0: refused */
        bool is_loopback;
    } cases[] = {
        {"127.0.0.1:9100", AF_INET, true},
        {":9100", AF_INET, true},
        {"localhost:0", AF_INET, true},
        {"127.9.8.7:65535", AF_INET, true},
        {"0.0.0.0:9100", AF_INET, false},
        {"10.0.0.1:1", AF_INET, false},
        {"[::1]:9100", AF_INET6, true},
        {"[::]:9100", AF_INET6, false},
        {"", 0, false},
        {":", 0, false},
        {"9100", 0, false},
        {":65536", 0, false},
        {":-1", 0, false},
        {":+1", 0, false},
        {": 1", 0, false},
        {":1x", 0, false},
        {"::1:9100", 0, false},
        {"[::1:9100", 0, false},
        {"host.example:1", 0, false},
        {"1.2.3:4", 0, false},
        {"[]:1", AF_INET, true},
        {"127.0.0.1 :1", 0, false},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct cli_listen_address address;
        struct bkt_error err = {.code = BKT_OK};
        int rc = cli_listen_address_parse(cases[i].text, &address, &err);
        if (rc != (cases[i].family ? BKT_OK : BKT_ECONFIG))
            fail_msg("%s: %d", cases[i].text, rc);
        if (rc == BKT_OK) {
            assert_int_equal(address.socket.ss_family, cases[i].family);
            assert_int_equal(address.is_loopback, cases[i].is_loopback);
        } else {
            assert_non_null(strstr(err.message, "127.0.0.1:9100"));
        }
    }
}

static void hosts(void **state)
{
    (void)state;
    static const char *const own[] = {"localhost", "LOCALHOST:80", "127.0.0.1:9100",
                                      "127.1.2.3", "[::1]:9100",   "[::1]"};
    static const char *const strange[] = {
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "[::2]",
        "[::1",
        "10.0.0.1",
        "127.1",
        "[127.0.0.1]",
        "0.0.0.0",
        "::1:80",
        "127.0.0.1@evil.x",
    };
    for (size_t i = 0; i < T_COUNT(own); i++) {
        if (!cli_listen_is_loopback_host(own[i]))
            fail_msg("%s", own[i]);
    }
    for (size_t i = 0; i < T_COUNT(strange); i++) {
        if (cli_listen_is_loopback_host(strange[i]))
            fail_msg("%s", strange[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses), cmocka_unit_test(hosts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
