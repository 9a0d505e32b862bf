// SPDX-License-Identifier: MIT
#include "ui/view/space_list.h"

#include <stdio.h>

#include "ui/draw/table.h"
#include "ui/view/parts.h"

static const TableColumn columns[] = { { "space", 0, false, false },
                                       { "from", 1, false, false },
                                       { "about", 0, false, true } };
enum { NARROW = 40 };

static bool passes(const ViewSpace *s, const char *filter)
{
    return part_matches(s->name, filter) || part_matches(s->about, filter);
}

int space_list_at(const ViewContext *ctx, int k)
{
    for (int i = 0; i < ctx->n_spaces; i++)
        if (passes(&ctx->spaces[i], ctx->filter) && k-- == 0)
            return i;
    return -1;
}

int space_list_count(const ViewContext *ctx)
{
    int n = 0;
    for (int i = 0; i < ctx->n_spaces; i++)
        n += passes(&ctx->spaces[i], ctx->filter);
    return n;
}

static void cell(const void *self, int row, int column, char *buf, size_t size, Role *role)
{
    const ViewContext *ctx = self;
    int index = space_list_at(ctx, row);
    if (index < 0)
        return;
    const ViewSpace *s = &ctx->spaces[index];
    snprintf(buf, size, "%s",
             column == 0   ? s->name
             : column == 1 ? (s->own ? "./spaces" : "shipped")
                           : s->about);
    *role = column == 1 ? ROLE_DIM : ROLE_TEXT;
}

void space_list_draw(const ViewContext *ctx, Grid *g, Rect area, int cursor, bool focused)
{
    int top = 0;
    bool narrow = area.cols < NARROW;
    Table table = { .columns = columns,
                    .n_columns = narrow ? 1 : (int)(sizeof columns / sizeof *columns),
                    .n_rows = space_list_count(ctx),
                    .data = ctx,
                    .cell = cell,
                    .cursor = cursor,
                    .sort_column = -1,
                    .focused = focused };
    if (!narrow && area.rows >= 4)
        area = part_heading(g, area, "spaces",
                            "Enter starts a search, 5 shows and checks, e edits the script", false);
    table_draw(g, area, &table, &top);
}
