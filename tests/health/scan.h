// SPDX-License-Identifier: MIT
#ifndef TESTS_HEALTH_SCAN_H
#define TESTS_HEALTH_SCAN_H

// A scanner for the public logs beside the tree, for these tests only: genotypes, alpha tables
// and accuracies per index, without any of the care that a real reader needs.
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/file.h"
#include "src/health/health.h"
#include "src/health/signals.h"

#define LOGS "../shared/data/logs/"
enum { SCAN_MAX = 128, SCAN_CELLS = 2, SCAN_VALUES = 14 * 8 };

typedef struct {
    int n; // genotypes
    Genotype geno[SCAN_MAX];
    double train[SCAN_MAX], valid[SCAN_MAX];
    int n_acc, n_valid;
    int n_alpha[SCAN_CELLS], rows, cols; // tables of each cell
    double alpha[SCAN_CELLS][SCAN_MAX][SCAN_VALUES];
} Scan;

typedef enum { DIALECT_DARTS, DIALECT_NB201, DIALECT_PTDARTS } Dialect;

// Numbers of one tensor([[...]], ...) from `text`; returns the end. Rows are counted by '['.
static inline const char *scan_tensor(const char *text, double *values, int *n, int *rows)
{
    const char *p = strchr(text, '[') + 1;
    int room = SCAN_VALUES - *n;
    for (; *p && *p != ']'; p++) {
        if (*p != '[')
            continue;
        (*rows)++;
        for (p++; *p && *p != ']';) {
            char *end;
            double x = strtod(p, &end);
            if (end == p) {
                p++;
                continue;
            }
            if (room-- > 0)
                values[(*n)++] = x;
            p = end;
        }
    }
    return p;
}

// All tables up to the first line that starts another epoch: `per_cell` tensors make one table.
static inline void scan_alphas(Scan *scan, const char *text, const char *end, int per_cell)
{
    int cell = 0;
    for (const char *p = strstr(text, "tensor([["); p && p < end;) {
        double values[SCAN_VALUES] = { 0 };
        int n = 0, rows = 0;
        for (int i = 0; i < per_cell && p; i++) {
            p = scan_tensor(p, values, &n, &rows);
            p = strstr(p, "tensor([[");
        }
        int *count = &scan->n_alpha[cell];
        if (*count < SCAN_MAX)
            memcpy(scan->alpha[cell][(*count)++], values, sizeof values);
        scan->rows = rows;
        scan->cols = rows > 0 ? n / rows : 0;
        cell = scan->rows == 6 ? 0 : 1 - cell; // NB201 has one cell type
    }
}

static inline void scan_accuracies(Scan *scan, const char *text, const char *end, const char *train,
                                   const char *valid)
{
    size_t nt = strlen(train), nv = strlen(valid);
    for (const char *p = text; p < end; p++) {
        if (scan->n_acc < SCAN_MAX && strncmp(p, train, nt) == 0)
            scan->train[scan->n_acc++] = strtod(strpbrk(p + nt, "0123456789"), NULL) / 100.0;
        if (scan->n_valid < SCAN_MAX && strncmp(p, valid, nv) == 0)
            scan->valid[scan->n_valid++] = strtod(strpbrk(p + nv, "0123456789"), NULL) / 100.0;
    }
}

static inline void scan_genotypes(Scan *scan, const char *text, const char *end, const char *mark)
{
    for (const char *p = strstr(text, mark); p && p < end; p = strstr(p + 1, mark)) {
        const char *form = p + strlen(mark);
        const char *bar = strchr(form, '|');
        if (strncmp(form, "Structure", 9) == 0)
            form = bar;
        Error err;
        if (scan->n < SCAN_MAX &&
            genotype_parse(form, &scan->geno[scan->n], NULL, &err) == STATUS_OK)
            scan->n++;
    }
}

// NULL when the folder is not there. Free with mem_free.
static inline Scan *scan_log(const char *name)
{
    char path[256], *text = NULL;
    snprintf(path, sizeof path, LOGS "%s", name);
    size_t len;
    Error err;
    if (file_read(path, 1 << 24, &text, &len, &err) != STATUS_OK)
        return NULL;
    Scan *scan = mem_zero(1, sizeof *scan);
    const char *start = text, *end = text + len, *p;
    bool ptdarts = strstr(text, "Final Prec@1") != NULL;
    if (ptdarts) // the last start is the run
        for (p = text; (p = strstr(p, "Logger is set")) != NULL; p++)
            start = p;
    if ((p = strstr(text, "epoch 99 lr")) != NULL) { // NB201: a projection phase follows
        p = strstr(p, "valid_loss");
        end = p ? p : end;
    }
    if (ptdarts) {
        char *wipe = text; // "Valid: [ 1/50] Final Prec@1 16.5320%"
        for (; (wipe = strstr(wipe, "/50] ")) != NULL; wipe++)
            memset(wipe, ' ', 4);
        for (wipe = text; (wipe = strstr(wipe, ": [ ")) != NULL; wipe++)
            memcpy(wipe, ":   ", 4);
    }
    scan_genotypes(scan, start, end,
                   strstr(text, "Genotype: Genotype") ? "Genotype: " : "genotype = ");
    scan_alphas(scan, start, end, ptdarts ? 4 : 1);
    if (!ptdarts)
        scan_accuracies(scan, start, end, strstr(text, "train acc:") ? "train acc:" : "train_acc ",
                        strstr(text, "valid acc:") ? "valid acc:" : "valid_acc ");
    mem_free(text);
    return scan;
}

// Shape of the cell that a log of this kind has; ops NULL: not known (no alpha in the log).
static inline HealthCell scan_cell(const char *name, const char *const *ops, bool nb201)
{
    HealthCell cell = { .inputs = nb201 ? 1 : 2,
                        .nodes = nb201 ? 3 : 4,
                        .keep = 2,
                        .derive = nb201 ? DERIVE_ARGMAX : DERIVE_TOP,
                        .combine = nb201 ? COMBINE_SUM : COMBINE_CONCAT };
    snprintf(cell.name, sizeof cell.name, "%s", name);
    for (int to = cell.inputs; to < cell.inputs + cell.nodes; to++)
        for (int from = 0; from < to; from++) {
            cell.edge[cell.n_edges].from = from;
            cell.edge[cell.n_edges++].to = to;
        }
    for (; ops && ops[cell.n_ops]; cell.n_ops++)
        snprintf(cell.op[cell.n_ops], GENO_NAME, "%s", ops[cell.n_ops]);
    cell.alpha_known = ops != NULL;
    return cell;
}

static const char *const OPS_NB201[] = { "none",         "skip_connect", "nor_conv_1x1",
                                         "nor_conv_3x3", "avg_pool_3x3", NULL };
static const char *const OPS_S5[] = { "max_pool_3x3", "avg_pool_3x3",
                                      "skip_connect", "sep_conv_3x3",
                                      "sep_conv_5x5", "dil_conv_3x3",
                                      "dil_conv_5x5", NULL };
static const char *const OPS_PTDARTS[] = { "max_pool_3x3", "avg_pool_3x3", "skip_connect",
                                           "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3",
                                           "dil_conv_5x5", "none",         NULL };
static const char *const OPS_TADARTS[] = { "none",         "max_pool_3x3", "avg_pool_3x3",
                                           "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
                                           "dil_conv_3x3", "dil_conv_5x5", NULL };

#endif
