// SPDX-License-Identifier: MIT
#include "tests/base/temp.h"

#include "src/base/clock.h"

static void the_environment_freezes_both_clocks(void **state)
{
    (void)state;
    setenv("DARTBOARD_CLOCK", "1234.5", 1);
    assert_true(clock_mono() == 1234.5 && clock_wall() == 1234.5);
    unsetenv("DARTBOARD_CLOCK");
}

static void they_run_forwards_from_sane_values(void **state)
{
    (void)state;
    unsetenv("DARTBOARD_CLOCK");
    double a = clock_mono(), b = clock_mono();
    assert_true(b >= a && a >= 0);
    assert_true(clock_wall() > 1.6e9); // after 2020
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_freezes_both_clocks),
        cmocka_unit_test(they_run_forwards_from_sane_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
