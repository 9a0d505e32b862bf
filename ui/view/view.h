// SPDX-License-Identifier: MIT
#ifndef UI_VIEW_VIEW_H
#define UI_VIEW_VIEW_H

#include "src/watch/model.h"
#include "ui/draw/grid.h"

// A view draws one aspect of the read model into a rectangle of the grid, and answers keys.
// Views are a const table of functions; the same code serves the dashboard, `dartboard show`
// and the golden screens. Drawing allocates nothing and never blocks.

typedef enum {
    VIEW_RUNS,
    VIEW_OVERVIEW,
    VIEW_ALPHA,
    VIEW_CELL,
    VIEW_PARETO,
    VIEW_SPACE,
    VIEW_LOG,
    VIEW_HEALTH,
    VIEW_TRIALS,
    VIEW_HELP,
    VIEW_COUNT
} ViewId;

// A search space that the workbench can start.
typedef struct {
    char name[64];
    char about[128]; // first sentence of the comment on top
    bool own;        // in ./spaces; else shipped
} ViewSpace;

// What the application shares with views; views keep their own cursor state in ViewState.
typedef struct {
    const Model *model;  // all runs
    const ModelRun *run; // the current one, may be NULL
    int epoch;           // scrub position; INT_MAX: live
    int cell;            // current cell type
    double x_from, x_to; // time axis in epochs, both 0: all
    bool log_y;
    bool details;       // room on the right
    double now;         // wall clock
    const char *filter; // active filter or search text, "" none
    // Text of the space script with its check result, for the space view; may be NULL.
    const char *script_path, *script_text, *script_check; // check: errors or the summary
    int script_error_line;                                // 0 none
    bool script_of_list;     // it is of a space of the list below, not of the run
    const ViewSpace *spaces; // of the workbench
    int n_spaces;
    ViewId focus;     // for the help overlay: the view it explains
    const int *marks; // runs marked for comparison: indices into model->runs
    int n_marks;
} ViewContext;

typedef struct {
    int cursor, top, left; // selection and scroll
    int form;              // `a`: other form of the pane
    int series, metric;    // `[` `]`, `s`
    int marks[8], n_marks;
    int page;  // rows of the last drawing, for paging
    int items; // items of the last drawing, for clamping
} ViewState;

typedef enum {
    ACTION_UP,
    ACTION_DOWN,
    ACTION_LEFT,
    ACTION_RIGHT,
    ACTION_FIRST,
    ACTION_LAST,
    ACTION_PAGE_UP,
    ACTION_PAGE_DOWN,
    ACTION_HALF_UP,
    ACTION_HALF_DOWN,
    ACTION_OPEN,
    ACTION_MARK,
    ACTION_FORM,
    ACTION_SORT,
    ACTION_NEXT,
    ACTION_PREV,
    ACTION_FIND_NEXT,
    ACTION_FIND_PREV
} ViewAction;

// What act answers. A view that answers VIEW_IGNORED to ACTION_NEXT and ACTION_PREV leaves `[ ]`
// to the application, which moves ctx->cell.
enum {
    VIEW_IGNORED = 0,
    VIEW_HANDLED = 1,
    VIEW_REDRAW = 2,
    VIEW_OPEN_RUN = 4,
    VIEW_OPEN_SPACE = 8
};

typedef struct {
    ViewId id;
    const char *name; // "overview": `show`, `:view`
    const char *title;
    const char *keys; // last row: "a graph/matrix  [ ] cell  , . epoch"
    const char *help; // paragraph for the help overlay
    // Called by view_draw, which clips to the area.
    void (*draw)(const ViewContext *ctx, ViewState *state, Grid *grid, Rect area, bool focused);
    int (*act)(const ViewContext *ctx, ViewState *state, ViewAction action);
    // Data behind the picture as CSV, for `w`; NULL if none. Caller frees.
    char *(*csv)(const ViewContext *ctx, const ViewState *state);
} View;

// Draws inside the area and nowhere else.
void view_draw(const View *view, const ViewContext *ctx, ViewState *state, Grid *grid, Rect area,
               bool focused);
const View *view_get(ViewId id);
const View *view_find(const char *name); // NULL if unknown
// The run under the cursor of the runs view, -1 none: index into ctx->model->runs. The filter
// hides runs, so state->cursor alone does not say.
int view_runs_selected(const ViewContext *ctx, const ViewState *state);
// The same for the spaces that stand below the runs: index into ctx->spaces.
int view_runs_space(const ViewContext *ctx, const ViewState *state);

// The keys, for the help overlay, the README and the dashboard's own table.
typedef struct {
    const char *keys, *command, *does; // "z", "zoom", "one pane full size, and back"
} ViewKey;
const ViewKey *view_keys(int *n);

#endif
