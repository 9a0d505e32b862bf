// SPDX-License-Identifier: MIT
#ifndef CONF_SETTINGS_H
#define CONF_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/base/str.h"

// Every setting of a search as one plain struct; keys.c has the table that names each field
// ("search.w.lr"), its default, unit, range and source. Precedence is the order of application:
// built-in defaults, the space's `defaults`, -c FILE, --set, flags. An unknown key is an error
// that names the nearest known one.

enum { SETTING_TEXT = 512 };

typedef struct {
    struct {
        char name[64], path[SETTING_TEXT], split[16], normalise[16], hash[24];
        double valid, test;
        int64_t subset;
        int resize, batch, crop, cutout;
        bool augment, flip;
    } data;
    struct {
        char strategy[32], order[16], step_order[16], derive[16];
        int epochs, warmup_epochs, trials, population, sample, share_epochs, bn_batches,
            score_batches, partial, skip_cap, hessian_every;
        int64_t seed;
        double seconds;
        struct {
            double lr, lr_min, momentum, decay, clip;
            bool nesterov;
        } w;
        struct {
            double lr, beta1, beta2, decay, init, clip;
        } alpha;
        double beta_decay, dartsminus, skip_dropout, drop_path, sdarts_rs, fair_weight,
            fair_threshold, noisy_skip, oles, gdas_tau, gdas_tau_min;
        bool fair, edge_weights, sgas, pt, gradient_match, layer_alignment, discretisation;
        int cells, pdarts_stages, pdarts_cells, sgas_batch;
        double pdarts_dropout;
    } search;
    struct {
        int epochs, cells, channels, batch, cutout, crop;
        double drop_path, aux_weight, smoothing, lr, lr_min, momentum, decay, clip;
        bool aux, flip;
    } retrain;
    struct {
        int look_steps, max_rollbacks, looks, clear, skips, parameter_free, rise, rise_epochs,
            slow_hold, depth_epochs;
        char on_alarm[16], remedy[SETTING_TEXT];
        double t_watch, t_warn, lambda_ratio;
    } health;
    struct {
        char dir[SETTING_TEXT], isa[16];
        int threads, checkpoint_every, keep;
        bool recompute;
    } run;
} Settings;

void settings_default(Settings *s);
// Sets one key from text. `where`/`line` name the user's file (NULL, 0: the command line) and go
// into the error.
Status settings_set(Settings *s, const char *name, const char *value, const char *where, int line,
                    Error *err);
// "key=value" of --set.
Status settings_assign(Settings *s, const char *text, Error *err);
// A YAML file of nested maps.
Status settings_load(Settings *s, const char *path, Error *err);
// The same from memory; `name` is for messages.
Status settings_parse(Settings *s, const char *text, size_t len, const char *name, Error *err);
// All settings as YAML, in table order.
Status settings_yaml(const Settings *s, Str *out, Error *err);
// Cross checks between keys (after everything is applied).
Status settings_check(const Settings *s, Error *err);
// Value of a key as text into buf; false if the key is unknown.
bool settings_get(const Settings *s, const char *key, char *buf, int size);

// ---- the table, for --help-settings, the man page and completion
// ---------------------------------
typedef enum { KEY_INT, KEY_INT64, KEY_REAL, KEY_BOOL, KEY_TEXT, KEY_CHOICE } KeyKind;
typedef struct {
    const char *key;
    KeyKind kind;
    int offset, size;                // of the field in Settings
    const char *fallback;            // default as text
    double low, high;                // numbers: allowed range, both included
    const char *choices;             // "a|b|c"
    const char *unit, *doc, *source; // source: paper or code the default is from, "" if ours
} SettingKey;
const SettingKey *settings_keys(int *count);

#endif
