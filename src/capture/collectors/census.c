/* SPDX-License-Identifier: MIT */
/* census - the sections of proc/PID/census (docs/bundle.md): what src/census found in the heaps.
 *
 * An agent that was there from the start knows every block and who allocated it: then glibc's heap is counted only when that is asked
 * for.  One that came later (swansong inject, a fork), or to whom the program's malloc does not come, does not know the others. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/file.h"
#include "base/recorder/recorder_head.h"
#include "census/census.h"
#include "census/glibc.h"
#include "capture/collectors.h"
#include "capture/collectors/recorder.h"
#include "capture/memory_tight.h"

#define MAPS_MAX    ((size_t)64 << 20)
#define OBJECT_ROWS 1000

/* With --contents: of so many rows, so many bytes of a block. */
#define CONTENTS_ROWS  20
#define CONTENTS_BYTES 64

/* Left for writing what was counted. */
#define WRITING_NS (20 * NS_PER_MS)

static const char *const kinds[TALLY_KINDS] = {
        [TALLY_MODULE] = "module", [TALLY_HEAP] = "heap",   [TALLY_ZERO] = "zero",
        [TALLY_TEXT] = "text",     [TALLY_OTHER] = "other",
};

struct table {
        struct collect *c;
        const struct collector *row;
        char path[96];
};

static void table_begin(struct table *t, const char *name, const char *header)
{
        snprintf(t->path, sizeof(t->path), "proc/%d/%s/%s.tsv", t->c->target->pid, t->row->name, name);
        section_begin(t->c->writer, t->path, t->row->optional);
        section_write(t->c->writer, header, strlen(header));
}

static void table_end(struct table *t, const struct census *census)
{
        if (census->late)
                section_end(t->c->writer, SECTION_CUT, ETIME,
                            "the time for it was used up: a part of the heap was counted");
        else
                section_end(t->c->writer, SECTION_OK, 0, NULL);
}

_printf_(2, 3) static void table_row(struct table *t, const char *format, ...)
{
        char line[1024];
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);
        section_write(t->c->writer, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void write_totals(struct table *t, const struct census *census)
{
        table_begin(t, "totals", "what\tvalue\n");
        table_row(t, "allocator\tglibc\n");
        table_row(t, "layout\t%s\n", census->versions);
        if (census->mmapped_known) {
                table_row(t, "mmapped\t%" PRIu64 "\n", census->mmapped);
                table_row(t, "mmapped_blocks\t%" PRIu64 "\n", census->blocks_mmapped);
        }
        table_row(t, "bytes_read\t%" PRIu64 "\n", census->bytes_read);
        if (census->sample_pieces > 0) {
                table_row(t, "sample_pieces\t%" PRIu64 "\n", census->sample_pieces);
                table_row(t, "sample_error\t%" PRIu64 "\n", census->sample_error);
        }
        table_row(t, "swapped_pages\t%" PRIu64 "\n", census->swapped_pages);
        table_row(t, "duration_ns\t%" PRIu64 "\n", census->duration_ns);
        table_row(t, "uncounted_blocks\t%" PRIu64 "\n", census->tally.crowded.blocks);
        table_row(t, "uncounted_bytes\t%" PRIu64 "\n", census->tally.crowded.bytes);
        table_end(t, census);
}

static void write_arenas(struct table *t, const struct census *census)
{
        table_begin(
                t, "arenas",
                "arena\taddress\tsystem\tin_use\tin_use_blocks\tfree\tfree_blocks\tfree_largest\ttrimmable\t"
                "cached\tcached_blocks\ttop\tunseen\ttorn\n");
        for (size_t i = 0; i < census->n_arenas; i++) {
                const struct heap_sums *s = &census->arenas[i].sums;

                table_row(t,
                          "%zu\t0x%" PRIx64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
                          "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
                          "\t%" PRIu64 "\n",
                          i, census->arenas[i].address, s->system, s->in_use, s->blocks_in_use, s->free,
                          s->blocks_free, s->free_largest, s->trimmable, s->cached, s->blocks_cached, s->top,
                          s->unseen, s->torn);
        }
        table_end(t, census);
}

static void write_sizes(struct table *t, const struct census *census)
{
        table_begin(t, "sizes", "size_max\tblocks\tbytes\n");
        for (uint32_t i = 0; i < TALLY_SIZES; i++)
                if (census->tally.sizes[i].blocks > 0)
                        table_row(t, "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", tally_row_bytes(i),
                                  census->tally.sizes[i].blocks, census->tally.sizes[i].bytes);
        table_end(t, census);
}

/* What one of the blocks holds, all but printable ASCII as \xNN and zeros at the end left out; "-" where it is not there. */
static const char *contents_of(const struct remote_memory *memory, const struct tally_object *o,
                               char out[ESCAPE_MAX_GROWTH * CONTENTS_BYTES + 1])
{
        uint64_t most = tally_row_bytes(o->size_row) - CHUNK_OVERHEAD;
        char bytes[CONTENTS_BYTES];
        size_t n = remote_read(memory, o->at, bytes, most < sizeof(bytes) ? most : sizeof(bytes));
        char *p = out;

        while (n > 0 && bytes[n - 1] == '\0')
                n--;
        for (size_t i = 0; i < n; i++) {
                if (bytes[i] >= ' ' && bytes[i] <= '~' && bytes[i] != '\\')
                        *p++ = bytes[i];
                else
                        p += sprintf(p, "\\x%02x", (unsigned char)bytes[i]);
        }
        *p = '\0';
        return n > 0 ? out : "-";
}

static void write_objects(struct table *t, struct census *census, const struct remote_memory *memory)
{
        size_t n = tally_sort(&census->tally);

        table_begin(t, "objects", "kind\tword\tsize_max\tblocks\tbytes\tcontents\n");
        for (size_t i = 0; i < n && i < OBJECT_ROWS; i++) {
                const struct tally_object *o = &census->tally.objects[i];
                bool shown = t->c->with_contents && i < CONTENTS_ROWS;
                char contents[ESCAPE_MAX_GROWTH * CONTENTS_BYTES + 1];

                table_row(t, "%s\t0x%" PRIx64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\n",
                          kinds[o->kind - 1], o->word, tally_row_bytes(o->size_row), o->count.blocks,
                          o->count.bytes, shown ? contents_of(memory, o, contents) : "-");
        }
        table_end(t, census);
}

/* "4711", or "-" for what is not known. */
static const char *number(uint64_t n, char out[24])
{
        if (n == HEAP_UNKNOWN)
                return "-";
        snprintf(out, 24, "%" PRIu64, n);
        return out;
}

static void write_heaps(struct table *t, const struct census *census)
{
        table_begin(t, "heaps",
                    "heap\tkind\tversion\tsystem\tin_use\tblocks\tfree\treturned\toverhead\trefused\n");
        for (size_t i = 0; i < census->n_heaps; i++) {
                const struct heap *h = &census->heaps[i];
                char text[6][24];

                table_row(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", h->name,
                          h->is_malloc ? "malloc" : "runtime", h->version[0] ? h->version : "-",
                          number(h->system, text[0]), number(h->in_use, text[1]), number(h->blocks, text[2]),
                          number(h->free, text[3]), number(h->returned, text[4]),
                          number(h->overhead, text[5]), h->refused[0] ? h->refused : "-");
        }
        table_end(t, census);
}

static void write_heap_classes(struct table *t, const struct census *census)
{
        char text[24];

        table_begin(t, "heap_sizes", "heap\tsize_max\tblocks\tbytes\n");
        for (size_t i = 0; i < census->n_heaps; i++)
                for (size_t k = 0; k < census->heaps[i].n_classes; k++) {
                        const struct heap_class *c = &census->heaps[i].classes[k];

                        table_row(t, "%s\t%s\t%" PRIu64 "\t%" PRIu64 "\n", census->heaps[i].name,
                                  number(c->size, text), c->blocks, c->bytes);
                }
        table_end(t, census);
}

static void write_heap_types(struct table *t, const struct census *census)
{
        table_begin(t, "heap_types", "heap\tname\tblocks\tbytes\n");
        for (size_t i = 0; i < census->n_heaps; i++)
                for (size_t k = 0; k < census->heaps[i].n_types; k++) {
                        const struct heap_type *h = &census->heaps[i].types[k];
                        char name[ESCAPE_MAX_GROWTH * HEAP_NAME + 1];

                        name[escape_cell(h->name, strlen(h->name), name)] = '\0';
                        table_row(t, "%s\t%s\t%" PRIu64 "\t%" PRIu64 "\n", census->heaps[i].name,
                                  h->name[0] ? name : "-", h->blocks, h->bytes);
                }
        table_end(t, census);
}

static void write_heap_regions(struct table *t, const struct census *census)
{
        char text[24];

        table_begin(t, "heap_regions", "heap\tstart\tend\tresident\n");
        for (size_t i = 0; i < census->n_heaps; i++)
                for (size_t k = 0; k < census->heaps[i].n_regions; k++) {
                        const struct heap_region *r = &census->heaps[i].regions[k];

                        table_row(t, "%s\t0x%" PRIx64 "\t0x%" PRIx64 "\t%s\n", census->heaps[i].name,
                                  r->start, r->end, number(r->resident, text));
                }
        table_end(t, census);
}

/* A refusal is worth a word where nothing else is known of the process's heaps. */
static void write_refusal(struct table *t, int err, const char *why)
{
        struct collect *c = t->c;

        snprintf(t->path, sizeof(t->path), "proc/%d/%s", c->target->pid, t->row->name);
        if (collect_target_died(c))
                section_died(c->writer, t->path, t->row->optional);
        else
                section_missing(c->writer, t->path, t->row->optional, err, why);
}

static void write_all(struct table *t, struct census *census, const struct remote_memory *memory)
{
        if (census->n_heaps > 0) {
                write_heaps(t, census);
                write_heap_classes(t, census);
                write_heap_types(t, census);
                write_heap_regions(t, census);
        }
        if (census->refused[0]) {
                if (census->n_heaps == 0)
                        write_refusal(t, 0, census->refused);
                return;
        }
        write_totals(t, census);
        write_arenas(t, census);
        write_sizes(t, census);
        write_objects(t, census, memory);
}

static bool agent_knows_all(struct collect *c)
{
        static const uint64_t not_all = RECORDER_LOADED_LATE | RECORDER_FORKED | RECORDER_HEAP_UNSEEN;
        _cleanup_fd_ int fd = recorder_open_mapped(c->target, c->ns_pid, c->buffer, COLLECT_BUFFER);
        uint8_t first[RECORDER_HEADER_SPACE];
        struct recorder_header head;
        ssize_t n = fd < 0 ? -1 : pread(fd, first, sizeof(first), 0);

        return n > 0 && recorder_head_parse(first, (size_t)n, &head) == 0 && !(head.flags & not_all);
}

void census_make(struct collect *c, const struct collector *row)
{
        _cleanup_buf_ struct buf maps = BUF_GROWING(MAPS_MAX);
        _cleanup_fd_ int pagemap = openat(c->target->proc_fd, "pagemap", O_RDONLY | O_CLOEXEC);
        uint64_t deadline_ns = c->progress->deadline_ns;
        struct remote_memory memory = {.fd = -1};
        struct census *census = NULL;
        struct table t = {c, row, ""};
        int r;

        if (c->census == CENSUS_OFF)
                return;
        r = file_read_at(c->target->proc_fd, "maps", &maps);
        if (r == 0)
                r = remote_memory_open(c->target->proc_fd, c->target->pid, memory_is_tight(c->target),
                                       &memory);
        if (r == 0)
                r = census_take(&(struct census_request){.how = c->census,
                                                         .memory = &memory,
                                                         .pagemap_fd = pagemap,
                                                         .maps = &maps,
                                                         .deadline_ns = deadline_ns - WRITING_NS,
                                                         .agent_knows = c->census == CENSUS_AUTO &&
                                                                        agent_knows_all(c)},
                                &census);
        if (r == 0)
                write_all(&t, census, &memory);
        else
                write_refusal(&t, -r, NULL);
        remote_memory_close(&memory);
        census_free(census);
}
