/* SPDX-License-Identifier: MIT */
#include "analysis/machine/zones.h"

#include <errno.h>

#include "analysis/amount.h"
#include "analysis/key_value.h"
#include "base/cleanup.h"

#define ZONES_MAX 4096 /* 1024 nodes with 4 zones */

/* "Node 0, zone   Normal": the line moves behind the name. */
static bool scan_zone(struct scan *line, int32_t *ret_node, struct scan *ret_name)
{
        struct scan s = *line;

        if (!scan_word(&s, "Node"))
                return false;
        scan_blanks(&s);
        if (!scan_int(&s, ret_node) || !scan_word(&s, ", zone"))
                return false;
        scan_blanks(&s);
        ret_name->at = s.at;
        while (s.at < s.end && *s.at != ' ' && *s.at != ',')
                s.at++;
        ret_name->end = s.at;
        *line = s;
        return scan_left(ret_name) > 0;
}

/* "(0, 2991, 64295)": the number at `index`. */
static uint64_t protection_at(struct scan s, size_t index)
{
        uint64_t value = 0;

        if (!s.at || !scan_find(&s, "("))
                return 0;
        for (size_t i = 0; i <= index; i++) {
                scan_word(&s, ", ");
                if (!scan_number(&s, &value))
                        return 0;
        }
        return value;
}

struct zone_text { /* one zone while its lines are read */
        struct report_zone zone;
        struct scan protection;
        size_t index; /* among the zones of its node */
};

static void take_line(struct scan line, uint64_t page_size, struct zone_text *z)
{
        static const struct {
                const char *key;
                size_t offset;
        } keys[] = {{"pages free ", offsetof(struct report_zone, free)},
                    {"min ", offsetof(struct report_zone, min)},
                    {"low ", offsetof(struct report_zone, low)},
                    {"high ", offsetof(struct report_zone, high)},
                    {"managed ", offsetof(struct report_zone, managed)}};

        scan_blanks(&line);
        if (scan_word(&line, "protection:"))
                z->protection = line;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                uint64_t *field = (uint64_t *)((char *)&z->zone + keys[i].offset), pages;
                struct scan s = line;

                if (amount_known(*field) || !scan_word(&s, keys[i].key))
                        continue;
                scan_blanks(&s);
                if (scan_number(&s, &pages))
                        *field = amount_times(pages, page_size);
        }
}

/* A request of the kernel's own may use zones up to Normal; those behind it are judged for their own requests. */
static void finish(struct zone_text *texts, size_t n, uint64_t page_size)
{
        size_t normal = 0;

        for (size_t i = 0; i < n; i++)
                if (strcmp(texts[i].zone.name, "Normal") == 0)
                        normal = texts[i].index;
        for (size_t i = 0; i < n; i++) {
                struct zone_text *z = &texts[i];

                z->zone.reserve = amount_times(
                        protection_at(z->protection, z->index > normal ? z->index : normal), page_size);
        }
}

int zoneinfo_parse(const char *text, size_t len, uint64_t page_size, struct pool *pool, struct zone_list *ret)
{
        struct scan s = scan_of(text, len), line, name;
        struct zone_text *texts = NULL;
        size_t n = 0, room = 0, index = 0;
        int32_t node;

        while (line_next(&s, &line)) {
                if (!scan_zone(&line, &node, &name)) {
                        if (n > 0)
                                take_line(line, page_size, &texts[n - 1]);
                        continue;
                }
                if (n == ZONES_MAX)
                        break;
                texts = pool_grow(pool, texts, n, n + 1, &room, sizeof(*texts));
                if (!texts)
                        return -ENOMEM;
                index = n > 0 && texts[n - 1].zone.node == node ? index + 1 : 0;
                texts[n] = (struct zone_text){.index = index};
                texts[n].zone = (struct report_zone){.node = node,
                                                     .name = pool_strndup(pool, name.at, scan_left(&name)),
                                                     .free = REPORT_UNKNOWN,
                                                     .min = REPORT_UNKNOWN,
                                                     .low = REPORT_UNKNOWN,
                                                     .high = REPORT_UNKNOWN,
                                                     .managed = REPORT_UNKNOWN,
                                                     .unmovable = REPORT_UNKNOWN,
                                                     .movable = REPORT_UNKNOWN,
                                                     .reclaimable = REPORT_UNKNOWN};
                if (!texts[n++].zone.name)
                        return -ENOMEM;
        }
        finish(texts, n, page_size);
        *ret = (struct zone_list){0};
        for (size_t i = 0; i < n; i++) {
                if (amount_or(texts[i].zone.managed, 0) == 0)
                        continue;
                ret->list = pool_grow(pool, ret->list, ret->n, ret->n + 1, &ret->room, sizeof(*ret->list));
                if (!ret->list)
                        return -ENOMEM;
                ret->list[ret->n++] = texts[i].zone;
        }
        return 0;
}

static struct report_zone *find_zone(struct zone_list *zones, int32_t node, struct scan name)
{
        for (size_t i = 0; i < zones->n; i++)
                if (zones->list[i].node == node && scan_is(&name, zones->list[i].name))
                        return &zones->list[i];
        return NULL;
}

void buddyinfo_join(const char *text, size_t len, struct zone_list *zones)
{
        struct scan s = scan_of(text, len), line, name;
        int32_t node;

        while (line_next(&s, &line)) {
                struct report_zone *zone =
                        scan_zone(&line, &node, &name) ? find_zone(zones, node, name) : NULL;

                if (!zone || zone->n_orders > 0)
                        continue;
                scan_blanks(&line);
                while (zone->n_orders < ZONE_ORDERS_MAX &&
                       scan_number(&line, &zone->blocks[zone->n_orders])) {
                        zone->n_orders++;
                        scan_blanks(&line);
                }
        }
}

/* The kinds in the order of the header's columns: "Number of blocks type     Unmovable      Movable …". */
#define KINDS_MAX 8

static size_t scan_kinds(struct scan line, size_t offsets[KINDS_MAX])
{
        static const struct {
                const char *name;
                size_t offset;
        } kinds[] = {{"Unmovable", offsetof(struct report_zone, unmovable)},
                     {"Movable", offsetof(struct report_zone, movable)},
                     {"Reclaimable", offsetof(struct report_zone, reclaimable)}};
        size_t n = 0;

        for (scan_blanks(&line); scan_left(&line) > 0 && n < KINDS_MAX; scan_blanks(&line)) {
                struct scan word = {line.at, line.at};

                while (word.end < line.end && *word.end != ' ')
                        word.end++;
                line.at = word.end;
                offsets[n] = SIZE_MAX;
                for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                        if (scan_is(&word, kinds[i].name))
                                offsets[n] = kinds[i].offset;
                n++;
        }
        return n;
}

void pagetypeinfo_join(const char *text, size_t len, struct zone_list *zones)
{
        struct scan s = scan_of(text, len), line, name;
        size_t offsets[KINDS_MAX], n = 0;
        int32_t node;

        while (line_next(&s, &line)) {
                struct report_zone *zone;
                uint64_t value;

                if (scan_word(&line, "Number of blocks type")) {
                        n = scan_kinds(line, offsets);
                        continue;
                }
                zone = n > 0 && scan_zone(&line, &node, &name) ? find_zone(zones, node, name) : NULL;
                if (!zone)
                        continue;
                scan_blanks(&line);
                for (size_t i = 0; i < n && scan_number(&line, &value); i++) {
                        if (offsets[i] != SIZE_MAX)
                                *(uint64_t *)((char *)zone + offsets[i]) = value;
                        scan_blanks(&line);
                }
        }
}

static void judge_zone(struct report_zone *z, uint64_t page_size)
{
        uint64_t floor = amount_sum(z->min, z->reserve);
        bool block = false;

        for (size_t i = z->n_orders; i-- > 0;) {
                uint64_t rest = amount_times((UINT64_C(1) << i) - 1, page_size);

                block = block || z->blocks[i] > 0;
                if (!amount_known(z->free) || !amount_known(floor) || !amount_known(rest))
                        z->state[i] = ORDER_UNKNOWN;
                else if (amount_less(z->free, rest) <= floor)
                        z->state[i] = ORDER_WATERMARK;
                else
                        z->state[i] = i == 0 || block ? ORDER_POSSIBLE : ORDER_FREE_LISTS;
        }
}

/* Of what one zone says and another: possible in either; else that memory is free, which can be compacted. */
static enum zone_order_state better(enum zone_order_state a, enum zone_order_state b)
{
        static const int rank[] = {
                [ORDER_UNKNOWN] = 0, [ORDER_WATERMARK] = 1, [ORDER_FREE_LISTS] = 2, [ORDER_POSSIBLE] = 3};

        return rank[a] >= rank[b] ? a : b;
}

size_t zones_judge(struct zone_list *zones, uint64_t page_size, struct report_order ret[ZONE_ORDERS_MAX])
{
        size_t n = 0;

        for (size_t i = 0; i < zones->n; i++)
                if (zones->list[i].n_orders > n)
                        n = zones->list[i].n_orders;
        for (size_t o = 0; o < n; o++)
                ret[o] = (struct report_order){.bytes = amount_times(UINT64_C(1) << o, page_size)};
        for (size_t i = 0; i < zones->n; i++) {
                struct report_zone *z = &zones->list[i];
                uint64_t smaller = 0;

                judge_zone(z, page_size);
                for (size_t o = 0; o < z->n_orders; o++) {
                        ret[o].state = better(ret[o].state, z->state[o]);
                        amount_add(&ret[o].free_smaller, smaller);
                        amount_add(&smaller, amount_times(z->blocks[o], ret[o].bytes));
                }
        }
        return n;
}
