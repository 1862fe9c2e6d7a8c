/*
 * Every row of the grammar, by a printed form of what was read: "[section]" lines, "name=value"
 * with line feeds shown as "|", nested properties as "name.sub=value".
 */
#include "aws/ini.h"

#include "core/buf.h"

#include "t.h"

#include <stdio.h>

static void print(struct bkt_buf *out, const char *prefix, const struct bkt_ini_property *property)
{
    for (; property; property = property->next) {
        size_t start = out->len;
        assert_int_equal(
            bkt_buf_printf(out, "%s%s=%s", prefix, property->name.ptr, property->value.ptr),
            BKT_OK);
        for (size_t i = start; i < out->len; i++)
            out->ptr[i] = out->ptr[i] == '\n' ? '|' : out->ptr[i];
        assert_int_equal(bkt_buf_append_char(out, '\n'), BKT_OK);
        char inner[64];
        assert_true(snprintf(inner, sizeof(inner), "%s%s.", prefix, property->name.ptr) > 0);
        print(out, inner, property->first_sub);
    }
}

static void grammar(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        const char *read; /* NULL: an error, and this is it: */
        const char *message;
    } cases[] = {
        {"nothing", "", "", NULL},
        {"an empty section", "[profile foo]", "[profile foo]\n", NULL},
        {"no bracket", "[profile foo", NULL, "line 1: a section line without ']'"},
        {"blanks inside brackets", "[ \tprofile foo \t]", "[profile foo]\n", NULL},
        {"a property before any section", "a = b", NULL,
         "line 1: a property before the first [section]"},
        {"a property", "[s]\nname = value", "[s]\nname=value\n", NULL},
        {"a byte-order mark", "\xEF\xBB\xBF[s]\na=b\n", "[s]\na=b\n", NULL},
        {"CRLF", "[s]\r\nname = value\r\n", "[s]\nname=value\n", NULL},
        {"the first = splits", "[s]\nname = val=ue", "[s]\nname=val=ue\n", NULL},
        {"UTF-8 in values", "[s]\nname = \xF0\x9F\x98\x82", "[s]\nname=\xF0\x9F\x98\x82\n", NULL},
        {"blanks around = and at the end", "[s]\nname \t=  \tvalue \t", "[s]\nname=value\n", NULL},
        {"names without case", "[s]\nNaMe=V", "[s]\nname=V\n", NULL},
        {"an empty value", "[s]\nname =", "[s]\nname=\n", NULL},
        {"an empty name", "[s]\n= v", NULL, "line 2: nothing before '='"},
        {"a colon is no =", "[s]\nkey : value", NULL,
         "line 2: no '=' (a property is written: name = value)"},
        {"blank lines", "\t \n[s]\n\t\n \nname = v\n\t\n", "[s]\nname=v\n", NULL},
        {"comments in column 0", "# a\n; b\n[s]\n#c\n;d=e\nname = v\n", "[s]\nname=v\n", NULL},
        {"a comment after ]", "[a];x\n[b]#x\n[c] # x\n[d] ; x", "[a]\n[b]\n[c]\n[d]\n", NULL},
        {"something else after ]", "[a] b", NULL,
         "line 1: something other than a comment after ']'"},
        {"a comment after a blank", "[s]\na = v # c\nb = v ; c\nc =v\t#c # d\n",
         "[s]\na=v\nb=v\nc=v\n", NULL},
        {"no comment without a blank", "[s]\na = v; c\nb = v#c\n", "[s]\na=v; c\nb=v#c\n", NULL},
        {"an empty value and a comment", "[s]\na = # c\n", "[s]\na=\n", NULL},
        {"a continued value", "[s]\na = v\n -w\n\t x \t\n", "[s]\na=v|-w|x\n", NULL},
        {"comments stay in a continuation", "[s]\na = v\n -w # c\n # d\n", "[s]\na=v|-w # c|# d\n",
         NULL},
        {"a blank line inside a continuation", "[s]\na = v\n\n w\n", "[s]\na=v|w\n", NULL},
        {"a comment line inside a continuation", "[s]\na = v\n# c\n w\n", "[s]\na=v|w\n", NULL},
        {"a continuation of nothing", " w", NULL,
         "line 1: an indented line before the first [section]"},
        {"a continuation of no property", "[s]\n w", NULL,
         "line 2: an indented line that continues no property"},
        {"a section ends the property", "[s]\na = b\n[s]\n w", NULL,
         "line 4: an indented line that continues no property"},
        {"an indented bracket continues", "[s]\na = b\n [t]", "[s]\na=b|[t]\n", NULL},
        {"the same section and name again", "[s]\na = 1\n[s]\na = 2\n", "[s]\na=1\n[s]\na=2\n",
         NULL},
        {"an odd name is dropped", "[s]\nin valid = v\n w\nb = 1\n", "[s]\nb=1\n", NULL},
        {"every character of an identifier", "[s]\nABC-_/.%@:+09 = v\n", "[s]\nabc-_/.%@:+09=v\n",
         NULL},
        {"a nested block", "[s]\ns3 =\n name = v # c\n\tb=v#c\n", "[s]\ns3=\ns3.name=v\ns3.b=v#c\n",
         NULL},
        {"blank lines in a nested block", "[s]\ns3 =\n a = 1\n\t \n\n b = 2\n",
         "[s]\ns3=\ns3.a=1\ns3.b=2\n", NULL},
        {"comments in a nested block", "[s]\ns3 =\n # a\n ;b=1\n c = 1\n", "[s]\ns3=\ns3.c=1\n",
         NULL},
        {"a nested value may be empty", "[s]\ns3 =\n a =\n", "[s]\ns3=\ns3.a=\n", NULL},
        {"a nested line without =", "[s]\ns3 =\n invalid\n", NULL,
         "line 3: no '=' (a property is written: name = value)"},
        {"a nested line without a name", "[s]\ns3 =\n = v\n", NULL, "line 3: nothing before '='"},
        {"an odd nested name is tolerated", "[s]\ns3 =\n in valid = v\n",
         "[s]\ns3=\ns3.in valid=v\n", NULL},
    };

    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        struct bkt_ini ini = {0};
        struct bkt_error err = {0};
        struct bkt_buf out = BKT_BUF_INIT(4096);
        int rc = bkt_ini_parse(bkt_str_from(cases[i].text), &ini, &err);
        assert_int_equal(rc, cases[i].read ? BKT_OK : BKT_ECONFIG);
        for (struct bkt_ini_section *s = ini.first; s; s = s->next) {
            assert_int_equal(bkt_buf_printf(&out, "[%s]\n", s->name.ptr), BKT_OK);
            print(&out, "", s->first);
        }
        assert_string_equal(bkt_buf_str(&out).ptr, cases[i].read ? cases[i].read : "");
        if (cases[i].message)
            assert_string_equal(err.message, cases[i].message);
        bkt_buf_clear(&out);
        bkt_ini_clear(&ini);
        assert_int_equal(bkt_mem_live(), 0);
    }
}

static void nul_bytes_are_refused(void **state)
{
    (void)state;
    struct bkt_ini ini = {0};
    struct bkt_error err;
    assert_int_equal(bkt_ini_parse((struct bkt_str){"[s]\na=\0b\n", 9}, &ini, &err), BKT_ECONFIG);
    assert_non_null(strstr(err.message, "line 2: a NUL byte"));
}

static void messages_do_not_show_the_line(void **state)
{
    (void)state;
    struct bkt_ini ini = {0};
    struct bkt_error err;
    assert_int_equal(bkt_ini_parse(BKT_STR("[s]\naws_secret_access_key: HUSH\n"), &ini, &err),
                     BKT_ECONFIG);
    assert_null(strstr(err.message, "HUSH"));
}

static void the_last_one_is_found(void **state)
{
    (void)state;
    struct bkt_ini ini = {0};
    assert_int_equal(bkt_ini_parse(BKT_STR("[s]\na=1\nb=2\na=3\n"), &ini, NULL), BKT_OK);
    assert_string_equal(bkt_ini_find(ini.first->first, BKT_STR("a"))->value.ptr, "3");
    assert_null(bkt_ini_find(ini.first->first, BKT_STR("c")));
    bkt_ini_clear(&ini);
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    struct bkt_buf text = BKT_BUF_INIT(8 << 20);
    assert_int_equal(bkt_buf_append(&text, BKT_STR("[s]\n")), BKT_OK);
    for (int i = 0; i < BKT_INI_ENTRIES_MAX; i++)
        assert_int_equal(bkt_buf_append(&text, BKT_STR("a=\n")), BKT_OK);
    struct bkt_ini ini = {0};
    struct bkt_error err;
    assert_int_equal(bkt_ini_parse(bkt_buf_str(&text), &ini, &err), BKT_ECONFIG);
    assert_string_equal(err.message, "line 200001: too many sections and properties");

    bkt_buf_reset(&text);
    while (text.len <= BKT_INI_BYTES_MAX)
        assert_int_equal(bkt_buf_append(&text, BKT_STR("# nothing but comments\n")), BKT_OK);
    assert_int_equal(bkt_ini_parse(bkt_buf_str(&text), &ini, &err), BKT_ECONFIG);
    bkt_buf_clear(&text);
}

static int parse_some(void)
{
    struct bkt_ini ini = {0};
    int rc = bkt_ini_parse(BKT_STR("[s]\na = b\n c\nd =\n e = f\n"), &ini, NULL);
    bkt_ini_clear(&ini);
    return rc;
}

static void parse_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(parse_some());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(messages_do_not_show_the_line),
        cmocka_unit_test(the_last_one_is_found),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(parse_survives_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
