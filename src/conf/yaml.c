// SPDX-License-Identifier: MIT
#include "src/conf/settings.h"

#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "src/base/alloc.h"
#include "src/base/file.h"

// Settings from and to YAML: nested maps of scalars. The only place that knows libyaml.

enum { FILE_LIMIT = 1 << 20, DEPTH = 6, SEEN = 256 };

typedef struct {
    Settings *settings;
    const char *name; // of the file, for messages
    char path[DEPTH][64];
    int depth;           // open maps
    bool want_value;     // a key was read, its value comes next
    char seen[SEEN][64]; // full keys so far, to refuse the second of a pair
    int n_seen;
} Reader;

static int line_of(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

static Status full_key(const Reader *r, char *buf, size_t size, int line, Error *err)
{
    buf[0] = '\0';
    for (int i = 0; i < r->depth; i++) {
        size_t used = strlen(buf);
        if (snprintf(buf + used, size - used, "%s%s", i ? "." : "", r->path[i]) >=
            (int)(size - used))
            return error_at(err, STATUS_PARSE, r->name, line, "key too long");
    }
    return STATUS_OK;
}

static Status read_value(Reader *r, const yaml_event_t *event, Error *err)
{
    char key[64];
    int line = line_of(event);
    Status status = full_key(r, key, sizeof key, line, err);
    if (status != STATUS_OK)
        return status;
    for (int i = 0; i < r->n_seen; i++)
        if (strcmp(r->seen[i], key) == 0)
            return error_at(err, STATUS_PARSE, r->name, line, "'%s' is set twice", key);
    if (r->n_seen < SEEN)
        snprintf(r->seen[r->n_seen++], sizeof r->seen[0], "%s", key);
    const char *value = (const char *)event->data.scalar.value;
    if (strlen(value) != event->data.scalar.length)
        return error_at(err, STATUS_PARSE, r->name, line, "%s: NUL byte in the value", key);
    r->want_value = false;
    return settings_set(r->settings, key, value, r->name, line, err);
}

static Status read_key(Reader *r, const yaml_event_t *event, Error *err)
{
    const char *key = (const char *)event->data.scalar.value;
    if (strlen(key) >= sizeof r->path[0])
        return error_at(err, STATUS_PARSE, r->name, line_of(event), "key too long");
    snprintf(r->path[r->depth - 1], sizeof r->path[0], "%s", key);
    r->want_value = true;
    return STATUS_OK;
}

static Status read_event(Reader *r, const yaml_event_t *event, Error *err)
{
    int line = line_of(event);
    switch (event->type) {
    case YAML_MAPPING_START_EVENT:
        if (r->depth > 0 && !r->want_value)
            return error_at(err, STATUS_PARSE, r->name, line, "expected a key, got a map");
        if (r->depth >= DEPTH)
            return error_at(err, STATUS_PARSE, r->name, line, "maps nested too deep");
        r->depth++;
        r->want_value = false;
        return STATUS_OK;
    case YAML_MAPPING_END_EVENT:
        r->depth--;
        r->want_value = false;
        return STATUS_OK;
    case YAML_SCALAR_EVENT:
        if (r->depth == 0 && event->data.scalar.length == 0)
            return STATUS_OK; // an empty file
        if (r->depth == 0)
            return error_at(err, STATUS_PARSE, r->name, line, "expected 'section:' and keys below");
        return r->want_value ? read_value(r, event, err) : read_key(r, event, err);
    case YAML_SEQUENCE_START_EVENT:
        return error_at(err, STATUS_PARSE, r->name, line,
                        "expected a single value, got a list (no setting takes one)");
    case YAML_ALIAS_EVENT:
        return error_at(err, STATUS_PARSE, r->name, line, "aliases (*name) are not supported");
    default: return STATUS_OK;
    }
}

static Status read_events(Reader *r, yaml_parser_t *parser, Error *err)
{
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return error_at(err, STATUS_PARSE, r->name, (int)parser->problem_mark.line + 1,
                            "not YAML: %s", parser->problem ? parser->problem : "unreadable");
        bool end = event.type == YAML_STREAM_END_EVENT;
        Status status = read_event(r, &event, err);
        yaml_event_delete(&event);
        if (status != STATUS_OK || end)
            return status;
    }
}

Status settings_parse(Settings *s, const char *text, size_t len, const char *name, Error *err)
{
    yaml_parser_t parser;
    Reader *reader = mem_zero(1, sizeof *reader);
    if (!reader || !yaml_parser_initialize(&parser)) {
        mem_free(reader);
        return error_set(err, STATUS_NOMEM, "%s: out of memory", name);
    }
    *reader = (Reader){ .settings = s, .name = name };
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    Status status = read_events(reader, &parser, err);
    yaml_parser_delete(&parser);
    mem_free(reader);
    return status;
}

Status settings_load(Settings *s, const char *path, Error *err)
{
    char *text;
    size_t len;
    Status status = file_read(path, FILE_LIMIT, &text, &len, err);
    if (status != STATUS_OK)
        return status;
    status = settings_parse(s, text, len, path, err);
    mem_free(text);
    return status;
}

static int append_output(void *self, unsigned char *data, size_t size)
{
    Str *out = self;
    str_addn(out, (const char *)data, size);
    return !out->failed;
}

static bool emit_scalar(yaml_emitter_t *emitter, const char *text, bool quoted)
{
    yaml_event_t event;
    return yaml_scalar_event_initialize(
               &event, NULL, NULL, (yaml_char_t *)text, (int)strlen(text), 1, 1,
               quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE) &&
           yaml_emitter_emit(emitter, &event);
}

static bool emit_map(yaml_emitter_t *emitter, bool start)
{
    yaml_event_t event;
    if (start)
        yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
    else
        yaml_mapping_end_event_initialize(&event);
    return yaml_emitter_emit(emitter, &event);
}

// Parts of "a.b.c" that two keys share before the last part.
static int shared_depth(const char *a, const char *b)
{
    int depth = 0;
    for (int i = 0; a[i] && a[i] == b[i]; i++)
        depth += a[i] == '.';
    return depth;
}

static int depth_of(const char *key)
{
    int depth = 0;
    for (; *key; key++)
        depth += *key == '.';
    return depth;
}

static bool emit_key(yaml_emitter_t *emitter, const Settings *s, const SettingKey *key,
                     const char *previous)
{
    int shared = shared_depth(previous, key->key);
    bool ok = true;
    for (int d = depth_of(previous); d > shared; d--)
        ok = ok && emit_map(emitter, false);
    const char *part = key->key;
    for (int d = 0;; d++) {
        const char *dot = strchr(part, '.');
        char name[64];
        snprintf(name, sizeof name, "%.*s", dot ? (int)(dot - part) : (int)strlen(part), part);
        if (!dot) {
            char value[SETTING_TEXT];
            settings_get(s, key->key, value, sizeof value);
            bool quoted = key->kind == KEY_TEXT || key->kind == KEY_CHOICE;
            return ok && emit_scalar(emitter, name, false) && emit_scalar(emitter, value, quoted);
        }
        if (d >= shared)
            ok = ok && emit_scalar(emitter, name, false) && emit_map(emitter, true);
        part = dot + 1;
    }
}

static bool emit_all(yaml_emitter_t *emitter, const Settings *s)
{
    yaml_event_t event;
    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    bool ok = yaml_emitter_emit(emitter, &event);
    yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
    ok = ok && yaml_emitter_emit(emitter, &event) && emit_map(emitter, true);
    int n;
    const SettingKey *keys = settings_keys(&n);
    const char *previous = "";
    for (int i = 0; i < n && ok; i++) {
        ok = emit_key(emitter, s, &keys[i], previous);
        previous = keys[i].key;
    }
    for (int d = depth_of(previous); d >= 0 && ok; d--)
        ok = emit_map(emitter, false);
    yaml_document_end_event_initialize(&event, 1);
    ok = ok && yaml_emitter_emit(emitter, &event);
    yaml_stream_end_event_initialize(&event);
    return ok && yaml_emitter_emit(emitter, &event);
}

Status settings_yaml(const Settings *s, Str *out, Error *err)
{
    yaml_emitter_t emitter;
    if (!yaml_emitter_initialize(&emitter))
        return error_set(err, STATUS_NOMEM, "out of memory while writing settings");
    yaml_emitter_set_output(&emitter, append_output, out);
    yaml_emitter_set_width(&emitter, -1);
    bool ok = emit_all(&emitter, s);
    yaml_emitter_delete(&emitter);
    if (!ok || out->failed)
        return error_set(err, STATUS_NOMEM, "out of memory while writing settings");
    return STATUS_OK;
}
