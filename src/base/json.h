// SPDX-License-Identifier: MIT
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/base/str.h"

// JSON documents. The only place that knows json-c. Non-finite numbers are written as the
// strings "nan", "inf", "-inf" and read from these, from NaN/Infinity and from numbers.
// Values put into an object or array belong to it; json_free the root only.
// Builders accept and return NULL when memory runs out, so check once at json_write.
typedef struct json_object Json;

Json *json_new_object(void);
Json *json_new_array(void);
Json *json_new_num(double value); // shortest text that reads back as the same double
Json *json_new_f32(float value);  // shortest text that reads back as the same float
Json *json_new_int(int64_t value);
Json *json_new_str(const char *text);
Json *json_new_bool(bool value);
Json *json_new_null(void);
void json_put(Json *object, const char *key, Json *value);
void json_put_num(Json *object, const char *key, double value);
void json_put_int(Json *object, const char *key, int64_t value);
void json_put_str(Json *object, const char *key, const char *text);
void json_put_bool(Json *object, const char *key, bool value);
void json_add(Json *array, Json *value);
void json_free(Json *root);

// One line, no spaces, no newline at the end.
Status json_write(const Json *root, Str *out, Error *err);
// Indented over several lines, for --json on the terminal.
Status json_write_pretty(const Json *root, Str *out, Error *err);
// Exactly one document in text[0..len); trailing blanks allowed. Depth limit 64.
Json *json_parse(const char *text, size_t len, Error *err);

const Json *json_get(const Json *object, const char *key); // NULL if absent or null
bool json_is_object(const Json *value);
bool json_is_array(const Json *value);
bool json_is_string(const Json *value);
bool json_is_number(const Json *value); // the strings "nan", "inf", "-inf" count
bool json_is_bool(const Json *value);
int json_length(const Json *array); // 0 for anything else
const Json *json_at(const Json *array, int index);
double json_to_num(const Json *value, double fallback);
int64_t json_to_int(const Json *value, int64_t fallback);
const char *json_to_str(const Json *value, const char *fallback);
bool json_to_bool(const Json *value, bool fallback);
double json_get_num(const Json *object, const char *key, double fallback);
int64_t json_get_int(const Json *object, const char *key, int64_t fallback);
const char *json_get_str(const Json *object, const char *key, const char *fallback);
// Calls visit for every member; stops when it returns false.
void json_each(const Json *object, bool (*visit)(void *self, const char *key, const Json *value),
               void *self);

#endif
