// SPDX-License-Identifier: MIT
#ifndef UI_VIEW_SPACE_LIST_H
#define UI_VIEW_SPACE_LIST_H

#include "ui/view/view.h"

// The search spaces that stand below the runs in the workbench. The cursor goes on from the runs
// to them.

int space_list_count(const ViewContext *ctx); // that pass the filter
// The k-th that passes, as an index into ctx->spaces; -1 if there are not so many.
int space_list_at(const ViewContext *ctx, int k);
// With a heading; `cursor` counts what passes, -1: none is selected.
void space_list_draw(const ViewContext *ctx, Grid *g, Rect area, int cursor, bool focused);

#endif
