/*
 * A watch's numbers in Prometheus' text format, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/), and as JSON for the status page.
 */
#ifndef CLI_METRICS_H
#define CLI_METRICS_H

#include <bucketable/bucketable.h>

#include <stdio.h>

#define CLI_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void cli_metrics_write(const struct bkt_stats *stats, FILE *out);

/* The members of an object, without its braces. */
void cli_metrics_write_json(const struct bkt_stats *stats, FILE *out);

#endif
