#include "glob/glob_parse.h"

#include "core/mem.h"
#include "core/text.h"

/* An open group, or the whole pattern at the bottom of the stack. */
struct frame {
    size_t brace;      /* where in the pattern its `{` is */
    size_t open;       /* its OPEN token */
    size_t branch;     /* where the tokens of the present branch begin */
    uint32_t branches; /* those that count, without the present one */
    bool has_tokens;   /* in the present branch */
    bool live;         /* the present branch can be more than the empty string */
};

struct parser {
    struct bkt_str pattern;
    size_t pos;
    struct bkt_glob_tokens tokens;
    struct frame frames[BKT_GLOB_DEPTH_MAX + 1];
    size_t depth;
    size_t fault_at;
};

/* The byte at `at`, or -1 where the pattern has ended. */
static int byte_at(const struct parser *parser, size_t at)
{
    return at < parser->pattern.len ? (unsigned char)parser->pattern.ptr[at] : -1;
}

static enum bkt_glob_fault fault(struct parser *parser, enum bkt_glob_fault kind, size_t at)
{
    parser->fault_at = at;
    return kind;
}

static struct frame *top(struct parser *parser)
{
    return &parser->frames[parser->depth];
}

static void add_raw(struct parser *parser, enum bkt_glob_token_kind kind, uint32_t value)
{
    parser->tokens.items[parser->tokens.count++] =
        (struct bkt_glob_token){.kind = kind, .value = value};
}

static void add(struct parser *parser, enum bkt_glob_token_kind kind, uint32_t value)
{
    add_raw(parser, kind, value);
    top(parser)->has_tokens = true;
    if (kind != BKT_GLOB_TOKEN_EMPTY)
        top(parser)->live = true;
}

static void read_two_stars(struct parser *parser)
{
    size_t start = parser->pos;
    int prev = start > 0 ? byte_at(parser, start - 1) : -1;
    int next = byte_at(parser, start + 2);
    parser->pos = start + 2;

    if (!top(parser)->has_tokens) {
        if (next == -1 || next == '/') {
            add(parser, BKT_GLOB_TOKEN_PREFIX, 0);
            parser->pos += next == '/';
            return;
        }
        add(parser, BKT_GLOB_TOKEN_STAR, 0);
        add(parser, BKT_GLOB_TOKEN_STAR, 0);
        return;
    }
    /* An escaped `,` or `{` passes for a `/` here: the crate looks at the character alone. */
    bool grouped = parser->depth > 0;
    bool after_slash = prev == '/' || (grouped && (prev == ',' || prev == '{'));
    bool at_end = next == -1 || (grouped && (next == ',' || next == '}'));
    if (!after_slash || (!at_end && next != '/')) {
        add(parser, BKT_GLOB_TOKEN_STAR, 0);
        add(parser, BKT_GLOB_TOKEN_STAR, 0);
        return;
    }
    parser->pos += next == '/';
    struct bkt_glob_token *last = &parser->tokens.items[parser->tokens.count - 1];
    if (last->kind != BKT_GLOB_TOKEN_PREFIX)
        last->kind = at_end ? BKT_GLOB_TOKEN_SUFFIX : BKT_GLOB_TOKEN_MIDDLE;
}

static void set_bytes(struct bkt_glob_bytes *bytes, struct bkt_str member)
{
    for (size_t i = 0; i < member.len; i++) {
        unsigned char byte = (unsigned char)member.ptr[i];
        bytes->words[byte / 64] |= UINT64_C(1) << (byte % 64);
    }
}

/*
 * A class takes one byte, so characters of several fall apart: the crate writes the UTF-8 of both
 * ends into a class of bytes, where the `-` binds the last byte of one to the first of the other.
 */
static void set_range(struct bkt_glob_bytes *bytes, struct bkt_str first, struct bkt_str last)
{
    set_bytes(bytes, first);
    set_bytes(bytes, last);
    if (bkt_str_eq(first, last))
        return;
    unsigned from = (unsigned char)first.ptr[first.len - 1];
    unsigned to = (unsigned char)last.ptr[0];
    for (unsigned byte = from; byte <= to; byte++)
        bytes->words[byte / 64] |= UINT64_C(1) << (byte % 64);
}

/* The members after `[` or `[!`, to and with the `]`. */
static enum bkt_glob_fault read_members(struct parser *parser,
                                        size_t bracket,
                                        struct bkt_glob_bytes *bytes)
{
    struct bkt_str first = {0};
    struct bkt_str last = {0};
    bool any = false;
    bool in_range = false;

    while (parser->pos < parser->pattern.len) {
        size_t at = parser->pos;
        const char *ptr = parser->pattern.ptr + at;
        struct bkt_str member = {ptr, parser->pattern.len - at};
        member.len = bkt_utf8_sequence_len(member);
        parser->pos += member.len;
        if (*ptr == ']' && any) {
            set_range(bytes, first, last);
            if (in_range)
                set_bytes(bytes, BKT_STR("-"));
            return BKT_GLOB_FAULT_NONE;
        }
        if (*ptr == '-' && any && !in_range) {
            in_range = true;
            continue;
        }
        if (in_range) {
            /* UTF-8 keeps the order of code points. */
            if (bkt_str_cmp(member, first) < 0)
                return fault(parser, BKT_GLOB_FAULT_INVALID_RANGE, at);
            last = member;
            in_range = false;
            continue;
        }
        if (any)
            set_range(bytes, first, last);
        first = last = member;
        any = true;
    }
    return fault(parser, BKT_GLOB_FAULT_UNCLOSED_CLASS, bracket);
}

static enum bkt_glob_fault read_class(struct parser *parser)
{
    size_t bracket = parser->pos++;
    int next = byte_at(parser, parser->pos);
    bool negated = next == '!' || next == '^';
    parser->pos += negated;

    struct bkt_glob_bytes bytes = {{0}};
    enum bkt_glob_fault kind = read_members(parser, bracket, &bytes);
    if (kind != BKT_GLOB_FAULT_NONE)
        return kind;
    for (size_t i = 0; negated && i < 4; i++)
        bytes.words[i] = ~bytes.words[i];
    add(parser, BKT_GLOB_TOKEN_CLASS, (uint32_t)parser->tokens.class_count);
    parser->tokens.classes[parser->tokens.class_count++] = bytes;
    return BKT_GLOB_FAULT_NONE;
}

static enum bkt_glob_fault open_group(struct parser *parser)
{
    if (parser->depth == BKT_GLOB_DEPTH_MAX)
        return fault(parser, BKT_GLOB_FAULT_TOO_DEEP, parser->pos);
    parser->frames[++parser->depth] = (struct frame){
        .brace = parser->pos,
        .open = parser->tokens.count,
        .branch = parser->tokens.count + 1,
    };
    add_raw(parser, BKT_GLOB_TOKEN_OPEN, 0);
    parser->pos++;
    return BKT_GLOB_FAULT_NONE;
}

/* Keep the branch just read, or drop its tokens and with them the BRANCH in front. */
static void end_branch(struct parser *parser)
{
    struct frame *frame = top(parser);
    if (frame->live) {
        frame->branches++;
        return;
    }
    parser->tokens.count = frame->branches > 0 ? frame->branch - 1 : frame->branch;
}

static void next_branch(struct parser *parser)
{
    struct frame *frame = top(parser);
    end_branch(parser);
    if (frame->branches > 0)
        add_raw(parser, BKT_GLOB_TOKEN_BRANCH, 0);
    frame->branch = parser->tokens.count;
    frame->has_tokens = false;
    frame->live = false;
    parser->pos++;
}

static enum bkt_glob_fault close_group(struct parser *parser)
{
    if (parser->depth == 0)
        return fault(parser, BKT_GLOB_FAULT_UNOPENED_ALTERNATES, parser->pos);
    struct frame frame = *top(parser);
    end_branch(parser);
    frame.branches = top(parser)->branches;
    parser->depth--;
    if (frame.branches == 0) {
        parser->tokens.count = frame.open;
        add(parser, BKT_GLOB_TOKEN_EMPTY, 0);
    } else {
        parser->tokens.items[frame.open].value = frame.branches;
        add(parser, BKT_GLOB_TOKEN_CLOSE, 0);
    }
    parser->pos++;
    return BKT_GLOB_FAULT_NONE;
}

static enum bkt_glob_fault read_escape(struct parser *parser)
{
    int next = byte_at(parser, parser->pos + 1);
    if (next == -1)
        return fault(parser, BKT_GLOB_FAULT_DANGLING_ESCAPE, parser->pos);
    /* Of a character of several bytes the others follow as literals of their own. */
    add(parser, BKT_GLOB_TOKEN_BYTE, (uint32_t)next);
    parser->pos += 2;
    return BKT_GLOB_FAULT_NONE;
}

static enum bkt_glob_fault read_token(struct parser *parser)
{
    int byte = byte_at(parser, parser->pos);
    switch (byte) {
    case '[':
        return read_class(parser);
    case '{':
        return open_group(parser);
    case '}':
        return close_group(parser);
    case '\\':
        return read_escape(parser);
    case '*':
        if (byte_at(parser, parser->pos + 1) == '*') {
            read_two_stars(parser);
            return BKT_GLOB_FAULT_NONE;
        }
        add(parser, BKT_GLOB_TOKEN_STAR, 0);
        break;
    case '?':
        add(parser, BKT_GLOB_TOKEN_ANY, 0);
        break;
    case ',':
        if (parser->depth > 0) {
            next_branch(parser);
            return BKT_GLOB_FAULT_NONE;
        }
        add(parser, BKT_GLOB_TOKEN_BYTE, ',');
        break;
    default:
        add(parser, BKT_GLOB_TOKEN_BYTE, (uint32_t)byte);
    }
    parser->pos++;
    return BKT_GLOB_FAULT_NONE;
}

/* Before anything is read: length, and that every character is one. */
static enum bkt_glob_fault check_bytes(struct parser *parser)
{
    struct bkt_str pattern = parser->pattern;
    if (pattern.len > BKT_GLOB_PATTERN_BYTES_MAX)
        return fault(parser, BKT_GLOB_FAULT_TOO_LONG, BKT_GLOB_PATTERN_BYTES_MAX);
    size_t good_len = bkt_utf8_valid_len(pattern);
    if (good_len < pattern.len)
        return fault(parser, BKT_GLOB_FAULT_NOT_UTF8, good_len);
    return BKT_GLOB_FAULT_NONE;
}

static enum bkt_glob_fault read_pattern(struct parser *parser)
{
    while (parser->pos < parser->pattern.len) {
        enum bkt_glob_fault kind = read_token(parser);
        if (kind != BKT_GLOB_FAULT_NONE)
            return kind;
    }
    if (parser->depth > 0)
        return fault(parser, BKT_GLOB_FAULT_UNCLOSED_ALTERNATES, top(parser)->brace);
    return BKT_GLOB_FAULT_NONE;
}

static const char *fault_text(enum bkt_glob_fault kind)
{
    switch (kind) {
    case BKT_GLOB_FAULT_UNCLOSED_CLASS:
        return "this '[' is never closed; end the class with ']' or write '\\['";
    case BKT_GLOB_FAULT_INVALID_RANGE:
        return "a range of this class ends before it begins; swap its ends";
    case BKT_GLOB_FAULT_UNOPENED_ALTERNATES:
        return "this '}' closes nothing; write '\\}' for the character";
    case BKT_GLOB_FAULT_UNCLOSED_ALTERNATES:
        return "this '{' is never closed; end the alternatives with '}' or write '\\{'";
    case BKT_GLOB_FAULT_DANGLING_ESCAPE:
        return "a '\\' at the end escapes nothing; write '\\\\' for the character";
    case BKT_GLOB_FAULT_NOT_UTF8:
        return "not UTF-8";
    case BKT_GLOB_FAULT_TOO_LONG:
        return "over the limit of 65536 bytes";
    case BKT_GLOB_FAULT_TOO_DEEP:
        return "over the limit of 249 groups within each other";
    case BKT_GLOB_FAULT_NONE:
        break;
    }
    return "";
}

int bkt_glob_parse(struct bkt_str pattern,
                   struct bkt_glob_tokens *out_tokens,
                   enum bkt_glob_fault *out_fault,
                   struct bkt_error *err)
{
    int rc = BKT_OK;
    struct parser *parser = bkt_mem_calloc(1, sizeof(*parser));
    if (!parser)
        return bkt_error_set(err, BKT_ENOMEM, "read a glob pattern: out of memory");
    parser->pattern = pattern;

    enum bkt_glob_fault kind = check_bytes(parser);
    if (kind == BKT_GLOB_FAULT_NONE) {
        /* A class has three bytes or more, every other token one. */
        parser->tokens.items = bkt_mem_calloc(pattern.len + 1, sizeof(*parser->tokens.items));
        parser->tokens.classes =
            bkt_mem_calloc(pattern.len / 3 + 1, sizeof(*parser->tokens.classes));
        if (!parser->tokens.items || !parser->tokens.classes) {
            rc = bkt_error_set(err, BKT_ENOMEM, "read a glob pattern: out of memory");
            goto done;
        }
        kind = read_pattern(parser);
    }
    if (out_fault)
        *out_fault = kind;
    if (kind != BKT_GLOB_FAULT_NONE) {
        rc = bkt_error_set(err, BKT_ECONFIG, "read a glob pattern: byte %zu: %s", parser->fault_at,
                           fault_text(kind));
        goto done;
    }
    *out_tokens = parser->tokens;
    parser->tokens = (struct bkt_glob_tokens){0};

done:
    bkt_glob_tokens_clear(&parser->tokens);
    bkt_mem_free(parser);
    return rc;
}

void bkt_glob_tokens_clear(struct bkt_glob_tokens *tokens)
{
    bkt_mem_free(tokens->items);
    bkt_mem_free(tokens->classes);
    *tokens = (struct bkt_glob_tokens){0};
}
