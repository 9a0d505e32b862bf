// SPDX-License-Identifier: MIT
// check: what a space script means, or what is wrong with it.
#include "src/cmd/cmd.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/arch/arch.h"
#include "src/base/json.h"
#include "src/base/str.h"
#include "src/cmd/check_net.h"
#include "src/conf/settings.h"
#include "src/engine/plan.h"
#include "src/net/net.h"
#include "src/run/session.h"
#include "src/script/script.h"

static const CmdOption options[] = { { NULL, 0, NULL, NULL } };
const Command command_check = {
    .name = "check",
    .args = "SPACE",
    .summary = "load a space script, check it, count what it offers",
    .details = "SPACE is a script or the bare name of one. Prints operators, edges, the exact\n"
               "number of architectures, parameters and multiply-adds of the supernet and of a\n"
               "typical derived network, and the memory of a search step. Errors are one line,\n"
               "'file:line: message', and the exit code is 1.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
};

enum { SAMPLES = 15 };

// Everything that check tells about a sound space.
typedef struct {
    Space *space;
    Settings settings;
    Str size;
    int64_t super_params, super_macs;
    size_t step_bytes;
    int64_t params, macs; // of the sampled network with the median number of parameters
} Report;

static Status read_settings(const Space *space, Settings *s, Error *err)
{
    settings_default(s);
    Status status = STATUS_OK;
    for (int i = 0; i < space->n_defaults && status == STATUS_OK; i++)
        status = settings_set(s, space->defaults[i].key, space->defaults[i].value, space->path,
                              space->defaults[i].line, err);
    return status == STATUS_OK ? settings_check(s, err) : status;
}

static Status count_supernet(Report *r, Error *err)
{
    const Settings *set = &r->settings;
    SupernetOptions o = { .height = set->data.resize,
                          .width = set->data.resize,
                          .partial = set->search.partial,
                          .edge_weights = set->search.edge_weights,
                          .aux_skip = set->search.dartsminus > 0 };
    Graph *g = NULL;
    Status status = net_supernet(r->space, &o, &g, err);
    if (status != STATUS_OK)
        return status;
    r->super_params = graph_params(g);
    r->super_macs = graph_macs(g);
    PlanOptions plan = { .batch = set->data.batch,
                         .threads = set->run.threads,
                         .recompute = set->run.recompute };
    status = plan_bytes(g, &plan, &r->step_bytes, err);
    graph_free(g);
    return status;
}

static int compare_costs(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (x[0] > y[0]) - (x[0] < y[0]);
}

// Random architectures as they would be retrained; the one in the middle is the typical one.
static Status count_derived(Report *r, Error *err)
{
    Rng rng = rng_new(1);
    int64_t costs[SAMPLES][2];
    DerivedOptions o = { .cells = r->settings.retrain.cells,
                         .channels = r->settings.retrain.channels };
    for (int i = 0; i < SAMPLES; i++) {
        Arch arch;
        Genotype geno;
        arch_random(r->space, &rng, &arch);
        arch_to_genotype(r->space, &arch, &geno);
        Status status = net_cost(r->space, &geno, &o, &costs[i][0], &costs[i][1], err);
        if (status != STATUS_OK)
            return status;
    }
    qsort(costs, SAMPLES, sizeof costs[0], compare_costs);
    r->params = costs[SAMPLES / 2][0];
    r->macs = costs[SAMPLES / 2][1];
    return STATUS_OK;
}

static Status examine(const char *name, Report *r, Error *err)
{
    char path[PATH_MAX];
    Status status = session_find_space(name, path, err);
    if (status == STATUS_OK)
        status = script_load_space_guarded(path, NULL, &r->space, err);
    if (status == STATUS_OK)
        status = read_settings(r->space, &r->settings, err);
    if (status == STATUS_OK && r->space->n_layers > 0)
        return status; // a network written out: check_net.c tells it
    if (status == STATUS_OK)
        status = space_size_text(r->space, &r->size, err);
    if (status == STATUS_OK)
        status = count_supernet(r, err);
    if (status == STATUS_OK)
        status = count_derived(r, err);
    if (status != STATUS_OK && r->space && !err->where[0]) {
        snprintf(err->where, sizeof err->where, "%.255s", path);
        err->line = r->space->line > 0 ? r->space->line : 1;
    }
    return status;
}

// ---- text --------------------------------------------------------------------------------------

static const char *const class_names[] = { "none", "skip", "pool", "conv", "other" };

static bool is_uniform(const SpaceCell *cell)
{
    for (int i = 1; i < cell->n_edges; i++)
        if (cell->edges[i].n_ops != cell->edges[0].n_ops ||
            memcmp(cell->edges[i].ops, cell->edges[0].ops,
                   sizeof(int) * (size_t)cell->edges[0].n_ops) != 0)
            return false;
    return true;
}

static void print_ops(const Space *space, const SpaceEdge *edge)
{
    for (int k = 0; k < edge->n_ops; k++)
        printf(" %s", space->ops[edge->ops[k]].code);
    putchar('\n');
}

static void print_cell(const Space *space, const SpaceCell *cell)
{
    printf("cell %s: %d input%s, %d node%s, %d edges, ", cell->name, cell->inputs,
           cell->inputs == 1 ? "" : "s", cell->nodes, cell->nodes == 1 ? "" : "s", cell->n_edges);
    if (cell->derive == DERIVE_TOP)
        printf("%d strongest kept per node", cell->keep);
    else
        printf("all kept");
    printf(", nodes %s\n", cell->combine == COMBINE_SUM ? "summed" : "concatenated");
    if (is_uniform(cell)) {
        printf("  every edge:");
        print_ops(space, &cell->edges[0]);
        return;
    }
    for (int i = 0; i < cell->n_edges; i++) {
        printf("  %d-%d:", cell->edges[i].from, cell->edges[i].to);
        print_ops(space, &cell->edges[i]);
    }
}

static void print_net(const Space *space)
{
    const SpaceNet *net = &space->net;
    if (net->kind == SKELETON_STAGES) {
        printf("network: %d stages of %d cells, %d channels\n", net->stages, net->stage_cells,
               net->channels);
        return;
    }
    printf("network: %d cells, %d channels, stem %d", net->cells, net->channels,
           net->stem * net->channels);
    for (int i = 0; i < net->n_reduce; i++)
        printf("%s %d", i ? "," : ", reduction at", net->reduce_at[i]);
    putchar('\n');
}

static void print_counts(const Report *r)
{
    char params[32], macs[32], bytes[32];
    const Settings *set = &r->settings;
    printf("size: %s architectures\n", str_text(&r->size));
    printf("supernet: %s parameters, %s multiply-adds an image, %s for a step of %d images\n",
           str_count((double)r->super_params, params, sizeof params),
           str_count((double)r->super_macs, macs, sizeof macs),
           str_bytes((double)r->step_bytes, bytes, sizeof bytes), set->data.batch);
    printf("derived: %s parameters, %s multiply-adds an image (typical; ",
           str_count((double)r->params, params, sizeof params),
           str_count((double)r->macs, macs, sizeof macs));
    if (set->retrain.cells > 0)
        printf("%d cells, ", set->retrain.cells);
    printf("%d channels)\n",
           set->retrain.channels > 0 ? set->retrain.channels : r->space->net.channels);
}

static void print_report(const Report *r)
{
    const Space *s = r->space;
    printf("%s: %s\n", s->name, s->path);
    printf("input: %d x %d x %d, %d classes%s%s\n", s->height, s->width, s->channels, s->classes,
           s->data ? ", data " : "", s->data ? s->data : "");
    print_net(s);
    printf("operators:\n");
    for (int i = 0; i < s->n_ops; i++)
        printf("  %-4s  %-20s %s\n", s->ops[i].code, s->ops[i].name, class_names[s->ops[i].kind]);
    for (int i = 0; i < s->n_cells; i++)
        print_cell(s, &s->cells[i]);
    printf("objectives:");
    for (int i = 0; i < s->n_objectives; i++)
        printf("%s %s %s", i ? "," : "", s->objectives[i].maximize ? "maximize" : "minimize",
               s->objectives[i].name);
    putchar('\n');
    print_counts(r);
}

// ---- JSON --------------------------------------------------------------------------------------

static Json *json_cell(const Space *space, const SpaceCell *cell)
{
    Json *out = json_new_object(), *edges = json_new_array();
    json_put_str(out, "name", cell->name);
    json_put_int(out, "inputs", cell->inputs);
    json_put_int(out, "nodes", cell->nodes);
    json_put_int(out, "keep", cell->keep);
    json_put_str(out, "derive", cell->derive == DERIVE_TOP ? "top" : "argmax");
    json_put_str(out, "combine", cell->combine == COMBINE_SUM ? "sum" : "concat");
    for (int i = 0; i < cell->n_edges; i++) {
        const SpaceEdge *e = &cell->edges[i];
        Json *edge = json_new_object(), *ops = json_new_array();
        json_put_int(edge, "from", e->from);
        json_put_int(edge, "to", e->to);
        for (int k = 0; k < e->n_ops; k++)
            json_add(ops, json_new_str(space->ops[e->ops[k]].name));
        json_put(edge, "ops", ops);
        json_add(edges, edge);
    }
    json_put(out, "edges", edges);
    return out;
}

static Json *json_ops(const Space *space)
{
    Json *out = json_new_array();
    for (int i = 0; i < space->n_ops; i++) {
        Json *op = json_new_object();
        json_put_str(op, "name", space->ops[i].name);
        json_put_str(op, "code", space->ops[i].code);
        json_put_str(op, "class", class_names[space->ops[i].kind]);
        json_add(out, op);
    }
    return out;
}

static Json *json_counts(int64_t params, int64_t macs)
{
    Json *out = json_new_object();
    json_put_int(out, "params", params);
    json_put_int(out, "macs", macs);
    return out;
}

static Json *json_report(const Report *r)
{
    const Space *s = r->space;
    Json *out = json_new_object(), *cells = json_new_array();
    json_put_bool(out, "ok", true);
    json_put_str(out, "name", s->name);
    json_put_str(out, "path", s->path);
    json_put_str(out, "size", str_text(&r->size)); // exact: more digits than a double has
    json_put(out, "ops", json_ops(s));
    for (int i = 0; i < s->n_cells; i++)
        json_add(cells, json_cell(s, &s->cells[i]));
    json_put(out, "cells", cells);
    Json *super = json_counts(r->super_params, r->super_macs);
    json_put_int(super, "batch", r->settings.data.batch);
    json_put_int(super, "step_bytes", (int64_t)r->step_bytes);
    json_put(out, "supernet", super);
    json_put(out, "derived", json_counts(r->params, r->macs));
    return out;
}

static Json *json_error(const Error *err)
{
    Json *out = json_new_object();
    json_put_bool(out, "ok", false);
    json_put_str(out, "file", err->where);
    json_put_int(out, "line", err->line);
    json_put_str(out, "message", err->msg);
    return out;
}

static int print_json(Json *root, int code)
{
    Str text = { 0 };
    Error err = { 0 };
    if (json_write_pretty(root, &text, &err) == STATUS_OK)
        puts(str_text(&text));
    else
        code = cmd_fail(&command_check, &err);
    str_fini(&text);
    json_free(root);
    return code;
}

static int fail(const Error *err, bool json)
{
    int code = err->code == STATUS_ARG && err->line == 0 ? 2 : 1;
    if (json)
        return print_json(json_error(err), code);
    char text[1024];
    // No name of the program in front: editors read file:line: message.
    fprintf(stderr, "%s\n", error_text(err, text, sizeof text));
    return code;
}

// A script that writes a network out has no cells to count.
static int print_network(const Report *r, bool json)
{
    Error err = { 0 };
    Json *doc = NULL;
    Status status = check_network(r->space, &r->settings, json ? &doc : NULL, &err);
    if (status != STATUS_OK)
        return fail(&err, json);
    return json ? print_json(doc, 0) : 0;
}

int cmd_check(int argc, char **argv)
{
    CmdArgs args;
    int code;
    if (!cmd_parse(&command_check, argc, argv, &args, &code))
        return code;
    Report report = { 0 };
    Error err = { 0 };
    bool json = cmd_has(&args, "--json");
    if (examine(args.arg[0], &report, &err) != STATUS_OK)
        code = fail(&err, json);
    else if (report.space->n_layers > 0)
        code = print_network(&report, json);
    else if (json)
        code = print_json(json_report(&report), 0);
    else
        print_report(&report);
    str_fini(&report.size);
    space_free(report.space);
    return code;
}
