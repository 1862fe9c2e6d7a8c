#include "aws/words.h"

#include "core/ascii.h"

/* In double quotes a backslash is special before these two only. */
static bool is_escapable(char c)
{
    return c == '"' || c == '\\';
}

/* Copy one word; returns the position after it, or `line.len + 1` when it does not end. */
static size_t take_word(struct bkt_str line, size_t i, char *out, size_t *out_len)
{
    char quote = '\0';
    for (; i < line.len && (quote || !bkt_is_space(line.ptr[i])); i++) {
        char c = line.ptr[i];
        bool is_last = i + 1 == line.len;
        if (c == quote) {
            quote = '\0';
        } else if (!quote && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == '\\' && !quote) {
            if (is_last)
                return line.len + 1;
            out[(*out_len)++] = line.ptr[++i];
        } else if (c == '\\' && quote == '"' && !is_last && is_escapable(line.ptr[i + 1])) {
            out[(*out_len)++] = line.ptr[++i];
        } else {
            out[(*out_len)++] = c;
        }
    }
    return quote ? line.len + 1 : i;
}

int bkt_words_split(struct bkt_str line,
                    struct bkt_arena *arena,
                    char ***out_words,
                    struct bkt_error *err)
{
    if (line.len > 0 && memchr(line.ptr, '\0', line.len))
        return bkt_error_set(err, BKT_ECONFIG, "the command holds a NUL byte");

    /* Words are never longer than the line, each with a NUL in the place of a blank. */
    char **words = bkt_arena_alloc(arena, (BKT_WORDS_MAX + 1) * sizeof(*words));
    char *text = bkt_arena_alloc(arena, line.len + 1);
    if (!words || !text)
        return bkt_error_set(err, BKT_ENOMEM, "%s", bkt_error_text(BKT_ENOMEM));
    size_t count = 0;
    for (size_t i = 0;;) {
        while (i < line.len && bkt_is_space(line.ptr[i]))
            i++;
        if (i == line.len)
            break;
        if (count == BKT_WORDS_MAX)
            return bkt_error_set(err, BKT_ECONFIG, "the command has too many words");
        size_t len = 0;
        i = take_word(line, i, text, &len);
        if (i > line.len) {
            return bkt_error_set(err, BKT_ECONFIG,
                                 "the command ends inside a quotation or with a backslash");
        }
        text[len] = '\0';
        words[count++] = text;
        text += len + 1;
    }
    if (count == 0)
        return bkt_error_set(err, BKT_ECONFIG, "the command is empty");
    words[count] = NULL;
    *out_words = words;
    return BKT_OK;
}
