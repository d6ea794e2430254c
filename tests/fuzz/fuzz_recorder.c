/* SPDX-License-Identifier: MIT */
/* A recorder out of any bytes, through the analysis and both renderers. */
#include <stdio.h>
#include <sys/mman.h>

#include "analysis/report_build.h"
#include "base/file.h"
#include "render/renderer.h"

#define OUTPUT_MAX (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct render_style style = {.width = 100};
        static const struct report_options options = {0};
        _cleanup_buf_ struct buf out = BUF_GROWING(OUTPUT_MAX);
        _cleanup_fd_ int fd = memfd_create("recorder", MFD_CLOEXEC);
        struct report r;
        char path[32];
        struct diag d;

        if (fd < 0 || file_write_all(fd, data, size) < 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (report_build(path, &options, &r, &d) < 0)
                return 0;
        render_text(&r, &style, &out);
        buf_reset(&out);
        render_json(&r, &style, &out);
        report_done(&r);
        return 0;
}
