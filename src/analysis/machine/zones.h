/* SPDX-License-Identifier: MIT */
/* zones - free memory by zone and block size: /proc/zoneinfo, buddyinfo and pagetypeinfo joined.
 *
 *   Node 0, zone   Normal                                zoneinfo: a zone's lines follow, counts are pages
 *     pages free     5673028
 *           min      16906
 *           protection: (0, 0, 0, 0, 0)                  kept from requests for a higher zone, by its index
 *   Node 0, zone   Normal   9858   8255   4825 …         buddyinfo: free blocks of 1, 2, 4 … pages
 *   Node    0, zone   Normal, type   Movable  9082 …     pagetypeinfo: the same by kind
 *   Node 0, zone   Normal          142   4536   122 …    and then: page blocks by kind, the kinds named above
 * Works on bytes.  Traps: zones without memory stand in zoneinfo (their index counts) but not in buddyinfo; "high:"
 * of the per-CPU lists is not "high" of the zone; pagetypeinfo shows ">100000" for more.
 */
#ifndef SWANSONG_ANALYSIS_MACHINE_ZONES_H
#define SWANSONG_ANALYSIS_MACHINE_ZONES_H

#include "analysis/report.h"

struct zone_list {
        struct report_zone *list;
        size_t n, room;
};

/* page_size in bytes, known.  0 or -ENOMEM; unpopulated zones are left out. */
int zoneinfo_parse(const char *text, size_t len, uint64_t page_size, struct pool *pool,
                   struct zone_list *ret);

/* Fill in free blocks, and page blocks by kind; zones that zoneinfo did not have are passed over. */
void buddyinfo_join(const char *text, size_t len, struct zone_list *zones);
void pagetypeinfo_join(const char *text, size_t len, struct zone_list *zones);

/* What __zone_watermark_ok() of mm/page_alloc.c would say for each zone and order, and for the machine the best of
 * its zones.  Returns the number of orders. */
size_t zones_judge(struct zone_list *zones, uint64_t page_size, struct report_order ret[ZONE_ORDERS_MAX]);

#endif
