/* SPDX-License-Identifier: MIT */
#include "bundle/writer_ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/json_out.h"

struct ledger *ledger_new(void)
{
        void *memory = mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        return memory == MAP_FAILED ? NULL : memory;
}

void ledger_free(struct ledger *l)
{
        if (l)
                munmap(l, sizeof(*l));
}

void ledger_open(struct ledger *l, const char *path, const char *family, bool optional, uint64_t begin_ns)
{
        snprintf(l->current.path, sizeof(l->current.path), "%s", path);
        snprintf(l->current.family, sizeof(l->current.family), "%s", family ? family : "");
        l->current.optional = optional;
        l->current.begin_ns = begin_ns;
        l->current.bytes = 0;
        l->pending_len = 0;
        l->current.open = true;
}

void ledger_close(struct ledger *l)
{
        l->current.open = false;
        l->pending_len = 0;
}

static const char *status_name(enum section_status status)
{
        static const char *const names[] = {[SECTION_OK] = "ok",
                                            [SECTION_MISSING] = "missing",
                                            [SECTION_CUT] = "cut",
                                            [SECTION_TARGET_DIED] = "target-died"};

        return names[status];
}

static void row_print(struct buf *b, const struct ledger_row *row)
{
        struct json_out j = {.buf = b};

        json_put_object_begin(&j, NULL);
        json_put_string(&j, "path", row->path);
        json_put_string(&j, "status", status_name(row->status));
        if (row->err)
                json_put_int(&j, "errno", row->err);
        else
                json_put_null(&j, "errno");
        json_put_string(&j, "reason", row->reason ? row->reason : row->err ? strerror(row->err) : NULL);
        json_put_bool(&j, "optional", row->optional);
        if (row->is_family)
                json_put_uint(&j, "files", row->files);
        json_put_uint(&j, "bytes", row->bytes);
        json_put_uint(&j, "begin_ns", row->begin_ns);
        json_put_uint(&j, "end_ns", row->end_ns);
        json_put_object_end(&j);
}

void ledger_add(struct ledger *l, const struct ledger_row *row)
{
        /* Behind what is published; a row counts once it is whole. */
        struct buf b = BUF_FIXED(l->rows + l->rows_len, sizeof(l->rows) - l->rows_len);

        if (row->status != SECTION_OK && !row->optional)
                l->incomplete = true;
        l->bytes += row->bytes;
        buf_str(&b, l->rows_len ? ",\n" : "\n");
        row_print(&b, row);
        if (b.cut) {
                l->incomplete = true;
                return;
        }
        __atomic_store_n(&l->rows_len, l->rows_len + b.len, __ATOMIC_RELEASE);
}

void family_add(struct section_family *f, const struct ledger_row *row)
{
        if (f->seen++ == 0)
                f->begin_ns = row->begin_ns;
        f->end_ns = row->end_ns;
        f->bytes += row->bytes;
        if (row->status != SECTION_MISSING)
                f->files++;
        if (row->status == SECTION_OK)
                return;
        if (f->failed++ == 0) {
                f->err = row->err;
                snprintf(f->reason, sizeof(f->reason), "%s",
                         row->reason ? row->reason
                         : row->err  ? strerror(row->err)
                                     : "");
        }
}

void family_row(const struct section_family *f, struct ledger_row *ret, char *reason, size_t reason_size)
{
        *ret = (struct ledger_row){
                .path = f->path,
                .status = f->failed == 0 ? SECTION_OK
                          : f->files     ? SECTION_CUT
                                         : SECTION_MISSING,
                .err = f->err,
                .optional = f->optional,
                .is_family = true,
                .files = f->files,
                .bytes = f->bytes,
                .begin_ns = f->begin_ns,
                .end_ns = f->end_ns,
        };
        if (f->failed > 0) {
                snprintf(reason, reason_size, "%u of %u: %s", f->failed, f->seen, f->reason);
                ret->reason = reason;
        }
}
