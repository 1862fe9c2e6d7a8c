#include "aws/ini.h"
#include "aws/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Names are lower case and not empty; every text ends in its NUL. */
static void check(const struct bkt_ini_property *property)
{
    for (; property; property = property->next) {
        if (property->name.len == 0 || property->name.ptr[property->name.len] != '\0' ||
            property->value.ptr[property->value.len] != '\0')
            __builtin_trap();
        for (size_t i = 0; i < property->name.len; i++) {
            if (property->name.ptr[i] >= 'A' && property->name.ptr[i] <= 'Z')
                __builtin_trap();
        }
        check(property->first_sub);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bkt_str text = {(const char *)data, size};
    struct bkt_ini ini = {0};
    if (bkt_ini_parse(text, &ini, NULL) == BKT_OK) {
        for (const struct bkt_ini_section *s = ini.first; s; s = s->next)
            check(s->first);
    }
    bkt_ini_clear(&ini);

    struct bkt_arena arena = {0};
    char **words;
    if (bkt_words_split(text, &arena, &words, NULL) == BKT_OK && !words[0])
        __builtin_trap();
    bkt_arena_clear(&arena);
    return 0;
}
