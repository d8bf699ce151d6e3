// A run that is told to end (SIGINT, SIGTERM, SIGHUP, or by the pipe that it writes to) ends through its destructors:
// temporary folders go, mirrors are put back, half-made entries of the cache are removed, and no output appears.
#pragma once

namespace klp::report {

// Thrown where work stops because of a signal. Not a std::exception: nobody who deals with failures shall take it for
// one.
struct Interruption {
    int signal;
};

// From now on the four signals are noted, where they are not ignored (as nohup does with SIGHUP); to be called before
// any thread is started. The same signal again, more than a second later, ends the process at once.
void heed_signals();

bool is_interrupted();

// Throws Interruption if a signal came.
void stop_if_interrupted();

// Readable from the moment on that a signal came: for poll(2), beside what is waited for. -1 without heed_signals().
int interruption_descriptor();

// Ends the process by the signal itself, as whoever waits for it expects.
[[noreturn]] void end_by(Interruption interruption);

} // namespace klp::report
