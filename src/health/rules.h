// SPDX-License-Identifier: MIT
#ifndef HEALTH_RULES_H
#define HEALTH_RULES_H

// The published rules, for comparison, each a pure function of a series indexed from 0.
// All return the epoch (index) at which the rule fires when run live, -1 for never.

// First i >= 5 with s(i), s(i-1), s(i-2) all >= k and s(i) - s(max(0, i-8)) >= rise.
int rule_skips(const int *skips, int n, int k, int rise);
// DARTS+ criterion 1: two or more skips in one normal cell.
int rule_darts_plus_1(const int *skips, int n);
// DARTS+ criterion 2, approximated: derived cell unchanged for `epochs` epochs.
int rule_stable(const unsigned long long *cell_hash, int n, int epochs);
// RobustDARTS early stop, live: values of lambda_max at epochs[]; decision epoch, and the epoch
// it returns to in *returned.
int rule_lambda(const double *lambda, const int *epochs, int n, double factor, int *returned);
int rule_cusum(const int *skips, int n, int k, int limit);

#endif
