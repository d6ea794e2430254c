/* SPDX-License-Identifier: MIT */
/* gperftools' tcmalloc (2.8 to 2.15, 64 bit): the page heap's statistics and the caches', found in the library's data.
 *
 *   PageHeap { ... large_normal_ large_returned_ | free_[128] { Span normal, Span returned } | stats_ { system_bytes free_bytes
 *              unmapped_bytes committed_bytes ... } }
 *   Span { start length next prev ... }, 48 bytes: the head of an empty list points to itself
 *
 * It is the one if all 256 heads are such, committed is system less unmapped, and the lists of small spans hold no more than
 * the statistics say.  What lies free in threads' and central caches counts as in use: only the allocator can tell. */
#include <stdio.h>
#include <string.h>

#include "census/heap.h"

#define LISTS      128
#define SPAN_WORDS 6
#define HEADS      (2 * LISTS)
#define SPAN_BYTES (SPAN_WORDS * 8)
#define PAGE       8192
#define LIST_MAX   (1u << 20)
#define TRIES      20

enum { SYSTEM, FREE, UNMAPPED, COMMITTED };

struct span {
        uint64_t start, length, next, prev;
};

static bool is_head(const uint64_t *w, uint64_t address, const struct heap_look *look)
{
        if (w[2] == address)
                return w[3] == address && w[1] == 0;
        return w[1] == 0 && heap_is_anonymous(look, w[2]) && heap_is_anonymous(look, w[3]);
}

static bool is_page_heap(const struct heap_look *look, const uint64_t *w, uint64_t address)
{
        for (size_t i = 0; i < HEADS; i++)
                if (!is_head(w + i * SPAN_WORDS, address + i * SPAN_BYTES, look))
                        return false;
        return true;
}

/* Bytes in the list from its head on; HEAP_UNKNOWN: it makes no sense. */
static uint64_t list_bytes(const struct heap_look *look, const uint64_t *head, uint64_t address,
                           uint64_t length)
{
        uint64_t at = head[2], before = address, sum = 0;

        for (unsigned n = 0; at != address; n++) {
                struct span s;

                if (n >= LIST_MAX || !heap_is_anonymous(look, at) || !heap_get(look, at, &s, sizeof(s)) ||
                    s.prev != before || s.length != length)
                        return HEAP_UNKNOWN;
                sum += s.length * PAGE;
                before = at;
                at = s.next;
        }
        return sum;
}

static bool stats_verify(const struct heap_look *look, const uint64_t *w, uint64_t address)
{
        const uint64_t *stats = w + HEADS * SPAN_WORDS;
        uint64_t sums[2] = {0, 0};

        if (stats[SYSTEM] == 0 || stats[SYSTEM] % PAGE != 0 || stats[SYSTEM] > UINT64_C(1) << 47 ||
            stats[UNMAPPED] > stats[SYSTEM] || stats[COMMITTED] != stats[SYSTEM] - stats[UNMAPPED] ||
            stats[FREE] > stats[COMMITTED])
                return false;
        for (size_t i = 0; i < HEADS; i++) {
                uint64_t bytes = list_bytes(look, w + i * SPAN_WORDS, address + i * SPAN_BYTES, i / 2 + 1);

                if (bytes == HEAP_UNKNOWN)
                        return false;
                sums[i % 2] += bytes;
        }
        return sums[0] <= stats[FREE] && sums[1] <= stats[UNMAPPED];
}

static void put(const uint64_t *stats, struct heap *h)
{
        h->system = stats[COMMITTED];
        h->free = stats[FREE];
        h->returned = stats[UNMAPPED];
        h->in_use = stats[COMMITTED] - stats[FREE];
}

static bool find(const struct heap_look *look, size_t module, struct heap *h, bool *ret_seen)
{
        const size_t words = HEADS * SPAN_WORDS + 4;
        _cleanup_heap_data_ struct heap_data data = {.next = module};

        while (heap_data_next(look, &data))
                for (size_t i = 0; i + words <= data.n; i++) {
                        uint64_t address = data.address + i * 8;

                        if (!is_page_heap(look, data.words + i, address))
                                continue;
                        *ret_seen = true;
                        if (!stats_verify(look, data.words + i, address))
                                continue;
                        put(data.words + i + HEADS * SPAN_WORDS, h);
                        return true;
                }
        return false;
}

bool heap_read_tcmalloc(const struct heap_look *look, struct heap *ret)
{
        size_t module = heap_module(look, "libtcmalloc");
        bool seen = false;

        if (module == SIZE_MAX)
                return false;
        snprintf(ret->version, sizeof(ret->version), "gperftools 2.8 or later");
        for (unsigned i = 0; i < TRIES && !heap_is_late(look); i++)
                if (find(look, module, ret, &seen))
                        return true;
        ret->version[0] = '\0';
        return heap_refuse(
                ret, seen ? "the statistics of the page heap did not agree with its lists while it ran"
                          : "not understood: no page heap as that of gperftools 2.8 or later in its data");
}
