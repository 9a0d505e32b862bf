// SPDX-License-Identifier: MIT
#ifndef UI_APP_STATE_H
#define UI_APP_STATE_H

#include <limits.h>
#include <stdbool.h>

#include "src/watch/source.h"
#include "ui/app/child.h"
#include "ui/app/layout.h"
#include "ui/app/play.h"
#include "ui/app/prompt.h"
#include "ui/app/spaces.h"
#include "ui/draw/grid.h"
#include "ui/term/term.h"
#include "ui/view/view.h"

// State of the dashboard. One thread. Focus and prompt:
//
//      pane focus --(: / ?)--> prompt or help --(Enter, Esc)--> pane focus
//
// Invariants (app_assert): the focused pane exists in the layout; a prompt and the help overlay
// are never open together; epoch is INT_MAX (live) or at most the run's last epoch.

typedef enum { PANE_MAIN, PANE_SIDE, PANE_LIST } Pane;

enum { SCRIPT_TEXT = 65536 };

typedef struct App {
    // configuration
    char path[PATH_MAX]; // what was opened
    TermOptions term;
    double delay; // seconds between two pictures
    bool replay;
    double speed; // replay: epochs a second
    // model
    Source *source;
    SourceOptions options;
    int run;       // index into the model, -1 none
    uint64_t seen; // sum of versions at the last picture
    // screen
    Grid grid;
    Layout layout;
    ViewState states[VIEW_COUNT];
    ViewId view;
    Pane focus;
    bool zoom, frozen, help, mouse, log_y;
    GlyphTier glyphs;
    int epoch, cell;
    double x_from, x_to;
    char filter[128], message[512];
    char filter_before[128]; // while the prompt edits it
    Prompt prompt;
    char question[64]; // command that a yes runs
    bool dirty, repaint, quit;
    double last_draw, last_clock;
    int replay_epoch;
    double replay_next;
    // beside it
    Child child;
    Play play;
    char script_path[PATH_MAX], script_text[SCRIPT_TEXT], script_check[CHILD_TEXT];
    int script_error_line;
    bool script_loaded;  // script_text is of this run or space
    bool script_of_list; // it is of a space of the list, not of the run
    bool workbench;      // spaces are listed
    Spaces spaces;
} App;

const Model *app_model(const App *app);
ModelRun *app_run(const App *app); // NULL if there is none
// Directory of a run of ours into dir (PATH_MAX); false for foreign records.
bool app_run_dir(const ModelRun *run, char *dir);
// The space under the cursor of the list, NULL if it is a run or none.
const ViewSpace *app_space(const App *app);
ViewId app_side_view(const App *app);
ViewId app_pane_view(const App *app);    // of the pane with the focus
ViewId app_focused_view(const App *app); // the same, or the help that covers it: what keys reach
void app_context(const App *app, ViewContext *ctx);
void app_say(App *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
Status app_reopen(App *app, Error *err); // the source again, for replay and after a new run
void app_assert(const App *app);

void screen_draw(App *app); // composes app->grid

void command_do(App *app, const char *line); // what the ':' line takes
const char *const *command_words(void);      // NULL-ended, for completion
// Command of a key in the focused pane; NULL: the key does nothing.
const char *bind_key(int key);

// Text of the script into app->script_text: of the space that is selected in the list, else of the
// run.
void script_pane_load(App *app);
void script_pane_edit(App *app); // $VISUAL or $EDITOR on it, then a check
void script_pane_check(App *app);
void script_pane_checked(App *app); // the check has ended

#endif
