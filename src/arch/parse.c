// SPDX-License-Identifier: MIT
// Reader of genotype text. Input comes from anywhere: every bound is checked, every message says
// what was expected at which byte.
#include "src/arch/arch.h"

#include <ctype.h>
#include <string.h>

enum { MAX_NODE = 15 }; // concat[16] numbers all nodes

typedef struct {
    const char *start, *at;
    Error *err;
} Reader;

static Status expected(Reader *r, const char *what)
{
    char seen[16] = "the end";
    if (*r->at) {
        size_t n = strcspn(r->at, "\n\r");
        n = n < 12 ? n : 12;
        memcpy(seen, r->at, n);
        seen[n] = '\0';
    }
    for (char *p = seen; *p; p++)
        if (!isprint((unsigned char)*p))
            *p = '?';
    return error_set(r->err, STATUS_PARSE, "genotype, byte %d: expected %s, found '%s'",
                     (int)(r->at - r->start), what, seen);
}

static void skip_blanks(Reader *r)
{
    while (*r->at == ' ' || *r->at == '\t')
        r->at++;
}

static bool accept(Reader *r, char c)
{
    skip_blanks(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

static Status need(Reader *r, char c)
{
    char what[] = { '\'', c, '\'', 0 };
    return accept(r, c) ? STATUS_OK : expected(r, what);
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static Status read_word(Reader *r, char out[GENO_NAME], const char *what)
{
    skip_blanks(r);
    size_t n = 0;
    while (is_word(r->at[n]))
        n++;
    if (n == 0)
        return expected(r, what);
    if (n >= GENO_NAME)
        return expected(r, "a name of at most 31 letters");
    memcpy(out, r->at, n);
    out[n] = '\0';
    r->at += n;
    return STATUS_OK;
}

static Status read_node(Reader *r, int *out)
{
    skip_blanks(r);
    if (!isdigit((unsigned char)*r->at))
        return expected(r, "a node number");
    const char *from = r->at;
    int value = 0;
    while (isdigit((unsigned char)*r->at) && value <= MAX_NODE + 1)
        value = value * 10 + (*r->at++ - '0');
    if (value > MAX_NODE + 1) {
        r->at = from;
        return expected(r, "a node number up to 15");
    }
    *out = value;
    return STATUS_OK;
}

// ('sep_conv_3x3', 0)
static Status read_gene(Reader *r, GenoCell *cell, int to)
{
    if (cell->n_edges == GENO_EDGES)
        return expected(r, "at most 40 genes in a cell");
    GenoEdge *e = &cell->edges[cell->n_edges];
    Status status = need(r, '(');
    skip_blanks(r);
    char quote = *r->at;
    if (status == STATUS_OK && quote != '\'' && quote != '"')
        return expected(r, "an operator in quotes");
    if (status == STATUS_OK) {
        r->at++;
        status = read_word(r, e->op, "an operator name");
    }
    if (status == STATUS_OK)
        status = need(r, quote);
    if (status == STATUS_OK)
        status = need(r, ',');
    if (status == STATUS_OK)
        status = read_node(r, &e->from);
    if (status == STATUS_OK)
        status = need(r, ')');
    e->to = to;
    cell->n_edges += status == STATUS_OK;
    return status;
}

// Genes up to ']'. Nested lists count nodes by themselves, flat ones have two genes a node. `to`
// is relative to the first node until the number of inputs is known.
static Status read_genes(Reader *r, GenoCell *cell)
{
    Status status = need(r, '[');
    int nested = -1;
    while (status == STATUS_OK && !accept(r, ']')) {
        if (cell->nodes > 0 || cell->n_edges > 0)
            if ((status = need(r, ',')) != STATUS_OK || accept(r, ']'))
                break;
        if (nested < 0) {
            skip_blanks(r);
            nested = *r->at == '[';
        }
        if (!nested) {
            status = read_gene(r, cell, cell->n_edges / 2);
            continue;
        }
        if (cell->nodes == MAX_NODE)
            return expected(r, "at most 15 nodes");
        status = need(r, '[');
        for (bool first = true; status == STATUS_OK && !accept(r, ']'); first = false) {
            if (!first && ((status = need(r, ',')) != STATUS_OK || accept(r, ']')))
                break;
            status = read_gene(r, cell, cell->nodes);
        }
        cell->nodes++;
    }
    if (status == STATUS_OK && nested != 1) {
        if (cell->n_edges % 2)
            return expected(r, "two genes a node");
        cell->nodes = cell->n_edges / 2;
    }
    return status;
}

// range(2, 6), [2, 3, 4, 5] or (2, 3).
static Status read_concat(Reader *r, GenoCell *cell)
{
    bool range = false;
    skip_blanks(r);
    if (str_starts(r->at, "range")) {
        range = true;
        r->at += 5;
    } else if (str_starts(r->at, "list(range")) {
        return expected(r, "range(a, b) or a list of nodes");
    }
    char close = *r->at == '[' && !range ? ']' : ')';
    Status status = need(r, close == ']' ? '[' : '(');
    cell->n_concat = 0;
    while (status == STATUS_OK && !accept(r, close)) {
        if (cell->n_concat > 0 && ((status = need(r, ',')) != STATUS_OK || accept(r, close)))
            break;
        if (cell->n_concat == 16)
            return expected(r, "at most 16 nodes");
        status = read_node(r, &cell->concat[cell->n_concat]);
        cell->n_concat += status == STATUS_OK;
    }
    if (status != STATUS_OK || !range)
        return status;
    if (cell->n_concat != 2 || cell->concat[0] > cell->concat[1])
        return expected(r, "range(a, b) with a <= b");
    int first = cell->concat[0], last = cell->concat[1];
    cell->n_concat = last - first;
    for (int i = 0; i < cell->n_concat; i++)
        cell->concat[i] = first + i;
    return STATUS_OK;
}

// The text says only which nodes are joined. Two inputs, as in DARTS, unless all nodes of the cell
// are joined and the first of them is 1.
static Status settle_cell(Reader *r, GenoCell *cell)
{
    cell->combine = COMBINE_CONCAT;
    cell->inputs = 2;
    if (cell->nodes < 1)
        return error_set(r->err, STATUS_PARSE, "genotype: cell '%s' has no genes", cell->name);
    bool all = cell->n_concat == cell->nodes && cell->concat[0] > 0 &&
               cell->concat[cell->n_concat - 1] == cell->concat[0] + cell->nodes - 1;
    if (all && cell->concat[0] == 1)
        cell->inputs = 1;
    if (cell->inputs + cell->nodes > MAX_NODE + 1)
        return error_set(r->err, STATUS_PARSE, "genotype: cell '%s' has %d nodes; at most %d fit",
                         cell->name, cell->nodes, MAX_NODE + 1 - cell->inputs);
    if (cell->n_concat == 0)
        for (int i = 0; i < cell->nodes; i++)
            cell->concat[cell->n_concat++] = cell->inputs + i;
    for (int i = 0; i < cell->n_concat; i++)
        if (cell->concat[i] >= cell->inputs + cell->nodes)
            return error_set(r->err, STATUS_PARSE,
                             "genotype: cell '%s' joins node %d; its last node is %d", cell->name,
                             cell->concat[i], cell->inputs + cell->nodes - 1);
    for (int i = 0; i < cell->n_edges; i++) {
        GenoEdge *e = &cell->edges[i];
        e->to += cell->inputs;
        if (e->from >= e->to)
            return error_set(r->err, STATUS_PARSE,
                             "genotype: cell '%s', gene %d: node %d cannot take input from node %d",
                             cell->name, i + 1, e->to, e->from);
    }
    return STATUS_OK;
}

static GenoCell *cell_for(Genotype *geno, const char *key)
{
    const char *name = strcmp(key, "reduce") ? key : "reduction";
    for (int i = 0; i < geno->n_cells; i++)
        if (!strcmp(geno->cells[i].name, name))
            return &geno->cells[i];
    if (geno->n_cells == GENO_CELLS)
        return NULL;
    GenoCell *cell = &geno->cells[geno->n_cells++];
    memset(cell, 0, sizeof *cell);
    memcpy(cell->name, name, strlen(name) + 1);
    return cell;
}

// normal=[...] or normal_concat=...
static Status read_field(Reader *r, Genotype *geno)
{
    char key[GENO_NAME];
    Status status = read_word(r, key, "a cell name");
    if (status == STATUS_OK)
        status = need(r, '=');
    if (status != STATUS_OK)
        return status;
    bool concat = str_ends(key, "_concat");
    if (concat)
        key[strlen(key) - strlen("_concat")] = '\0';
    if (strlen(key) > GENO_NAME - sizeof "_concat")
        return expected(r, "a cell name of at most 24 letters");
    GenoCell *cell = cell_for(geno, key);
    if (!cell)
        return expected(r, "at most 4 cells");
    if (concat)
        return read_concat(r, cell);
    if (cell->nodes > 0)
        return expected(r, "each cell once");
    return read_genes(r, cell);
}

static Status read_fields(Reader *r, Genotype *geno)
{
    Status status = need(r, '(');
    while (status == STATUS_OK && !accept(r, ')')) {
        if (geno->n_cells > 0 && ((status = need(r, ',')) != STATUS_OK || accept(r, ')')))
            break;
        status = read_field(r, geno);
    }
    if (status == STATUS_OK && geno->n_cells == 0)
        return expected(r, "a cell");
    for (int i = 0; status == STATUS_OK && i < geno->n_cells; i++)
        status = settle_cell(r, &geno->cells[i]);
    return status;
}

// |op~0|+|op~0|op~1|+...
static Status read_string(Reader *r, Genotype *geno)
{
    geno->n_cells = 1;
    GenoCell *cell = &geno->cells[0];
    *cell = (GenoCell){ .name = "cell", .inputs = 1, .combine = COMBINE_SUM };
    Status status;
    do {
        if (cell->nodes == MAX_NODE)
            return expected(r, "at most 15 nodes");
        int to = 1 + cell->nodes++;
        status = need(r, '|');
        do {
            if (cell->n_edges == GENO_EDGES)
                return expected(r, "at most 40 edges in a cell");
            GenoEdge *e = &cell->edges[cell->n_edges++];
            e->to = to;
            if (status == STATUS_OK)
                status = read_word(r, e->op, "an operator name");
            if (status == STATUS_OK)
                status = need(r, '~');
            if (status == STATUS_OK)
                status = read_node(r, &e->from);
            if (status == STATUS_OK && e->from >= to)
                status = expected(r, "an edge from an earlier node");
            if (status == STATUS_OK)
                status = need(r, '|');
        } while (status == STATUS_OK && is_word(*r->at));
    } while (status == STATUS_OK && *r->at == '+' && r->at++);
    return status;
}

Status genotype_parse(const char *text, Genotype *out, int *used, Error *err)
{
    Reader r = { text, text, err };
    memset(out, 0, sizeof *out);
    skip_blanks(&r);
    Status status;
    bool structure = str_starts(r.at, "Structure(");
    if (structure) {
        // Structure(4 nodes with |...|)
        r.at += strcspn(r.at, "|\n");
    }
    if (*r.at == '|') {
        status = read_string(&r, out);
        if (status == STATUS_OK && structure)
            status = need(&r, ')');
    } else if (str_starts(r.at, "Genotype")) {
        r.at += strlen("Genotype");
        status = read_fields(&r, out);
    } else {
        status = expected(&r, "Genotype(...) or |op~0|+|...|");
    }
    if (used)
        *used = (int)(r.at - text);
    return status;
}
