// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "src/base/str.h"
#include "tests/view/screen.h"

// Golden screens: a view of a recorded run at three sizes, in ASCII without colours and in braille
// with the plane of roles, one file a view and run. GOLDEN_UPDATE=1 rewrites them; review the
// difference.

static const struct {
    const char *view, *run;
    int epoch, form, metric;
} goldens[] = {
    { "runs", "several", INT_MAX, 0, 0 },      { "overview", "healthy", INT_MAX, 0, 0 },
    { "overview", "collapse", INT_MAX, 0, 0 }, { "overview", "collapse", 10, 0, 0 },
    { "overview", "nan", INT_MAX, 0, 0 },      { "overview", "nb201", INT_MAX, 0, 0 },
    { "overview", "trials", INT_MAX, 0, 0 },   { "overview", "started", INT_MAX, 0, 0 },
    { "overview", "logged", INT_MAX, 0, 0 },   { "alpha", "healthy", INT_MAX, 0, 0 },
    { "alpha", "healthy", INT_MAX, 1, 0 },     { "alpha", "nb201", INT_MAX, 0, 0 },
    { "alpha", "logged", INT_MAX, 0, 0 },      { "cell", "healthy", INT_MAX, 0, 0 },
    { "cell", "collapse", INT_MAX, 0, 0 },     { "cell", "collapse", INT_MAX, 1, 0 },
    { "cell", "nb201", INT_MAX, 0, 0 },        { "cell", "started", INT_MAX, 0, 0 },
    { "pareto", "trials", INT_MAX, 0, 0 },     { "pareto", "started", INT_MAX, 0, 0 },
    { "space", "script", INT_MAX, 0, 0 },      { "space", "script-error", INT_MAX, 0, 0 },
    { "log", "collapse", INT_MAX, 0, 0 },      { "health", "healthy", INT_MAX, 0, 0 },
    { "health", "collapse", INT_MAX, 0, 0 },   { "health", "collapse", INT_MAX, 1, 0 },
    { "health", "logged", INT_MAX, 0, 0 },     { "trials", "trials", INT_MAX, 0, 2 },
    { "help", "started", INT_MAX, 0, 0 },
};
enum { GOLDENS = sizeof goldens / sizeof *goldens };

static const char script[] = "local nas, op = require \"nas\", require \"ops\"\n"
                             "\n"
                             "-- A small cell for 8x8 digits.\n"
                             "return nas.cells {\n"
                             "\tname = \"digits\", data = \"digits\",\n"
                             "\tcell = { inputs = 2, nodes = 3, keep = 2,\n"
                             "\t\tops = { op.none(), op.skip(), op.sep_conv(3) } },\n"
                             "\tnet = { cells = 3, channels = 8 },\n"
                             "}\n";

static bool open_run(const char *name, Model *model, ViewContext *ctx)
{
    char file[64];
    bool bad = strcmp(name, "script-error") == 0, text = strncmp(name, "script", 6) == 0;
    bool several = strcmp(name, "several") == 0;
    snprintf(file, sizeof file, "%s.jsonl", text ? "started" : several ? "collapse" : name);
    if (!screen_load(model, file))
        return false;
    if (several && (!screen_load(model, "healthy.jsonl") || !screen_load(model, "trials.jsonl") ||
                    !screen_load(model, "logged.jsonl")))
        return false;
    *ctx = screen_context(model);
    if (text) {
        ctx->script_path = "spaces/digits.lua";
        ctx->script_text = script;
        ctx->script_check = bad ? "spaces/digits.lua:7: unknown operator 'sep_cnv'; did you mean "
                                  "'sep_conv'?"
                                : "ok: 3 operators, 9 edges, 5184 cells";
        ctx->script_error_line = bad ? 7 : 0;
    }
    return true;
}

static void add_screen(Str *out, int index, const ViewContext *ctx, int rows, int cols,
                       GlyphTier tier)
{
    Grid g;
    ViewState state = { .form = goldens[index].form, .metric = goldens[index].metric };
    assert_true(screen_open(&g, rows, cols, tier));
    view_draw(view_find(goldens[index].view), ctx, &state, &g, (Rect){ 0, 0, rows, cols }, true);
    char *text = grid_dump(&g, tier == GLYPHS_BRAILLE);
    str_addf(out, "==== %dx%d %s\n%s", cols, rows, tier == GLYPHS_ASCII ? "ascii" : "braille",
             text);
    mem_free(text);
    grid_fini(&g);
}

static void golden_path(int index, char *path, size_t size)
{
    int used = snprintf(path, size, "tests/golden/%s-%s", goldens[index].view, goldens[index].run);
    if (goldens[index].epoch != INT_MAX)
        used += snprintf(path + used, size - (size_t)used, "-epoch%d", goldens[index].epoch);
    snprintf(path + used, size - (size_t)used, "%s.txt", goldens[index].form ? "-form1" : "");
}

// Says where the two texts part, with the line of each.
static void compare(const char *path, const char *want, const char *got)
{
    int line = 1;
    const char *a = want, *b = got;
    for (; *a && *a == *b; a++, b++)
        line += *a == '\n';
    if (*a == *b)
        return;
    while (a > want && a[-1] != '\n' && b > got && b[-1] != '\n')
        a--, b--;
    fail_msg("%s:%d:\n- %.*s\n+ %.*s\nGOLDEN_UPDATE=1 rewrites the goldens", path, line,
             (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

static void check_golden(int index)
{
    static const int sizes[3][2] = { { 10, 40 }, { 24, 80 }, { 40, 120 } };
    char path[256], *want;
    Model model = { 0 };
    ViewContext ctx;
    Str got = { 0 };
    size_t len;
    assert_true(open_run(goldens[index].run, &model, &ctx));
    ctx.epoch = goldens[index].epoch;
    for (int i = 0; i < 3; i++) {
        add_screen(&got, index, &ctx, sizes[i][0], sizes[i][1], GLYPHS_ASCII);
        add_screen(&got, index, &ctx, sizes[i][0], sizes[i][1], GLYPHS_BRAILLE);
    }
    model_free(&model);
    golden_path(index, path, sizeof path);
    if (getenv("GOLDEN_UPDATE")) {
        assert_int_equal(file_write_atomic(path, str_text(&got), got.len, NULL), STATUS_OK);
    } else {
        if (file_read(path, 1 << 20, &want, &len, NULL))
            fail_msg("%s is missing; GOLDEN_UPDATE=1 writes it", path);
        compare(path, want, str_text(&got));
        mem_free(want);
    }
    str_fini(&got);
}

static void screens_look_as_they_were_reviewed(void **state)
{
    (void)state;
    for (int i = 0; i < GOLDENS; i++)
        check_golden(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(screens_look_as_they_were_reviewed) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
