/*
 * bucketable/config.h - what is to be done, set by name.
 *
 * One table of properties feeds the command line, the spec file, this interface, the JSON Schema
 * and docs/configuration.md; bkt_property_at() walks it.  Names are those of spec files
 * ("max_file_size"); the command line writes them with dashes.
 *
 * Layers:  bkt_config_load_spec() begins a layer and ends it.  A later value takes the place of an
 *          earlier one, and the first item that a later layer adds to a list empties that list
 *          first.  So load the spec file before what the command line says.
 * Threads: one configuration is used by one thread at a time.
 * Memory:  arguments are copied.
 * Errors:  BKT_ECONFIG, with a message that names the property, or BKT_ENOMEM; the configuration
 *          is then as before, but for a spec file, of which a part may have been taken.  Values of
 *          properties that may hold a password are never part of a message.
 */
#ifndef BKT_CONFIG_H
#define BKT_CONFIG_H

#include <bucketable/error.h>

BKT_BEGIN_DECLS

enum bkt_property_kind {
    BKT_PROPERTY_BOOL,     /* true, false */
    BKT_PROPERTY_STRING,   /* not empty, but for prefix */
    BKT_PROPERTY_UINT,     /* decimal, within a range */
    BKT_PROPERTY_SIZE,     /* bytes: 10485760, 10MB (10^7), 10MiB (10 * 2^20), 1.5GB */
    BKT_PROPERTY_DURATION, /* 250ms, 30s, 5m, 2h, 1d; no unit is an error */
    BKT_PROPERTY_DELETES,  /* a count, or a percentage: 50% */
    BKT_PROPERTY_ENUM,     /* one of `values` */
    BKT_PROPERTY_LIST,     /* strings, added one by one, in order */
    BKT_PROPERTY_SET,      /* a list of some of `values`; an item may hold several, with commas */
};

/* What a property is about.  A command takes the properties of some groups. */
enum bkt_property_group {
    BKT_GROUP_BUCKET = 1 << 0,  /* which bucket, and how it is reached */
    BKT_GROUP_ROWS = 1 << 1,    /* which objects are rows */
    BKT_GROUP_CONTENT = 1 << 2, /* what a row holds */
    BKT_GROUP_EVENTS = 1 << 3,  /* how changes become known */
    BKT_GROUP_TARGET = 1 << 4,  /* where the table lives */
    BKT_GROUP_RUN = 1 << 5,     /* bounds */
};

/* Where a property stands in a spec file. */
enum bkt_property_section {
    BKT_SECTION_SOURCE,
    BKT_SECTION_TARGET,
    BKT_SECTION_NONE, /* an option of the command line only */
};

/* Static memory; new members go last. */
struct bkt_property {
    const char *name;         /* "included_patterns" */
    const char *option;       /* "include": the command line's --include */
    const char *placeholder;  /* "GLOB"; NULL for a flag that needs no value */
    const char *values;       /* of ENUM and SET: "replace, strict, bytes"; else NULL */
    const char *default_text; /* as bkt_config_set() takes it; NULL: none */
    const char *help;         /* one sentence, with its full stop */
    enum bkt_property_kind kind;
    enum bkt_property_section section;
    enum bkt_property_group group;
    bool is_secret; /* the value may hold a password: do not show it */
};

/* The properties in the order of the manual; NULL past the last. */
BKT_API const struct bkt_property *bkt_property_at(size_t i);

/* NULL: there is none of that name. */
BKT_API const struct bkt_property *bkt_property_find(const char *name);

/* "which objects are rows" for BKT_GROUP_ROWS: a heading. */
BKT_API const char *bkt_property_group_title(enum bkt_property_group group);

struct bkt_config;

/* All defaults. */
BKT_API BKT_MUST_CHECK int bkt_config_new(struct bkt_config **out_config, struct bkt_error *err);

/* NULL is fine. */
BKT_API void bkt_config_free(struct bkt_config *config);

/*
 * Give a property that is no list its value, as text.  NULL is a bare flag: true for a BOOL, an
 * error for the rest.  An unknown name and a bad value are different messages; the former proposes
 * the nearest name.
 */
BKT_API BKT_MUST_CHECK int bkt_config_set(struct bkt_config *config,
                                          const char *name,
                                          const char *value,
                                          struct bkt_error *err);

/* Add an item to a LIST or SET.  An empty item of a SET adds nothing (but may empty it, above). */
BKT_API BKT_MUST_CHECK int bkt_config_add(struct bkt_config *config,
                                          const char *name,
                                          const char *item,
                                          struct bkt_error *err);

/*
 * Set bucket_name and prefix from "s3://bucket/prefix", byte for byte: nothing is percent-decoded.
 * The bucket may be the ARN of an access point, which ends with the access point's name:
 * "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/name/prefix".
 */
BKT_API BKT_MUST_CHECK int bkt_config_source(struct bkt_config *config,
                                             const char *url,
                                             struct bkt_error *err);

/*
 * Take a spec file: {"source": {...}, "target": {...}}, JSON of at most 1 MiB.  `file_name` is for
 * messages.  A syntax error is told with line and column; unknown and repeated fields are refused.
 */
BKT_API BKT_MUST_CHECK int bkt_config_load_spec(struct bkt_config *config,
                                                const char *json,
                                                size_t json_len,
                                                const char *file_name,
                                                struct bkt_error *err);

enum bkt_config_part {
    BKT_CONFIG_SOURCE = 1 << 0,
    BKT_CONFIG_TARGET = 1 << 1,
};

/* `message` is one line and valid until the callback returns. */
typedef void bkt_config_warn_fn(void *ctx, const char *message);

/*
 * Is the configuration whole and does it fit together?  `parts` are those that will be used.
 * Does no I/O.  `warn` is told of what is allowed but surely not meant; NULL: the log is
 * (bucketable/log.h).
 */
BKT_API BKT_MUST_CHECK int bkt_config_check(const struct bkt_config *config,
                                            unsigned parts,
                                            bkt_config_warn_fn *warn,
                                            void *ctx,
                                            struct bkt_error *err);

/* The value of a STRING; NULL when it has none or `name` is another kind.  Valid until it changes.
 */
BKT_API const char *bkt_config_string(const struct bkt_config *config, const char *name);

/*
 * Is that the value of a BOOL (true, false) or ENUM, or an item of a LIST or SET?  False for other
 * kinds.
 */
BKT_API bool bkt_config_has(const struct bkt_config *config, const char *name, const char *value);

/* Returns 0 to go on; any other value ends the writing and is returned by the caller. */
typedef int bkt_write_fn(void *ctx, const char *bytes, size_t len);

/* Write the JSON Schema (draft 2020-12) of spec files, ended by a line feed. */
BKT_API BKT_MUST_CHECK int bkt_config_schema(bkt_write_fn *write, void *ctx, struct bkt_error *err);

BKT_END_DECLS

#endif
