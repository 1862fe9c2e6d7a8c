/*
 * Rules that make answers go wrong, given as JSON by a test while the stub runs.  The README beside
 * this folder lists the members of a rule.
 */
#ifndef STUB_FAULT_H
#define STUB_FAULT_H

#include "list.h"
#include "request.h"

#include <cjson/cJSON.h>

enum stub_op {
    STUB_OP_OTHER,
    STUB_OP_GET,
    STUB_OP_HEAD,
    STUB_OP_LIST,
    STUB_OP_PUT,
    STUB_OP_DELETE
};

const char *stub_op_name(enum stub_op op);

/* What a request is about, for matching. */
struct stub_target {
    enum stub_op op;
    struct bkt_str key;   /* the object's; of a listing, its prefix */
    struct bkt_str query; /* as received */
};

struct stub_rule;

struct stub_faults {
    struct stub_rule *first; /* in the order they came */
    unsigned next_id;
    uint64_t random;
};

/* Add the rule, or the array of rules, in `json`; on failure nothing is added. */
bool stub_faults_add(struct stub_faults *faults, struct bkt_str json, struct stub_text *out_wrong);
void stub_faults_clear(struct stub_faults *faults);
/* A JSON array: id, seen, hits and the rule of each. */
void stub_faults_print(const struct stub_faults *faults, struct stub_text *out);

/* The `do` object of the first rule that hits, or NULL; counts the request in every rule it
 * matches. */
const cJSON *stub_faults_match(struct stub_faults *faults, const struct stub_target *target);

/* Bits of enum stub_lie. */
unsigned stub_fault_lies(const cJSON *what);
int64_t stub_fault_number(const cJSON *what, const char *name, int64_t otherwise);
const char *stub_fault_text(const cJSON *what, const char *name);
bool stub_fault_flag(const cJSON *what, const char *name);

/* What concerns the transport and the headers, applied to an answer that is otherwise ready. */
void stub_fault_apply(const cJSON *what, struct stub_response *response);

#endif
