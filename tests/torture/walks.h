/*
 * The walks of the library that no command of the program is made of: rows in any order and by key,
 * and changes, each a key a line.
 */
#ifndef TESTS_TORTURE_WALKS_H
#define TESTS_TORTURE_WALKS_H

#include <bucketable/bucketable.h>

struct walk {
    const char *name;
    int (*run)(const struct bkt_config *config, struct bkt_error *err);
};

/* Ended by one without a name. */
extern const struct walk walks[];

/* argv is as the program's for `watch`, but for the name. The exit status, as the program's. */
int walk_run(const struct walk *walk, int argc, char **argv);

#endif
