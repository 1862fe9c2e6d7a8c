/* Files of tests/data, for tests. */
#ifndef TESTS_S3_DATA_H
#define TESTS_S3_DATA_H

#include "core/buf.h"

#include "t.h"

#include <stdio.h>
#include <stdlib.h>

/* The file tests/data/`name`; bkt_buf_clear() it. */
static inline struct bkt_buf t_read_data(const char *name)
{
    const char *folder = getenv("BKT_TEST_DATA");
    assert_non_null(folder);
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    struct bkt_buf buf = BKT_BUF_INIT(1 << 20);
    char bytes[4096];
    size_t len;
    while ((len = fread(bytes, 1, sizeof(bytes), file)) > 0)
        assert_int_equal(bkt_buf_append(&buf, (struct bkt_str){bytes, len}), 0);
    (void)fclose(file);
    return buf;
}

#endif
