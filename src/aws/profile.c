#include "aws/profile.h"

#include "core/ascii.h"
#include "core/mem.h"

#include <stdio.h>

enum { PATH_BYTES_MAX = 4096, NAMES_SHOWN_MAX = 8, NAME_BYTES_MAX = 48 };

enum kind { KIND_IGNORED, KIND_PROFILE, KIND_SESSION, KIND_SERVICES };

struct bkt_profile_entry {
    enum kind kind;
    bool prefixed; /* [profile x], not [x] */
    struct bkt_str name;
    const struct bkt_ini_section *section;
    struct bkt_profile_entry *next;
};

/* "profile x": the part after the word and its blanks, or an empty view. */
static struct bkt_str after_word(struct bkt_str name, struct bkt_str word)
{
    if (!bkt_str_has_prefix(name, word) || name.len == word.len ||
        !bkt_is_blank(name.ptr[word.len]))
        return (struct bkt_str){0};
    struct bkt_str rest = bkt_str_skip(name, word.len);
    while (rest.len > 0 && bkt_is_blank(rest.ptr[0]))
        rest = bkt_str_skip(rest, 1);
    return rest;
}

/* The table of profile.h. */
static struct bkt_profile_entry classify(enum bkt_profile_file file, struct bkt_str section)
{
    static const struct {
        const char *word;
        enum kind kind;
    } words[] = {
        {"profile", KIND_PROFILE},
        {"sso-session", KIND_SESSION},
        {"services", KIND_SERVICES},
    };
    struct bkt_profile_entry entry = {.kind = KIND_IGNORED};
    if (file == BKT_PROFILE_CREDENTIALS || bkt_str_eq(section, BKT_STR("default"))) {
        if (bkt_ini_is_identifier(section))
            entry = (struct bkt_profile_entry){.kind = KIND_PROFILE, .name = section};
        return entry;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct bkt_str name = after_word(section, bkt_str_from(words[i].word));
        if (bkt_ini_is_identifier(name)) {
            entry.kind = words[i].kind;
            entry.prefixed = true;
            entry.name = name;
        }
    }
    return entry;
}

static int index_sections(struct bkt_profiles *profiles, enum bkt_profile_file file)
{
    struct bkt_ini *ini = &profiles->ini[file];
    struct bkt_profile_entry **link = &profiles->first[file];
    bool default_replaced = false;
    for (struct bkt_ini_section *section = ini->first; section; section = section->next) {
        struct bkt_profile_entry entry = classify(file, section->name);
        if (entry.kind == KIND_IGNORED)
            continue;
        entry.section = section;
        struct bkt_profile_entry *kept = bkt_arena_alloc(&ini->arena, sizeof(*kept));
        if (!kept)
            return BKT_ENOMEM;
        *kept = entry;
        *link = kept;
        link = &kept->next;
        if (entry.kind == KIND_PROFILE && entry.prefixed &&
            bkt_str_eq(entry.name, BKT_STR("default")))
            default_replaced = true;
    }

    for (struct bkt_profile_entry *entry = profiles->first[file]; default_replaced && entry;
         entry = entry->next) {
        if (!entry->prefixed)
            entry->kind = KIND_IGNORED;
    }
    return BKT_OK;
}

static int load_file(const struct bkt_env *env,
                     enum bkt_profile_file file,
                     struct bkt_profiles *profiles,
                     struct bkt_error *err)
{
    static const struct {
        const char *variable;
        const char *path;
    } places[BKT_PROFILE_FILES] = {
        [BKT_PROFILE_CONFIG] = {"AWS_CONFIG_FILE", "~/.aws/config"},
        [BKT_PROFILE_CREDENTIALS] = {"AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"},
    };
    struct bkt_buf path = BKT_BUF_INIT(PATH_BYTES_MAX);
    struct bkt_buf text = BKT_BUF_SECRET(BKT_INI_BYTES_MAX);
    bool exists = false;

    struct bkt_str usual = bkt_str_from(places[file].path);
    struct bkt_str place = bkt_env_get(env, places[file].variable);
    if (place.len == 0)
        place = usual;
    /* Services often run without a home: then there are no files, unless one is named. */
    if (bkt_str_eq(place, usual) && bkt_env_get(env, "HOME").len == 0)
        return BKT_OK;

    int rc = bkt_path_expand(env, place, &path, err);
    if (rc)
        goto done;
    rc = bkt_file_read(path.ptr, &text, &exists, err);
    if (rc)
        goto done;
    rc = bkt_ini_parse(bkt_buf_str(&text), &profiles->ini[file], err);
    if (rc == BKT_OK)
        rc = index_sections(profiles, file);
    if (rc) {
        (void)bkt_error_wrap(err, rc, "%s", path.ptr);
        goto done;
    }
    size_t len;
    profiles->path[file] = bkt_buf_take(&path, &len);

done:
    bkt_buf_clear(&path);
    bkt_buf_wipe(&text);
    return rc;
}

static int select_profile(const struct bkt_env *env,
                          const char *option,
                          struct bkt_profiles *profiles)
{
    struct bkt_str name = bkt_str_from(option);
    profiles->by_option = name.len > 0;
    if (name.len == 0)
        name = bkt_env_get(env, "AWS_PROFILE");
    if (name.len == 0)
        name = bkt_env_get(env, "AWS_DEFAULT_PROFILE");
    if (name.len == 0)
        name = BKT_STR("default");
    profiles->name = bkt_mem_strdup(name.ptr, name.len);
    return profiles->name ? BKT_OK : BKT_ENOMEM;
}

int bkt_profiles_load(const struct bkt_env *env,
                      const char *option,
                      struct bkt_profiles *out,
                      struct bkt_error *err)
{
    struct bkt_profiles profiles = {0};
    int rc = select_profile(env, option, &profiles);
    if (rc) {
        (void)bkt_error_set(err, rc, "select a profile: %s", bkt_error_text(rc));
        goto done;
    }
    for (int file = 0; file < BKT_PROFILE_FILES && rc == BKT_OK; file++)
        rc = load_file(env, (enum bkt_profile_file)file, &profiles, err);
    if (rc)
        goto done;

    struct bkt_str name = bkt_str_from(profiles.name);
    if (!bkt_str_eq(name, BKT_STR("default")) && !bkt_profiles_has(&profiles, name)) {
        rc = bkt_profiles_missing(&profiles, name, err);
        goto done;
    }
    *out = profiles;
    return BKT_OK;

done:
    bkt_profiles_clear(&profiles);
    return rc;
}

void bkt_profiles_clear(struct bkt_profiles *profiles)
{
    for (int file = 0; file < BKT_PROFILE_FILES; file++) {
        bkt_ini_clear(&profiles->ini[file]);
        bkt_mem_free(profiles->path[file]);
    }
    bkt_mem_free(profiles->name);
    *profiles = (struct bkt_profiles){0};
}

/* The next section of that kind and name, from `entry` on. */
static const struct bkt_profile_entry *seek(const struct bkt_profile_entry *entry,
                                            enum kind kind,
                                            struct bkt_str name)
{
    while (entry && (entry->kind != kind || !bkt_str_eq(entry->name, name)))
        entry = entry->next;
    return entry;
}

static bool has(const struct bkt_profiles *profiles,
                enum bkt_profile_file file,
                enum kind kind,
                struct bkt_str name)
{
    return seek(profiles->first[file], kind, name) != NULL;
}

/* Sections of one name are one section: the last property counts, in whichever it stands. */
static const struct bkt_ini_property *find(const struct bkt_profiles *profiles,
                                           enum bkt_profile_file file,
                                           enum kind kind,
                                           struct bkt_str name,
                                           const char *key)
{
    const struct bkt_ini_property *found = NULL;
    const struct bkt_profile_entry *entry = profiles->first[file];
    while ((entry = seek(entry, kind, name)) != NULL) {
        const struct bkt_ini_property *property =
            bkt_ini_find(entry->section->first, bkt_str_from(key));
        if (property)
            found = property;
        entry = entry->next;
    }
    return found;
}

bool bkt_profiles_has(const struct bkt_profiles *profiles, struct bkt_str profile)
{
    return has(profiles, BKT_PROFILE_CONFIG, KIND_PROFILE, profile) ||
           has(profiles, BKT_PROFILE_CREDENTIALS, KIND_PROFILE, profile);
}

struct bkt_str bkt_profiles_get_in(const struct bkt_profiles *profiles,
                                   enum bkt_profile_file file,
                                   struct bkt_str profile,
                                   const char *key)
{
    const struct bkt_ini_property *property = find(profiles, file, KIND_PROFILE, profile, key);
    return property ? property->value : BKT_STR("");
}

struct bkt_str bkt_profiles_get(const struct bkt_profiles *profiles,
                                struct bkt_str profile,
                                const char *key)
{
    const struct bkt_ini_property *property =
        find(profiles, BKT_PROFILE_CREDENTIALS, KIND_PROFILE, profile, key);
    if (!property)
        property = find(profiles, BKT_PROFILE_CONFIG, KIND_PROFILE, profile, key);
    return property ? property->value : BKT_STR("");
}

struct bkt_str bkt_profiles_setting(const struct bkt_profiles *profiles,
                                    const struct bkt_env *env,
                                    const char *variable,
                                    const char *key)
{
    struct bkt_str value = bkt_env_get(env, variable);
    return value.len > 0 ? value : bkt_profiles_get(profiles, bkt_str_from(profiles->name), key);
}

bool bkt_profiles_has_session(const struct bkt_profiles *profiles, struct bkt_str session)
{
    return has(profiles, BKT_PROFILE_CONFIG, KIND_SESSION, session);
}

struct bkt_str bkt_profiles_session_get(const struct bkt_profiles *profiles,
                                        struct bkt_str session,
                                        const char *key)
{
    const struct bkt_ini_property *property =
        find(profiles, BKT_PROFILE_CONFIG, KIND_SESSION, session, key);
    return property ? property->value : BKT_STR("");
}

bool bkt_profiles_has_services(const struct bkt_profiles *profiles, struct bkt_str name)
{
    return has(profiles, BKT_PROFILE_CONFIG, KIND_SERVICES, name);
}

struct bkt_str bkt_profiles_service_get(const struct bkt_profiles *profiles,
                                        struct bkt_str name,
                                        const char *service,
                                        const char *key)
{
    const struct bkt_ini_property *block =
        find(profiles, BKT_PROFILE_CONFIG, KIND_SERVICES, name, service);
    const struct bkt_ini_property *property =
        block ? bkt_ini_find(block->first_sub, bkt_str_from(key)) : NULL;
    return property ? property->value : BKT_STR("");
}

/* Levenshtein's distance of two short names, row by row. */
static size_t distance(struct bkt_str a, struct bkt_str b)
{
    size_t row[NAME_BYTES_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            size_t cost = diagonal + (a.ptr[i] != b.ptr[j]);
            diagonal = row[j + 1];
            size_t gap = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            row[j + 1] = gap < cost ? gap : cost;
        }
    }
    return row[b.len];
}

struct names {
    struct bkt_str shown[NAMES_SHOWN_MAX];
    size_t count; /* of different names, as far as those shown can tell */
    struct bkt_str nearest;
    size_t nearest_distance;
};

static void collect(struct names *names, struct bkt_str name, struct bkt_str wanted)
{
    if (name.len > NAME_BYTES_MAX)
        return;
    if (wanted.len <= NAME_BYTES_MAX) {
        size_t d = distance(name, wanted);
        if (d < names->nearest_distance) {
            names->nearest = name;
            names->nearest_distance = d;
        }
    }
    size_t shown = names->count < NAMES_SHOWN_MAX ? names->count : NAMES_SHOWN_MAX;
    for (size_t i = 0; i < shown; i++) {
        if (bkt_str_eq(names->shown[i], name))
            return;
    }
    if (names->count < NAMES_SHOWN_MAX)
        names->shown[names->count] = name;
    names->count++;
}

static const char *path_or(const struct bkt_profiles *profiles, enum bkt_profile_file file)
{
    static const char *const fallback[] = {"the config file", "the credentials file"};
    return profiles->path[file] ? profiles->path[file] : fallback[file];
}

/* The config file has [x], which is a profile in the credentials file only. */
static bool lacks_word(const struct bkt_profiles *profiles, struct bkt_str profile)
{
    const struct bkt_ini_section *section = profiles->ini[BKT_PROFILE_CONFIG].first;
    while (section && !bkt_str_eq(section->name, profile))
        section = section->next;
    return section != NULL;
}

int bkt_profiles_missing(const struct bkt_profiles *profiles,
                         struct bkt_str profile,
                         struct bkt_error *err)
{
    struct names names = {.nearest_distance = 3};
    for (int file = 0; file < BKT_PROFILE_FILES; file++) {
        for (const struct bkt_profile_entry *e = profiles->first[file]; e; e = e->next) {
            if (e->kind == KIND_PROFILE)
                collect(&names, e->name, profile);
        }
    }

    char hint[NAMES_SHOWN_MAX * (NAME_BYTES_MAX + 2) + 64] = "there are no profiles";
    size_t len = 0;
    if (profile.len <= NAME_BYTES_MAX && lacks_word(profiles, profile)) {
        (void)snprintf(hint, sizeof(hint), "in the former write [profile %.*s] instead of [%.*s]",
                       BKT_STR_ARG(profile), BKT_STR_ARG(profile));
    } else if (names.nearest.len > 0) {
        (void)snprintf(hint, sizeof(hint), "did you mean %.*s?", BKT_STR_ARG(names.nearest));
    } else {
        for (size_t i = 0; i < names.count && i < NAMES_SHOWN_MAX; i++) {
            len += (size_t)snprintf(hint + len, sizeof(hint) - len, "%s%.*s",
                                    i == 0 ? "there are: " : ", ", BKT_STR_ARG(names.shown[i]));
        }
        if (names.count > NAMES_SHOWN_MAX)
            (void)snprintf(hint + len, sizeof(hint) - len, " and more");
    }
    return bkt_error_set(err, BKT_ECONFIG, "profile %.*s is neither in %s nor in %s; %s",
                         (int)(profile.len < 128 ? profile.len : 128), profile.ptr,
                         path_or(profiles, BKT_PROFILE_CONFIG),
                         path_or(profiles, BKT_PROFILE_CREDENTIALS), hint);
}
