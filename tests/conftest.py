"""What every test needs, however the test run itself was started."""

import signal

# A run started in the background ignores Ctrl-C, and so would every program that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
