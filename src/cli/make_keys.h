/** `parley make-keys`: keys for servers that share them. */
#pragma once

int make_keys_main(int argc, char **argv);
