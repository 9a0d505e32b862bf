// SPDX-License-Identifier: MIT
// The shipped fixed network from its script to a test accuracy, and its weights through a file.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/run/session.h"

static Status set_epochs(void *self, Settings *s, Error *err)
{
    Status status = settings_assign(s, "run.threads=1", err);
    return status == STATUS_OK ? settings_set(s, "retrain.epochs", self, NULL, 0, err) : status;
}

static double train(const char *epochs, const char *weights, const char *save)
{
    Error err = { 0 };
    Session session;
    SessionRequest request = { .space_path = "spaces/digits-cnn.lua",
                               .user = set_epochs,
                               .self = (void *)epochs,
                               .unseal = true };
    if (session_open(&request, &session, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    RetrainJob job = { .space = session.space,
                       .data = session.data,
                       .split = &session.split,
                       .weights = weights,
                       .save = save };
    RetrainProgress result;
    session_retrain_options(&session, &job.options);
    session_retrain_feeds(&session, &job.train_feed, &job.test_feed);
    if (search_retrain(&job, &result, &err) != STATUS_OK)
        fail_msg("%s", err.msg);
    session_close(&session);
    return result.test_acc;
}

static void it_learns_and_its_weights_come_back(void **state)
{
    (void)state;
    char file[] = "/tmp/dartboard-network-XXXXXX";
    close(mkstemp(file));
    double first = train("2", NULL, file);
    assert_true(first > 0.7); // a tenth by chance
    assert_true(train("0", file, NULL) == first);
    unlink(file);
}

static void there_is_nothing_to_search(void **state)
{
    (void)state;
    Error err = { 0 };
    Session session;
    SessionRequest request = { .space_path = "spaces/digits-cnn.lua" };
    assert_int_equal(session_open(&request, &session, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "dartboard retrain spaces/digits-cnn.lua"));
}

static void no_epochs_need_weights(void **state)
{
    (void)state;
    Error err = { 0 };
    RetrainProgress result;
    RetrainJob job = { .options = { .epochs = 0, .batch = 8 } };
    assert_int_equal(search_retrain(&job, &result, &err), STATUS_ARG);
    assert_non_null(strstr(err.msg, "with weights"));
}

static int setup(void **state)
{
    (void)state;
    char here[4096];
    return getcwd(here, sizeof here) && setenv("DARTBOARD_SHARE", here, 1) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns_and_its_weights_come_back),
        cmocka_unit_test(there_is_nothing_to_search),
        cmocka_unit_test(no_epochs_need_weights),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
