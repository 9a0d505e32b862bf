// SPDX-License-Identifier: MIT
// Hidden subcommand: the null model of the detector. `dartboard null` prints the rates in words,
// `dartboard null --table` the source of src/health/nulltable.c.
#include <stdio.h>
#include <string.h>

#include "src/cmd/nullmodel.h"

#include "src/base/str.h"
#include "src/health/null.h"

static const int LOOKS[] = { 12, 25, 50, 100, 200 };
enum { N_LOOKS = sizeof LOOKS / sizeof *LOOKS };

static void print_row(bool table, int shape, int looks, const NullRates *rates)
{
    if (!table) {
        printf("%s, %d looks:", NULL_SHAPES[shape].name, looks);
        for (int c = 0; c < CELL_CLAUSES; c++)
            printf(" %s %.2f%%", clause_info((Clause)c)->rule, 100.0 * rates->rate[c]);
        printf("\n");
        return;
    }
    printf("    { %d, %d, {", shape, looks);
    for (int c = 0; c < CELL_CLAUSES; c++)
        printf("%s %.5ff", c ? "," : "", rates->rate[c]);
    printf(" } },\n");
}

static int simulate_all(const NullWalk *walk, bool table)
{
    for (int shape = 0; shape < NULL_SHAPE_COUNT; shape++)
        for (int i = 0; i < N_LOOKS; i++) {
            HealthCell cell;
            NullRates rates;
            Error err;
            NullWalk task = *walk;
            task.looks = LOOKS[i];
            null_shape_cell(&NULL_SHAPES[shape], &cell);
            if (null_simulate(&task, &cell, &rates, &err) != STATUS_OK) {
                fprintf(stderr, "dartboard: %s\n", err.msg);
                return 1;
            }
            print_row(table, shape, LOOKS[i], &rates);
        }
    return 0;
}

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

int cmd_null(int argc, char **argv)
{
    NullWalk walk;
    null_walk_default(&walk);
    bool table = false;
    for (int i = 1; i < argc; i++) {
        int64_t runs;
        if (strcmp(argv[i], "--table") == 0) {
            table = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            printf("usage: dartboard null [--table] [--runs N]\n"
                   "Simulates searches without any preference and prints how often each clause of\n"
                   "the collapse detector is raised. --table prints src/health/nulltable.c.\n");
            return 0;
        } else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc &&
                   str_to_int(argv[i + 1], &runs) && runs > 0 && runs <= 1000000) {
            walk.runs = (int)runs;
            i++;
        } else {
            fprintf(stderr, "dartboard: null: expected --table or --runs N, not '%s'\n", argv[i]);
            return 2;
        }
    }
    if (table)
        print_head(&walk);
    int rc = simulate_all(&walk, table);
    if (table && rc == 0)
        printf("};\nconst int NULL_TABLE_COUNT = (int)(sizeof NULL_TABLE / sizeof *NULL_TABLE);\n");
    return rc;
}
