// Answers that come late or never wait here until the test lets them go.
#pragma once

namespace fake {

long let_go_count();               // how often let_go() was called
void wait_for_let_go(long count);  // until it was called more often than that

}  // namespace fake
