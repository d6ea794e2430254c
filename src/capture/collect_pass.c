/* SPDX-License-Identifier: MIT */
#include "capture/collect_pass.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"

void pass_begin(struct collect_pass *p, struct collect *c, const struct collector *rows, size_t n,
                const char *where)
{
        p->c = c;
        p->rows = rows;
        p->n = n < PASS_ROWS_MAX ? n : PASS_ROWS_MAX;
        for (size_t i = 0; i < p->n; i++) {
                snprintf(p->paths[i], sizeof(p->paths[i]), "%s/%s", where, rows[i].name);
                p->families[i] = (struct section_family){.path = p->paths[i], .optional = rows[i].optional};
        }
}

void pass_copy(struct collect_pass *p, size_t i, int dirfd, const char *name, const char *where)
{
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/%s", where, name) >= (int)sizeof(path))
                section_missing_in(&p->families[i], ENAMETOOLONG, NULL);
        else
                copy_file(p->c, dirfd, name, path, &p->rows[i], &p->families[i]);
}

bool pass_over(struct collect_pass *p)
{
        return collect_late(p->c);
}

void pass_end(struct collect_pass *p, int err, const char *reason)
{
        enum section_status status = err ? SECTION_CUT : SECTION_OK;

        if (p->rows[0].scope == SCOPE_THREAD && collect_target_died(p->c)) {
                status = SECTION_TARGET_DIED;
                err = ESRCH;
                reason = "the process ended meanwhile";
        } else if (err == 0 && pass_over(p)) {
                status = SECTION_CUT;
                err = ETIME;
                reason = "took too long, the rest is missing";
        }
        for (size_t i = 0; i < p->n; i++)
                family_end(p->c->writer, &p->families[i], status, err, reason);
}
