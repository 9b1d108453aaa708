/** `parley doctor`: what is wrong with a server, and what to do. */
#pragma once

/** @param argv  the arguments behind "doctor" @return the exit code */
int doctor_main(int argc, char **argv);
