// SPDX-License-Identifier: MIT
#ifndef CMD_NULLMODEL_H
#define CMD_NULLMODEL_H

// `dartboard null`: simulates the null model of the detector and prints its rates.
int cmd_null(int argc, char **argv);

#endif
