#include "core/xml.h"

#include "core/xml_lex.h"

static int fail(const struct bkt_xml *xml, const char *at, const char *what, struct bkt_error *err)
{
    (void)bkt_error_set(err, BKT_EPARSE, "XML, byte %zu: %s", (size_t)(at - xml->begin), what);
    return BKT_EPARSE;
}

static int fail_early_end(const struct bkt_xml *xml, struct bkt_error *err)
{
    return fail(xml, xml->end, "the document ends early", err);
}

static bool starts_with(const char *p, const char *end, struct bkt_str what)
{
    return bkt_str_has_prefix((struct bkt_str){p, (size_t)(end - p)}, what);
}

/* The first `what` at or behind `p`, or NULL; its first byte is not repeated inside it at once. */
static const char *find(const char *p, const char *end, struct bkt_str what)
{
    while ((p = memchr(p, what.ptr[0], (size_t)(end - p))) != NULL) {
        if (starts_with(p, end, what))
            return p;
        p++;
    }
    return NULL;
}

/* ` name="value"` of the XML declaration; false, and `p` as it was, where it does not come next. */
static bool take_pseudo_attribute(const char **p,
                                  const char *end,
                                  struct bkt_str name,
                                  struct bkt_str *out_value)
{
    const char *at = bkt_xml_lex_spaces(*p, end);
    if (at == *p || !starts_with(at, end, name))
        return false;
    at = bkt_xml_lex_spaces(at + name.len, end);
    if (at == end || *at != '=')
        return false;
    at = bkt_xml_lex_spaces(at + 1, end);
    if (at == end || (*at != '"' && *at != '\''))
        return false;
    const char *close = memchr(at + 1, *at, (size_t)(end - at - 1));
    if (!close)
        return false;
    *out_value = (struct bkt_str){at + 1, (size_t)(close - at - 1)};
    *p = close + 1;
    return true;
}

static bool is_version_1(struct bkt_str version)
{
    if (version.len < 3 || !bkt_str_has_prefix(version, BKT_STR("1.")))
        return false;
    for (size_t i = 2; i < version.len; i++) {
        if (!bkt_is_digit(version.ptr[i]))
            return false;
    }
    return true;
}

/* `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`, of which the last two may be absent.
 */
static int declaration(struct bkt_xml *xml, struct bkt_error *err)
{
    static const char keyword[] = "<?xml";
    const char *p = xml->at + sizeof(keyword) - 1;
    struct bkt_str value;

    if (!take_pseudo_attribute(&p, xml->end, BKT_STR("version"), &value) || !is_version_1(value))
        return fail(xml, p, "the declaration does not say version 1", err);
    if (take_pseudo_attribute(&p, xml->end, BKT_STR("encoding"), &value) &&
        !bkt_str_eq_nocase(value, BKT_STR("utf-8")))
        return fail(xml, p, "the encoding is not UTF-8", err);
    if (take_pseudo_attribute(&p, xml->end, BKT_STR("standalone"), &value) &&
        !bkt_str_eq(value, BKT_STR("yes")) && !bkt_str_eq(value, BKT_STR("no")))
        return fail(xml, p, "standalone is neither yes nor no", err);
    p = bkt_xml_lex_spaces(p, xml->end);
    if (!starts_with(p, xml->end, BKT_STR("?>")))
        return fail(xml, p, "malformed XML declaration", err);
    xml->at = p + 2;
    return BKT_OK;
}

int bkt_xml_begin(struct bkt_xml *xml, struct bkt_str body, struct bkt_error *err)
{
    const char *begin = body.ptr ? body.ptr : "";
    xml->name = (struct bkt_str){0};
    xml->begin = begin;
    xml->at = begin;
    xml->end = begin + body.len;
    xml->depth = 0;
    xml->has_root = false;
    xml->is_empty = false;

    const char *bad = bkt_xml_lex_bad_char(xml->at, xml->end, &xml->has_cr);
    if (bad)
        return fail(xml, bad, "not a character of XML 1.0 in UTF-8", err);
    if (starts_with(xml->at, xml->end, BKT_STR("\xef\xbb\xbf")))
        xml->at += 3;
    if (starts_with(xml->at, xml->end, BKT_STR("<?xml")) && xml->end - xml->at > 5 &&
        bkt_is_space(xml->at[5]))
        return declaration(xml, err);
    return BKT_OK;
}

/* xml->at is at `<!--`. */
static int comment(struct bkt_xml *xml, struct bkt_error *err)
{
    const char *close = find(xml->at + 4, xml->end, BKT_STR("--"));
    if (!close || close + 2 == xml->end)
        return fail_early_end(xml, err);
    if (close[2] != '>')
        return fail(xml, close, "`--` inside a comment", err);
    xml->at = close + 3;
    return BKT_OK;
}

/* xml->at is at `<?`. */
static int instruction(struct bkt_xml *xml, struct bkt_error *err)
{
    const char *target = xml->at + 2;
    const char *local;
    const char *p = bkt_xml_lex_name(target, xml->end, &local);
    if (!p)
        return fail(xml, xml->at, "malformed processing instruction", err);
    if (bkt_str_eq_nocase((struct bkt_str){target, (size_t)(p - target)}, BKT_STR("xml")))
        return fail(xml, xml->at, "an XML declaration that is not at the beginning", err);
    if (p < xml->end && !bkt_is_space(*p) && !starts_with(p, xml->end, BKT_STR("?>")))
        return fail(xml, p, "malformed processing instruction", err);
    const char *close = find(p, xml->end, BKT_STR("?>"));
    if (!close)
        return fail_early_end(xml, err);
    xml->at = close + 2;
    return BKT_OK;
}

/* xml->at is at `<![CDATA[`. */
static int cdata(struct bkt_xml *xml, struct bkt_str *out_text, struct bkt_error *err)
{
    static const char open[] = "<![CDATA[";
    const char *text = xml->at + sizeof(open) - 1;
    const char *close = find(text, xml->end, BKT_STR("]]>"));
    if (!close)
        return fail_early_end(xml, err);
    *out_text = (struct bkt_str){text, (size_t)(close - text)};
    xml->at = close + 3;
    return BKT_OK;
}

/* One attribute; xml->at is at its name and ends up behind the closing quote. */
static int attribute(struct bkt_xml *xml, struct bkt_str *out_name, struct bkt_error *err)
{
    const char *local;
    const char *p = bkt_xml_lex_name(xml->at, xml->end, &local);
    if (!p)
        return fail(xml, xml->at, "malformed tag", err);
    *out_name = (struct bkt_str){xml->at, (size_t)(p - xml->at)};

    p = bkt_xml_lex_spaces(p, xml->end);
    if (p == xml->end || *p != '=')
        return fail(xml, p, "an attribute without a value", err);
    p = bkt_xml_lex_spaces(p + 1, xml->end);
    if (p == xml->end || (*p != '"' && *p != '\''))
        return fail(xml, p, "an attribute's value without quotes", err);

    char quote = *p++;
    while (p < xml->end && *p != quote) {
        if (*p == '<')
            return fail(xml, p, "`<` in an attribute's value", err);
        if (*p != '&') {
            p++;
            continue;
        }
        char bytes[BKT_UTF8_CHAR_BYTES];
        size_t len;
        const char *next = bkt_xml_lex_reference(p, xml->end, bytes, &len);
        if (!next)
            return fail(xml, p, "not a reference to a character of XML", err);
        p = next;
    }
    if (p == xml->end)
        return fail_early_end(xml, err);
    xml->at = p + 1;
    return BKT_OK;
}

/* What stands between a start tag's name and its `>` or `/>`; xml->at is behind the name. */
static int attributes(struct bkt_xml *xml, struct bkt_error *err)
{
    struct bkt_str names[BKT_XML_ATTRIBUTES_MAX];
    for (size_t count = 0;; count++) {
        const char *p = bkt_xml_lex_spaces(xml->at, xml->end);
        if (p == xml->end)
            return fail_early_end(xml, err);
        bool after_space = p > xml->at;
        xml->at = p;
        if (*p == '>' || *p == '/')
            return BKT_OK;
        if (!after_space)
            return fail(xml, p, "malformed tag", err);
        if (count == BKT_XML_ATTRIBUTES_MAX)
            return fail(xml, p, "too many attributes", err);
        int rc = attribute(xml, &names[count], err);
        if (rc)
            return rc;
        for (size_t i = 0; i < count; i++) {
            if (bkt_str_eq(names[i], names[count]))
                return fail(xml, p, "an attribute that is there twice", err);
        }
    }
}

/* xml->at is at the `<` of a start tag. */
static int start_tag(struct bkt_xml *xml, struct bkt_error *err)
{
    const char *begin = xml->at + 1;
    const char *local;
    const char *p = bkt_xml_lex_name(begin, xml->end, &local);
    if (!p)
        return fail(xml, xml->at, "malformed tag", err);
    if (xml->depth == 0 && xml->has_root)
        return fail(xml, xml->at, "more than one root element", err);
    if (xml->depth == BKT_XML_DEPTH_MAX)
        return fail(xml, xml->at, "elements are nested too deeply", err);

    xml->has_root = true;
    xml->open[xml->depth++] = (struct bkt_str){begin, (size_t)(p - begin)};
    xml->name = (struct bkt_str){local, (size_t)(p - local)};
    xml->at = p;
    if (p == xml->end || *p != '>') {
        int rc = attributes(xml, err);
        if (rc)
            return rc;
    }
    if (*xml->at == '/') {
        xml->is_empty = true;
        xml->at++;
        if (xml->at == xml->end || *xml->at != '>')
            return fail(xml, xml->at, "malformed tag", err);
    }
    xml->at++;
    return BKT_OK;
}

/* xml->at is at `</`. */
static int end_tag(struct bkt_xml *xml, struct bkt_error *err)
{
    if (xml->depth == 0)
        return fail(xml, xml->at, "an end tag without a start tag", err);
    struct bkt_str name = xml->open[xml->depth - 1];
    const char *p = xml->at + 2;
    if ((size_t)(xml->end - p) < name.len || !bkt_xml_lex_same(p, name.ptr, name.len))
        return fail(xml, xml->at, "an end tag that does not match its start tag", err);
    p += name.len;
    if (p == xml->end || *p != '>') {
        p = bkt_xml_lex_spaces(p, xml->end);
        if (p == xml->end || *p != '>')
            return fail(xml, xml->at, "an end tag that does not match its start tag", err);
    }
    xml->at = p + 1;
    xml->depth--;
    return BKT_OK;
}

/* Copy `text` to `*out`, its line ends as line feeds (XML 1.0, section 2.11). */
static void put_text(char **out, struct bkt_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\r') {
            *(*out)++ = text.ptr[i];
        } else if (i + 1 == text.len || text.ptr[i + 1] != '\n') {
            *(*out)++ = '\n';
        }
    }
}

/* Character data up to the next `<` or `&` or to the end; copied to `*out` unless `out` is NULL. */
static int text_run(struct bkt_xml *xml, char **out, struct bkt_error *err)
{
    const char *begin = xml->at;
    const char *p = begin;
    bool copy = out && !xml->has_cr;
    for (;;) {
        p = copy ? bkt_xml_lex_copy_text(p, xml->end, out) : bkt_xml_lex_text_end(p, xml->end);
        if (p == xml->end || *p != ']')
            break;
        if (starts_with(p, xml->end, BKT_STR("]]>")))
            return fail(xml, p, "`]]>` in text", err);
        if (copy)
            *(*out)++ = ']';
        p++;
    }
    if (out && !copy)
        put_text(out, (struct bkt_str){begin, (size_t)(p - begin)});
    xml->at = p;
    return BKT_OK;
}

/* Text and references up to the next `<` or to the end. */
static int character_data(struct bkt_xml *xml, char **out, struct bkt_error *err)
{
    for (;;) {
        int rc = text_run(xml, out, err);
        if (rc)
            return rc;
        if (xml->at == xml->end || *xml->at == '<')
            return BKT_OK;

        char bytes[BKT_UTF8_CHAR_BYTES];
        size_t len;
        const char *next = bkt_xml_lex_reference(xml->at, xml->end, bytes, &len);
        if (!next)
            return fail(xml, xml->at, "not a reference to a character of XML", err);
        for (size_t i = 0; out && i < len; i++)
            *(*out)++ = bytes[i];
        xml->at = next;
    }
}

enum markup { MARKUP_START, MARKUP_END, MARKUP_OTHER };

/*
 * The markup at xml->at (a `<`).  A CDATA section, which counts as text, is copied to `*out`
 * unless `out` is NULL.
 */
static int markup(struct bkt_xml *xml, char **out, enum markup *out_markup, struct bkt_error *err)
{
    if (xml->end - xml->at < 2)
        return fail_early_end(xml, err);
    *out_markup = MARKUP_OTHER;
    switch (xml->at[1]) {
    case '/':
        *out_markup = MARKUP_END;
        return end_tag(xml, err);
    case '?':
        return instruction(xml, err);
    case '!':
        break;
    default:
        *out_markup = MARKUP_START;
        return start_tag(xml, err);
    }
    if (starts_with(xml->at, xml->end, BKT_STR("<!--")))
        return comment(xml, err);
    if (xml->depth == 0 || !starts_with(xml->at, xml->end, BKT_STR("<![CDATA[")))
        return fail(xml, xml->at, "neither a tag nor a comment", err);
    struct bkt_str text;
    int rc = cdata(xml, &text, err);
    if (rc == BKT_OK && out)
        put_text(out, text);
    return rc;
}

/* Text between elements, checked and passed over; outside of the root only white space may be. */
static int between(struct bkt_xml *xml, struct bkt_error *err)
{
    if (xml->at < xml->end && *xml->at == '<')
        return BKT_OK;
    if (xml->depth > 0)
        return character_data(xml, NULL, err);
    xml->at = bkt_xml_lex_spaces(xml->at, xml->end);
    if (xml->at < xml->end && *xml->at != '<')
        return fail(xml, xml->at, "text outside of the root element", err);
    return BKT_OK;
}

int bkt_xml_next(struct bkt_xml *xml, enum bkt_xml_token *out_token, struct bkt_error *err)
{
    if (xml->is_empty) {
        xml->is_empty = false;
        xml->depth--;
        *out_token = BKT_XML_END;
        return BKT_OK;
    }
    /* The usual case first: tags side by side. */
    if (xml->end - xml->at > 1 && xml->at[0] == '<' && xml->at[1] != '?' && xml->at[1] != '!') {
        bool is_end = xml->at[1] == '/';
        *out_token = is_end ? BKT_XML_END : BKT_XML_START;
        return is_end ? end_tag(xml, err) : start_tag(xml, err);
    }
    enum markup seen = MARKUP_OTHER;
    while (seen == MARKUP_OTHER) {
        int rc = between(xml, err);
        if (rc)
            return rc;
        if (xml->at == xml->end) {
            if (xml->depth > 0 || !xml->has_root)
                return fail_early_end(xml, err);
            *out_token = BKT_XML_DONE;
            return BKT_OK;
        }
        rc = markup(xml, NULL, &seen, err);
        if (rc)
            return rc;
    }
    *out_token = seen == MARKUP_START ? BKT_XML_START : BKT_XML_END;
    return BKT_OK;
}

/* All text of the open element, through its end tag; copied to `*out` unless `out` is NULL. */
static int whole_text(struct bkt_xml *xml, char **out, struct bkt_error *err)
{
    enum markup seen = MARKUP_OTHER;
    while (seen == MARKUP_OTHER) {
        int rc = character_data(xml, out, err);
        if (rc)
            return rc;
        const char *begin = xml->at;
        if (begin == xml->end)
            return fail_early_end(xml, err);
        rc = markup(xml, out, &seen, err);
        if (rc)
            return rc;
        if (seen == MARKUP_START)
            return fail(xml, begin, "an element where text should be", err);
    }
    return BKT_OK;
}

int bkt_xml_text(struct bkt_xml *xml,
                 struct bkt_arena *arena,
                 struct bkt_str *out_text,
                 struct bkt_error *err)
{
    if (xml->is_empty) {
        xml->is_empty = false;
        xml->depth--;
        *out_text = BKT_STR("");
        return BKT_OK;
    }
    const char *begin = xml->at;
    const char *p = bkt_xml_lex_text_end(begin, xml->end);
    if (!xml->has_cr && xml->end - p > 1 && p[0] == '<' && p[1] == '/') {
        xml->at = p;
        *out_text = (struct bkt_str){begin, (size_t)(p - begin)};
        return end_tag(xml, err);
    }

    /*
     * Something is to be resolved.  Where the text is one run, its length is a bound; else a first
     * pass finds the end tag, which bounds it too.
     */
    p = p == xml->end ? p : memchr(p, '<', (size_t)(xml->end - p));
    size_t size;
    if (p && xml->end - p > 1 && p[1] == '/') {
        size = (size_t)(p - begin);
    } else {
        size_t depth = xml->depth;
        int rc = whole_text(xml, NULL, err);
        if (rc)
            return rc;
        size = (size_t)(xml->at - begin);
        xml->at = begin;
        xml->depth = depth;
    }
    char *bytes = bkt_arena_alloc(arena, size + BKT_XML_LEX_BLOCK);
    if (!bytes)
        return bkt_error_set(err, BKT_ENOMEM, "read XML: out of memory");
    char *end = bytes;
    int rc = whole_text(xml, &end, err);
    if (rc == BKT_OK)
        *out_text = (struct bkt_str){bytes, (size_t)(end - bytes)};
    return rc;
}

int bkt_xml_skip(struct bkt_xml *xml, struct bkt_error *err)
{
    size_t depth = xml->depth;
    while (xml->depth >= depth) {
        enum bkt_xml_token token;
        int rc = bkt_xml_next(xml, &token, err);
        if (rc)
            return rc;
    }
    return BKT_OK;
}

int bkt_xml_verbatim(struct bkt_xml *xml, struct bkt_str *out_bytes, struct bkt_error *err)
{
    const char *begin = bkt_xml_tag(xml).ptr;
    int rc = bkt_xml_skip(xml, err);
    if (rc == BKT_OK)
        *out_bytes = (struct bkt_str){begin, (size_t)(xml->at - begin)};
    return rc;
}

struct bkt_str bkt_xml_tag(const struct bkt_xml *xml)
{
    const char *begin = xml->open[xml->depth - 1].ptr - 1;
    return (struct bkt_str){begin, (size_t)(xml->at - begin)};
}
