#!/bin/sh
# Install Chromium by the system's package manager, where that is allowed without a question.
# Without Chromium the browser tests are skipped, with their count and this reason in the closing summary.
if [ "$(id -u)" = 0 ]; then run=""; elif sudo -n true 2>/dev/null; then run="sudo -n"; else run="no"; fi
if [ "$run" != no ] && command -v apt-get >/dev/null; then
  name=chromium
  # Ubuntu's package of this name only starts a snap, which containers and CI machines often lack
  if $run apt-get update -qq && DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq --no-install-recommends $name fonts-dejavu-core >/dev/null; then
    exit 0
  fi
fi
echo "Chromium is missing: install it (Debian: apt-get install chromium) or set CHROMIUM to the path of a Chrome." >&2
echo "The browser tests will be skipped." >&2
