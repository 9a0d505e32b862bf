// SPDX-License-Identifier: MIT
#include "tests/engine/nets.h"

#include "src/engine/optim.h"

static void clipping_leaves_a_short_gradient_alone(void **state)
{
    (void)state;
    float g[2] = { 3, 4 };
    assert_true(optim_clip(g, 2, 10) == 5);
    assert_true(g[0] == 3 && g[1] == 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clipping_leaves_a_short_gradient_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
