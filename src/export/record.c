// SPDX-License-Identifier: MIT
#include "src/export/record.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "src/base/json.h"

static void add_number(Str *out, double x)
{
    str_addc(out, ',');
    if (!isnan(x))
        str_addf(out, "%.9g", x);
}

static void add_count(Str *out, const GenoRow *geno, int value)
{
    str_addc(out, ',');
    if (geno)
        str_addf(out, "%d", value);
}

static void csv_header(const ModelRun *run, Str *out)
{
    str_add(out, "epoch,train_loss,train_acc,valid_loss,valid_acc,lr,seconds");
    for (int c = 0; c < run->n_cells; c++) {
        const char *n = run->cells[c].shape.name;
        str_addf(out, ",%s_entropy,%s_t_p,%s_t_q,%s_lift,%s_gap_p,%s_gap_q,%s_skips", n, n, n, n, n,
                 n, n);
        str_addf(out, ",%s_parameter_free,%s_conv_depth", n, n);
    }
    str_addc(out, '\n');
}

static void csv_cell(const ModelRun *run, int c, int epoch, Str *out)
{
    const AlphaLook *look = model_look(run, c, epoch);
    const GenoRow *geno = model_geno(run, c, epoch);
    const Signals *s = look ? &look->signals : NULL;
    add_number(out, s ? s->entropy : NAN);
    add_number(out, s ? s->t_p : NAN);
    add_number(out, s ? s->t_q : NAN);
    add_number(out, s ? s->lift : NAN);
    add_number(out, s ? s->gap_p : NAN);
    add_number(out, s ? s->gap_q : NAN);
    add_count(out, geno, geno ? geno->skips : 0);
    add_count(out, geno, geno ? geno->parameter_free : 0);
    add_count(out, geno, geno ? geno->conv_depth : 0);
}

static Status finish(const Str *out, Error *err)
{
    return out->failed ? error_set(err, STATUS_NOMEM, "out of memory while exporting") : STATUS_OK;
}

Status export_csv(const ModelRun *run, Str *out, Error *err)
{
    csv_header(run, out);
    for (int i = 0; i < run->n_rows; i++) {
        const EpochRow *e = &run->rows[i];
        str_addf(out, "%d", e->epoch);
        add_number(out, e->train_loss);
        add_number(out, e->train_acc);
        add_number(out, e->valid_loss);
        add_number(out, e->valid_acc);
        add_number(out, e->lr);
        add_number(out, e->seconds);
        for (int c = 0; c < run->n_cells; c++)
            csv_cell(run, c, e->epoch, out);
        str_addc(out, '\n');
    }
    return finish(out, err);
}

// A field in quotes, quotes doubled.
static void add_quoted(Str *out, const char *text)
{
    str_addc(out, '"');
    for (; *text; text++) {
        if (*text == '"')
            str_addc(out, '"');
        str_addc(out, *text);
    }
    str_addc(out, '"');
}

Status export_trials_csv(const ModelRun *run, Str *out, Error *err)
{
    str_add(out, "number,state,front,seconds");
    for (int k = 0; k < run->n_objectives; k++)
        str_addf(out, ",%s", run->objective[k].name);
    str_add(out, ",arch\n");
    for (int i = 0; i < run->n_trials; i++) {
        const TrialRow *t = &run->trials[i];
        str_addf(out, "%d,%s,%d", t->number, t->state, t->on_front);
        add_number(out, t->seconds);
        for (int k = 0; k < run->n_objectives; k++)
            add_number(out, t->values[k]);
        str_addc(out, ',');
        add_quoted(out, t->arch ? t->arch : "");
        str_addc(out, '\n');
    }
    return finish(out, err);
}

static Json *number_or_null(double x)
{
    return isnan(x) ? NULL : json_new_num(x);
}

static Json *alpha_json(const ModelRun *run, int c, const AlphaLook *look)
{
    const HealthCell *shape = &run->cells[c].shape;
    Json *rows = json_new_array();
    for (int e = 0; look && e < shape->n_edges; e++) {
        Json *row = json_new_array();
        for (int k = 0; k < shape->n_ops; k++)
            json_add(row, json_new_f32(look->p[e * shape->n_ops + k]));
        json_add(rows, row);
    }
    return rows;
}

static Json *epoch_json(const ModelRun *run, const EpochRow *e)
{
    Json *o = json_new_object(), *alphas = json_new_object();
    json_put_int(o, "epoch", e->epoch);
    json_put(o, "train_loss", number_or_null(e->train_loss));
    json_put(o, "train_acc", number_or_null(e->train_acc));
    json_put(o, "valid_loss", number_or_null(e->valid_loss));
    json_put(o, "valid_acc", number_or_null(e->valid_acc));
    json_put(o, "lr", number_or_null(e->lr));
    json_put(o, "seconds", number_or_null(e->seconds));
    for (int c = 0; c < run->n_cells; c++)
        json_put(alphas, run->cells[c].shape.name,
                 alpha_json(run, c, model_look(run, c, e->epoch)));
    json_put(o, "alpha", alphas);
    return o;
}

Status export_json(const ModelRun *run, Str *out, Error *err)
{
    Json *doc = json_new_object(), *epochs = json_new_array(), *alarms = json_new_array();
    json_put_str(doc, "name", run->name);
    json_put_str(doc, "strategy", run->strategy);
    json_put_str(doc, "space", run->space);
    json_put_int(doc, "seed", run->seed);
    json_put_str(doc, "genotype", run->genotype[0] ? run->genotype : NULL);
    json_put_str(doc, "verdict", verdict_name(health_verdict(run->health, &(Cause){ 0 })));
    for (int i = 0; i < run->n_rows; i++)
        json_add(epochs, epoch_json(run, &run->rows[i]));
    for (int i = 0; i < health_alarm_count(run->health); i++) {
        Json *alarm = json_new_object();
        health_alarm_json(health_alarm(run->health, i), alarm);
        json_add(alarms, alarm);
    }
    json_put(doc, "epochs", epochs);
    json_put(doc, "alarms", alarms);
    Status status = json_write_pretty(doc, out, err);
    json_free(doc);
    return status;
}
