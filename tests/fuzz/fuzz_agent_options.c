/* SPDX-License-Identifier: MIT */
/* Any text as SWANSONG_OPTIONS, and as LD_PRELOAD from which the agent is to be taken out. */
#include <stdlib.h>
#include <string.h>

#include "agent_so/options.h"
#include "agent_so/preload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A word that is warned of lies within the text. */
static void within(const char *word, size_t length, const char *reason, void *arg)
{
        const char *text = arg;

        if (!reason || word < text || word + length > text + strlen(text))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);
        struct agent_options o;

        memcpy(text, data, size);
        text[size] = '\0';
        options_default(&o);
        options_parse(text, &o, within, text);
        if (o.mean == 0 || (o.dir[0] && o.dir[0] != '/') || strlen(o.dir) >= sizeof(o.dir))
                abort();
        preload_shed_text(text);
        if (strlen(text) > size)
                abort();
        free(text);
        return 0;
}
