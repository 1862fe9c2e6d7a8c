/*
 * The profiles of ~/.aws/config and ~/.aws/credentials, as one.
 *
 *   section               in the config file               in the credentials file
 *   [default]             profile default                  profile default
 *   [profile x]           profile x                        ignored
 *   [x]                   ignored                          profile x
 *   [profile default]     replaces [default] altogether    ignored
 *   [sso-session x]       that session                     ignored
 *   [services x]          that set of services             ignored
 *
 * A property that both files have is the credentials file's.  Immutable once loaded; every view
 * lives as long as the object.
 */
#ifndef AWS_PROFILE_H
#define AWS_PROFILE_H

#include "aws/env.h"
#include "aws/ini.h"

enum bkt_profile_file { BKT_PROFILE_CONFIG, BKT_PROFILE_CREDENTIALS, BKT_PROFILE_FILES };

struct bkt_profile_entry; /* a section that means something */

/* All-zero is valid: no files. */
struct bkt_profiles {
    struct bkt_ini ini[BKT_PROFILE_FILES];
    char *path[BKT_PROFILE_FILES]; /* for people, and NULL where HOME is wanted and not set */
    struct bkt_profile_entry *first[BKT_PROFILE_FILES];
    char *name;     /* the selected profile */
    bool by_option; /* named by the caller, not by the environment: keys in variables are passed
                       over */
};

/*
 * Read both files (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE; a missing one is empty) and select
 * a profile: `option` (NULL or "": none), AWS_PROFILE, AWS_DEFAULT_PROFILE, "default".
 * BKT_ECONFIG names file and line of what cannot be parsed, or the profiles there are when a named
 * one is not among them (a missing "default" is just empty); BKT_EIO; BKT_ELIMIT.
 */
BKT_MUST_CHECK int bkt_profiles_load(const struct bkt_env *env,
                                     const char *option,
                                     struct bkt_profiles *out,
                                     struct bkt_error *err);

void bkt_profiles_clear(struct bkt_profiles *profiles);

bool bkt_profiles_has(const struct bkt_profiles *profiles, struct bkt_str profile);

/* A property's value; an empty view when it is absent or empty.  Keys are lower case. */
struct bkt_str bkt_profiles_get(const struct bkt_profiles *profiles,
                                struct bkt_str profile,
                                const char *key);
struct bkt_str bkt_profiles_get_in(const struct bkt_profiles *profiles,
                                   enum bkt_profile_file file,
                                   struct bkt_str profile,
                                   const char *key);

/* A setting of the selected profile that a variable of the environment beats. */
struct bkt_str bkt_profiles_setting(const struct bkt_profiles *profiles,
                                    const struct bkt_env *env,
                                    const char *variable,
                                    const char *key);

/* Of [sso-session NAME]; `has` when there is such a section. */
bool bkt_profiles_has_session(const struct bkt_profiles *profiles, struct bkt_str session);
struct bkt_str bkt_profiles_session_get(const struct bkt_profiles *profiles,
                                        struct bkt_str session,
                                        const char *key);

/* Of the block `service =` in [services NAME]. */
bool bkt_profiles_has_services(const struct bkt_profiles *profiles, struct bkt_str name);
struct bkt_str bkt_profiles_service_get(const struct bkt_profiles *profiles,
                                        struct bkt_str name,
                                        const char *service,
                                        const char *key);

/* The error for a profile that does not exist, with the nearest name or those there are. */
int bkt_profiles_missing(const struct bkt_profiles *profiles,
                         struct bkt_str profile,
                         struct bkt_error *err);

#endif
