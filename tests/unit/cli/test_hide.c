/* What is left of command lines that hold passwords. */
#include "cli/hide.h"

#include "t.h"

#include <string.h>

static void passwords(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"docs.db", "docs.db"},
        {"postgresql://u@h/d", "postgresql://u@h/d"},
        {"postgresql://u:hunter2@h:5432/d", "postgresql://u:***@h:5432/d"},
        {"postgresql://u:a@b/c?d@h/d?sslmode=require", "postgresql://u:***@h/d?sslmode=require"},
        {"postgresql://u:@h/d", "postgresql://u:@h/d"},
        {"postgresql://u:p@h/d", "postgresql://u:*@h/d"},
        {"redis://:hunter2@h", "redis://:***@h"},
        {"postgresql:///d?password=hunter2&user=u", "postgresql:///d?password=***&user=u"},
        {"postgresql:///d?user=u&sslpassword=hunter2", "postgresql:///d?user=u&sslpassword=***"},
        {"postgresql:///d?password", "postgresql:///d?password"},
        {"postgresql:///d?password=", "postgresql:///d?password="},
        {"s3://b/key:with@sign", "s3://b/key:***@sign"},
        {"\"x://u:hunter2@h\" is one word too many (as y://v:hunter3@g)",
         "\"x://u:***@h\" is one word too many (as y://v:***@g)"},
        {"://", "://"},
        {"a://b://c:d@e", "a://b:***@e"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        char text[128] = {0};
        (void)strcpy(text, cases[i][0]);
        cli_hide_passwords(text);
        assert_string_equal(text, cases[i][1]);
        for (size_t k = strlen(text); k < sizeof(text); k++)
            assert_int_equal(text[k], 0);
    }
}

static void values(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"sasl.password=a=b", "sasl.password=***"}, {"a=", "a="}, {"a", "a"}, {"a=b", "a=*"}};
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        char text[32] = {0};
        (void)strcpy(text, cases[i][0]);
        cli_hide_value(text);
        assert_string_equal(text, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords),
        cmocka_unit_test(values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
