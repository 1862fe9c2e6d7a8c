/*
 * Libraries that are loaded when they are first needed.
 *
 * To start a program costs most where it brings libraries along: libcurl and the thirty behind it
 * are three quarters of `bucketable --version`.  So a call of libpq, librdkafka, hiredis,
 * libmicrohttpd or libcurl goes through a pointer, which the library's bkt_NAME_load() fills by the
 * file name that the linker would have written down, looked for where the linker's would be.
 * tools/make-loader makes that function and the pointers of a list, src/FOLDER/NAME.functions; the
 * types are those of the library's own header.
 *
 * Threads: any.
 */
#ifndef CORE_LOAD_H
#define CORE_LOAD_H

#include <bucketable/error.h>

#include <stddef.h>
#include <stdint.h>

struct bkt_load {
    const char *file;    /* "libpq.so.5" */
    const char *purpose; /* for messages: "PostgreSQL tables" */
    const char *package; /* Debian's */
    const char *const *names;
    size_t count;
};

/*
 * Fill `pointers`, one for each name, if that was not done before; the library stays loaded.
 * BKT_ECONFIG: there is no such library, or it lacks one of the names.
 */
BKT_MUST_CHECK int bkt_load(const struct bkt_load *load, void *pointers, struct bkt_error *err);

/*
 * Tell those who make packages of the file that it may load another one, as readelf -d tells them
 * of those it is linked with: https://systemd.io/ELF_DLOPEN_METADATA/.
 */
#define BKT_LOAD_NOTE(json)                                                          \
    __attribute__((used, section(".note.dlopen"))) _Alignas(4) static const struct { \
        uint32_t name_bytes, json_bytes, type;                                       \
        char name[4];                                                                \
        _Alignas(4) char text[sizeof(json)];                                         \
    } load_note = {4, sizeof(json), 0x407c0c0a, "FDO", json}

#endif
