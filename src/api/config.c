#include "api/config_int.h"

#include "core/mem.h"

#include <inttypes.h>
#include <stdio.h>

enum { PROPERTIES_MAX = 64, LIST_ITEMS_MAX = 10000, VALUE_BYTES_MAX = 64 << 10 };

struct bkt_config {
    struct bkt_settings settings;
    unsigned layer;
    unsigned list_layers[PROPERTIES_MAX]; /* by property: the layer that last changed the list */
};

int bkt_config_set_target(struct bkt_config *config,
                          const struct bkt_target_ops *ops,
                          void *self,
                          struct bkt_error *err)
{
    size_t needed = offsetof(struct bkt_target_ops, commit) + sizeof(ops->commit);
    if (ops->size < needed || !ops->name || ops->name[0] == '\0' || !ops->apply || !ops->commit) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "target: name, apply() and commit() are needed, and the right size");
    }
    config->settings.target_ops = ops;
    config->settings.target_self = self;
    return BKT_OK;
}

void bkt_config_set_log(struct bkt_config *config,
                        enum bkt_log_level level,
                        bkt_log_fn *fn,
                        void *ctx)
{
    config->settings.log = (struct bkt_log){fn, ctx, level};
}

static void *member_of(struct bkt_config *config, const struct bkt_config_property *property)
{
    return (char *)&config->settings + property->offset;
}

static size_t index_of(const struct bkt_config_property *property)
{
    return (size_t)(property - bkt_config_property_at(0));
}

static int fail_value(const struct bkt_config_property *property,
                      const char *value,
                      const char *why,
                      struct bkt_error *err)
{
    const char *name = property->public.name;
    if (property->public.is_secret)
        return bkt_error_set(err, BKT_ECONFIG, "%s: %s", name, why);
    char quoted[BKT_QUOTE_BYTES];
    return bkt_error_set(err, BKT_ECONFIG, "%s: %s: %s", name,
                         bkt_quote(quoted, bkt_str_from(value)), why);
}

static int fail_memory(struct bkt_error *err)
{
    return bkt_error_set(err, BKT_ENOMEM, "configuration: out of memory");
}

static int set_bool(bool *member,
                    const struct bkt_config_property *property,
                    const char *value,
                    struct bkt_error *err)
{
    bool is_true = strcmp(value, "true") == 0;
    if (!is_true && strcmp(value, "false") != 0)
        return fail_value(property, value, "true or false is wanted", err);
    *member = is_true;
    return BKT_OK;
}

static void string_clear(const struct bkt_config_property *property, char *text)
{
    if (text && property->public.is_secret)
        bkt_mem_wipe(text, strlen(text));
    bkt_mem_free(text);
}

static int set_string(char **member,
                      const struct bkt_config_property *property,
                      const char *value,
                      struct bkt_error *err)
{
    bool may_be_empty = property->offset == offsetof(struct bkt_settings, prefix);
    size_t len = strlen(value);
    if (len == 0 && !may_be_empty)
        return fail_value(property, value, "must not be empty", err);
    if (len > VALUE_BYTES_MAX)
        return fail_value(property, value, "too long", err);

    char *copy = bkt_mem_strdup(value, len);
    if (!copy)
        return fail_memory(err);
    string_clear(property, *member);
    *member = copy;
    return BKT_OK;
}

static int set_enum(int *member,
                    const struct bkt_config_property *property,
                    const char *value,
                    struct bkt_error *err)
{
    struct bkt_str text = bkt_str_from(value);
    for (int i = 0;; i++) {
        struct bkt_str name = bkt_property_value_at(&property->public, (size_t)i);
        if (name.len == 0)
            break;
        if (bkt_str_eq(name, text)) {
            *member = i;
            return BKT_OK;
        }
    }
    char why[128];
    (void)snprintf(why, sizeof(why), "one of %s is wanted", property->public.values);
    return fail_value(property, value, why, err);
}

/* Spell a bound in the unit that the property is written in. */
static void bound_text(enum bkt_property_kind kind, uint64_t bound, char out[32])
{
    uint64_t unit = 1;
    const char *name = "";
    if (kind == BKT_PROPERTY_SIZE) {
        bool is_mib = bound >= (1 << 20) && bound % (1 << 20) == 0;
        unit = is_mib ? 1 << 20 : 1;
        name = is_mib ? "MiB" : "";
    } else if (kind == BKT_PROPERTY_DURATION) {
        bool is_seconds = bound % 1000 == 0;
        unit = is_seconds ? 1000 : 1;
        name = is_seconds ? "s" : "ms";
    }
    (void)snprintf(out, 32, "%" PRIu64 "%s", bound / unit, name);
}

static int read_number(const struct bkt_config_property *property,
                       const char *value,
                       uint64_t *out_number,
                       struct bkt_error *err)
{
    enum bkt_property_kind kind = property->public.kind;
    struct bkt_str text = bkt_str_from(value);
    const char *why = NULL;
    bool is_read = kind == BKT_PROPERTY_SIZE       ? bkt_value_size(text, out_number, &why)
                   : kind == BKT_PROPERTY_DURATION ? bkt_value_duration(text, out_number, &why)
                                                   : bkt_value_uint(text, out_number, &why);
    if (!is_read)
        return fail_value(property, value, why, err);

    if (*out_number < property->min || *out_number > property->max) {
        char least[32];
        char most[32];
        char range[96];
        bound_text(kind, property->min, least);
        bound_text(kind, property->max, most);
        (void)snprintf(range, sizeof(range), "%s to %s is allowed", least, most);
        return fail_value(property, value, range, err);
    }
    return BKT_OK;
}

static int set_number(void *member,
                      const struct bkt_config_property *property,
                      const char *value,
                      struct bkt_error *err)
{
    uint64_t number = 0;
    int rc = read_number(property, value, &number, err);
    if (rc)
        return rc;
    if (property->public.kind == BKT_PROPERTY_UINT) {
        *(uint32_t *)member = (uint32_t)number;
    } else if (property->public.kind == BKT_PROPERTY_DURATION) {
        *(int64_t *)member = (int64_t)number;
    } else {
        *(uint64_t *)member = number;
    }
    return BKT_OK;
}

static int set_scalar(struct bkt_config *config,
                      const struct bkt_config_property *property,
                      const char *value,
                      struct bkt_error *err)
{
    void *member = member_of(config, property);
    switch (property->public.kind) {
    case BKT_PROPERTY_BOOL:
        return set_bool(member, property, value, err);
    case BKT_PROPERTY_STRING:
        return set_string(member, property, value, err);
    case BKT_PROPERTY_UINT:
    case BKT_PROPERTY_SIZE:
    case BKT_PROPERTY_DURATION:
        return set_number(member, property, value, err);
    case BKT_PROPERTY_DELETES: {
        const char *why = NULL;
        return bkt_value_deletes(bkt_str_from(value), member, &why)
                   ? BKT_OK
                   : fail_value(property, value, why, err);
    }
    case BKT_PROPERTY_ENUM:
        return set_enum(member, property, value, err);
    case BKT_PROPERTY_LIST:
    case BKT_PROPERTY_SET:
        break;
    }
    return bkt_error_set(err, BKT_ECONFIG, "%s: is a list: its items are added one by one",
                         property->public.name);
}

int bkt_config_new(struct bkt_config **out_config, struct bkt_error *err)
{
    struct bkt_config *config = bkt_mem_calloc(1, sizeof(*config));
    if (!config)
        return fail_memory(err);

    config->settings.max_file_size = BKT_SIZE_NONE;
    const struct bkt_config_property *property;
    for (size_t i = 0; (property = bkt_config_property_at(i)) != NULL; i++) {
        const char *value = property->public.default_text;
        int rc = value ? set_scalar(config, property, value, err) : BKT_OK;
        if (rc) {
            bkt_config_free(config);
            return rc;
        }
    }
    *out_config = config;
    return BKT_OK;
}

static void strings_clear(const struct bkt_config_property *property, struct bkt_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        string_clear(property, strings->items[i]);
    bkt_mem_free(strings->items);
    *strings = (struct bkt_strings){0};
}

void bkt_config_free(struct bkt_config *config)
{
    if (!config)
        return;

    const struct bkt_config_property *property;
    for (size_t i = 0; (property = bkt_config_property_at(i)) != NULL; i++) {
        void *member = member_of(config, property);
        if (property->public.kind == BKT_PROPERTY_STRING) {
            string_clear(property, *(char **)member);
        } else if (property->public.kind == BKT_PROPERTY_LIST) {
            strings_clear(property, member);
        }
    }
    bkt_mem_free(config);
}

const struct bkt_settings *bkt_config_settings(const struct bkt_config *config)
{
    return &config->settings;
}

void bkt_config_begin_layer(struct bkt_config *config)
{
    config->layer++;
}

int bkt_config_set(struct bkt_config *config,
                   const char *name,
                   const char *value,
                   struct bkt_error *err)
{
    const struct bkt_config_property *property = bkt_config_property_find(name, err);
    if (!property)
        return BKT_ECONFIG;
    if (!value && property->public.kind != BKT_PROPERTY_BOOL)
        return bkt_error_set(err, BKT_ECONFIG, "%s: a value is wanted", name);
    return set_scalar(config, property, value ? value : "true", err);
}

static int append_string(struct bkt_strings *strings,
                         const struct bkt_config_property *property,
                         const char *item,
                         struct bkt_error *err)
{
    size_t len = strlen(item);
    if (len > VALUE_BYTES_MAX)
        return fail_value(property, item, "too long", err);
    if (strings->count == LIST_ITEMS_MAX)
        return fail_value(property, item, "too many items", err);

    char *copy = bkt_mem_strdup(item, len);
    if (!copy)
        return fail_memory(err);

    /* Room is made by doubling, whenever the count is a power of two. */
    if ((strings->count & (strings->count - 1)) == 0) {
        size_t room = strings->count > 0 ? strings->count * 2 : 1;
        char **items = bkt_mem_realloc(strings->items, room * sizeof(*items));
        if (!items) {
            bkt_mem_free(copy);
            return fail_memory(err);
        }
        strings->items = items;
    }
    strings->items[strings->count++] = copy;
    return BKT_OK;
}

static bool find_bit(const struct bkt_config_property *property,
                     struct bkt_str name,
                     unsigned *out_bit)
{
    for (unsigned i = 0;; i++) {
        struct bkt_str value = bkt_property_value_at(&property->public, i);
        if (value.len == 0)
            return false;
        if (bkt_str_eq(value, name)) {
            *out_bit = 1U << i;
            return true;
        }
    }
}

/* The bits of "etag,size".  Spaces around a name do not count, and neither does an empty name. */
static int read_bits(const struct bkt_config_property *property,
                     const char *item,
                     unsigned *out_bits,
                     struct bkt_error *err)
{
    unsigned bits = 0;
    for (const char *at = item; *at != '\0';) {
        at += strspn(at, " ,");
        struct bkt_str name = {at, strcspn(at, " ,")};
        at += name.len;
        unsigned bit = 0;
        if (name.len > 0 && !find_bit(property, name, &bit)) {
            char quoted[BKT_QUOTE_BYTES];
            return bkt_error_set(err, BKT_ECONFIG, "%s: %s: some of %s are wanted",
                                 property->public.name, bkt_quote(quoted, name),
                                 property->public.values);
        }
        bits |= bit;
    }
    *out_bits = bits;
    return BKT_OK;
}

static const struct bkt_config_property *find_list(const char *name, struct bkt_error *err)
{
    const struct bkt_config_property *property = bkt_config_property_find(name, err);
    if (property && property->public.kind != BKT_PROPERTY_LIST &&
        property->public.kind != BKT_PROPERTY_SET) {
        (void)bkt_error_set(err, BKT_ECONFIG, "%s: is no list", name);
        return NULL;
    }
    return property;
}

int bkt_config_clear_list(struct bkt_config *config, const char *name, struct bkt_error *err)
{
    const struct bkt_config_property *property = find_list(name, err);
    if (!property)
        return BKT_ECONFIG;
    void *member = member_of(config, property);
    if (property->public.kind == BKT_PROPERTY_SET) {
        *(unsigned *)member = 0;
    } else {
        strings_clear(property, member);
    }
    config->list_layers[index_of(property)] = config->layer;
    return BKT_OK;
}

int bkt_config_add(struct bkt_config *config,
                   const char *name,
                   const char *item,
                   struct bkt_error *err)
{
    const struct bkt_config_property *property = find_list(name, err);
    if (!property)
        return BKT_ECONFIG;

    void *member = member_of(config, property);
    size_t i = index_of(property);
    bool is_older = config->list_layers[i] != config->layer;
    if (property->public.kind == BKT_PROPERTY_SET) {
        unsigned bits = 0;
        int rc = read_bits(property, item, &bits, err);
        if (rc)
            return rc;
        *(unsigned *)member = is_older ? bits : *(unsigned *)member | bits;
    } else {
        /* A list of this layer begins beside the older one, which stays if memory runs out. */
        struct bkt_strings fresh = {0};
        struct bkt_strings *strings = member;
        int rc = append_string(is_older ? &fresh : strings, property, item, err);
        if (rc)
            return rc;
        if (is_older) {
            strings_clear(property, strings);
            *strings = fresh;
        }
    }
    config->list_layers[i] = config->layer;
    return BKT_OK;
}

const char *bkt_config_string(const struct bkt_config *config, const char *name)
{
    const struct bkt_config_property *property = bkt_config_property_find(name, NULL);
    if (!property || property->public.kind != BKT_PROPERTY_STRING)
        return NULL;
    const void *member = (const char *)&config->settings + property->offset;
    return *(char *const *)member;
}

static bool list_has(const struct bkt_strings *list, const char *value)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], value) == 0)
            return true;
    }
    return false;
}

bool bkt_config_has(const struct bkt_config *config, const char *name, const char *value)
{
    const struct bkt_config_property *property = bkt_config_property_find(name, NULL);
    if (!property)
        return false;
    const void *member = (const char *)&config->settings + property->offset;
    enum bkt_property_kind kind = property->public.kind;
    if (kind == BKT_PROPERTY_BOOL)
        return strcmp(*(const bool *)member ? "true" : "false", value) == 0;
    if (kind == BKT_PROPERTY_LIST)
        return list_has(member, value);
    if (kind != BKT_PROPERTY_ENUM && kind != BKT_PROPERTY_SET)
        return false;
    size_t i = 0;
    struct bkt_str item;
    while ((item = bkt_property_value_at(&property->public, i)).len > 0 &&
           !bkt_str_eq(item, bkt_str_from(value)))
        i++;
    if (kind == BKT_PROPERTY_ENUM)
        return item.len > 0 && *(const int *)member == (int)i;
    return item.len > 0 && (*(const unsigned *)member & 1U << i);
}
