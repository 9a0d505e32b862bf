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
    { "--weights", 0, "FILE", "start from these weights: safetensors, PyTorch's names and shapes" },
    { "--save", 0, "FILE", "write the trained weights, as load_state_dict takes them" },
    { "--dir", 0, "DIR", "where runs are kept (runs)" },
    { NULL, 0, NULL, NULL },
};
const Command command_retrain = {
    .name = "retrain",
    .args = "RUN|SCRIPT",
    .summary = "train the derived architecture from scratch and test it",
    .details = "Trains on all training images and ends with 'test accuracy:' on the part that the\n"
               "search never saw. Settings: section retrain (dartboard run --help-settings).\n"
               "SCRIPT is a fixed network (nas.net), or a space together with --genotype.",
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

static Status train_once(const CmdArgs *args, Session *session, const Genotype *geno, int64_t seed,
                         double *accuracy, Error *err)
{
    RetrainJob job = { .space = session->space,
                       .geno = geno,
                       .data = session->data,
                       .split = &session->split,
                       .progress = report_epoch,
                       .stop = start_stop_flag(),
                       .weights = cmd_value(args, "--weights"),
                       .save = cmd_value(args, "--save") };
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

static Status count_cost(const Session *session, const Genotype *geno, int64_t *params,
                         int64_t *macs)
{
    const Settings *s = &session->settings;
    DerivedOptions d = { .cells = s->retrain.cells,
                         .channels = s->retrain.channels,
                         .height = session->data->height,
                         .width = session->data->width };
    Graph *g;
    if (session->space->n_layers == 0)
        return net_cost(session->space, geno, &d, params, macs, NULL);
    Status status = net_fixed(session->space, 0, &g, NULL);
    if (status != STATUS_OK)
        return status;
    *params = graph_params(g);
    *macs = graph_macs(g);
    graph_free(g);
    return status;
}

static void print_cost(const Session *session, const Genotype *geno)
{
    int64_t params, macs;
    char a[32], b[32];
    if (count_cost(session, geno, &params, &macs) == STATUS_OK)
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
    if (to > from && cmd_value(args, "--save")) {
        fprintf(stderr, "dartboard retrain: --save takes one training, not those of --seeds\n");
        return 2;
    }
    print_cost(session, geno);
    for (long long seed = from; seed <= to; seed++) {
        Error err;
        Status status = train_once(args, session, geno, seed, &acc[seed - from], &err);
        if (status == STATUS_STOPPED)
            return 130;
        if (status != STATUS_OK)
            return cmd_fail(&command_retrain, &err);
    }
    return print_results(args, acc, from, (int)(to - from + 1));
}

// Whether the argument names a script: by its ending, or a space's bare name that no run has.
static bool names_script(const char *dir, const char *name, char *path)
{
    if (!str_ends(name, ".lua") && rundir_find(dir, name, path, NULL) == STATUS_OK)
        return false;
    return str_ends(name, ".lua") || session_find_space(name, path, NULL) == STATUS_OK;
}

static Status open_script(const CmdArgs *args, const char *text, Genotype *geno, Session *session,
                          Error *err)
{
    char path[PATH_MAX];
    Status status = session_find_space(args->arg[0], path, err);
    SessionRequest request = {
        .space_path = path, .user = apply_user, .self = (void *)args, .unseal = true
    };
    if (status == STATUS_OK && text)
        status = genotype_parse(text, geno, NULL, err);
    if (status == STATUS_OK)
        status = session_open(&request, session, err);
    if (status != STATUS_OK || text || session->space->n_layers > 0)
        return status;
    session_close(session);
    return error_set(err, STATUS_ARG, "%s is a space, not a network: give --genotype TEXT or a run",
                     args->arg[0]);
}

static Status open_run(CmdArgs *args, const char *dir, const char *text, Genotype *geno,
                       Session *session, Error *err)
{
    char path[PATH_MAX];
    Status status = rundir_find(dir, args->arg[0], path, err);
    if (status == STATUS_OK)
        status = text ? genotype_parse(text, geno, NULL, err) : genotype_of_run(path, geno, err);
    return status == STATUS_OK ? run_session(path, true, apply_user, args, session, err) : status;
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
    dir = dir ? dir : "runs";
    Status status = names_script(dir, args.arg[0], path)
                        ? open_script(&args, text, &geno, &session, &err)
                        : open_run(&args, dir, text, &geno, &session, &err);
    if (status != STATUS_OK)
        return cmd_fail(&command_retrain, &err);
    start_signals(true);
    code = retrain_seeds(&args, &session, &geno);
    session_close(&session);
    return code;
}
