// SPDX-License-Identifier: MIT
#include "tests/pty/pty.h"

// How many bytes go over the line at 80x24, and that a growing journal shows.

enum {
    QUIET_MS = 700,
    IDLE_MS = 1500,
    TICK_BYTES = 500,
    PICTURE_BYTES = 1100, // over the budget of a tick: another cell is another drawing
    PAINT_BYTES = 4 * 1024
};

static const char *const watch[] = { "watch", "b.jsonl", NULL };

static void an_idle_dashboard_sends_nothing(void **state)
{
    (void)state;
    pty_record("healthy.jsonl", "b.jsonl", 0);
    Pty *p = pty_dashboard(24, 80, watch);
    pty_see(p, "? help");
    for (char view = '0'; view <= '8'; view++) {
        const char key[] = { view, 0 };
        pty_send(p, key);
        pty_settle(p, QUIET_MS);
        assert_false(pty_read(p, IDLE_MS));
    }
    pty_close(p);
}

// Lines of a recorded run up to and with the record of an epoch.
static int lines_to_epoch(const char *name, int epoch)
{
    char path[8300], mark[64];
    snprintf(path, sizeof path, "%s/tests/runs/%s", pty_home, name);
    snprintf(mark, sizeof mark, "{\"t\":\"epoch\",\"epoch\":%d,", epoch);
    char *text = pty_text(path), *at = text ? strstr(text, mark) : NULL;
    assert_non_null(at);
    int lines = 1;
    for (char *c = text; c < at; c++)
        lines += *c == '\n';
    free(text);
    return lines;
}

static void a_growing_journal_shows_and_one_epoch_is_few_bytes(void **state)
{
    (void)state;
    static const char views[] = "172306";
    int at = lines_to_epoch("healthy.jsonl", 9);
    pty_record("healthy.jsonl", "b.jsonl", at);
    Pty *p = pty_dashboard(24, 80, watch);
    pty_see(p, "ep 10/50");
    for (int epoch = 10; epoch < 28; epoch++) {
        char text[32];
        const char key[] = { views[(epoch - 10) / 3], 0 };
        pty_send(p, key);
        pty_settle(p, QUIET_MS);
        int next = lines_to_epoch("healthy.jsonl", epoch);
        pty_append("healthy.jsonl", "b.jsonl", at, next);
        at = next;
        size_t before = p->used;
        snprintf(text, sizeof text, "ep %d/50", epoch + 1);
        pty_see(p, text);
        pty_settle(p, 300);
        size_t bytes = p->used - before;
        print_message("view %s epoch %d: %zu bytes\n", key, epoch, bytes);
        size_t most = *key == '3' ? PICTURE_BYTES : TICK_BYTES;
        assert_in_range(bytes, 1, most);
    }
    pty_close(p);
}

static void a_full_repaint_stays_small(void **state)
{
    (void)state;
    static const char *const records[] = { "collapse.jsonl", "trials.jsonl" };
    for (int r = 0; r < 2; r++) {
        pty_record(records[r], "b.jsonl", 0);
        Pty *p = pty_dashboard(24, 80, watch);
        pty_see(p, "? help");
        for (char view = '0'; view <= '8'; view++) {
            const char key[] = { view, 0 };
            pty_send(p, key);
            pty_settle(p, QUIET_MS);
            pty_send(p, "\x0c");
            size_t bytes = pty_settle(p, QUIET_MS);
            print_message("%s view %c: %zu bytes\n", records[r], view, bytes);
            assert_in_range(bytes, 300, PAINT_BYTES);
        }
        pty_close(p);
    }
}

int bytes_group(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_dashboard_sends_nothing),
        cmocka_unit_test(a_growing_journal_shows_and_one_epoch_is_few_bytes),
        cmocka_unit_test(a_full_repaint_stays_small),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
