/*
 * Reading JSON: a thin face of cJSON, which nothing else includes without this.
 *
 * Two things that cJSON does not mind are refused here.  A string that holds U+0000 would reach us
 * cut off at it, and one key could pass for another: a text with the escape `\u0000` is no input
 * (S3's own notifications write such a key percent-encoded).  And nesting is limited, since cJSON
 * recurses.
 *
 * cJSON allocates with malloc, not through core/mem: its hooks are global, and a library does not
 * set what belongs to the whole process.  What fails once for want of memory is tried again.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include "core/str.h"

#include <bucketable/error.h>

struct cJSON;

/*
 * One JSON value with nothing but white space around it.  BKT_EPARSE names line and column, where
 * the first of each is 1 and columns count bytes; BKT_ELIMIT when it is nested deeper than
 * `depth_max`.
 */
BKT_MUST_CHECK int bkt_json_parse(struct bkt_str text,
                                  unsigned depth_max,
                                  struct cJSON **out_json,
                                  struct bkt_error *err);

/* NULL is fine. */
void bkt_json_free(struct cJSON *json);

/* The same, its texts overwritten first: for what may hold keys. */
void bkt_json_wipe(struct cJSON *json);

/* The member of that name, with the same case; the first if there are two.  NULL: none. */
const struct cJSON *bkt_json_get(const struct cJSON *object, const char *name);

/* A member of that type; false when it is absent or of another.  Views live as long as the JSON. */
bool bkt_json_get_string(const struct cJSON *object, const char *name, struct bkt_str *out_text);
bool bkt_json_get_bool(const struct cJSON *object, const char *name, bool *out_value);
/* A whole number from 0 to 2^53, beyond which a double has gaps. */
bool bkt_json_get_uint(const struct cJSON *object, const char *name, uint64_t *out_value);

/* The value itself, as above. */
bool bkt_json_as_string(const struct cJSON *json, struct bkt_str *out_text);
bool bkt_json_as_uint(const struct cJSON *json, uint64_t *out_value);

/* "a string", "an object", for messages. */
const char *bkt_json_type_text(const struct cJSON *json);

#endif
