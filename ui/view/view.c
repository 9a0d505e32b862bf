// SPDX-License-Identifier: MIT
#include "ui/view/view.h"

#include <string.h>

#include "ui/view/views.h"

static const View *const table[VIEW_COUNT] = {
    [VIEW_RUNS] = &view_runs, [VIEW_OVERVIEW] = &view_overview, [VIEW_ALPHA] = &view_alpha,
    [VIEW_CELL] = &view_cell, [VIEW_PARETO] = &view_pareto,     [VIEW_SPACE] = &view_space,
    [VIEW_LOG] = &view_log,   [VIEW_HEALTH] = &view_health,     [VIEW_TRIALS] = &view_trials,
    [VIEW_HELP] = &view_help,
};

void view_draw(const View *view, const ViewContext *ctx, ViewState *state, Grid *grid, Rect area,
               bool focused)
{
    Rect old = grid_clip(grid, area);
    view->draw(ctx, state, grid, area, focused);
    grid->clip = old;
}

const View *view_get(ViewId id)
{
    return id >= 0 && id < VIEW_COUNT ? table[id] : NULL;
}

const View *view_find(const char *name)
{
    for (int i = 0; i < VIEW_COUNT; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}
