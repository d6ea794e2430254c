/* SPDX-License-Identifier: MIT */
/* Any bytes as base64, as a PSI trigger, and as a length of time: what a service manager's environment and the command
 * line bring into the watcher. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/duration.h"
#include "trigger/conditions/psi_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const char *text, size_t len)
{
        size_t room = len / 4 * 3, n = 0; /* exact: a byte too much is seen */
        _cleanup_free_ char *out = malloc(room ? room : 1);

        if (out && base64_decode(text, len, out, room, &n) == 0 && n > room)
                abort();
}

static void parse(const char *text)
{
        struct psi_trigger t, again;
        char kernel[PSI_TRIGGER_TEXT], shown[DURATION_TEXT];
        uint64_t ns;

        if (psi_trigger_parse(text, &t) == 0) {
                psi_trigger_format(&t, kernel);
                if (t.stall_us > t.window_us || t.window_us > PSI_WINDOW_MAX_US ||
                    psi_trigger_parse(kernel, &again) == 0)
                        abort();
        }
        if (duration_parse(text, UINT64_C(1) << 62, &ns) == 0)
                duration_format(ns, shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = malloc(size + 1);

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        decode(text, size);
        parse(text);
        return 0;
}
