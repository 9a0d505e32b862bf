// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/watch/log.h"
#include "src/watch/model_priv.h"

// From printed tables to looks. Tables are collected until something else of the search is said;
// then they are put together to cells: by the headings above them, else by their sizes:
//
//   14, 14             normal, reduction          (one table a cell)
//   2 3 4 5 2 3 4 5    normal, reduction          (one table a node)
//   6                  cell                       (NAS-Bench-201)
//   36                 recurrent                  (quark0/darts, language models)

void log_alpha_label(LogReader *log, const char *text)
{
    const char *name = scan_find(text, "reduc")    ? "reduction"
                       : scan_find(text, "normal") ? "normal"
                       : scan_find(text, "cell")   ? "cell"
                                                   : "";
    snprintf(log->label, sizeof log->label, "%s", name);
}

void log_alpha_add(LogReader *log, const double *value, int rows, int cols)
{
    LogAlpha *last = log->n_alphas ? &log->alpha[log->n_alphas - 1] : NULL;
    bool joins = last && log->label[0] && strcmp(last->label, log->label) == 0 &&
                 last->cols == cols && last->rows + rows <= HEALTH_EDGES;
    if (cols < 2 || rows < 1 || log->n_alpha_values + rows * cols > LOG_ALPHA_VALUES ||
        (!joins && log->n_alphas == LOG_ALPHAS))
        return;
    memcpy(log->alpha_value + log->n_alpha_values, value, (size_t)(rows * cols) * sizeof *value);
    if (joins) {
        last->rows += rows;
    } else {
        log->alpha[log->n_alphas++] =
            (LogAlpha){ .rows = rows, .cols = cols, .at = log->n_alpha_values };
        snprintf(log->alpha[log->n_alphas - 1].label, GENO_NAME, "%s", log->label);
    }
    log->n_alpha_values += rows * cols;
}

bool log_ops_read(LogReader *log, const char *text)
{
    char op[HEALTH_OPS][GENO_NAME];
    int n = 0;
    for (const char *at = text; (at = strpbrk(at, "'\"")) && n < HEALTH_OPS; n++) {
        size_t len = strcspn(at + 1, "'\"");
        if (!at[1 + len] || !len || len >= GENO_NAME)
            return false;
        snprintf(op[n], GENO_NAME, "%.*s", (int)len, at + 1);
        at += len + 2;
    }
    if (n < 2)
        return false;
    memcpy(log->op, op, sizeof op);
    log->n_op = n;
    return true;
}

// ---- tables to cells ----------------------------------------------------------------------------

// Joins unlabelled tables of 2, 3, 4, ... rows: one a node. A table that is not larger than the
// one before it begins the next cell.
static void join_nodes(LogReader *log)
{
    int n = 0, node = 0;
    bool nodes = log->n_alphas > 1;
    for (int i = 1; i < log->n_alphas; i++)
        nodes &= log->alpha[i].cols == log->alpha[0].cols &&
                 (log->alpha[i].rows == log->alpha[i - 1].rows + 1 ||
                  log->alpha[i].rows == log->alpha[0].rows);
    nodes = nodes && log->alpha[0].rows <= 2 && log->alpha[1].rows == log->alpha[0].rows + 1;
    for (int i = 0; nodes && i < log->n_alphas; i++) {
        LogAlpha table = log->alpha[i];
        if (i > 0 && table.rows > node)
            log->alpha[n - 1].rows += table.rows;
        else
            log->alpha[n++] = table;
        node = table.rows;
    }
    if (nodes)
        log->n_alphas = n;
}

static void name_cells(LogReader *log)
{
    static const char *const pair[] = { "normal", "reduction" };
    HealthCell shape;
    int named = 0;
    join_nodes(log);
    for (int i = 0; i < log->n_alphas; i++) {
        LogAlpha *table = &log->alpha[i];
        if (!model_shape_guess("", table->rows, table->cols, &shape) || named == 2)
            continue;
        bool recurrent = table->rows == 36 && shape.combine == COMBINE_SUM;
        const char *name = recurrent                      ? "recurrent"
                           : shape.combine == COMBINE_SUM ? "cell"
                                                          : pair[named];
        snprintf(table->label, GENO_NAME, "%s", name);
        named++;
    }
}

// ---- operators ----------------------------------------------------------------------------------

static void none_to_end(HealthCell *shape)
{
    if (shape->n_ops != 8 || strcmp(shape->op[0], "none") != 0)
        return;
    memmove(shape->op[0], shape->op[1], sizeof shape->op[0] * 7);
    snprintf(shape->op[7], GENO_NAME, "none");
}

// Share of the genes whose operator is the strongest one on its edge if the columns are these.
static int agreement(const HealthCell *shape, const GenoCell *geno, const double *p)
{
    int agree = 0;
    for (int g = 0; g < geno->n_edges; g++)
        for (int e = 0; e < shape->n_edges; e++) {
            if (shape->edge[e].from != geno->edges[g].from ||
                shape->edge[e].to != geno->edges[g].to)
                continue;
            int best = -1;
            for (int k = 0; k < shape->n_ops; k++)
                if (strcmp(shape->op[k], "none") != 0 &&
                    (best < 0 || p[e * shape->n_ops + k] > p[e * shape->n_ops + best]))
                    best = k;
            agree += best >= 0 && strcmp(shape->op[best], geno->edges[g].op) == 0;
        }
    return agree;
}

static bool uses(const ModelCell *cell, const char *op)
{
    for (int i = 0; cell && i < cell->n_genos; i++)
        for (int g = 0; g < cell->genos[i].geno.n_edges; g++)
            if (strcmp(cell->genos[i].geno.edges[g].op, op) == 0)
                return true;
    return false;
}

// Two or three columns: the spaces S2, S3 and S4 of RobustDARTS.
static void small_space_ops(HealthCell *shape, const ModelCell *cell)
{
    if (shape->n_ops == 3)
        model_shape_ops(shape, "none,skip_connect,sep_conv_3x3");
    else if (shape->n_ops == 2)
        model_shape_ops(shape,
                        uses(cell, "noise") ? "noise,sep_conv_3x3" : "skip_connect,sep_conv_3x3");
}

static const HealthCell *told_shape(const LogReader *log, const LogAlpha *table)
{
    for (int i = 0; i < log->options->n_shapes; i++) {
        const HealthCell *shape = &log->options->shapes[i];
        if (shape->n_edges == table->rows && shape->n_ops == table->cols &&
            (strcmp(shape->name, table->label) == 0 || log->options->n_shapes == 1))
            return shape;
    }
    return NULL;
}

static Status declare(LogReader *log, const LogAlpha *table, const double *p, int *index,
                      Error *err)
{
    HealthCell shape;
    const ModelCell *known = *index >= 0 ? &log->now.run->cells[*index] : NULL;
    const HealthCell *told = told_shape(log, table);
    if (told) {
        shape = *told;
        snprintf(shape.name, sizeof shape.name, "%s", table->label);
        return model_cell(log->now.run, &shape, index, err);
    }
    if (!model_shape_guess(table->label, table->rows, table->cols, &shape)) {
        log_skip(log, "alphas of no known cell");
        return STATUS_OK;
    }
    if (known && known->shape.n_edges == shape.n_edges) {
        shape.keep = known->shape.keep;
        shape.derive = known->shape.derive;
        shape.combine = known->shape.combine;
        shape.inputs = known->shape.inputs;
        shape.nodes = known->shape.nodes;
    }
    if (log->n_op == table->cols)
        memcpy(shape.op, log->op, sizeof shape.op);
    else
        small_space_ops(&shape, known);
    if (log->none_last && log->n_op != table->cols)
        none_to_end(&shape);
    const GenoRow *row = known ? model_geno(log->now.run, *index, log->now.current) : NULL;
    if (row && row->logged && !log->none_last && log->n_op != table->cols && shape.n_ops == 8) {
        HealthCell other = shape;
        none_to_end(&other);
        if (agreement(&other, &row->geno, p) > agreement(&shape, &row->geno, p))
            shape = other;
    }
    return model_cell(log->now.run, &shape, index, err);
}

// A table with fewer columns than the cell has: later stages of P-DARTS, which print what is
// left. The values go to the columns of their operators; the others are gone.
static Status spread(LogReader *log, const LogAlpha *table, int *index, double *p, Error *err)
{
    HealthCell shape = log->now.run->cells[*index].shape;
    double wide[HEALTH_EDGES * HEALTH_OPS] = { 0 };
    bool left[HEALTH_OPS] = { false };
    for (int c = 0; c < table->cols; c++) {
        int k = 0;
        while (k < shape.n_ops && strcmp(shape.op[k], log->op[c]) != 0)
            k++;
        if (k == shape.n_ops)
            return declare(log, table, p, index, err);
        left[k] = true;
        for (int e = 0; e < table->rows; e++)
            wide[e * shape.n_ops + k] = p[e * table->cols + c];
    }
    shape.per_edge = true;
    shape.edge_op = mem_zero((size_t)shape.n_edges, sizeof *shape.edge_op);
    if (!shape.edge_op)
        return error_set(err, STATUS_NOMEM, "not enough memory for a cell");
    for (int e = 0; e < shape.n_edges; e++)
        for (int k = 0; k < shape.n_ops; k++)
            if (left[k])
                snprintf(shape.edge_op[e][k], GENO_NAME, "%s", shape.op[k]);
    memcpy(p, wide, (size_t)(shape.n_edges * shape.n_ops) * sizeof *p);
    Status status = model_cell(log->now.run, &shape, index, err);
    mem_free(shape.edge_op);
    return status;
}

static Status take(LogReader *log, const LogAlpha *table, Error *err)
{
    double p[HEALTH_EDGES * HEALTH_OPS];
    if (!table->label[0] || table->rows > HEALTH_EDGES || table->cols > HEALTH_OPS)
        return STATUS_OK;
    memcpy(p, log->alpha_value + table->at, (size_t)(table->rows * table->cols) * sizeof *p);
    effective_apply(effective_guess(p, table->rows, table->cols, log->hint), p, table->rows,
                    table->cols);
    int index = model_cell_index(log->now.run, table->label);
    const ModelCell *cell = index >= 0 ? &log->now.run->cells[index] : NULL;
    Status status = STATUS_OK;
    bool same = cell && cell->shape.alpha_known && cell->shape.n_edges == table->rows;
    if (cell && cell->n_looks && cell->looks[cell->n_looks - 1].epoch >= log->now.current)
        return STATUS_OK;
    if (same && log->n_op == table->cols && cell->shape.n_ops > table->cols)
        status = spread(log, table, &index, p, err);
    else if (!same || cell->shape.n_ops != table->cols)
        status = declare(log, table, p, &index, err);
    if (status || index < 0)
        return status;
    return model_alpha(log->now.run, index, log->now.current, log->now.current, p, err);
}

Status log_alpha_flush(LogReader *log, Error *err)
{
    Status status = STATUS_OK;
    if (!log->n_alphas)
        return STATUS_OK;
    if (!log->alpha[0].label[0])
        name_cells(log);
    if (!log->after)
        status = log_need_run(log, err);
    for (int i = 0; i < log->n_alphas && !status && !log->after && log->now.run; i++)
        status = take(log, &log->alpha[i], err);
    log->n_alphas = log->n_alpha_values = 0;
    log->label[0] = '\0';
    return status;
}

// ---- lines --------------------------------------------------------------------------------------

static bool is_heading(const char *text)
{
    return *text && *text != '#' && strlen(text) < 80 && !strpbrk(text, "[(|") &&
           (scan_find(text, "alpha") || scan_word(text, "concentration") ||
            (scan_find(text, "arch-") && scan_find(text, "parameters")) ||
            scan_find(text, "arch_param"));
}

// A tensor after another one on the line that ends that: the first one counts.
static const char *second_tensor(const LogReader *log, const char *text)
{
    const char *at = log->tensor.state != TENSOR_IDLE ? strstr(text, "tensor([") : NULL;
    return at && at > text && (at[-1] == ' ' || at[-1] == ',') ? at : NULL;
}

static TensorPiece read_tensor(LogReader *log, const char *text)
{
    LogTensor *t = &log->tensor;
    char first[512];
    const char *second = second_tensor(log, text);
    if (!second || second - text >= (ptrdiff_t)sizeof first)
        return log_tensor_read(t, text);
    snprintf(first, sizeof first, "%.*s", (int)(second - text - 1), text);
    if (log_tensor_read(t, first) == TENSOR_DONE && t->depth_seen != 1)
        log_alpha_add(log, t->value, t->rows, t->cols);
    log->beside = true;
    return log_tensor_read(t, second);
}

bool log_alpha_line(LogReader *log, const LogLine *line, Status *status, Error *err)
{
    (void)status;
    (void)err;
    LogTensor *t = &log->tensor;
    TensorPiece piece = read_tensor(log, line->text);
    const char *before = strstr(line->text, "tensor([");
    before = before ? before : strstr(line->text, "[[");
    if (before && before > line->text && scan_find(line->text, "alpha") &&
        scan_find(line->text, "alpha") < before)
        log_alpha_label(log, line->text);
    if (piece == TENSOR_BROKEN)
        log_skip(log, "broken tensor");
    if (piece == TENSOR_DONE && t->depth_seen != 1 && !log->beside)
        log_alpha_add(log, t->value, t->rows, t->cols);
    log->beside &= piece != TENSOR_DONE && piece != TENSOR_BROKEN;
    if (piece == TENSOR_DONE && t->state == TENSOR_IDLE && !strpbrk(line->text, ")]"))
        return false; // the line that showed that the tensor had ended
    if (piece == TENSOR_MORE || piece == TENSOR_DONE || (piece == TENSOR_BROKEN && t->used))
        return true;
    if (!is_heading(line->text))
        return false;
    if (scan_find(line->text, "sigmoid"))
        log->hint = HINT_SIGMOID;
    if (scan_find(line->text, "dirichlet") || scan_find(line->text, "concentration"))
        log->hint = HINT_DIRICHLET;
    log_alpha_label(log, line->text);
    return true;
}
