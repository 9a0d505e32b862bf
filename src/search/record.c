// SPDX-License-Identifier: MIT
#include "src/search/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

Json *record_new(const char *t, int epoch)
{
    Json *record = json_new_object();
    json_put_str(record, "t", t);
    json_put_int(record, "epoch", epoch);
    return record;
}

void record_put_score(Json *record, const char *key, double loss, double acc)
{
    Json *score = json_new_object();
    json_put_num(score, "loss", loss);
    json_put_num(score, "acc", acc);
    json_put(record, key, score);
}

Json *record_alpha(const SpaceCell *cell, int epoch, int64_t step, const AlphaRows *a)
{
    Json *record = record_new("alpha", epoch), *rows = json_new_array();
    json_put_int(record, "step", step);
    json_put_str(record, "cell", cell->name);
    if (a->kind)
        json_put_str(record, "kind", a->kind);
    for (int e = 0; e < cell->n_edges; e++) {
        Json *row = json_new_array();
        for (int k = 0; k < cell->edges[e].n_ops; k++) {
            int at = e * cell->max_ops + k;
            json_add(row, a->used[at] ? json_new_f32(a->p[at]) : json_new_null());
        }
        json_add(rows, row);
    }
    json_put(record, "a", rows);
    return record;
}

Json *record_signals(const SpaceCell *cell, int epoch, int64_t step, const Signals *s)
{
    Json *record = record_new("signals", epoch);
    json_put_int(record, "step", step);
    json_put_str(record, "cell", cell->name);
    const struct {
        const char *key;
        double value;
    } field[] = { { "entropy", s->entropy }, { "entropy_all", s->entropy_all },
                  { "t_p", s->t_p },         { "t_q", s->t_q },
                  { "lift", s->lift },       { "gap", s->gap_q },
                  { "gap_p", s->gap_p },     { "win_share", s->win_share },
                  { "margin", s->margin },   { "none_mass", s->none_mass },
                  { "p_skip", s->p_skip } };
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        json_put_num(record, field[i].key, field[i].value);
    json_put_int(record, "skips", s->skips);
    json_put_int(record, "parameter_free", s->parameter_free);
    json_put_int(record, "conv_depth", s->conv_depth);
    return record;
}

Json *record_genotype(const Genotype *geno, int epoch, int64_t params, int64_t macs)
{
    Json *record = record_new("genotype", epoch);
    Str text = { 0 };
    genotype_write(geno, &text);
    json_put_str(record, "text", str_text(&text));
    json_put_int(record, "params", params);
    json_put_int(record, "macs", macs);
    str_fini(&text);
    return record;
}

// used: of this edge; NULL: all.
static Json *op_names(const Space *space, const SpaceEdge *edge, const bool *used)
{
    Json *names = json_new_array();
    for (int k = 0; k < edge->n_ops; k++)
        json_add(names,
                 !used || used[k] ? json_new_str(space->ops[edge->ops[k]].name) : json_new_null());
    return names;
}

static bool same_ops(const SpaceEdge *a, const SpaceEdge *b)
{
    bool same = a->n_ops == b->n_ops;
    for (int k = 0; same && k < a->n_ops; k++)
        same = a->ops[k] == b->ops[k];
    return same;
}

static Json *cell_edges(const SpaceCell *cell)
{
    Json *edges = json_new_array();
    for (int e = 0; e < cell->n_edges; e++) {
        Json *pair = json_new_array();
        json_add(pair, json_new_int(cell->edges[e].from));
        json_add(pair, json_new_int(cell->edges[e].to));
        json_add(edges, pair);
    }
    return edges;
}

// One list where every edge has the same and nothing was removed, else one an edge.
static Json *cell_ops(const Space *space, const SpaceCell *cell, const bool *used)
{
    bool same = !used;
    for (int e = 1; e < cell->n_edges; e++)
        same = same && same_ops(&cell->edges[0], &cell->edges[e]);
    if (same)
        return op_names(space, &cell->edges[0], NULL);
    Json *lists = json_new_array();
    for (int e = 0; e < cell->n_edges; e++)
        json_add(lists, op_names(space, &cell->edges[e], used ? used + e * cell->max_ops : NULL));
    return lists;
}

static Json *one_cell(const Space *space, const SpaceCell *cell, const bool *used)
{
    Json *out = json_new_object();
    json_put_str(out, "name", cell->name);
    json_put_int(out, "inputs", cell->inputs);
    json_put_int(out, "nodes", cell->nodes);
    json_put_int(out, "keep", cell->keep);
    json_put_str(out, "derive", cell->derive == DERIVE_TOP ? "top" : "argmax");
    json_put_str(out, "combine", cell->combine == COMBINE_CONCAT ? "concat" : "sum");
    json_put(out, "edges", cell_edges(cell));
    json_put(out, "ops", cell_ops(space, cell, used));
    return out;
}

Json *record_cells(const Space *space, const bool *used)
{
    Json *cells = json_new_array();
    for (int i = 0; i < space->n_cells; i++) {
        json_add(cells, one_cell(space, &space->cells[i], used));
        if (used)
            used += space->cells[i].n_edges * space->cells[i].max_ops;
    }
    return cells;
}

double record_cpu_seconds(void)
{
    struct rusage use;
    if (getrusage(RUSAGE_SELF, &use) != 0)
        return 0;
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

int64_t record_rss_bytes(void)
{
    char line[128] = "";
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f)
        return 0;
    const char *second = fgets(line, sizeof line, f) ? strchr(line, ' ') : NULL;
    fclose(f);
    return second ? strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}
