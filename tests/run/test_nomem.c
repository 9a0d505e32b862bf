// SPDX-License-Identifier: MIT
// Memory that runs out while a checkpoint is written or loaded is an error, and the file that was
// there stays.
#include "tests/search/toy.h"

#include <unistd.h>

#include "src/base/file.h"
#include "src/run/checkpoint.h"

static void checkpoints_say_so(void **state)
{
    (void)state;
    char dir[] = "/tmp/dartboard-nomem-XXXXXX", path[128];
    Toy toy;
    Error err = { 0 };
    int failures = 0;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/checkpoints", dir);
    assert_int_equal(file_mkdirs(path, &err), STATUS_OK);
    toy_init(&toy, "darts");
    Search *search = toy_open(&toy);
    toy_begin(search);
    toy_step(search);
    assert_int_equal(checkpoint_write(dir, 0, search, &err), STATUS_OK);
    Str before = toy_pack(search);
    Status status = STATUS_NOMEM;
    for (int64_t n = 0; status != STATUS_OK; n++, failures++) {
        alloc_fail_after(n);
        status = checkpoint_write(dir, 0, search, &err);
        alloc_fail_after(-1);
        assert_true(status == STATUS_OK || status == STATUS_NOMEM);
        assert_int_equal(checkpoint_load(dir, 0, search, &err), STATUS_OK);
    }
    status = STATUS_NOMEM;
    for (int64_t n = 0; status != STATUS_OK; n++, failures++) {
        alloc_fail_after(n);
        status = checkpoint_load(dir, 0, search, &err);
        alloc_fail_after(-1);
        assert_true(status == STATUS_OK || status == STATUS_NOMEM);
    }
    assert_true(failures > 10);
    Str after = toy_pack(search);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.text, after.text, after.len);
    str_fini(&before);
    str_fini(&after);
    search_free(search);
    toy_fini(&toy);
    assert_int_equal(file_remove_tree(dir, &err), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
