#include "arrow_schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum bkt_column_kind kind_of(const char *name)
{
    if (strcmp(name, "size") == 0)
        return BKT_COLUMN_INT64;
    if (strcmp(name, "last_modified") == 0)
        return BKT_COLUMN_TIMESTAMP;
    return BKT_COLUMN_UTF8;
}

static int add_field(struct bkt_py_schema *schema, const char *name, enum bkt_column_kind kind)
{
    struct bkt_py_field *field = &schema->fields[schema->count];
    field->name = strdup(name);
    if (!field->name) {
        (void)PyErr_NoMemory();
        return -1;
    }
    field->kind = kind;
    schema->count++;
    return 0;
}

static int add_named(struct bkt_py_schema *schema, PyObject *names, Py_ssize_t i)
{
    PyObject *name = PySequence_GetItem(names, i);
    PyObject *bytes = name ? PyUnicode_AsUTF8String(name) : NULL;
    const char *text = bytes ? PyBytes_AsString(bytes) : NULL;
    int rc = text ? add_field(schema, text, kind_of(text)) : -1;
    Py_XDECREF(bytes);
    Py_XDECREF(name);
    return rc;
}

int bkt_py_schema_init(struct bkt_py_schema *schema, PyObject *names, bool is_binary)
{
    Py_ssize_t count = PySequence_Size(names);
    if (count < 0)
        return -1;
    schema->fields = calloc((size_t)count + 2, sizeof(*schema->fields));
    if (!schema->fields) {
        (void)PyErr_NoMemory();
        return -1;
    }
    int rc = add_field(schema, "filename", BKT_COLUMN_UTF8);
    if (rc == 0)
        rc = add_field(schema, "content",
                       is_binary ? BKT_COLUMN_LARGE_BINARY : BKT_COLUMN_LARGE_UTF8);
    for (Py_ssize_t i = 0; rc == 0 && i < count; i++)
        rc = add_named(schema, names, i);
    return rc;
}

void bkt_py_schema_clear(struct bkt_py_schema *schema)
{
    for (size_t i = 0; i < schema->count; i++)
        free(schema->fields[i].name);
    free(schema->fields);
    *schema = (struct bkt_py_schema){0};
}

/* A reader may move a child away and keep it longer than its parent: each owns its name. */
static void release_field(struct ArrowSchema *field)
{
    free(field->private_data);
    field->release = NULL;
}

static void release_schema(struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (schema->children[i]->release)
            schema->children[i]->release(schema->children[i]);
        free(schema->children[i]);
    }
    free(schema->children);
    schema->release = NULL;
}

int bkt_py_export_schema(const struct bkt_py_schema *schema, struct ArrowSchema *out)
{
    struct ArrowSchema made = {.format = "+s", .name = "", .release = release_schema};
    made.children = calloc(schema->count, sizeof(struct ArrowSchema *));
    bool is_whole = made.children != NULL;
    for (size_t i = 0; is_whole && i < schema->count; i++) {
        struct ArrowSchema *field = calloc(1, sizeof(*field));
        if (!field) {
            is_whole = false;
            break;
        }
        made.children[made.n_children++] = field;
        char *name = strdup(schema->fields[i].name);
        *field = (struct ArrowSchema){
            .format = bkt_column_format(schema->fields[i].kind),
            .name = name,
            .flags = i < 2 ? 0 : ARROW_FLAG_NULLABLE,
            .release = release_field,
            .private_data = name,
        };
        is_whole = name != NULL;
    }
    if (!is_whole) {
        release_schema(&made);
        return ENOMEM;
    }
    *out = made;
    return 0;
}

static void release_batch(struct ArrowArray *batch)
{
    for (int64_t i = 0; i < batch->n_children; i++) {
        if (batch->children[i]->release)
            batch->children[i]->release(batch->children[i]);
        free(batch->children[i]);
    }
    free(batch->children);
    free((void *)batch->buffers);
    batch->release = NULL;
}

int bkt_py_export_batch(const struct bkt_py_schema *schema,
                        struct bkt_column *columns,
                        struct ArrowArray *out)
{
    struct ArrowArray batch = {.length = (int64_t)columns[0].rows, .n_buffers = 1};
    batch.children = calloc(schema->count, sizeof(struct ArrowArray *));
    batch.buffers = calloc(1, sizeof(void *)); /* of the struct's own validity: all are */
    int rc = batch.children && batch.buffers ? 0 : ENOMEM;
    for (size_t i = 0; rc == 0 && i < schema->count; i++) {
        struct ArrowArray *child = calloc(1, sizeof(*child));
        if (!child) {
            rc = ENOMEM;
            break;
        }
        batch.children[batch.n_children++] = child;
        rc = bkt_column_export(&columns[i], child);
    }
    if (rc) {
        release_batch(&batch);
        return rc;
    }
    batch.release = release_batch;
    *out = batch;
    return 0;
}

bool bkt_py_parse_number(const char *text, size_t len, int64_t *out_number)
{
    int64_t number = 0;
    if (len == 0 || len > 18)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (text[i] - '0');
    }
    *out_number = number;
    return true;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, from year 1 on. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    /* Counted from March, leap days come last; 719,468 days lie before 1970 from 0000-03-01. */
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

bool bkt_py_parse_time(const char *text, size_t len, int64_t *out_us)
{
    static const char shape[] = "0000-00-00T00:00:00";
    int64_t fields[6] = {0};
    size_t field = 0;
    if (len < sizeof(shape) || text[len - 1] != 'Z')
        return false;
    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == '0' ? !is_digit : text[i] != shape[i])
            return false;
        if (is_digit)
            fields[field] = fields[field] * 10 + (text[i] - '0');
        else
            field++;
    }
    int64_t us = 0;
    int64_t unit = 100000;
    for (size_t i = sizeof(shape); i < len - 1; i++, unit /= 10) {
        if (text[sizeof(shape) - 1] != '.' || text[i] < '0' || text[i] > '9')
            return false;
        us += unit * (text[i] - '0');
    }
    int64_t hours = days_of(fields[0], fields[1], fields[2]) * 24 + fields[3];
    *out_us = ((hours * 60 + fields[4]) * 60 + fields[5]) * 1000000 + us;
    return fields[0] >= 1 && fields[1] >= 1 && fields[1] <= 12;
}

bool bkt_py_is_utf8(const char *bytes, size_t len)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t i = 0;
    while (i < len) {
        unsigned char lead = at[i++];
        if (lead < 0x80)
            continue;
        /* How many follow, and the range of the first of them (Unicode, table 3-7). */
        size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (lead < 0xc2 || lead > 0xf4 || more > len - i)
            return false;
        for (size_t k = 0; k < more; k++, i++, low = 0x80, high = 0xbf) {
            if (at[i] < low || at[i] > high)
                return false;
        }
    }
    return true;
}
