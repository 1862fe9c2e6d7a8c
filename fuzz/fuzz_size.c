/* Sizes, durations and counts: whatever the text, an answer, and the same one in the other case. */
#include "api/config_value.h"

#include <ctype.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef bool read_fn(struct bkt_str text, uint64_t *out_value, const char **out_why);

static void check_number(read_fn *read, struct bkt_str text, struct bkt_str upper)
{
    uint64_t value = 0;
    uint64_t upper_value = 0;
    const char *why = NULL;
    bool is_read = read(text, &value, &why);
    if (!is_read && !why)
        __builtin_trap();
    if (read(upper, &upper_value, &why) != is_read || (is_read && value != upper_value))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[64];
    char upper[64];
    size_t len = size < sizeof(text) ? size : sizeof(text);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)data[i];
        upper[i] = (char)toupper(data[i]);
    }
    struct bkt_str as_is = {text, len};
    struct bkt_str raised = {upper, len};
    check_number(bkt_value_size, as_is, raised);
    check_number(bkt_value_duration, as_is, raised);
    check_number(bkt_value_uint, as_is, raised);

    struct bkt_deletes deletes = {0};
    const char *why = NULL;
    if (bkt_value_deletes(as_is, &deletes, &why) && deletes.is_percent && deletes.number > 100)
        __builtin_trap();

    char quoted[BKT_QUOTE_BYTES];
    if (strlen(bkt_quote(quoted, (struct bkt_str){(const char *)data, size})) >= sizeof(quoted))
        __builtin_trap();
    return 0;
}
