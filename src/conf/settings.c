// SPDX-License-Identifier: MIT
#include "src/conf/settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void *field(Settings *s, const SettingKey *key)
{
    return (char *)s + key->offset;
}

static const void *field_const(const Settings *s, const SettingKey *key)
{
    return (const char *)s + key->offset;
}

static const SettingKey *key_find(const char *name)
{
    int n;
    const SettingKey *keys = settings_keys(&n);
    for (int i = 0; i < n; i++)
        if (strcmp(keys[i].key, name) == 0)
            return &keys[i];
    return NULL;
}

static Status unknown_key(const char *name, const char *where, int line, Error *err)
{
    int n;
    const SettingKey *keys = settings_keys(&n);
    const char *names[256];
    for (int i = 0; i < n && i < 256; i++)
        names[i] = keys[i].key;
    const char *near = str_nearest(name, names, n < 256 ? n : 256);
    if (near)
        return error_at(err, STATUS_ARG, where, line, "unknown setting '%s' (did you mean '%s'?)",
                        name, near);
    return error_at(err, STATUS_ARG, where, line,
                    "unknown setting '%s' (run --help-settings lists all)", name);
}

static bool text_is_bool(const char *value, bool *out)
{
    static const char *const yes[] = { "true", "yes", "on", "1" };
    static const char *const no[] = { "false", "no", "off", "0" };
    for (int i = 0; i < 4; i++) {
        if (strcmp(value, yes[i]) == 0)
            return *out = true;
        if (strcmp(value, no[i]) == 0) {
            *out = false;
            return true;
        }
    }
    return false;
}

static bool choice_allowed(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (const char *c = choices;; c++) {
        const char *end = strchr(c, '|');
        size_t len = end ? (size_t)(end - c) : strlen(c);
        if (len == n && strncmp(c, value, n) == 0)
            return true;
        if (!end)
            return false;
        c = end;
    }
}

static Status set_number(Settings *s, const SettingKey *key, const char *value, const char *where,
                         int line, Error *err)
{
    double x;
    int64_t i = 0;
    bool whole = key->kind != KEY_REAL;
    if (whole ? !str_to_int(value, &i) : !str_to_double(value, &x))
        return error_at(err, STATUS_ARG, where, line, "%s: expected a %s, got '%s'", key->key,
                        whole ? "whole number" : "number", value);
    if (whole)
        x = (double)i;
    if (!(x >= key->low && x <= key->high))
        return error_at(err, STATUS_ARG, where, line, "%s: expected %g to %g, got %s", key->key,
                        key->low, key->high, value);
    if (key->kind == KEY_INT)
        *(int *)field(s, key) = (int)i;
    else if (key->kind == KEY_INT64)
        *(int64_t *)field(s, key) = i;
    else
        *(double *)field(s, key) = x;
    return STATUS_OK;
}

static Status set_text(Settings *s, const SettingKey *key, const char *value, const char *where,
                       int line, Error *err)
{
    if (key->kind == KEY_CHOICE && !choice_allowed(key->choices, value))
        return error_at(err, STATUS_ARG, where, line, "%s: expected one of %s, got '%s'", key->key,
                        key->choices[0] == '|' ? key->choices + 1 : key->choices, value);
    if (strlen(value) >= (size_t)key->size)
        return error_at(err, STATUS_ARG, where, line, "%s: at most %d bytes, got %zu", key->key,
                        key->size - 1, strlen(value));
    memset(field(s, key), 0, (size_t)key->size);
    memcpy(field(s, key), value, strlen(value));
    return STATUS_OK;
}

Status settings_set(Settings *s, const char *name, const char *value, const char *where, int line,
                    Error *err)
{
    const SettingKey *key = key_find(name);
    if (!key)
        return unknown_key(name, where, line, err);
    if (key->kind == KEY_TEXT || key->kind == KEY_CHOICE)
        return set_text(s, key, value, where, line, err);
    if (key->kind == KEY_BOOL) {
        if (!text_is_bool(value, field(s, key)))
            return error_at(err, STATUS_ARG, where, line, "%s: expected true or false, got '%s'",
                            key->key, value);
        return STATUS_OK;
    }
    return set_number(s, key, value, where, line, err);
}

Status settings_assign(Settings *s, const char *text, Error *err)
{
    const char *equals = strchr(text, '=');
    char key[128];
    if (!equals || equals == text || equals - text >= (int)sizeof key)
        return error_set(err, STATUS_ARG, "--set: expected key=value, got '%s'", text);
    snprintf(key, sizeof key, "%.*s", (int)(equals - text), text);
    Status status = settings_set(s, key, equals + 1, NULL, 0, err);
    return status == STATUS_OK ? status : error_wrap(err, "--set");
}

void settings_default(Settings *s)
{
    int n;
    const SettingKey *keys = settings_keys(&n);
    memset(s, 0, sizeof *s);
    for (int i = 0; i < n; i++)
        settings_set(s, keys[i].key, keys[i].fallback, NULL, 0, NULL);
}

bool settings_get(const Settings *s, const char *name, char *buf, int size)
{
    const SettingKey *key = key_find(name);
    if (!key)
        return false;
    const void *p = field_const(s, key);
    size_t room = (size_t)size;
    switch (key->kind) {
    case KEY_INT: snprintf(buf, room, "%d", *(const int *)p); break;
    case KEY_INT64: snprintf(buf, room, "%lld", (long long)*(const int64_t *)p); break;
    case KEY_REAL: {
        double x = *(const double *)p, back;
        for (int digits = 6; digits <= 17; digits++) {
            snprintf(buf, room, "%.*g", digits, x);
            if (str_to_double(buf, &back) && back == x)
                break;
        }
        break;
    }
    case KEY_BOOL: snprintf(buf, room, "%s", *(const bool *)p ? "true" : "false"); break;
    case KEY_TEXT:
    case KEY_CHOICE: snprintf(buf, room, "%s", (const char *)p); break;
    }
    return true;
}

Status settings_check(const Settings *s, Error *err)
{
    if (s->search.w.lr_min > s->search.w.lr)
        return error_set(err, STATUS_ARG,
                         "search.w.lr_min (%g) is above search.w.lr (%g): the rate must not rise",
                         s->search.w.lr_min, s->search.w.lr);
    if (s->search.warmup_epochs >= s->search.epochs)
        return error_set(err, STATUS_ARG,
                         "search.warmup_epochs (%d) leaves no epoch for alpha: search.epochs is %d",
                         s->search.warmup_epochs, s->search.epochs);
    if (s->search.sample > s->search.population)
        return error_set(err, STATUS_ARG, "search.sample (%d) is above search.population (%d)",
                         s->search.sample, s->search.population);
    if (s->search.gdas_tau_min > s->search.gdas_tau)
        return error_set(err, STATUS_ARG, "search.gdas_tau_min (%g) is above search.gdas_tau (%g)",
                         s->search.gdas_tau_min, s->search.gdas_tau);
    return STATUS_OK;
}
