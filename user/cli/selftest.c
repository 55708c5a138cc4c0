int command_selftest(int argc, char **argv); int command_selftest_inside(int argc, char **argv);
int command_selftest(int argc, char **argv){(void)argc;(void)argv;return 0;}
int command_selftest_inside(int argc, char **argv){(void)argc;(void)argv;return 0;}
