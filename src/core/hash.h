/* A keyed hash for tables whose keys strangers choose: SipHash-1-3 (Aumasson, Bernstein 2012). */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include "core/str.h"

uint64_t bkt_hash(struct bkt_str bytes, uint64_t seed);

#endif
