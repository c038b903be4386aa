// SPDX-License-Identifier: GPL-2.0
/* A hash that fits into the caches. */
#define ENTRIES 1024
#include "hits.h"
