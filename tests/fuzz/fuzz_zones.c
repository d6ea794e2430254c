/* SPDX-License-Identifier: MIT */
/* Any bytes as zoneinfo, buddyinfo and pagetypeinfo, one text for all three: each takes the lines that are its own. */
#include <stdlib.h>

#include "analysis/machine/zones.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;
        struct report_order orders[ZONE_ORDERS_MAX];
        struct zone_list zones;
        struct pool pool = {0};

        if (zoneinfo_parse(text, size, 4096, &pool, &zones) == 0) {
                buddyinfo_join(text, size, &zones);
                pagetypeinfo_join(text, size, &zones);
                if (zones_judge(&zones, 4096, orders) > ZONE_ORDERS_MAX)
                        abort();
                for (size_t i = 0; i < zones.n; i++)
                        if (!zones.list[i].name || zones.list[i].n_orders > ZONE_ORDERS_MAX)
                                abort();
        }
        pool_free(&pool);
        return 0;
}
