/* SPDX-License-Identifier: MIT */
/* mallinfo2() for the whole (glibc >= 2.33; before that mallinfo(), whose numbers wrap at 4 GiB: not used), malloc_info()
 * for the arenas:
 *
 *   <heap nr="1">
 *   <sizes> <size from="33" to="48" total="48" count="1"/> </sizes>
 *   <total type="fast" count="0" size="0"/>
 *   <total type="rest" count="2" size="133312"/>
 *   <system type="current" size="135168"/>
 *   ...
 *   </heap>
 *
 * malloc_info() holds each arena's lock while it walks the arena's free lists: 220 ms measured on a heap of 1 GB with a
 * million free blocks.  So it is for dumps only. */
#include "agent_so/malloc_stats/malloc_stats.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/scan.h"

struct mallinfo2_result {
        size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

static struct mallinfo2_result (*info2)(void);
static int (*info_xml)(int, FILE *);

static bool find(void)
{
        info2 = (struct mallinfo2_result(*)(void))malloc_stats_symbol("mallinfo2");
        info_xml = (int (*)(int, FILE *))malloc_stats_symbol("malloc_info");
        return malloc_stats_symbol("gnu_get_libc_version") != NULL;
}

/* The attribute `size` of the element that begins with `element`, within this heap's text. */
static bool size_of(struct scan heap, const char *element, uint64_t *ret)
{
        return scan_find(&heap, element) && scan_find(&heap, "size=\"") && scan_number(&heap, ret);
}

static size_t parse_arenas(const char *text, size_t length, struct recorder_malloc *rows, size_t max,
                           uint32_t *ret_arenas)
{
        struct scan s = scan_of(text, length), heap;
        uint64_t number, fast, rest, system;
        size_t n = 0;

        *ret_arenas = 0;
        while (scan_find(&s, "<heap nr=\"") && scan_number(&s, &number) && scan_until(&s, "</heap>", &heap)) {
                ++*ret_arenas;
                if (n >= max || !size_of(heap, "<total type=\"fast\"", &fast) ||
                    !size_of(heap, "<total type=\"rest\"", &rest) ||
                    !size_of(heap, "<system type=\"current\"", &system) || fast + rest > system)
                        continue;
                rows[n++] =
                        (struct recorder_malloc){.arena = (uint32_t)number,
                                                 .in_use = system - fast - rest,
                                                 .free_held = fast + rest,
                                                 .known = RECORDER_MALLOC_IN_USE | RECORDER_MALLOC_FREE_HELD};
        }
        return n;
}

static size_t take(struct recorder_malloc *rows, size_t max, bool arenas)
{
        _cleanup_free_ char *text = NULL;
        size_t length = 0, n = 1;
        FILE *f;

        if (info2) {
                struct mallinfo2_result i = info2();

                rows[0].in_use = i.uordblks + i.hblkhd;
                rows[0].free_held = i.fordblks;
                rows[0].mmapped = i.hblkhd;
                rows[0].top = i.keepcost;
                rows[0].known = RECORDER_MALLOC_IN_USE | RECORDER_MALLOC_FREE_HELD | RECORDER_MALLOC_MMAPPED |
                                RECORDER_MALLOC_TOP;
        }
        if (!arenas || !info_xml)
                return rows[0].known ? 1 : 0;
        f = open_memstream(&text, &length);
        if (!f)
                return 1;
        info_xml(0, f);
        if (fclose(f) == 0)
                n += parse_arenas(text, length, rows + 1, max - 1, &rows[0].n_arenas);
        return n;
}

const struct malloc_stats malloc_stats_glibc = {.name = "glibc", .find = find, .take = take};
