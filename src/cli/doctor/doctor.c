/* SPDX-License-Identifier: MIT */
#include "cli/doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"

/* Each may use what those above it found. */
const struct doctor_check doctor_checks[] = {
        {"limit", doctor_limit},     {"rlimit", doctor_rlimits},      {"killer", doctor_killer},
        {"rank", doctor_rank},       {"cgroup", doctor_cgroup},       {"ptrace", doctor_ptrace},
        {"watcher", doctor_watcher}, {"allocator", doctor_allocator}, {"inject", doctor_inject},
        {"symbols", doctor_symbols}, {"cost", doctor_cost},           {"guarantee", doctor_guarantee},
};
const size_t n_doctor_checks = ARRAY_SIZE(doctor_checks);

struct doctor_finding *doctor_say(struct doctor *d, enum finding_level level, const char *format, ...)
{
        struct doctor_finding *f = &d->findings[d->n < DOCTOR_FINDINGS_MAX ? d->n++ : d->n - 1];
        va_list args;

        *f = (struct doctor_finding){.check = d->check, .level = level};
        va_start(args, format);
        vsnprintf(f->sentence, sizeof(f->sentence), format, args);
        va_end(args);
        return f;
}

void doctor_advise(struct doctor_finding *f, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(f->advice, sizeof(f->advice), format, args);
        va_end(args);
}

uint64_t doctor_status_number(const struct target *t, const char *key, unsigned base)
{
        char text[8192] = "";
        struct buf b = BUF_FIXED(text, sizeof(text));
        const char *p;
        uint64_t value;

        if (file_read_at(t->proc_fd, "status", &b) < 0 || !(p = strstr(text, key)))
                return UINT64_MAX;
        p += strlen(key);
        while (*p == ' ' || *p == '\t')
                p++;
        return number_scan(&p, text + b.len, base, &value) < 0 ? UINT64_MAX : value;
}

void doctor_examine(struct doctor *d, const struct target *t)
{
        uint64_t kib;

        *d = (struct doctor){.target = t,
                             .limit = UINT64_MAX,
                             .limit_used = UINT64_MAX,
                             .oom_score = INT32_MIN,
                             .oom_score_adj = INT32_MIN,
                             .ended = t->state == 'Z' || t->state == 'X'};
        kib = doctor_status_number(t, "\nVmRSS:", 10);
        d->rss = kib == UINT64_MAX ? UINT64_MAX : kib * 1024;
        if (d->ended) {
                d->check = "state";
                doctor_say(d, FINDING_PROBLEM,
                           "it has ended and has no memory; its parent (PID %d) has not asked how yet",
                           t->ppid);
                return;
        }
        for (size_t i = 0; i < n_doctor_checks; i++) {
                d->check = doctor_checks[i].name;
                doctor_checks[i].run(d);
        }
}
