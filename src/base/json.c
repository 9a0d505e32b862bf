// SPDX-License-Identifier: MIT
#include "src/base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

Json *json_new_object(void)
{
    return json_object_new_object();
}

Json *json_new_array(void)
{
    return json_object_new_array();
}

static Json *json_nonfinite(double value)
{
    return json_new_str(isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

Json *json_new_num(double value)
{
    if (!isfinite(value))
        return json_nonfinite(value);
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return json_object_new_double_s(value, text);
}

Json *json_new_f32(float value)
{
    if (!isfinite(value))
        return json_nonfinite(value);
    char text[40];
    for (int digits = 4; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    return json_object_new_double_s(value, text);
}

Json *json_new_int(int64_t value)
{
    return json_object_new_int64(value);
}

Json *json_new_str(const char *text)
{
    return json_object_new_string(text);
}

Json *json_new_bool(bool value)
{
    return json_object_new_boolean(value);
}

Json *json_new_null(void)
{
    return NULL;
}

void json_put(Json *object, const char *key, Json *value)
{
    if (object)
        json_object_object_add(object, key, value);
    else
        json_object_put(value);
}

void json_put_num(Json *object, const char *key, double value)
{
    json_put(object, key, json_new_num(value));
}

void json_put_int(Json *object, const char *key, int64_t value)
{
    json_put(object, key, json_new_int(value));
}

void json_put_str(Json *object, const char *key, const char *text)
{
    json_put(object, key, text ? json_new_str(text) : NULL);
}

void json_put_bool(Json *object, const char *key, bool value)
{
    json_put(object, key, json_new_bool(value));
}

void json_add(Json *array, Json *value)
{
    if (!array || json_object_array_add(array, value) != 0)
        json_object_put(value);
}

void json_free(Json *root)
{
    json_object_put(root);
}

static Status write_with(const Json *root, Str *out, int flags, Error *err)
{
    // json-c caches the text inside the object, hence the cast.
    const char *text = root ? json_object_to_json_string_ext((Json *)root, flags) : NULL;
    if (!text)
        return error_set(err, STATUS_NOMEM, "out of memory while writing JSON");
    str_add(out, text);
    if (out->failed)
        return error_set(err, STATUS_NOMEM, "out of memory while writing JSON");
    return STATUS_OK;
}

Status json_write(const Json *root, Str *out, Error *err)
{
    return write_with(root, out, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, err);
}

Status json_write_pretty(const Json *root, Str *out, Error *err)
{
    return write_with(
        root, out,
        JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE, err);
}

Json *json_parse(const char *text, size_t len, Error *err)
{
    enum { DEPTH = 64 };
    struct json_tokener *tok = len <= INT32_MAX ? json_tokener_new_ex(DEPTH) : NULL;
    if (!tok) {
        error_set(err, STATUS_NOMEM, "out of memory while reading JSON");
        return NULL;
    }
    Json *root = json_tokener_parse_ex(tok, text, (int)len);
    enum json_tokener_error why = json_tokener_get_error(tok);
    size_t end = json_tokener_get_parse_end(tok);
    if (why == json_tokener_continue) {
        // A bare number at the end of the text is only finished by a terminator.
        json_object_put(root);
        root = json_tokener_parse_ex(tok, "\n", 1);
        why = json_tokener_get_error(tok);
        end = len;
    }
    json_tokener_free(tok);
    while (end < len && strchr(" \t\r\n", text[end]))
        end++;
    if (why == json_tokener_success && end >= len)
        return root;
    json_object_put(root);
    error_set(err, STATUS_PARSE, "not JSON at byte %zu: %s", end,
              why == json_tokener_success    ? "text after the end"
              : why == json_tokener_continue ? "incomplete"
                                             : json_tokener_error_desc(why));
    return NULL;
}

const Json *json_get(const Json *object, const char *key)
{
    Json *value = NULL;
    if (!json_is_object(object))
        return NULL;
    json_object_object_get_ex(object, key, &value);
    return value;
}

bool json_is_object(const Json *value)
{
    return json_object_is_type(value, json_type_object);
}

bool json_is_array(const Json *value)
{
    return json_object_is_type(value, json_type_array);
}

bool json_is_string(const Json *value)
{
    return json_object_is_type(value, json_type_string);
}

bool json_is_bool(const Json *value)
{
    return json_object_is_type(value, json_type_boolean);
}

// Value of "nan", "inf", "-inf" and Python's spellings; false for any other text.
static bool nonfinite_text(const char *text, double *value)
{
    static const struct {
        const char *text;
        double value;
    } names[] = { { "nan", NAN },        { "NaN", NAN },           { "inf", INFINITY },
                  { "-inf", -INFINITY }, { "Infinity", INFINITY }, { "-Infinity", -INFINITY } };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i].text) == 0) {
            *value = names[i].value;
            return true;
        }
    return false;
}

static bool read_number(const Json *value, double *number)
{
    if (json_object_is_type(value, json_type_double) || json_object_is_type(value, json_type_int)) {
        *number = json_object_get_double(value);
        return true;
    }
    return json_is_string(value) && nonfinite_text(json_object_get_string((Json *)value), number);
}

bool json_is_number(const Json *value)
{
    double ignored;
    return read_number(value, &ignored);
}

int json_length(const Json *array)
{
    return json_is_array(array) ? (int)json_object_array_length(array) : 0;
}

const Json *json_at(const Json *array, int index)
{
    if (index < 0 || index >= json_length(array))
        return NULL;
    return json_object_array_get_idx(array, (size_t)index);
}

double json_to_num(const Json *value, double fallback)
{
    double number;
    return read_number(value, &number) ? number : fallback;
}

int64_t json_to_int(const Json *value, int64_t fallback)
{
    if (json_object_is_type(value, json_type_int))
        return json_object_get_int64(value);
    double number;
    if (read_number(value, &number) && fabs(number) < 9e18)
        return (int64_t)number;
    return fallback;
}

const char *json_to_str(const Json *value, const char *fallback)
{
    return json_is_string(value) ? json_object_get_string((Json *)value) : fallback;
}

bool json_to_bool(const Json *value, bool fallback)
{
    return json_is_bool(value) ? json_object_get_boolean(value) : fallback;
}

double json_get_num(const Json *object, const char *key, double fallback)
{
    return json_to_num(json_get(object, key), fallback);
}

int64_t json_get_int(const Json *object, const char *key, int64_t fallback)
{
    return json_to_int(json_get(object, key), fallback);
}

const char *json_get_str(const Json *object, const char *key, const char *fallback)
{
    return json_to_str(json_get(object, key), fallback);
}

void json_each(const Json *object, bool (*visit)(void *self, const char *key, const Json *value),
               void *self)
{
    if (!json_is_object(object))
        return;
    struct json_object_iterator it = json_object_iter_begin((Json *)object);
    struct json_object_iterator end = json_object_iter_end((Json *)object);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
        if (!visit(self, json_object_iter_peek_name(&it), json_object_iter_peek_value(&it)))
            return;
}
