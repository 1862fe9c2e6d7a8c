/*
 * Statements: their parameters, sending them, their results.
 */
#ifndef TARGETS_POSTGRES_RUN_H
#define TARGETS_POSTGRES_RUN_H

#include "targets/postgres_array.h"
#include "targets/postgres_db.h"

enum { BKT_POSTGRES_PARAMS_MAX = 12, BKT_POSTGRES_STATEMENTS_MAX = 8 };

/* Parameters of a statement, in the binary format.  All-zero has none. */
struct bkt_postgres_params {
    int count;
    Oid types[BKT_POSTGRES_PARAMS_MAX];
    const char *values[BKT_POSTGRES_PARAMS_MAX];
    int lengths[BKT_POSTGRES_PARAMS_MAX];
    char numbers[BKT_POSTGRES_PARAMS_MAX][8];
};

struct bkt_postgres_statement {
    const char *sql;                          /* NULL: left out, its result is NULL */
    const struct bkt_postgres_params *params; /* NULL: none */
};

/* Of which the first is the table's name, as the record has it. */
struct bkt_postgres_params bkt_postgres_table_param(const struct bkt_postgres *conn);
/* One more.  Bytes live until the statement was run. */
void bkt_postgres_param(struct bkt_postgres_params *params,
                        enum bkt_postgres_type type,
                        struct bkt_str bytes);
void bkt_postgres_param_int(struct bkt_postgres_params *params, int64_t number); /* INT8 */
BKT_MUST_CHECK int bkt_postgres_param_array(struct bkt_postgres_params *params,
                                            struct bkt_postgres_array *array);

/*
 * Send the statements together, in one round trip, and wait for their results, which come in the
 * binary format and are the caller's to PQclear(); `results` may be NULL.  The first failure ends
 * the run: no result is given, `conn` has its SQLSTATE.  `doing` is a verb for the message.
 */
BKT_MUST_CHECK int bkt_postgres_run(struct bkt_postgres *conn,
                                    const char *doing,
                                    const struct bkt_postgres_statement *statements,
                                    size_t count,
                                    PGresult **results,
                                    struct bkt_error *err);
/* One statement; `out_result` may be NULL. */
BKT_MUST_CHECK int bkt_postgres_exec(struct bkt_postgres *conn,
                                     const char *doing,
                                     const char *sql,
                                     const struct bkt_postgres_params *params,
                                     PGresult **out_result,
                                     struct bkt_error *err);
/*
 * The same over a table of ours that nothing depends on: where it is missing, the open transaction
 * is rolled back, the table made by `make_sql`, and the whole run again.
 */
BKT_MUST_CHECK int bkt_postgres_run_or_make(struct bkt_postgres *conn,
                                            const char *doing,
                                            const char *make_sql,
                                            const struct bkt_postgres_statement *statements,
                                            size_t count,
                                            PGresult **results,
                                            struct bkt_error *err);
/*
 * COPY ... FROM STDIN, with all of its data.  Where the server refuses it, for whatever reason,
 * `*out_is_refused` is set and BKT_OK returned: the transaction is to go back to a savepoint.
 */
BKT_MUST_CHECK int bkt_postgres_copy(struct bkt_postgres *conn,
                                     const char *doing,
                                     const char *sql,
                                     struct bkt_str data,
                                     bool *out_is_refused,
                                     struct bkt_error *err);

/* Values of a result; NULL is empty and 0. */
struct bkt_str bkt_postgres_str(const PGresult *result, int row, int column);
int64_t bkt_postgres_int(const PGresult *result, int row, int column);

#endif
