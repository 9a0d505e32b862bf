// SPDX-License-Identifier: MIT
// Objectives: the script stays loaded, every call runs in a child made for it.
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/alloc.h"
#include "src/script/child.h"
#include "src/script/state.h"

struct ScriptObjective {
    Script *script;
    Space *space;
};

// What goes over the socket. The child asks for the latency or ends with values or an error; the
// parent answers with a latency.
typedef struct {
    enum { PACKET_ASK, PACKET_LATENCY, PACKET_VALUES, PACKET_ERROR } kind;
    double values[8];
    Error err;
} Packet;

typedef struct {
    const ScriptMetrics *metrics;
    const Space *space;
    int fd;
    double *values;
} Call;

Status script_objective_open(const char *path, const ScriptOptions *options, ScriptObjective **out,
                             Error *err)
{
    *out = NULL;
    ScriptObjective *o = mem_zero(1, sizeof *o);
    if (!o)
        return error_set(err, STATUS_NOMEM, "out of memory");
    Status status = script_load(path, options, NULL, &o->script, &o->space, err);
    if (status == STATUS_OK)
        *out = o;
    else
        script_objective_free(o);
    return status;
}

void script_objective_free(ScriptObjective *o)
{
    if (!o)
        return;
    script_close(o->script);
    space_free(o->space);
    mem_free(o);
}

int script_objective_count(const ScriptObjective *o)
{
    return o->space->n_objectives;
}

// ---- in the child ------------------------------------------------------------------------------

// Index of the metrics table: the latency is measured when it is read. Upvalue 1: the Call.
// [-2, +1, e]
static int read_metric(lua_State *L)
{
    const Call *call = lua_touserdata(L, lua_upvalueindex(1));
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    if (strcmp(key, "latency_ms") != 0)
        return luaL_error(L,
                          "the metrics have no '%s'; they are accuracy, loss, params, macs, "
                          "latency_ms",
                          key);
    Packet packet = { .kind = PACKET_ASK };
    double start = script_now();
    if (!child_write(call->fd, &packet, sizeof packet) ||
        child_read(call->fd, &packet, sizeof packet, start + 1e6) != CHILD_OK)
        return luaL_error(L, "latency_ms could not be measured");
    script_of(L)->deadline += script_now() - start;
    if (packet.kind == PACKET_ERROR)
        return luaL_error(L, "latency_ms could not be measured: %s", packet.err.msg);
    lua_pushnumber(L, packet.values[0]);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

static void push_metrics(lua_State *L, Call *call)
{
    lua_createtable(L, 0, 8);
    lua_pushnumber(L, call->metrics->accuracy);
    lua_setfield(L, -2, "accuracy");
    lua_pushnumber(L, call->metrics->loss);
    lua_setfield(L, -2, "loss");
    lua_pushinteger(L, (lua_Integer)call->metrics->params);
    lua_setfield(L, -2, "params");
    lua_pushinteger(L, (lua_Integer)call->metrics->macs);
    lua_setfield(L, -2, "macs");
    lua_createtable(L, 0, 2);
    lua_pushlightuserdata(L, call);
    lua_pushcclosure(L, read_metric, 1);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "metrics");
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

// Complains at the line where the objective begins. The message is at the top.
static int wrong_result(lua_State *L, int function)
{
    Script *s = script_of(L);
    lua_Debug ar;
    lua_pushvalue(L, function);
    lua_getinfo(L, ">S", &ar);
    int chunk = script_chunk_of(s, ar.source);
    lua_pushfstring(L, "%s:%d: %s", s->chunks[chunk < 0 ? 0 : chunk].id,
                    ar.linedefined > 0 ? ar.linedefined : 1, lua_tostring(L, -1));
    return lua_error(L);
}

static void read_values(lua_State *L, const Call *call, int function, int result)
{
    const Space *space = call->space;
    if (lua_type(L, result) == LUA_TNUMBER && space->n_objectives == 1) {
        call->values[0] = lua_tonumber(L, result);
        return;
    }
    if (lua_type(L, result) != LUA_TTABLE) {
        if (space->n_objectives == 1)
            lua_pushfstring(L, "objective returned a %s; expected a number",
                            luaL_typename(L, result));
        else
            lua_pushfstring(L, "objective returned a %s; expected a table with the %d directions",
                            luaL_typename(L, result), space->n_objectives);
        wrong_result(L, function);
    }
    for (int i = 0; i < space->n_objectives; i++) {
        lua_pushstring(L, space->objectives[i].name);
        lua_rawget(L, result);
        if (lua_type(L, -1) != LUA_TNUMBER) {
            lua_pushfstring(L, "objective returned no number '%s', which directions names",
                            space->objectives[i].name);
            wrong_result(L, function);
        }
        call->values[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
}

static int run_objective(lua_State *L)
{
    Call *call = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &script_objective_key);
    int function = lua_gettop(L);
    lua_pushvalue(L, function);
    push_metrics(L, call);
    lua_call(L, 1, 1);
    read_values(L, call, function, lua_gettop(L));
    return 0;
}

static void run_child(ScriptObjective *o, const ScriptMetrics *metrics, int fd)
{
    Packet packet = { .kind = PACKET_VALUES };
    Call call = { metrics, o->space, fd, packet.values };
    script_arm(o->script, o->script->options.seconds);
    if (script_protect(o->script, run_objective, &call, &packet.err) != STATUS_OK)
        packet.kind = PACKET_ERROR;
    child_write(fd, &packet, sizeof packet);
    _exit(0);
}

// ---- in the parent -----------------------------------------------------------------------------

static Status answer(const ScriptHost *host, int fd)
{
    Packet packet = { .kind = PACKET_LATENCY };
    Status status;
    if (host && host->measure_latency)
        status = host->measure_latency(host->self, &packet.values[0], &packet.err);
    else
        status = error_set(&packet.err, STATUS_ARG, "this search measures no latency");
    if (status != STATUS_OK)
        packet.kind = PACKET_ERROR;
    return child_write(fd, &packet, sizeof packet) ? STATUS_OK : STATUS_IO;
}

static Status listen_to(const ScriptObjective *o, int fd, const ScriptHost *host, double *values,
                        Error *err)
{
    double seconds = o->script->options.seconds, deadline = script_now() + seconds + 0.5;
    const char *path = o->space->path;
    int line = script_locate(o->script, "objective");
    for (;;) {
        Packet packet;
        ChildRead how = child_read(fd, &packet, sizeof packet, deadline);
        if (how == CHILD_LATE)
            return error_at(err, STATUS_SCRIPT, path, line > 0 ? line : 1,
                            "objective stopped after %g s", seconds);
        if (how == CHILD_GONE)
            return error_at(err, STATUS_SCRIPT, path, line > 0 ? line : 1,
                            "the process of the objective died unexpectedly");
        if (packet.kind == PACKET_ERROR) {
            if (err)
                *err = packet.err;
            return packet.err.code;
        }
        if (packet.kind == PACKET_VALUES) {
            memcpy(values, packet.values, sizeof *values * (size_t)o->space->n_objectives);
            return STATUS_OK;
        }
        double start = script_now();
        answer(host, fd);
        deadline += script_now() - start;
    }
}

static Status plain_value(const char *name, const ScriptMetrics *m, const ScriptHost *host,
                          double *value, Error *err)
{
    if (!strcmp(name, "latency_ms")) {
        if (!host || !host->measure_latency)
            return error_set(err, STATUS_ARG, "this search measures no latency");
        return host->measure_latency(host->self, value, err);
    }
    *value = !strcmp(name, "loss")     ? m->loss
             : !strcmp(name, "params") ? (double)m->params
             : !strcmp(name, "macs")   ? (double)m->macs
                                       : m->accuracy;
    return STATUS_OK;
}

static Status plain_values(const Space *space, const ScriptMetrics *m, const ScriptHost *host,
                           double *values, Error *err)
{
    Status status = STATUS_OK;
    for (int i = 0; i < space->n_objectives && status == STATUS_OK; i++)
        status = plain_value(space->objectives[i].name, m, host, &values[i], err);
    return status;
}

Status script_objective_call(ScriptObjective *o, const ScriptMetrics *metrics,
                             const ScriptHost *host, double *values, Error *err)
{
    if (!o->space->has_objective_fn)
        return plain_values(o->space, metrics, host, values, err);
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return error_errno(err, "cannot run the objective of %s", o->space->path);
    pid_t pid = child_fork(fds[0]);
    if (pid == 0)
        run_child(o, metrics, fds[1]);
    close(fds[1]);
    Status status = pid < 0 ? error_errno(err, "cannot run the objective of %s", o->space->path)
                            : listen_to(o, fds[0], host, values, err);
    if (pid > 0)
        child_end(pid);
    close(fds[0]);
    return status;
}
