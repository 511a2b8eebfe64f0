# Flags for our own targets only.
add_library(portfolio_options INTERFACE)
target_compile_options(portfolio_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -ffp-contract=off)
if(PORTFOLIO_WERROR)
  target_compile_options(portfolio_options INTERFACE -Werror)
endif()
if(PORTFOLIO_SANITIZE)
  target_compile_options(portfolio_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
                                                     -fno-omit-frame-pointer -g)
  target_link_options(portfolio_options INTERFACE -fsanitize=address,undefined)
endif()
