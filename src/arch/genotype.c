// SPDX-License-Identifier: MIT
// Genotypes by name: comparison, classes of operators, text out. parse.c reads the text.
#include "src/arch/arch.h"

#include <string.h>

static bool edge_equal(const GenoEdge *a, const GenoEdge *b)
{
    return a->from == b->from && a->to == b->to && strcmp(a->op, b->op) == 0;
}

bool geno_cell_equal(const GenoCell *a, const GenoCell *b)
{
    if (strcmp(a->name, b->name) != 0 || a->inputs != b->inputs || a->nodes != b->nodes ||
        a->combine != b->combine || a->n_edges != b->n_edges)
        return false;
    if (a->combine == COMBINE_CONCAT) {
        if (a->n_concat != b->n_concat)
            return false;
        for (int i = 0; i < a->n_concat; i++)
            if (a->concat[i] != b->concat[i])
                return false;
    }
    for (int i = 0; i < a->n_edges; i++)
        if (!edge_equal(&a->edges[i], &b->edges[i]))
            return false;
    return true;
}

bool genotype_equal(const Genotype *a, const Genotype *b)
{
    if (a->n_cells != b->n_cells)
        return false;
    for (int i = 0; i < a->n_cells; i++)
        if (!geno_cell_equal(&a->cells[i], &b->cells[i]))
            return false;
    return true;
}

const GenoCell *genotype_cell(const Genotype *geno, const char *name)
{
    for (int i = 0; i < geno->n_cells; i++)
        if (!strcmp(geno->cells[i].name, name))
            return &geno->cells[i];
    return NULL;
}

OpClass op_class_of_name(const char *name)
{
    if (!strcmp(name, "none") || !strcmp(name, "zero"))
        return OP_NONE;
    if (str_starts(name, "skip") || !strcmp(name, "identity"))
        return OP_SKIP;
    if (strstr(name, "pool"))
        return OP_POOL;
    if (str_starts(name, "noise"))
        return OP_OTHER;
    return OP_CONV;
}

void op_code_of_name(const char *name, char code[5])
{
    static const struct {
        const char *prefix, *code;
    } known[] = {
        { "sep_conv_", "sep" },     { "dil_conv_", "dil" }, { "max_pool_", "max" },
        { "avg_pool_", "avg" },     { "nor_conv_", "cnv" }, { "conv_", "cnv" },
        { "skip_connect", "skip" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].prefix);
        if (strncmp(name, known[i].prefix, n) != 0)
            continue;
        memset(code, 0, 5);
        memcpy(code, known[i].code, strlen(known[i].code));
        if (strlen(known[i].code) == 3)
            code[3] = name[n];
        return;
    }
    strncpy(code, name, 4);
    code[4] = '\0';
}

// ---- text --------------------------------------------------------------------------------------

// One pair of genes per node from the first node on: the flat DARTS list can say it.
static bool is_flat(const GenoCell *cell)
{
    if (cell->n_edges != 2 * cell->nodes)
        return false;
    for (int i = 0; i < cell->n_edges; i++)
        if (cell->edges[i].to != cell->inputs + i / 2)
            return false;
    return true;
}

static void write_genes(const GenoCell *cell, bool flat, Str *out)
{
    int i = 0;
    str_addc(out, '[');
    for (int node = cell->inputs; node < cell->inputs + cell->nodes; node++) {
        if (!flat)
            str_add(out, node > cell->inputs ? ", [" : "[");
        for (int k = 0; i < cell->n_edges && cell->edges[i].to == node; i++, k++)
            str_addf(out, "%s('%s', %d)", (flat ? i : k) > 0 ? ", " : "", cell->edges[i].op,
                     cell->edges[i].from);
        if (!flat)
            str_addc(out, ']');
    }
    str_addc(out, ']');
}

static void write_concat(const GenoCell *cell, Str *out)
{
    int first = cell->inputs, n = cell->nodes;
    if (cell->combine == COMBINE_SUM) {
        first += cell->nodes - 1;
        n = 1;
    } else if (cell->n_concat > 0) {
        first = cell->concat[0];
        n = cell->n_concat;
        for (int i = 0; i < n; i++)
            if (cell->concat[i] != first + i) {
                for (int k = 0; k < n; k++)
                    str_addf(out, "%s%d", k ? ", " : "[", cell->concat[k]);
                str_addc(out, ']');
                return;
            }
    }
    str_addf(out, "range(%d, %d)", first, first + n);
}

static void write_string(const GenoCell *cell, Str *out)
{
    int i = 0;
    for (int node = cell->inputs; node < cell->inputs + cell->nodes; node++) {
        str_add(out, node > cell->inputs ? "+|" : "|");
        for (; i < cell->n_edges && cell->edges[i].to == node; i++)
            str_addf(out, "%s~%d|", cell->edges[i].op, cell->edges[i].from);
    }
}

void genotype_write(const Genotype *geno, Str *out)
{
    if (geno->n_cells == 1 && geno->cells[0].combine == COMBINE_SUM && geno->cells[0].inputs == 1) {
        write_string(&geno->cells[0], out);
        return;
    }
    str_add(out, "Genotype(");
    for (int i = 0; i < geno->n_cells; i++) {
        const GenoCell *cell = &geno->cells[i];
        const char *key = strcmp(cell->name, "reduction") ? cell->name : "reduce";
        str_addf(out, "%s%s=", i ? ", " : "", key);
        write_genes(cell, is_flat(cell), out);
        str_addf(out, ", %s_concat=", key);
        write_concat(cell, out);
    }
    str_addc(out, ')');
}
