/* SPDX-License-Identifier: MIT */
#include "render/renderer.h"

#include <string.h>

static const struct {
        const char *name;
        renderer *render;
} renderers[] = {
#define RENDERER(name_, purpose_) {#name_, render_##name_},
#include "render/renderers.def"
#undef RENDERER
};

renderer *renderer_find(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(renderers); i++)
                if (strcmp(renderers[i].name, name) == 0)
                        return renderers[i].render;
        return NULL;
}

const char *renderer_names(void)
{
        /* Each name behind a comma and a blank; the first two are left out. */
        static const char names[] =
#define RENDERER(name_, purpose_) ", " #name_
#include "render/renderers.def"
#undef RENDERER
                ;

        return names + strlen(", ");
}

const char *renderer_help(void)
{
        return
#define RENDERER(name_, purpose_) "                          " #name_ ": " purpose_ "\n"
#include "render/renderers.def"
#undef RENDERER
                ;
}
