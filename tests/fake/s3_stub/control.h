/* The /_stub/ paths, by which a test reads the counters and changes the bucket and the rules. */
#ifndef STUB_CONTROL_H
#define STUB_CONTROL_H

#include "s3.h"

bool stub_control_is(const struct stub_request *request);
void stub_control_handle(struct stub_s3 *s3,
                         const struct stub_request *request,
                         struct stub_response *response);

#endif
