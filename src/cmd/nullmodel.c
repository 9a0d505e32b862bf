// SPDX-License-Identifier: MIT
// null: the null model of the detector, simulated for people; with --table the source of
// src/health/nulltable.c.
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/cmd/cmd.h"
#include "src/health/null.h"
#include "src/run/session.h"
#include "src/script/script.h"
#include "src/watch/model.h"

static const int LOOKS[] = { 12, 25, 50, 100, 200, 1000 }; // of the table
enum { N_LOOKS = sizeof LOOKS / sizeof *LOOKS, ONE_LOOKS = 50, ONE_RUNS = 500 };

static const CmdOption options[] = {
    { "--looks", 0, "EPOCHS", "length of the searches (50)" },
    { "--runs", 0, "N", "searches to simulate of each cell (500; 2000 for --table)" },
    { "--table", 0, NULL, "print src/health/nulltable.c: every shape at every length" },
    { NULL, 0, NULL, NULL },
};
const Command command_null = {
    .name = "null",
    .args = "[SPACE]",
    .summary = "how often each alarm comes by chance",
    .details = "Simulates searches without any preference (logits that walk at random) and prints\n"
               "in how many of them each clause of the collapse detector raises an alarm: for the\n"
               "cells of a space, or without one for the shapes whose rates ship. Sums over the\n"
               "clauses are what a run states as its rate of false alarms.",
    .options = options,
    .max_args = 1,
};

// ---- table --------------------------------------------------------------------------------------

static void print_head(const NullWalk *walk)
{
    printf("// SPDX-License-Identifier: MIT\n"
           "// Rates of the null model. Printed by `dartboard null --table`; do not edit by hand.\n"
           "// Start sd %g, step sd %g, momentum %g, seed %llu, %d runs a row. Columns: clauses\n"
           "// in the order of machine.h.\n"
           "#include \"src/health/null.h\"\n\n"
           "const NullRow NULL_TABLE[] = {\n",
           walk->start_sd, walk->step_sd, walk->momentum, (unsigned long long)walk->seed,
           walk->runs);
}

static void print_row(int shape, int looks, const NullRates *rates)
{
    printf("    { %d, %d, {", shape, looks);
    for (int c = 0; c < CELL_CLAUSES; c++)
        printf("%s %.5ff", c ? "," : "", rates->rate[c]);
    printf(" } },\n");
    fflush(stdout);
}

static Status print_table(const NullWalk *walk, Error *err)
{
    Status status = STATUS_OK;
    print_head(walk);
    for (int shape = 0; shape < NULL_SHAPE_COUNT; shape++)
        for (int i = 0; i < N_LOOKS && status == STATUS_OK; i++) {
            HealthCell cell;
            NullRates rates;
            NullWalk task = *walk;
            task.looks = LOOKS[i];
            null_shape_cell(&NULL_SHAPES[shape], &cell);
            status = null_simulate(&task, &cell, &rates, err);
            if (status == STATUS_OK)
                print_row(shape, LOOKS[i], &rates);
        }
    printf("};\nconst int NULL_TABLE_COUNT = (int)(sizeof NULL_TABLE / sizeof *NULL_TABLE);\n");
    return status;
}

// ---- words --------------------------------------------------------------------------------------

static void print_rates(const char *name, const NullWalk *walk, const HealthCell *cell,
                        const NullRates *rates)
{
    NullRates shipped;
    null_rates(cell, walk->looks, &shipped);
    printf("%s: %d searches of %d epochs\n  %-24s %-6s %9s  %s\n", name, walk->runs, walk->looks,
           "clause", "level", "simulated", shipped.exact ? "shipped" : "shipped (nearest shape)");
    double sum[LEVEL_ALARM + 1] = { 0 }, sum_shipped[LEVEL_ALARM + 1] = { 0 };
    CellState state = { .reduction = health_is_reduction(cell) };
    for (int c = 0; c < CELL_CLAUSES; c++) {
        HealthLevel own = clause_level((Clause)c, &state);
        if (!clause_applies((Clause)c, &state))
            continue;
        printf("  %-24s %-6s %7.2f %%  %5.2f %%\n", clause_info((Clause)c)->rule, level_name(own),
               100.0 * rates->rate[c], 100.0 * shipped.rate[c]);
        for (int level = LEVEL_WATCH; level <= (int)own; level++) {
            sum[level] += rates->rate[c];
            sum_shipped[level] += shipped.rate[c];
        }
    }
    for (int level = state.reduction ? LEVEL_WATCH : LEVEL_ALARM; level >= LEVEL_WATCH; level--)
        printf("  %s%s: %.1f %% of the searches; sum over the clauses %.1f %%, shipped %.1f %%\n",
               level_name((HealthLevel)level), level < LEVEL_ALARM ? " or above" : "",
               100.0 * rates->any[level], 100.0 * sum[level], 100.0 * sum_shipped[level]);
}

static Json *rates_json(const char *name, const NullWalk *walk, const HealthCell *cell,
                        const NullRates *rates)
{
    NullRates shipped;
    null_rates(cell, walk->looks, &shipped);
    Json *out = json_new_object(), *clauses = json_new_array();
    json_put_str(out, "cell", name);
    json_put_int(out, "looks", walk->looks);
    json_put_int(out, "runs", walk->runs);
    json_put_bool(out, "exact", shipped.exact);
    for (int c = 0; c < CELL_CLAUSES; c++) {
        Json *one = json_new_object();
        json_put_str(one, "rule", clause_info((Clause)c)->rule);
        json_put_str(one, "level", level_name(clause_info((Clause)c)->level));
        json_put_num(one, "simulated", rates->rate[c]);
        json_put_num(one, "shipped", shipped.rate[c]);
        json_add(clauses, one);
    }
    json_put(out, "clauses", clauses);
    for (int level = LEVEL_WATCH; level <= LEVEL_ALARM; level++)
        json_put_num(out, level_name((HealthLevel)level), rates->any[level]);
    return out;
}

// Prints, or adds to a JSON list if there is one.
static Status simulate_cell(const char *name, const NullWalk *walk, const HealthCell *cell,
                            Json *list, Error *err)
{
    NullRates rates;
    Status status = null_simulate(walk, cell, &rates, err);
    if (status == STATUS_OK && list)
        json_add(list, rates_json(name, walk, cell, &rates));
    else if (status == STATUS_OK)
        print_rates(name, walk, cell, &rates);
    return status;
}

static Status simulate_space(const char *name, const NullWalk *walk, Json *list, Error *err)
{
    char path[PATH_MAX];
    Space *space = NULL;
    Status status = session_find_space(name, path, err);
    if (status == STATUS_OK)
        status = script_load_space_guarded(path, NULL, &space, err);
    for (int c = 0; status == STATUS_OK && c < space->n_cells; c++) {
        HealthCell cell;
        status = model_shape_of_space(space, c, &cell, err);
        if (status == STATUS_OK) {
            status = simulate_cell(cell.name, walk, &cell, list, err);
            mem_free(cell.edge_op);
        }
    }
    space_free(space);
    return status;
}

static Status simulate_shapes(const NullWalk *walk, Json *list, Error *err)
{
    Status status = STATUS_OK;
    for (int shape = 0; shape < NULL_SHAPE_COUNT && status == STATUS_OK; shape++) {
        HealthCell cell;
        null_shape_cell(&NULL_SHAPES[shape], &cell);
        status = simulate_cell(NULL_SHAPES[shape].name, walk, &cell, list, err);
    }
    return status;
}

static Status print_json(const Json *list, Error *err)
{
    Str out = { 0 };
    Status status = json_write(list, &out, err);
    if (status == STATUS_OK)
        puts(str_text(&out));
    str_fini(&out);
    return status;
}

int cmd_null(int argc, char **argv)
{
    CmdArgs args;
    Error err;
    int code;
    if (!cmd_parse(&command_null, argc, argv, &args, &code))
        return code;
    NullWalk walk;
    null_walk_default(&walk);
    bool table = cmd_has(&args, "--table");
    int64_t runs = table ? walk.runs : ONE_RUNS, looks = ONE_LOOKS;
    if ((cmd_has(&args, "--runs") && !cmd_int(&args, "--runs", 1, 1000000, &runs)) ||
        (cmd_has(&args, "--looks") && !cmd_int(&args, "--looks", 1, 100000, &looks)))
        return 2;
    walk.runs = (int)runs;
    walk.looks = (int)looks;
    Json *list = cmd_has(&args, "--json") && !table ? json_new_array() : NULL;
    Status status = table         ? print_table(&walk, &err)
                    : args.n_args ? simulate_space(args.arg[0], &walk, list, &err)
                                  : simulate_shapes(&walk, list, &err);
    if (list && status == STATUS_OK)
        status = print_json(list, &err);
    json_free(list);
    return status == STATUS_OK ? 0 : cmd_fail(&command_null, &err);
}
