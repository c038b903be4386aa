// SPDX-License-Identifier: GPL-2.0
/* A hash that does not fit into the caches. */
#define ENTRIES 1048576
#include "hits.h"
