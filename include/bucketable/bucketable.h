/*
 * bucketable/bucketable.h - an S3 bucket as a live keyed table: everything at once.
 */
#ifndef BKT_BUCKETABLE_H
#define BKT_BUCKETABLE_H

#include <bucketable/base.h>
#include <bucketable/changes.h>
#include <bucketable/check.h>
#include <bucketable/config.h>
#include <bucketable/ddl.h>
#include <bucketable/enqueue.h>
#include <bucketable/error.h>
#include <bucketable/explain.h>
#include <bucketable/glob.h>
#include <bucketable/listing.h>
#include <bucketable/log.h>
#include <bucketable/memory.h>
#include <bucketable/plan.h>
#include <bucketable/rows.h>
#include <bucketable/setup.h>
#include <bucketable/source.h>
#include <bucketable/stats.h>
#include <bucketable/status.h>
#include <bucketable/sync.h>
#include <bucketable/target.h>
#include <bucketable/text.h>
#include <bucketable/verify.h>
#include <bucketable/watch.h>

BKT_BEGIN_DECLS

/* "0.1.0", of the library that runs. */
BKT_API const char *bkt_version(void);

BKT_END_DECLS

#endif
