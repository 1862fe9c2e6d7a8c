#include "aws/ini.h"

#include "core/ascii.h"
#include "core/buf.h"
#include "core/mem.h"

#include <assert.h>

struct parser {
    struct bkt_ini ini;
    struct bkt_ini_section *section;   /* NULL before the first */
    struct bkt_ini_property *property; /* the one that an indented line belongs to, or NULL */
    struct bkt_buf value;              /* of `property`, while lines are added to it */
    size_t line;
    size_t entries;
};

static bool is_comment(char c)
{
    return c == '#' || c == ';';
}

/* Of a line: a carriage return inside of it is not one of its blanks. */
static struct bkt_str trim(struct bkt_str text)
{
    while (text.len > 0 && bkt_is_blank(text.ptr[text.len - 1]))
        text.len--;
    while (text.len > 0 && bkt_is_blank(text.ptr[0]))
        text = bkt_str_skip(text, 1);
    return text;
}

/* Up to the first `#` or `;` that follows a blank: "v ; x" is v, "v; x" and "v#x" are whole. */
static struct bkt_str cut_comment(struct bkt_str line)
{
    for (size_t i = 1; i < line.len; i++) {
        if (is_comment(line.ptr[i]) && bkt_is_blank(line.ptr[i - 1]))
            return trim((struct bkt_str){line.ptr, i});
    }
    return trim(line);
}

bool bkt_ini_is_identifier(struct bkt_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!bkt_is_alnum(c) && (c == '\0' || !strchr("_-/.%@:+", c)))
            return false;
    }
    return text.len > 0;
}

static int fail(const struct parser *p, struct bkt_error *err, const char *what)
{
    return bkt_error_set(err, BKT_ECONFIG, "line %zu: %s", p->line, what);
}

static int count_entry(struct parser *p, struct bkt_error *err)
{
    if (p->entries == BKT_INI_ENTRIES_MAX)
        return fail(p, err, "too many sections and properties");
    p->entries++;
    return BKT_OK;
}

/* The value is copied once, when its last line is known. */
static int close_property(struct parser *p)
{
    int rc = BKT_OK;
    if (p->property && p->value.len > 0)
        rc = bkt_arena_dup(&p->ini.arena, bkt_buf_str(&p->value), &p->property->value);
    bkt_buf_reset(&p->value);
    p->property = NULL;
    return rc;
}

static int open_section(struct parser *p, struct bkt_str line, struct bkt_error *err)
{
    const char *end = memchr(line.ptr, ']', line.len);
    if (!end)
        return fail(p, err, "a section line without ']'");
    size_t name_len = (size_t)(end - line.ptr) - 1;
    struct bkt_str rest = trim(bkt_str_skip(line, name_len + 2));
    if (rest.len > 0 && !is_comment(rest.ptr[0]))
        return fail(p, err, "something other than a comment after ']'");

    int rc = count_entry(p, err);
    if (rc)
        return rc;
    struct bkt_ini_section *section = bkt_arena_alloc(&p->ini.arena, sizeof(*section));
    if (!section)
        return BKT_ENOMEM;
    *section = (struct bkt_ini_section){0};
    rc = bkt_arena_dup(&p->ini.arena, trim((struct bkt_str){line.ptr + 1, name_len}),
                       &section->name);
    if (rc)
        return rc;

    if (p->ini.last) {
        p->ini.last->next = section;
    } else {
        p->ini.first = section;
    }
    p->ini.last = section;
    p->section = section;
    return BKT_OK;
}

/* A property that belongs to nothing yet, its value not set; `*out_value` is a view of the line. */
static int make_property(struct parser *p,
                         struct bkt_str line,
                         struct bkt_ini_property **out,
                         struct bkt_str *out_value,
                         struct bkt_error *err)
{
    line = cut_comment(line);
    const char *equals = line.len > 0 ? memchr(line.ptr, '=', line.len) : NULL;
    if (!equals)
        return fail(p, err, "no '=' (a property is written: name = value)");
    struct bkt_str name = trim((struct bkt_str){line.ptr, (size_t)(equals - line.ptr)});
    if (name.len == 0)
        return fail(p, err, "nothing before '='");

    int rc = count_entry(p, err);
    if (rc)
        return rc;
    struct bkt_ini_property *property = bkt_arena_alloc(&p->ini.arena, sizeof(*property));
    char *lower = bkt_arena_alloc(&p->ini.arena, name.len + 1);
    if (!property || !lower)
        return BKT_ENOMEM;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = bkt_to_lower(name.ptr[i]);
    lower[name.len] = '\0';
    *property = (struct bkt_ini_property){.name = {lower, name.len}, .value = BKT_STR("")};
    *out = property;
    *out_value = trim(bkt_str_skip(line, (size_t)(equals - line.ptr) + 1));
    return BKT_OK;
}

static void link_property(struct bkt_ini_property **first,
                          struct bkt_ini_property **last,
                          struct bkt_ini_property *property)
{
    if (*last) {
        (*last)->next = property;
    } else {
        *first = property;
    }
    *last = property;
}

static int open_property(struct parser *p, struct bkt_str line, struct bkt_error *err)
{
    if (!p->section)
        return fail(p, err, "a property before the first [section]");
    struct bkt_ini_property *property = NULL;
    struct bkt_str value = {0};
    int rc = make_property(p, line, &property, &value, err);
    if (rc)
        return rc;
    assert(property);
    rc = bkt_buf_append(&p->value, value);
    if (rc)
        return rc;

    /* One with an odd name is dropped, but its indented lines are still its own. */
    if (bkt_ini_is_identifier(property->name))
        link_property(&p->section->first, &p->section->last, property);
    p->property = property;
    return BKT_OK;
}

static int continue_property(struct parser *p, struct bkt_str text, struct bkt_error *err)
{
    if (!p->section)
        return fail(p, err, "an indented line before the first [section]");
    if (!p->property)
        return fail(p, err, "an indented line that continues no property");
    if (p->value.len > 0) {
        int rc = bkt_buf_append_char(&p->value, '\n');
        return rc ? rc : bkt_buf_append(&p->value, text);
    }

    /* Lines of a nested block are often commented out in place, and the AWS CLI skips those. */
    if (is_comment(text.ptr[0]))
        return BKT_OK;
    struct bkt_ini_property *sub = NULL;
    struct bkt_str value = {0};
    int rc = make_property(p, text, &sub, &value, err);
    if (rc)
        return rc;
    rc = bkt_arena_dup(&p->ini.arena, value, &sub->value);
    if (rc)
        return rc;
    link_property(&p->property->first_sub, &p->property->last_sub, sub);
    return BKT_OK;
}

static int parse_line(struct parser *p, struct bkt_str line, struct bkt_error *err)
{
    struct bkt_str text = trim(line);
    if (text.len == 0 || is_comment(line.ptr[0]))
        return BKT_OK;
    if (memchr(line.ptr, '\0', line.len))
        return fail(p, err, "a NUL byte (is the file UTF-16? It should be UTF-8)");
    if (bkt_is_blank(line.ptr[0]))
        return continue_property(p, text, err);

    int rc = close_property(p);
    if (rc)
        return rc;
    return line.ptr[0] == '[' ? open_section(p, line, err) : open_property(p, line, err);
}

int bkt_ini_parse(struct bkt_str text, struct bkt_ini *out_ini, struct bkt_error *err)
{
    if (text.len > BKT_INI_BYTES_MAX)
        return bkt_error_set(err, BKT_ECONFIG, "more than %d bytes", BKT_INI_BYTES_MAX);

    struct parser p = {.value = BKT_BUF_SECRET(BKT_INI_BYTES_MAX)};
    int rc = BKT_OK;
    if (bkt_str_has_prefix(text, BKT_STR("\xEF\xBB\xBF")))
        text = bkt_str_skip(text, 3);
    while (text.len > 0 && rc == BKT_OK) {
        p.line++;
        const char *lf = memchr(text.ptr, '\n', text.len);
        size_t len = lf ? (size_t)(lf - text.ptr) : text.len;
        struct bkt_str line = {text.ptr, len};
        if (len > 0 && line.ptr[len - 1] == '\r')
            line.len--;
        rc = parse_line(&p, line, err);
        text = bkt_str_skip(text, lf ? len + 1 : len);
    }
    if (rc == BKT_OK)
        rc = close_property(&p);

    bkt_buf_wipe(&p.value);
    if (rc == BKT_OK) {
        *out_ini = p.ini;
    } else {
        bkt_ini_clear(&p.ini);
    }
    if (rc == BKT_ENOMEM)
        return bkt_error_set(err, rc, "%s", bkt_error_text(rc));
    return rc;
}

/* The arena's memory is ours to write to; the views are const for everyone else. */
static void wipe_values(const struct bkt_ini_property *property)
{
    for (; property; property = property->next) {
        union {
            const char *shared;
            char *own;
        } value = {.shared = property->value.ptr};
        bkt_mem_wipe(value.own, property->value.len);
        wipe_values(property->first_sub);
    }
}

void bkt_ini_clear(struct bkt_ini *ini)
{
    for (struct bkt_ini_section *section = ini->first; section; section = section->next)
        wipe_values(section->first);
    bkt_arena_clear(&ini->arena);
    *ini = (struct bkt_ini){0};
}

const struct bkt_ini_property *bkt_ini_find(const struct bkt_ini_property *first,
                                            struct bkt_str name)
{
    const struct bkt_ini_property *found = NULL;
    for (; first; first = first->next) {
        if (bkt_str_eq(first->name, name))
            found = first;
    }
    return found;
}
