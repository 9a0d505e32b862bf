// SPDX-License-Identifier: MIT
#include "src/cmd/cmd.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/alloc.h"
#include "src/base/json.h"
#include "src/base/str.h"
#include "src/cmd/load.h"
#include "src/cmd/start.h"
#include "src/net/net.h"
#include "src/run/rundir.h"
#include "src/run/runner.h"

static const CmdOption options[] = {
    { "--set", 0, "KEY=VALUE", "change one setting, as retrain.epochs=50" },
    { "--seed", 0, "N", "seed of this training (that of the search)" },
    { "--seeds", 0, "A..B", "one training for every seed from A to B, and their mean" },
    { "--threads", 0, "N", "run.threads" },
    { "--genotype", 0, "TEXT", "train this architecture instead of the run's" },
    { "--dir", 0, "DIR", "where runs are kept (runs)" },
    { NULL, 0, NULL, NULL },
};
const Command command_retrain = {
    .name = "retrain",
    .args = "RUN",
    .summary = "train the derived architecture from scratch and test it",
    .details = "Trains on all training images and ends with 'test accuracy:' on the part that the\n"
               "search never saw. Settings: section retrain (dartboard run --help-settings).",
    .options = options,
    .min_args = 1,
    .max_args = 1,
};

static Status apply_user(void *self, Settings *s, Error *err)
{
    const CmdArgs *args = self;
    const char *text;
    Status status = STATUS_OK;
    for (int i = 0; (text = cmd_value_at(args, "--set", i)) && status == STATUS_OK; i++)
        status = settings_assign(s, text, err);
    if (status == STATUS_OK && (text = cmd_value(args, "--seed")))
        status = settings_set(s, "search.seed", text, NULL, 0, err);
    if (status == STATUS_OK && (text = cmd_value(args, "--threads")))
        status = settings_set(s, "run.threads", text, NULL, 0, err);
    return status;
}

// Latest genotype in the run's journal.
static Status genotype_of_run(const char *path, Genotype *geno, Error *err)
{
    Source *source;
    const ModelRun *run;
    Status status = load_run(path, &source, &run, err);
    if (status != STATUS_OK)
        return status;
    if (!run->genotype[0])
        status = error_set(err, STATUS_ARG, "%s has no genotype yet", path);
    else
        status = genotype_parse(run->genotype, geno, NULL, err);
    source_close(source);
    return status;
}

typedef struct {
    int epochs;
    bool terminal;
    double seconds;
} Report;

static void report_epoch(void *self, const RetrainProgress *p)
{
    Report *r = self;
    char eta[32];
    r->seconds = p->seconds; // since the start
    double each = r->seconds / (p->epoch + 1);
    fprintf(stderr,
            r->terminal ? "\r\033[Kepoch %d/%d  loss %.4f  acc %.4f  eta %s"
                        : "epoch %d/%d  loss %.4f  acc %.4f  eta %s\n",
            p->epoch, r->epochs - 1, p->train_loss, p->train_acc,
            str_duration(each * (r->epochs - p->epoch - 1), eta, sizeof eta));
    fflush(stderr);
}

static Status train_once(Session *session, const Genotype *geno, int64_t seed, double *accuracy,
                         Error *err)
{
    RetrainJob job = { .space = session->space,
                       .geno = geno,
                       .data = session->data,
                       .split = &session->split,
                       .progress = report_epoch,
                       .stop = start_stop_flag() };
    RetrainProgress result = { .test_acc = NAN };
    session_retrain_options(session, &job.options);
    session_retrain_feeds(session, &job.train_feed, &job.test_feed);
    job.options.seed = job.train_feed.seed = (uint64_t)seed;
    Report report = { .epochs = job.options.epochs, .terminal = isatty(STDERR_FILENO) };
    job.self = &report;
    Status status = search_retrain(&job, &result, err);
    if (report.terminal)
        fputs("\r\033[K", stderr);
    *accuracy = result.test_acc;
    return status;
}

static void print_cost(const Session *session, const Genotype *geno)
{
    int64_t params, macs;
    char a[32], b[32];
    const Settings *s = &session->settings;
    DerivedOptions d = { .cells = s->retrain.cells,
                         .channels = s->retrain.channels,
                         .height = session->data->height,
                         .width = session->data->width };
    if (net_cost(session->space, geno, &d, &params, &macs, NULL) == STATUS_OK)
        fprintf(stderr,
                "%d images for training, %d for the test; parameters %s, multiply-adds %s\n",
                session->split.n_train + session->split.n_valid, session->split.n_test,
                str_count((double)params, a, sizeof a), str_count((double)macs, b, sizeof b));
}

static int print_results(const CmdArgs *args, const double *acc, int64_t from, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += acc[i];
    if (cmd_has(args, "--json")) {
        Json *doc = json_new_object(), *list = json_new_array();
        Str out = { 0 };
        for (int i = 0; i < n; i++) {
            Json *one = json_new_object();
            json_put_int(one, "seed", from + i);
            json_put_num(one, "test_accuracy", acc[i]);
            json_add(list, one);
        }
        json_put(doc, "trainings", list);
        json_put_num(doc, "mean", sum / n);
        json_write_pretty(doc, &out, NULL);
        puts(str_text(&out));
        str_fini(&out);
        json_free(doc);
        return 0;
    }
    for (int i = 0; i < n && n > 1; i++)
        printf("seed %lld: %.4f\n", (long long)(from + i), acc[i]);
    printf("test accuracy: %.4f\n", sum / n);
    return 0;
}

static int retrain_seeds(const CmdArgs *args, Session *session, const Genotype *geno)
{
    enum { MOST = 256 };
    double acc[MOST];
    long long from = session->settings.search.seed, to = from;
    const char *text = cmd_value(args, "--seeds");
    if (text && (sscanf(text, "%lld..%lld", &from, &to) != 2 || from < 0 || to < from ||
                 to - from >= MOST)) {
        fprintf(stderr, "dartboard retrain: --seeds: expected A..B, got '%s'\n", text);
        return 2;
    }
    print_cost(session, geno);
    for (long long seed = from; seed <= to; seed++) {
        Error err;
        Status status = train_once(session, geno, seed, &acc[seed - from], &err);
        if (status == STATUS_STOPPED)
            return 130;
        if (status != STATUS_OK)
            return cmd_fail(&command_retrain, &err);
    }
    return print_results(args, acc, from, (int)(to - from + 1));
}

int cmd_retrain(int argc, char **argv)
{
    static Genotype geno;
    CmdArgs args;
    int code;
    char path[PATH_MAX];
    Error err;
    Session session;
    if (!cmd_parse(&command_retrain, argc, argv, &args, &code))
        return code;
    const char *dir = cmd_value(&args, "--dir"), *text = cmd_value(&args, "--genotype");
    Status status = rundir_find(dir ? dir : "runs", args.arg[0], path, &err);
    if (status == STATUS_OK)
        status =
            text ? genotype_parse(text, &geno, NULL, &err) : genotype_of_run(path, &geno, &err);
    if (status == STATUS_OK)
        status = run_session(path, true, apply_user, &args, &session, &err);
    if (status != STATUS_OK)
        return cmd_fail(&command_retrain, &err);
    start_signals(true);
    code = retrain_seeds(&args, &session, &geno);
    session_close(&session);
    return code;
}
