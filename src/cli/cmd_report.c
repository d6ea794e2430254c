/* SPDX-License-Identifier: MIT */
/* swansong report …: becomes swansong-report, which has its own options and help. */
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report_child.h"

int cmd_report(int argc, char **argv)
{
        struct diag d = {0};

        (void)argc;
        report_child_exec((const char *const *)argv, &d);
        complain("report", &d);
        return STATUS_INCOMPLETE;
}
